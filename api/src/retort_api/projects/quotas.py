"""Quotas: what a project may hold and have under way. Counted in the database, so that they hold over replicas.

Storage counts the bytes that uploads, versions and results added to the object store; what several versions share is
counted once, for the one that brought it. A limit of 0 is none; a project without limits of its own has the defaults.
Task limits are checked in the transaction that makes a task, with the project's line locked when there is a limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.kit.database import Database
from retort_api.projects import quota_repository as repository
from retort_core.errors import QuotaExceeded, TooMany
from retort_core.http.access import Quota, QuotaChange

AGAIN_SECONDS: Final = 5


@dataclass(frozen=True)
class Quotas:
    database: Database
    defaults: QuotaChange = field(default_factory=QuotaChange)

    async def show(self, connection: AsyncConnection, project: str) -> Quota:
        allowed = await self._allowed(connection, project)
        counts = await repository.open_tasks(connection, project)
        return Quota(
            storage_bytes=allowed.storage_bytes,
            storage_used=await repository.storage(connection, project),
            running_tasks=allowed.running_tasks,
            running_used=counts.running,
            pending_tasks=allowed.pending_tasks,
            pending_used=counts.pending,
        )

    async def left(self, project: str) -> int | None:
        """Bytes that still fit; None = any number. Raises QuotaExceeded when nothing fits any more."""
        async with self.database.read() as connection:
            return await self.room(connection, project)

    async def room(self, connection: AsyncConnection, project: str) -> int | None:
        """As `left`."""
        allowed = (await self._allowed(connection, project)).storage_bytes
        if not allowed:
            return None
        used = await repository.storage(connection, project)
        if used >= allowed:
            raise storage_exceeded(used, allowed)
        return allowed - used

    async def admit_task(self, connection: AsyncConnection, project: str) -> None:
        """Raises TooMany with which quota, used and allowed."""
        if await repository.lock(connection, project) is None and not _limits_tasks(self.defaults):
            return
        allowed = await self._allowed(connection, project)
        if not _limits_tasks(allowed):
            return
        counts = await repository.open_tasks(connection, project)
        _admit("pending_tasks", counts.pending, allowed.pending_tasks)
        _admit("running_tasks", counts.running, allowed.running_tasks)

    async def _allowed(self, connection: AsyncConnection, project: str) -> QuotaChange:
        return await repository.find(connection, project) or self.defaults


def _limits_tasks(allowed: QuotaChange) -> bool:
    return bool(allowed.running_tasks or allowed.pending_tasks)


def _admit(quota: str, used: int, allowed: int) -> None:
    if allowed and used >= allowed:
        what = "wait to start or for a person" if quota == "pending_tasks" else "are at work"
        raise TooMany(
            f"{used} tasks of this project {what}, and {allowed} may; finish or cancel some, or try again later.",
            quota=quota, used=used, allowed=allowed, retry_after=AGAIN_SECONDS,
        )  # fmt: skip


def storage_exceeded(used: int, allowed: int) -> QuotaExceeded:
    return QuotaExceeded(
        f"This project holds {used:,} of the {allowed:,} bytes it may; remove data, or ask for a larger quota.",
        quota="storage_bytes", used=used, allowed=allowed,
    )  # fmt: skip
