"""Who comes in, what they may, how often, and how they come to be known: the four things a main chooses together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access.api_keys import ApiKeys
from retort_api.access.authoriser import Authenticator, Authoriser, Caller, LocalUser
from retort_api.access.rates import Rate
from retort_api.access.registration import Registration
from retort_api.access.sessions import Sessions
from retort_core.errors import NotFound


class Foreign(Protocol):
    """Tokens of an identity provider, which we can refuse but not withdraw."""

    async def end(self, connection: AsyncConnection, token: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class People:
    """Local accounts. `foreign`: where a token of somebody else is to be refused from now on."""

    sessions: Sessions
    keys: ApiKeys
    registration: Registration
    foreign: Foreign | None = None


@dataclass(frozen=True, kw_only=True)
class Access:
    """`callers`: a rate by name; `strangers`: a stricter one by address, for who is not let in (yet)."""

    authenticator: Authenticator
    authoriser: Authoriser
    callers: Rate
    strangers: Rate
    accounts: People | None = None

    @property
    def people(self) -> People:
        if self.accounts is None:
            raise NotFound(
                "This service has no accounts: it belongs to whoever started it, and needs no log-in."
            )
        return self.accounts


def local(name: str) -> Access:
    """Of the embedded service: one user, who may all, as often as they like."""
    user = LocalUser(name)
    return Access(authenticator=user, authoriser=user, callers=Rate(0), strangers=Rate(0))


__all__ = ["Access", "Caller", "People", "local"]
