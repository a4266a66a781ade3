"""Growing lock-out: who guesses passwords waits longer and longer, and the owner of the name is not locked out with it.

Failures are counted twice: for the name at one address (5 are free, then 15 s, doubling to an hour), and for the name
wherever it is tried from (50 are free, then at most 15 minutes, so that strangers cannot keep an owner out for good).
While it lasts not even the right password is tried. A day without a failure forgets them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import repository
from retort_api.access.repository import Lockout
from retort_core.errors import TooMany

FORGOTTEN: Final = timedelta(days=1)
FIRST_SECONDS: Final = 15


@dataclass(frozen=True)
class Patience:
    free: int
    longest: int  # seconds

    def pause(self, failures: int) -> timedelta:
        beyond = failures - self.free
        if beyond < 0:
            return timedelta()
        return timedelta(seconds=min(self.longest, FIRST_SECONDS * 2 ** min(beyond, 20)))


AT_ADDRESS: Final = Patience(free=5, longest=3600)
ANYWHERE: Final = Patience(free=50, longest=900)


def _keys(name: str, address: str) -> tuple[tuple[str, Patience], ...]:
    def digest(*parts: str) -> str:
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    return (digest("at", name, address), AT_ADDRESS), (digest("anywhere", name), ANYWHERE)


async def attempt(connection: AsyncConnection, name: str, address: str, now: datetime) -> None:
    """Counts an attempt before it is made, as if it failed; raises TooMany while the name is locked.

    Counting afterwards would let a thousand guesses through that are made at the same moment.
    """
    for key, patience in _keys(name, address):
        found = await repository.lockout(connection, key, now)
        if found.until > now:
            wait = int((found.until - now).total_seconds()) + 1
            raise TooMany(
                f"Too many wrong passwords for this name; try again in {wait} seconds.", retry_after=wait
            )
        failures = found.failures + 1 if now - found.last_at < FORGOTTEN else 1
        lock = Lockout(failures=failures, last_at=now, until=now + patience.pause(failures))
        await repository.save_lockout(connection, key, lock)


async def succeeded(connection: AsyncConnection, name: str, address: str, now: datetime) -> None:
    """Takes the attempt back. Others may still be guessing elsewhere, so only this address is forgiven all."""
    (here, _), (anywhere, _) = _keys(name, address)
    await repository.forgive(connection, here)
    found = await repository.lockout(connection, anywhere, now)
    await repository.save_lockout(
        connection, anywhere, Lockout(failures=max(0, found.failures - 1), last_at=found.last_at, until=now)
    )


async def forget(connection: AsyncConnection, now: datetime) -> None:
    await repository.forget_lockouts(connection, now - FORGOTTEN)
