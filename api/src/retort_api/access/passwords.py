"""Passwords: Argon2id, away from the event loop, a few at a time; an unknown name costs as much as a wrong password.

One hash needs 46 MiB and some 30 ms (m=47104, t=1, p=1: the first of OWASP's equal settings), so at most two run at
once: a storm of log-ins waits in line instead of taking the memory of the service.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import SecretStr

from retort_core.errors import BadInput

AT_ONCE: Final = 2


class Passwords:
    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))

    async def hashed(self, name: str, password: SecretStr) -> str:
        text = password.get_secret_value()
        if name in text.casefold() and len(text) < len(name) + 8:
            raise BadInput("The password is little more than the name; choose another.")
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, text)

    async def fits(self, hashed: str | None, password: SecretStr) -> bool:
        """None: there is no such account; a hash nobody knows the password of is tried instead."""
        async with self._turn:
            found = await asyncio.to_thread(self._verified, hashed or self._nobody, password)
        return found and hashed is not None

    def _verified(self, hashed: str, password: SecretStr) -> bool:
        try:
            return self._hasher.verify(hashed, password.get_secret_value())
        except (VerificationError, InvalidHashError):
            return False
