"""The signal over PostgreSQL: what one replica wrote wakes those who wait in all of them (LISTEN, NOTIFY).

Transactions that write something numbered notify by themselves (see `postgres.database`), so a notice is sent exactly
when they are committed, also by a process that dies right after. Here is the listening half: one connection of its own,
opened again whenever it is lost; whoever waits is woken then too, because notices of the time between are gone.
"""

from __future__ import annotations

import asyncio
from typing import Final

import psycopg
import structlog

from retort_api.kit.postgres.database import CHANNEL
from retort_api.kit.postgres.settings import PostgresSettings
from retort_api.kit.signals import Signal

log = structlog.get_logger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
GATHER_SECONDS: Final = 0.005  # notices that come in a burst wake everybody once


class PostgresSignal(Signal):
    def __init__(self, settings: PostgresSettings) -> None:
        super().__init__()
        self._settings = settings
        self._listener: asyncio.Task[None] | None = None
        self.listening = asyncio.Event()

    async def open(self) -> None:
        """Returns when it listens, or at once when the server cannot be reached yet: it goes on trying."""
        self._listener = asyncio.create_task(self._listen())
        ready = asyncio.create_task(self.listening.wait())
        await asyncio.wait({ready, self._listener}, timeout=self._settings.database_connect_seconds)
        ready.cancel()

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)

    async def _listen(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self._hear()
            except psycopg.Error as error:
                log.warning("listener_lost", error=str(error).partition("\n")[0])
            pause = FIRST_PAUSE if self.listening.is_set() else min(pause * 2, LONGEST_PAUSE)
            self.listening.clear()
            await asyncio.sleep(pause)

    async def _hear(self) -> None:
        arguments = self._settings.connect_arguments
        connection = await psycopg.AsyncConnection.connect(self._settings.dsn, autocommit=True, **arguments)
        async with connection:
            await connection.execute(f'LISTEN "{CHANNEL}"')
            self.listening.set()
            self.notify()
            while True:
                async for _ in connection.notifies(stop_after=1):
                    await asyncio.sleep(GATHER_SECONDS)
                async for _ in connection.notifies(timeout=0):
                    pass
                self.notify()
