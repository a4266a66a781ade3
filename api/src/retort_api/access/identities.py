"""Who is asking: the bearer token of a request, given to whom it belongs to. One header, no cookies, no query.

Cookies are not read, so a foreign page cannot make a browser act for its user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from starlette.requests import HTTPConnection

from retort_api.access import shown_once
from retort_api.access.authoriser import Caller
from retort_api.access.signing import ISSUER, issuer_of
from retort_core.errors import Unauthenticated

LONGEST_TOKEN: Final = 16 * 1024
MISSING: Final = "Log in first: `retort login`, or send `Authorization: Bearer` with a token or an API key."


class Vouching(Protocol):
    async def caller(self, token: str) -> Caller: ...


@dataclass(frozen=True, kw_only=True)
class Identities:
    """`sessions` and `keys` are our own; `oidc` and `cluster` are None where they are not set up."""

    sessions: Vouching
    keys: Vouching
    oidc: Vouching | None = None
    oidc_issuer: str = ""
    cluster: Vouching | None = None

    async def caller(self, connection: HTTPConnection) -> Caller:
        token = bearer(connection)
        return await self._whose(token).caller(token)

    def _whose(self, token: str) -> Vouching:
        if token.startswith(shown_once.API_KEY):
            return self.keys
        issuer = issuer_of(token)
        if issuer == ISSUER:
            return self.sessions
        if self.oidc is not None and issuer.rstrip("/") == self.oidc_issuer.rstrip("/"):
            return self.oidc
        if self.cluster is not None:
            return self.cluster
        raise Unauthenticated("The token is not one this service knows; log in again.")


def bearer(connection: HTTPConnection) -> str:
    headers = connection.headers.getlist("authorization")
    if not headers:
        raise Unauthenticated(MISSING)
    scheme, _, token = headers[0].partition(" ")
    if len(headers) > 1 or scheme.lower() != "bearer" or not token or " " in token:
        raise Unauthenticated("`Authorization` must be `Bearer` and one token.")
    if len(token) > LONGEST_TOKEN or not token.isascii():
        raise Unauthenticated("The token is not one this service knows; log in again.")
    return token
