"""Rows that others read by number ("all after n"): written last in their transaction, so that numbers appear in order.

PostgreSQL gives a number when a row is written and shows the row when its transaction ends, so a low number may appear
after a higher one was read, and would never be read. Such rows (events, versions, moves of branches, lines of an audit
chain) are therefore written at the very end, under one lock that is held until the transaction has ended. Being last, the
lock can take part in no deadlock, and it is held for one insert and one commit. SQLite has one writer anyway.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from sqlalchemy import Insert
from sqlalchemy.ext.asyncio import AsyncConnection

Write: TypeAlias = Callable[[AsyncConnection], Awaitable[Any]]
_PENDING: Final = "retort.later"


def insert_later(connection: AsyncConnection, line: Insert) -> None:
    """One row at the end of this transaction, in the order of the calls; a failure rolls everything back."""
    later(connection, lambda same: same.execute(line))


def later(connection: AsyncConnection, write: Write) -> None:
    """For what must look at the row before (the tip of a chain): it runs under the lock."""
    connection.info.setdefault(_PENDING, []).append(write)


def forget(connection: AsyncConnection) -> None:
    """What an earlier transaction of the same connection left when it was rolled back."""
    connection.info.pop(_PENDING, None)


async def finish(connection: AsyncConnection, lock: Write | None = None) -> None:
    """The end of a transaction; `lock` only when there is something to number."""
    if lock is not None and connection.info.get(_PENDING):
        await lock(connection)
    while pending := connection.info.pop(_PENDING, None):
        for write in pending:
            await write(connection)
