"""SQL of uploads in parts. Every function works inside the caller's transaction.

A session's `received` moves by compare-and-swap, and a part's place is its primary key: of two requests that send the same
piece at once, from wherever, one is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, exists, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.kit import sequenced
from retort_api.records import (
    commits,
    conversations,
    datasets,
    refs,
    tasks,
    upload_parts,
    upload_sessions,
    uploads,
)

_HOLDS: Final = (uploads, upload_sessions, tasks, conversations, commits, refs)


@dataclass(frozen=True, kw_only=True)
class SessionRecord:
    """A file on its way. `wish`: what its upload asked for; `digest`: the SHA-256 it must have at the end."""

    id: str
    dataset: str
    caller: str
    filename: str
    wish: dict[str, Any]
    length: int
    received: int
    digest: str
    done: int = 0
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class PartRecord:
    """`object`: key in the store, of the part with something of its own in front (`session_service`)."""

    session: str
    start: int
    size: int
    object: str


@dataclass(frozen=True, kw_only=True)
class Reserved:
    """What files on their way into a project may still take."""

    sessions: int
    bytes: int


async def add(connection: AsyncConnection, record: SessionRecord) -> None:
    await connection.execute(insert(upload_sessions).values(**vars(record)))


async def find(
    connection: AsyncConnection, dataset: str, caller: str, identifier: str
) -> SessionRecord | None:
    """Somebody else's is not found."""
    mine = (upload_sessions.c.dataset == dataset, upload_sessions.c.caller == caller)
    query = select(upload_sessions).where(*mine, upload_sessions.c.id == identifier)
    row = (await connection.execute(query)).first()
    return _session(row) if row is not None else None


async def same(connection: AsyncConnection, dataset: str, wanted: SessionRecord) -> SessionRecord | None:
    """An open one of the same caller for the same file and wish: whoever was cut off goes on with it."""
    query = select(upload_sessions).where(
        upload_sessions.c.dataset == dataset,
        upload_sessions.c.caller == wanted.caller,
        upload_sessions.c.digest == wanted.digest,
        upload_sessions.c.done == 0,
        upload_sessions.c.expires_at > wanted.created_at,
    )
    found = [_session(row) for row in await connection.execute(query.order_by(upload_sessions.c.created_at))]
    facts = (wanted.filename, wanted.length, wanted.wish)
    return next((one for one in found if (one.filename, one.length, one.wish) == facts), None)


async def reserved(connection: AsyncConnection, project: str, now: datetime) -> Reserved:
    query = (
        select(
            func.count().label("sessions"),
            func.coalesce(func.sum(upload_sessions.c.length), 0).label("bytes"),
        )
        .join(datasets, datasets.c.id == upload_sessions.c.dataset)
        .where(datasets.c.project == project, upload_sessions.c.done == 0, upload_sessions.c.expires_at > now)
    )
    row = (await connection.execute(query)).one()
    return Reserved(sessions=row.sessions, bytes=int(row.bytes))


async def advance(
    connection: AsyncConnection, dataset: str, session: SessionRecord, part: PartRecord, until: datetime
) -> SessionRecord | None:
    """None when something else came in at this place first."""
    moved = await connection.execute(
        update(upload_sessions)
        .where(
            upload_sessions.c.dataset == dataset,
            upload_sessions.c.id == session.id,
            upload_sessions.c.received == part.start,
            upload_sessions.c.done == 0,
        )
        .values(received=part.start + part.size, expires_at=until)
    )
    if moved.rowcount != 1:
        return None
    await connection.execute(insert(upload_parts).values(**vars(part)))
    return replace(session, received=part.start + part.size, expires_at=until)


async def parts(connection: AsyncConnection, session: str) -> list[PartRecord]:
    """In their order."""
    query = select(upload_parts).where(upload_parts.c.session == session).order_by(upload_parts.c.start)
    return [PartRecord(**row._mapping) for row in await connection.execute(query)]  # noqa: SLF001


async def finish(connection: AsyncConnection, session: str) -> None:
    await connection.execute(update(upload_sessions).where(upload_sessions.c.id == session).values(done=1))


async def expired(connection: AsyncConnection, now: datetime, limit: int) -> list[str]:
    query = select(upload_sessions.c.id).where(upload_sessions.c.expires_at <= now)
    return list(
        (await connection.execute(query.order_by(upload_sessions.c.expires_at).limit(limit))).scalars()
    )


async def forget_parts(connection: AsyncConnection, gone: Sequence[PartRecord]) -> None:
    for part in gone:
        mine = (upload_parts.c.session == part.session, upload_parts.c.start == part.start)
        await connection.execute(delete(upload_parts).where(*mine, upload_parts.c.object == part.object))


async def forget(connection: AsyncConnection, session: str) -> None:
    """Its parts are gone by then. The dataset that was made for it (at the same moment) goes too, while it holds nothing."""
    mine = upload_sessions.c.id == session
    query = select(upload_sessions.c.dataset, upload_sessions.c.created_at).where(mine)
    found = (await connection.execute(query)).first()
    await connection.execute(delete(upload_parts).where(upload_parts.c.session == session))
    await connection.execute(delete(upload_sessions).where(mine))
    if found is not None:
        await _forget_empty(connection, found.dataset, found.created_at)


async def _forget_empty(connection: AsyncConnection, dataset: str, made_at: datetime) -> None:
    held = [exists().where(table.c.dataset == datasets.c.id) for table in _HOLDS]
    empty = (datasets.c.id == dataset, datasets.c.created_at == made_at, *(~one for one in held))
    with suppress(IntegrityError):  # something came in at this moment: it stays
        async with sequenced.nested(connection):
            await connection.execute(delete(datasets).where(*empty))


def _session(row: Row[Any]) -> SessionRecord:
    return SessionRecord(**row._mapping)  # noqa: SLF001 - the public accessor of SQLAlchemy
