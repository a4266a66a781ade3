"""The port every endpoint asks, and the adapter of one local user, who may do everything on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from starlette.requests import HTTPConnection

Verb: TypeAlias = Literal["get", "list", "create", "update", "delete", "run", "approve", "cancel"]


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks; the name becomes the author of commits."""

    name: str


class Authoriser(Protocol):
    async def authenticate(self, connection: HTTPConnection) -> Caller: ...

    async def require(self, caller: Caller, verb: Verb, resource: str, project: str) -> None:
        """Raises PolicyDenied, or NotFound where even existence is none of the caller's business."""


@dataclass(frozen=True)
class LocalUser:
    """The embedded service listens on loopback and belongs to whoever started it."""

    name: str = "local"

    async def authenticate(self, connection: HTTPConnection) -> Caller:
        del connection
        return Caller(name=self.name)

    async def require(self, caller: Caller, verb: Verb, resource: str, project: str) -> None:
        del caller, verb, resource, project
