"""Run leases: which broker runs which attempt of a task, and whether it still lives.

First writer wins, and a lease is never taken over: a broker that died is a new attempt, never a resumed one. Whoever
settles a run checks in the same transaction that the attempt is still his. Times are the database's, so brokers with
wrong clocks cannot outlive or cut short each other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.cluster.tables import run_leases
from retort_api.records import tasks
from retort_core.errors import Conflict, SessionLost

LIVES: Final = timedelta(seconds=15)
RENEWED_EVERY: Final = 4.0  # seconds; three missed renewals end a lease


@dataclass(frozen=True, kw_only=True)
class RunLease:
    task: str
    attempt: int
    epoch: int
    holder: str


async def take(connection: AsyncConnection, wanted: RunLease) -> bool:
    """False when this attempt was taken before; Conflict when the task is further by now."""
    await _hold(connection, wanted.task)
    now = await _now(connection)
    found = (await connection.execute(select(run_leases).where(run_leases.c.task == wanted.task))).first()
    values = {**vars(wanted), "expires_at": now + LIVES}
    if found is None:
        await connection.execute(insert(run_leases).values(**values))
        return True
    if wanted.epoch < found.epoch or wanted.attempt < found.attempt:
        raise Conflict(
            f"attempt {wanted.attempt} of an earlier leader: the task is at attempt {found.attempt} by now",
            attempt=found.attempt,
        )
    if wanted.attempt == found.attempt:
        return False
    await connection.execute(update(run_leases).where(run_leases.c.task == wanted.task).values(**values))
    return True


async def renew(connection: AsyncConnection, holder: str, held: Collection[tuple[str, int]]) -> None:
    """Those of the attempts (task, number) that one broker still has under way. One that is held by another transaction is
    being settled: left out, so that it keeps none of the others waiting."""
    attempts = tuple_(run_leases.c.task, run_leases.c.attempt).in_(list(held))
    mine = select(run_leases.c.task).where(run_leases.c.holder == holder, attempts)
    free = (await connection.execute(mine.with_for_update(skip_locked=True))).scalars().all()
    until = await _now(connection) + LIVES
    await connection.execute(update(run_leases).where(run_leases.c.task.in_(free)).values(expires_at=until))


async def check(connection: AsyncConnection, lease: RunLease) -> None:
    """Raises SessionLost unless the lease is the current one of its task. One that has run out is, until somebody told that
    its run is lost: a database that was away for longer than a lease lives drops no result."""
    await _hold(connection, lease.task)
    query = select(run_leases).where(run_leases.c.task == lease.task).with_for_update()
    found = (await connection.execute(query)).first()
    if found is None or (found.attempt, found.holder) != (lease.attempt, lease.holder):
        raise SessionLost("the lease of this run is over; its result is dropped")


async def release(connection: AsyncConnection, lease: RunLease) -> None:
    statement = delete(run_leases).where(
        run_leases.c.task == lease.task, run_leases.c.attempt == lease.attempt
    )
    await connection.execute(statement)


async def end(connection: AsyncConnection, lease: RunLease) -> bool:
    """Of a broker that is gone. False when it is not: the lease was renewed or released meanwhile."""
    await _hold(connection, lease.task)
    now = await _now(connection)
    statement = delete(run_leases).where(
        run_leases.c.task == lease.task,
        run_leases.c.attempt == lease.attempt,
        run_leases.c.expires_at <= now,
    )
    return (await connection.execute(statement)).rowcount == 1


async def expired(connection: AsyncConnection, limit: int = 100) -> list[RunLease]:
    now = await _now(connection)
    query = select(run_leases).where(run_leases.c.expires_at <= now).limit(limit)
    return [
        RunLease(task=row.task, attempt=row.attempt, epoch=row.epoch, holder=row.holder)
        for row in await connection.execute(query)
    ]


async def _hold(connection: AsyncConnection, task: str) -> None:
    """The task's row is the lock that cancelling and settling take too, and before any other."""
    await connection.execute(select(tasks.c.uid).where(tasks.c.uid == task).with_for_update())


async def _now(connection: AsyncConnection) -> datetime:
    if connection.dialect.name == "sqlite":  # one machine, one clock; and SQLite's own has whole seconds only
        return datetime.now(UTC)
    found: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    return found
