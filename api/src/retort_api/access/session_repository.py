"""SQL of sessions, API keys and refused tokens of others. Every function works inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access.repository import AccountRecord
from retort_api.access.tables import accounts, keys, revoked, sessions
from retort_core.http.access import Key, Scope


@dataclass(frozen=True, kw_only=True)
class SessionRecord:
    id: str
    account: str
    generation: int
    agent: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class KeyRecord:
    id: str
    account: str
    digest: str
    title: str
    scopes: tuple[Scope, ...]
    project: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = None

    @property
    def public(self) -> Key:
        return Key(
            id=self.id,
            title=self.title,
            scopes=self.scopes,
            project=self.project,
            created_at=self.created_at,
            expires_at=self.expires_at,
        )


def _account(row: Row[Any]) -> AccountRecord:
    found = row._mapping  # noqa: SLF001 - the public accessor of SQLAlchemy
    return AccountRecord(**{column.name: found[f"account_{column.name}"] for column in accounts.columns})


_ACCOUNT = [column.label(f"account_{column.name}") for column in accounts.columns]


async def add(connection: AsyncConnection, record: SessionRecord) -> None:
    await connection.execute(insert(sessions).values(**vars(record)))


async def session(connection: AsyncConnection, identifier: str) -> tuple[SessionRecord, AccountRecord] | None:
    query = select(sessions, *_ACCOUNT).join(accounts, accounts.c.id == sessions.c.account)
    row = (await connection.execute(query.where(sessions.c.id == identifier))).first()
    if row is None:
        return None
    own = {column.name: row._mapping[column.name] for column in sessions.columns}  # noqa: SLF001
    return SessionRecord(**own), _account(row)


async def advance(connection: AsyncConnection, identifier: str, generation: int) -> bool:
    """The next refresh token; False when this one was used before or the session is over."""
    alive = and_(
        sessions.c.id == identifier, sessions.c.generation == generation, sessions.c.ended_at.is_(None)
    )
    done = await connection.execute(update(sessions).where(alive).values(generation=generation + 1))
    return done.rowcount == 1


async def end(connection: AsyncConnection, identifier: str, why: str, now: datetime) -> None:
    query = update(sessions).where(sessions.c.id == identifier, sessions.c.ended_at.is_(None))
    await connection.execute(query.values(ended_at=now, why=why))


async def end_all(connection: AsyncConnection, account: str, why: str, now: datetime, keep: str = "") -> None:
    query = update(sessions).where(
        sessions.c.account == account, sessions.c.ended_at.is_(None), sessions.c.id != keep
    )
    await connection.execute(query.values(ended_at=now, why=why))


async def forget(connection: AsyncConnection, now: datetime) -> None:
    """What has expired can no longer be used, and need not be kept."""
    await connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
    await connection.execute(delete(revoked).where(revoked.c.expires_at <= now))


# -- API keys ----------------------------------------------------------------------------------------------


def _key(row: Row[Any]) -> KeyRecord:
    own = {column.name: row._mapping[column.name] for column in keys.columns}  # noqa: SLF001
    return KeyRecord(**{**own, "scopes": tuple(own["scopes"])})


async def add_key(connection: AsyncConnection, record: KeyRecord) -> None:
    await connection.execute(insert(keys).values(**{**vars(record), "scopes": list(record.scopes)}))


async def key(connection: AsyncConnection, digest: str) -> tuple[KeyRecord, AccountRecord] | None:
    query = select(keys, *_ACCOUNT).join(accounts, accounts.c.id == keys.c.account)
    row = (await connection.execute(query.where(keys.c.digest == digest))).first()
    return (_key(row), _account(row)) if row is not None else None


async def keys_of(connection: AsyncConnection, account: str, after: str, limit: int) -> list[KeyRecord]:
    query = select(keys).where(keys.c.account == account, keys.c.ended_at.is_(None), keys.c.id > after)
    return [_key(row) for row in await connection.execute(query.order_by(keys.c.id).limit(limit))]


async def end_key(connection: AsyncConnection, account: str, identifier: str, now: datetime) -> bool:
    mine = and_(keys.c.account == account, keys.c.id == identifier, keys.c.ended_at.is_(None))
    return (await connection.execute(update(keys).where(mine).values(ended_at=now))).rowcount == 1


# -- tokens of others --------------------------------------------------------------------------------------


async def refuse(connection: AsyncConnection, digest: str, until: datetime) -> None:
    if not await refused(connection, digest):
        await connection.execute(insert(revoked).values(digest=digest, expires_at=until))


async def refused(connection: AsyncConnection, digest: str) -> bool:
    row = (await connection.execute(select(revoked.c.digest).where(revoked.c.digest == digest))).first()
    return row is not None
