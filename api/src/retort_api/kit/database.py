"""One connection source for every repository: readers in parallel, a transaction a call.

Here over SQLite, for one process: one writer at a time; write-ahead log, so readers never wait for the writer; `BEGIN
IMMEDIATE`, so a writer that starts never fails at its end; `synchronous=FULL`, so a commit that was acknowledged survives a power cut. A busy database is
waited for (another process may be looking at the same home), which is the only lock wait there is. The adapter for
PostgreSQL is `kit.postgres`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from retort_api.kit import sequenced

BUSY_MS = 10_000
Value = TypeVar("Value")


class Database:
    """`read()` and `write()` give a connection in a transaction; leaving the block commits, an error rolls back. `single()`
    gives one for a single statement that reads, which is a snapshot in itself."""

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(url)
        self._writer = asyncio.Lock()
        event.listen(self._engine.sync_engine, "connect", _prepare)
        event.listen(self._engine.sync_engine, "begin", _begin)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with self._engine.connect() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def single(self) -> AsyncIterator[AsyncConnection]:
        async with self.read() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        async with self._writer, self._engine.connect() as plain:
            connection = await plain.execution_options(retort_write=True)
            sequenced.forget(connection)
            async with connection.begin():
                yield connection
                await sequenced.finish(connection)

    async def transact(self, body: Callable[[AsyncConnection], Awaitable[Value]]) -> Value:
        """`body` in a writing transaction of its own. It may be run again from the start where the server asks for that
        (PostgreSQL does, SQLite does not), so it changes nothing but rows."""
        async with self.write() as connection:
            return await body(connection)

    async def close(self) -> None:
        await self._engine.dispose()


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's `begin` event opens transactions, not the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    _write_ahead(connection, cursor)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(connection: Any, cursor: Any) -> None:
    """To change the mode SQLite waits for nobody, whatever `busy_timeout` says: of six that open a new database at the same moment
    one is refused in every fifth try. The others are done in milliseconds, and a database is made once."""
    end = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as problem:
            if problem.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            connection.run_async(lambda _: asyncio.sleep(0.005))
        else:
            return


def _begin(connection: Any) -> None:
    write = connection.get_execution_options().get("retort_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
