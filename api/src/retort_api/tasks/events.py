"""The outbox: one line an event, written in the transaction of what it tells, read by sequence number."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import takewhile
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.kit.sequenced import insert_later
from retort_api.records import datasets, projects
from retort_api.records import events as table
from retort_core.http.internal import InternalEvent
from retort_core.http.tasks import Event

EventKind: TypeAlias = Literal["task", "progress", "log", "preview", "ref", "reply"]
INTERNAL: Final = ("reply",)  # "look at this task again", for whoever decides: nobody else's business


async def add(
    connection: AsyncConnection,
    kind: EventKind,
    data: dict[str, Any],
    *,
    dataset: str,
    task: str = "",
    project: str = "",
) -> None:
    """The project follows from the dataset where it is not given. Numbered at the end of the transaction."""
    if not project:
        of_dataset = select(datasets.c.project).where(datasets.c.id == dataset)
        project = (await connection.execute(of_dataset)).scalar_one()
    line = insert(table).values(
        project=project, dataset=dataset, task=task, kind=kind, data=data, at=datetime.now(UTC)
    )
    insert_later(connection, line)


async def after(
    connection: AsyncConnection, project: str, seq: int, *, task: str = "", dataset: str = "", limit: int
) -> list[Event]:
    query = select(table).where(table.c.project == project, table.c.seq > seq, table.c.kind.not_in(INTERNAL))
    query = query.order_by(table.c.seq)
    if task:
        query = query.where(table.c.task == task)
    if dataset:
        query = query.where(table.c.dataset == dataset)
    return [
        Event(seq=row.seq, kind=row.kind, task=row.task, dataset=row.dataset, at=row.at, data=row.data)
        for row in await connection.execute(query.limit(limit))
    ]


async def latest(connection: AsyncConnection) -> int:
    """The number of the last event there is."""
    return (await connection.execute(select(func.max(table.c.seq)))).scalar() or 0


async def all_kept(connection: AsyncConnection, seq: int) -> bool:
    """Whether everything after this number is still there. Events go from the oldest on, without gaps, and the newest never
    goes: the first number there is tells where they begin. 0 is the position of who has heard nothing yet."""
    if not seq:
        return True
    first = (await connection.execute(select(func.min(table.c.seq)))).scalar()
    return first is None or seq >= first - 1


async def forget(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """How many went, so many at most: the oldest, up to the first that is younger, and never the newest of all."""
    oldest = select(table.c.seq, table.c.at).order_by(table.c.seq).limit(limit + 1)
    rows = (await connection.execute(oldest)).all()[:-1]
    gone = [row.seq for row in takewhile(lambda row: row.at < before, rows)]
    if gone:
        await connection.execute(delete(table).where(table.c.seq <= gone[-1]))
    return len(gone)


async def internal_after(connection: AsyncConnection, seq: int, limit: int) -> list[InternalEvent]:
    """Of every project: replies and moved branches, which are all that a decider or a projection acts on."""
    query = (
        select(
            table.c.seq,
            table.c.kind,
            table.c.task,
            table.c.data,
            datasets.c.name,
            projects.c.name.label("namespace"),
        )
        .join(datasets, datasets.c.id == table.c.dataset)
        .join(projects, projects.c.id == datasets.c.project)
        .where(table.c.seq > seq, table.c.kind.in_((*INTERNAL, "ref")))
        .order_by(table.c.seq)
        .limit(limit)
    )
    return [
        InternalEvent(
            seq=row.seq,
            kind="task" if row.kind in INTERNAL else "commit",
            uid=row.task if row.kind in INTERNAL else str(row.data.get("head", "")),
            data={"namespace": row.namespace, "dataset": row.name} if row.kind not in INTERNAL else row.data,
        )
        for row in await connection.execute(query)
    ]
