"""One connection source for every repository: readers in parallel, one writer at a time, a transaction a call.

SQLite: write-ahead log, so readers never wait for the writer; `BEGIN IMMEDIATE`, so a writer that starts never
fails at its end; `synchronous=FULL`, so a commit that was acknowledged survives a power cut. A busy database is
waited for (another process may be looking at the same home), which is the only lock wait there is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

BUSY_MS = 10_000


class Database:
    """`read()` and `write()` give a connection in a transaction; leaving the block commits, an error rolls back."""

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(url)
        self._writer = asyncio.Lock()
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine.sync_engine, "connect", _prepare)
            event.listen(self._engine.sync_engine, "begin", _begin)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with self._engine.connect() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        async with self._writer, self._engine.connect() as plain:
            connection = await plain.execution_options(retort_write=True)
            async with connection.begin():
                yield connection

    async def close(self) -> None:
        await self._engine.dispose()


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's `begin` event opens transactions, not the driver
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_MS}",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Any) -> None:
    write = connection.get_execution_options().get("retort_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
