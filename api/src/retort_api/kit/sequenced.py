"""Rows that others read by number ("all after n"): written last in their transaction, so that numbers appear in order.

PostgreSQL gives a number when a row is written and shows the row when its transaction ends, so a low number may appear
after a higher one was read, and would never be read. Such rows (events, versions, moves of branches) are therefore
written at the very end, under one lock that is held until the transaction has ended. Being last, the lock can take part
in no deadlock, and it is held for one insert and one commit. SQLite has one writer anyway.

Until then they are rows of this transaction that its own queries do not find: `waiting` lists them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import Insert
from sqlalchemy.ext.asyncio import AsyncConnection

Lock: TypeAlias = Callable[[AsyncConnection], Awaitable[str]]
Kind = TypeVar("Kind")
_WAITING: Final = "retort.sequenced"


@dataclass(frozen=True)
class _Waiting:
    line: Insert
    about: object


def insert_later(connection: AsyncConnection, line: Insert, about: object = None) -> None:
    """One row at the end of this transaction, in the order of the calls; `about`: what it will hold."""
    _list(connection).append(_Waiting(line, about))


def waiting(connection: AsyncConnection, kind: type[Kind]) -> list[Kind]:
    """What this transaction is going to write, of one kind."""
    return [one.about for one in _list(connection) if isinstance(one.about, kind)]


@asynccontextmanager
async def nested(connection: AsyncConnection) -> AsyncIterator[None]:
    """A part of a transaction that stands or falls by itself: with its rows go those that it was going to write."""
    before = len(_list(connection))
    try:
        async with connection.begin_nested():
            yield
    except BaseException:
        del _list(connection)[before:]
        raise


def forget(connection: AsyncConnection) -> None:
    """What an earlier transaction of the same connection left when it was rolled back."""
    connection.info.pop(_WAITING, None)


async def finish(connection: AsyncConnection, lock: Lock | None = None) -> str:
    """The end of a transaction; `lock` only when there is something to number. What it said, if it was taken."""
    lines = _list(connection)
    told = await lock(connection) if lines and lock is not None else ""
    for one in lines:
        await connection.execute(one.line)
    forget(connection)
    return told


def _list(connection: AsyncConnection) -> list[_Waiting]:
    found: Any = connection.info.setdefault(_WAITING, [])
    return found  # type: ignore[no-any-return]
