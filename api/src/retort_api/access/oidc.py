"""Bearer tokens of an OpenID Connect provider: signed by it, made for us, not yet expired, of a person it names.

Checked: algorithm (asymmetric ones only, and the one the key is for), signature, issuer, audience, authorised party,
expiry, not-before, issue time. A token that was made more than a day ago is refused whatever its expiry says, and one
whose bearer logged out here is refused until it expires: a bearer token that was copied can be replayed until then.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import jwt
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import session_repository
from retort_api.access.authoriser import OURS, Caller
from retort_api.access.keysets import KeySet
from retort_api.kit.database import Database
from retort_core.errors import Unauthenticated

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY: Final = 30.0  # seconds two clocks may differ
OLDEST: Final = 86_400.0  # seconds since it was made
LONGEST_NAME: Final = 150
MOST_GROUPS: Final = 200
REFUSED: Final = "The token of the identity provider is not valid here; get a new one."


@dataclass(frozen=True, kw_only=True)
class Provider:
    issuer: str
    audience: str
    name_claim: str = "sub"
    groups_claim: str = "groups"
    prefix: str = "oidc:"
    admin_group: str = ""


class Oidc:
    def __init__(
        self, provider: Provider, keys: KeySet, database: Database, now: Callable[[], float] = time.time
    ) -> None:
        self.provider, self._keys, self._database, self._now = provider, keys, database, now

    async def caller(self, token: str) -> Caller:
        claims = await self._claims(token)
        async with self._database.read() as connection:
            if await session_repository.refused(connection, _digest(token)):
                raise Unauthenticated("You logged out; get a new token from the identity provider.")
        provider = self.provider
        name = _text(claims.get(provider.name_claim))
        if not name:
            raise Unauthenticated(
                f"The token names nobody: its claim {provider.name_claim!r} is missing or too long."
            )
        if provider.name_claim == "email" and claims.get("email_verified") is not True:
            raise Unauthenticated("The token's address of mail is not verified by the identity provider.")
        if (provider.prefix + name).startswith(OURS):
            raise Unauthenticated(f"Names that begin with {OURS!r} are those of accounts of this service.")
        groups = tuple(provider.prefix + group for group in _groups(claims.get(provider.groups_claim)))
        return Caller(
            name=provider.prefix + name,
            kind="oidc",
            admin=bool(provider.admin_group) and provider.admin_group in groups,
            groups=groups,
            uid=_text(claims.get("sub")),
            credential=_digest(token)[:32],
        )

    async def end(self, connection: AsyncConnection, token: str) -> None:
        """Logging out here: this token is refused for the rest of its life."""
        claims = await self._claims(token)
        await session_repository.refuse(
            connection, _digest(token), datetime.fromtimestamp(claims["exp"], UTC)
        )

    async def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise Unauthenticated(REFUSED) from None
        algorithm = header.get("alg")
        key = await self._keys.find(str(header.get("kid", "")))
        if (
            key is None
            or algorithm not in ALGORITHMS
            or key.algorithm_name not in (algorithm, _family(algorithm))
        ):
            raise Unauthenticated(REFUSED)
        try:
            found: dict[str, Any] = jwt.decode(
                token, key.key, algorithms=[algorithm], audience=self.provider.audience, issuer=self._issuers,
                options={"require": ["exp", "iat", "iss", "aud", "sub"], "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )  # fmt: skip
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Unauthenticated(REFUSED) from None
        self._timely(found)
        party = found.get("azp")
        if (
            isinstance(found["aud"], list)
            and len(found["aud"]) > 1
            and party not in (None, self.provider.audience)
        ):
            raise Unauthenticated(REFUSED)
        return found

    @property
    def _issuers(self) -> list[str]:
        bare = self.provider.issuer.rstrip("/")
        return [bare, bare + "/"]

    def _timely(self, claims: dict[str, Any]) -> None:
        now = self._now()
        times = [claims.get(name, 0) for name in ("exp", "iat", "nbf")]
        if not all(
            isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one < 1e11 for one in times
        ):
            raise Unauthenticated(REFUSED)
        expires, made, begins = times
        if now >= expires + LEEWAY:
            raise Unauthenticated(
                "The token of the identity provider has expired; get a new one.", expired=True
            )
        if max(made, begins) > now + LEEWAY or now - made > OLDEST:
            raise Unauthenticated(REFUSED)


def _family(algorithm: Any) -> Any:
    """A published RSA key without `alg` is taken for RS256 by the library; it serves its whole family."""
    return "RS256" if str(algorithm)[:2] in ("RS", "PS") else algorithm


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _text(value: Any) -> str:
    """A printable name of bounded length, or nothing."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME or not value.isprintable():
        return ""
    return value


def _groups(value: Any) -> list[str]:
    """Too many groups are none: leaving some out could turn an exclusion into an admission."""
    listed = value if isinstance(value, list) else []
    names = [name for name in map(_text, listed) if name]
    return names if len(names) <= MOST_GROUPS else []
