"""What only one process may do at a time, held as a lock of a PostgreSQL session: it goes when the process goes.

A session that is lost (the server restarts) is opened again and takes the lock again. Between the two another process may
have taken it; then `lost` is called, and this one must stop. Nothing that is written depends on the lock: rows are locked
and heads compared in the transactions themselves. It spares two processes the same work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import psycopg
import structlog

from retort_api.kit.postgres.settings import PostgresSettings
from retort_core.errors import Conflict, Unavailable

log = structlog.get_logger(__name__)
DRIVING: Final = 0x7265_746F_7274_0003  # "retort", 3: whoever drives the tasks of a database
HANDOVER_SECONDS: Final = (
    15.0  # a process that was killed is forgotten within a moment, one that stops within these
)
AGAIN_SECONDS: Final = 0.5


class Holding:
    def __init__(self, settings: PostgresSettings, what: str, lock: int = DRIVING) -> None:
        self._settings, self._what, self._lock = settings, what, lock
        self._keeper: asyncio.Task[None] | None = None

    async def open(self, lost: Callable[[], None] = lambda: None) -> None:
        """Raises Conflict when another process does not let go in time."""
        try:
            connection = await self._taken(HANDOVER_SECONDS)
        except psycopg.Error as error:
            raise Unavailable("The database cannot be reached. Nothing was changed; try again.") from error
        self._keeper = asyncio.create_task(self._keep(connection, lost))

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def _taken(self, seconds: float) -> psycopg.AsyncConnection:
        connection = await psycopg.AsyncConnection.connect(
            self._settings.dsn, autocommit=True, **self._settings.connect_arguments
        )
        end = time.monotonic() + seconds
        while True:
            cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (self._lock,))
            if await cursor.fetchone() == (True,):
                return connection
            if time.monotonic() > end:
                await connection.close()
                raise Conflict(f"Another process {self._what}. Stop it first.")
            await asyncio.sleep(AGAIN_SECONDS)

    async def _keep(self, connection: psycopg.AsyncConnection, lost: Callable[[], None]) -> None:
        while True:
            try:
                async with connection:
                    async for _ in connection.notifies():  # nothing is listened for: it ends with the session
                        pass
            except psycopg.Error as error:
                log.warning("holding_lost", what=self._what, error=str(error).partition("\n")[0])
            try:
                connection = await self._again()
            except Conflict as conflict:
                log.critical("holding_taken_over", what=self._what, message=conflict.message)
                lost()
                return

    async def _again(self) -> psycopg.AsyncConnection:
        while True:
            try:
                return await self._taken(0.0)
            except psycopg.Error:
                await asyncio.sleep(AGAIN_SECONDS)
