"""SQL of quotas and of what was stored. Every function works inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access.tables import quotas, stored
from retort_api.kit.inserts import insert_new
from retort_api.records import tasks
from retort_core.http.access import QuotaChange


@dataclass(frozen=True, kw_only=True)
class Open:
    """Tasks that are not over: at work, or waiting to start or for a person."""

    running: int
    pending: int


async def find(connection: AsyncConnection, project: str) -> QuotaChange | None:
    row = (await connection.execute(select(quotas).where(quotas.c.project == project))).first()
    if row is None:
        return None
    return QuotaChange(
        storage_bytes=row.storage_bytes, running_tasks=row.running_tasks, pending_tasks=row.pending_tasks
    )


async def lock(connection: AsyncConnection, project: str) -> str | None:
    """Makes those who count tasks of this project wait for one another; None = it has no line of its own."""
    query = select(quotas.c.project).where(quotas.c.project == project).with_for_update()
    found: str | None = (await connection.execute(query)).scalar()
    return found


async def put(connection: AsyncConnection, project: str, wanted: QuotaChange) -> None:
    values = dict(wanted)
    if not await insert_new(connection, quotas, {"project": project, **values}):
        await connection.execute(update(quotas).where(quotas.c.project == project).values(**values))


async def add(
    connection: AsyncConnection, project: str, what: Literal["upload", "version", "result"], size: int
) -> None:
    if size:
        await connection.execute(insert(stored).values(project=project, what=what, bytes=size))


async def storage(connection: AsyncConnection, project: str) -> int:
    query = select(func.coalesce(func.sum(stored.c.bytes), 0)).where(stored.c.project == project)
    return int((await connection.execute(query)).scalar_one())


async def open_tasks(connection: AsyncConnection, project: str) -> Open:
    query = select(tasks.c.phase, func.count().label("number")).where(
        tasks.c.project == project, tasks.c.phase.not_in(("Complete", "Failed"))
    )
    rows = await connection.execute(query.group_by(tasks.c.phase))
    counts: dict[str, int] = {row.phase: row.number for row in rows}
    running = counts.get("Preparing", 0) + counts.get("Running", 0)
    return Open(running=running, pending=sum(counts.values()) - running)
