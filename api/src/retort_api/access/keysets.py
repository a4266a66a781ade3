"""The public keys of an OpenID Connect issuer: found by discovery, cached, and fetched again only so often.

A token that names an unknown key makes us look again, because issuers rotate; whoever sends such tokens all day makes
us look once in 30 seconds. An issuer that cannot be reached leaves the keys as they are, for an hour at most.
Answers are bounded: 5 seconds, 256 KiB, no redirects, https unless it is loopback.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2 as httpx
import jwt
import structlog

from retort_core.errors import BadInput, Infrastructure

log = structlog.get_logger(__name__)
SECONDS: Final = 5.0
BYTES: Final = 256 * 1024
FRESH_SECONDS: Final = 600.0  # looked at again even when every token names a known key: withdrawn keys go
USABLE_SECONDS: Final = 3600.0  # without an answer
PAUSE_SECONDS: Final = 30.0  # between two looks
# Whatever the provider answers, or not in time: the keys stay as they are.
NONSENSE: Final = (
    httpx.HTTPError, httpx.InvalidURL, TimeoutError, LookupError, TypeError, ValueError, RecursionError, BadInput,
)  # fmt: skip
SIGNING: Final = frozenset({"RSA", "EC", "OKP"})  # never symmetric: what is published is no secret


class KeySet:
    """`find(kid)`; one look at a time, however many ask."""

    def __init__(
        self, issuer: str, client: httpx.AsyncClient, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer, self._client, self._now = issuer.rstrip("/"), client, now
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at = self._tried_at = float("-inf")
        self._one = asyncio.Lock()
        _check(issuer)

    async def find(self, kid: str) -> jwt.PyJWK | None:
        """An issuer with a single key need not name it (OpenID Connect Core 10.1): then that one is meant."""
        if kid not in self._keys or self._now() - self._read_at > FRESH_SECONDS:
            await self._look(kid)
        if self._now() - self._read_at > USABLE_SECONDS:
            raise Infrastructure("The identity provider does not answer, so its tokens cannot be checked.")
        if not kid and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(kid)

    async def _look(self, kid: str) -> None:
        async with self._one:
            now = self._now()
            known = kid in self._keys and now - self._read_at <= FRESH_SECONDS
            if known or now - self._tried_at < PAUSE_SECONDS:
                return
            self._tried_at = now
            try:
                self._keys = await self._fetched()
            except NONSENSE as error:
                log.warning("oidc_keys_not_read", issuer=self._issuer, error=type(error).__name__)
                return
            self._read_at = self._now()

    async def _fetched(self) -> dict[str, jwt.PyJWK]:
        found = await self._json(f"{self._issuer}/.well-known/openid-configuration")
        if str(found["issuer"]).rstrip("/") != self._issuer:
            raise ValueError("the discovery document is of another issuer")
        where = str(found["jwks_uri"])
        _check(where)
        listed = (await self._json(where))["keys"]
        return dict(_usable(listed))

    async def _json(self, url: str) -> Any:
        async with asyncio.timeout(SECONDS), self._client.stream("GET", url, follow_redirects=False) as reply:
            if reply.status_code != httpx.codes.OK:
                raise ValueError(f"answered {reply.status_code}")
            body = b""
            async for piece in reply.aiter_bytes():
                body += piece
                if len(body) > BYTES:
                    raise ValueError("the answer is too large")
        return json.loads(body)


def _usable(listed: Any) -> Any:
    """(kid, key) of what may sign; entries of kinds we do not know are left out, as the standard asks."""
    for entry in listed if isinstance(listed, list) else []:
        if not isinstance(entry, dict) or entry.get("kty") not in SIGNING or entry.get("use", "sig") != "sig":
            continue
        try:
            yield str(entry.get("kid", "")), jwt.PyJWK.from_dict(entry)
        except jwt.PyJWTError:
            continue


def _check(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and _loopback(parts.hostname or ""):
        return
    raise BadInput(
        f"{url!r} cannot be trusted with keys: an https address is needed (http on loopback only)."
    )


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
