"""Wakes: "look at this task again", to the operator, as an event that the next reader of the stream meets."""

from __future__ import annotations

import asyncio

import structlog

from retort_api.kit.database import Database
from retort_api.kit.signals import Signal
from retort_api.tasks import events, repository
from retort_core.errors import RetortError

log = structlog.get_logger(__name__)


class Wakes:
    """Fire and forget: one that is lost is made up for by the operator's resync."""

    def __init__(self, database: Database, signal: Signal) -> None:
        self._database, self._signal = database, signal
        self._writes: set[asyncio.Task[None]] = set()

    def wake(self, uid: str) -> None:
        write = asyncio.create_task(self._write(uid))
        self._writes.add(write)
        write.add_done_callback(self._writes.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._writes, return_exceptions=True)

    async def _write(self, uid: str) -> None:
        try:
            async with self._database.write() as connection:
                task = await repository.get(connection, uid)
                if task is not None and not task.status.terminal:
                    await events.add(
                        connection, "reply", {}, task=uid, dataset=task.dataset, project=task.project
                    )
        except RetortError as error:
            log.warning("wake_lost", task=uid, error=error.message)
            return
        self._signal.notify()
