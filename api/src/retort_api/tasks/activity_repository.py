"""SQL of the figures about a day: who asked, and what came of it. Over all projects, for operators; names nobody."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.records import tasks

MOST: Final = 100_000  # of the latest tasks are looked at, so that a long history costs nothing


@dataclass(frozen=True)
class Activity:
    users: int
    outcomes: dict[str, int]  # complete, failed, cancelled, open


async def ping(connection: AsyncConnection) -> None:
    """Whether the database answers at all."""
    await connection.execute(select(1))


async def since(connection: AsyncConnection, moment: datetime) -> Activity:
    latest = (
        select(tasks.c.requester, tasks.c.phase, tasks.c.cancelled, tasks.c.created_at)
        .order_by(tasks.c.seq.desc())
        .limit(MOST)
        .subquery()
    )
    recent = latest.c.created_at >= moment
    users = await connection.execute(select(func.count(func.distinct(latest.c.requester))).where(recent))
    rows = await connection.execute(
        select(latest.c.phase, latest.c.cancelled, func.count())
        .where(recent)
        .group_by(latest.c.phase, latest.c.cancelled)
    )
    outcomes: Counter[str] = Counter()
    for phase, cancelled, number in rows:
        outcomes[_outcome(phase, cancelled=bool(cancelled))] += number
    return Activity(users.scalar_one(), dict(outcomes))


def _outcome(phase: str, *, cancelled: bool) -> str:
    match phase:
        case "Complete":
            return "complete"
        case "Failed":
            return "cancelled" if cancelled else "failed"
        case _:
            return "open"
