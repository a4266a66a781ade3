"""Who asks, and the port every endpoint asks whether they may. The embedded adapter: one local user, who may all.

A right is a verb on a resource; both are words of Kubernetes RBAC, so that the cluster can decide the same question.
`branches/protected` and the like are virtual: they name a right, no route.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from starlette.requests import HTTPConnection

from retort_core.http.access import Scope
from retort_core.http.datasets import Project

Verb: TypeAlias = Literal["get", "list", "create", "update", "delete", "run", "approve", "cancel"]
Kind: TypeAlias = Literal["local", "account", "key", "oidc", "kubernetes"]
Right: TypeAlias = tuple[Verb, str]
# In front of the names of our accounts where a cluster vouches for names too: its `anna` and our account anna are two people.
OURS: Final = "retort:"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """`name` becomes the author of commits and is unique over all kinds.

    `id`: the local account; `credential`: the session or key, for the audit; `scopes`, `project`: what an API key is
    limited to; `uid`, `groups`: what an identity provider or the cluster said.
    """

    name: str
    kind: Kind = "local"
    id: str = ""
    admin: bool = False
    groups: tuple[str, ...] = ()
    uid: str = ""
    scopes: tuple[Scope, ...] | None = None
    project: str = ""
    credential: str = ""


class Authenticator(Protocol):
    async def caller(self, connection: HTTPConnection) -> Caller:
        """Raises Unauthenticated."""


class Authoriser(Protocol):
    async def may(self, caller: Caller, right: Right, project: Project | None) -> bool:
        """None: of the system, outside all projects. Raises Infrastructure when nobody can tell: then nothing is allowed."""

    async def visible(self, caller: Caller) -> frozenset[str] | None:
        """Ids of the projects whose existence is this caller's business; None = all."""


@dataclass(frozen=True)
class LocalUser:
    """The embedded service listens on loopback and belongs to whoever started it."""

    name: str = "local"

    async def caller(self, connection: HTTPConnection) -> Caller:
        del connection
        return Caller(name=self.name, admin=True)

    async def may(self, caller: Caller, right: Right, project: Project | None) -> bool:
        del caller, right, project
        return True

    async def visible(self, caller: Caller) -> frozenset[str] | None:
        del caller
        return None
