"""SQL of the audit. Every function works inside the caller's transaction, so that a line stands or falls with its act.

A chain has several lanes. A writer takes any lane that nobody holds (`FOR UPDATE SKIP LOCKED`), opens another one when
all are held, and waits only when there are as many as there may be. SQLite has one writer, and so one lane.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.audit.tables import heads, lines
from retort_api.kit.inserts import insert_new
from retort_core.auditing import Line, genesis

LANES: Final = 16  # of a chain at most


@dataclass(frozen=True, kw_only=True)
class Head:
    chain: str
    lane: int
    seq: int
    hash: str
    seal: str


def _head(row: Row[Any]) -> Head:
    return Head(**row._mapping)  # noqa: SLF001 - the public accessor of SQLAlchemy


async def lane(connection: AsyncConnection, chain: str) -> Head:
    """The head of a lane, held until the transaction ends."""
    mine = select(heads).where(heads.c.chain == chain)
    free = mine.order_by(heads.c.lane).limit(1).with_for_update(skip_locked=True)
    row = (await connection.execute(free)).first()
    if row is None:
        count = (await connection.execute(select(func.count()).select_from(mine.subquery()))).scalar_one()
        number = count if count < LANES else secrets.randbelow(LANES)
        new = Head(chain=chain, lane=number, seq=0, hash=genesis(chain, number), seal="")
        await insert_new(connection, heads, vars(new))
        row = (await connection.execute(mine.where(heads.c.lane == number).with_for_update())).one()
    return _head(row)


async def append(connection: AsyncConnection, line: Line, at: datetime, seal: str) -> None:
    values = {"previous": line.previous, "hash": line.hash, "at": at, "event": line.event.decode()}
    await connection.execute(insert(lines).values(chain=line.chain, lane=line.lane, seq=line.seq, **values))
    mine = update(heads).where(heads.c.chain == line.chain, heads.c.lane == line.lane)
    await connection.execute(mine.values(seq=line.seq, hash=line.hash, seal=seal))


async def ends(connection: AsyncConnection, chain: str) -> list[Head]:
    rows = await connection.execute(select(heads).where(heads.c.chain == chain).order_by(heads.c.lane))
    return [_head(row) for row in rows]


async def page(connection: AsyncConnection, chain: str, number: int, after: int, limit: int) -> list[Line]:
    """Of one lane, oldest first."""
    query = select(lines).where(lines.c.chain == chain, lines.c.lane == number, lines.c.seq > after)
    rows = await connection.execute(query.order_by(lines.c.seq).limit(limit))
    return [
        Line(
            chain=row.chain, lane=row.lane, seq=row.seq, previous=row.previous, hash=row.hash,
            event=row.event.encode(),
        )
        for row in rows
    ]  # fmt: skip
