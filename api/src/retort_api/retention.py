"""Retention: what nobody reads any more goes, so that a service of years holds no more of it than one of weeks.

    events      after RETORT_EVENTS_DAYS. They tell what happens while somebody listens; the history of a dataset is its
                versions, moves, tasks, messages and audit lines, and those stay for ever
    keys        of requests, seven days after: whoever repeats a request has asked what became of it long before
    promises    of rights, a day after (`cluster.promises`)

Every process that serves people sweeps, each by itself: what two of them find at once one deletes. A statement takes 1,000
rows at most, in a transaction of its own, so nobody waits for a sweep, and one that is cut off is gone on with by the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository as members
from retort_api.kit.database import Database
from retort_api.tasks import events, repository
from retort_core.errors import RetortError

log = structlog.get_logger(__name__)
Forget: TypeAlias = Callable[[AsyncConnection, datetime, int], Awaitable[int]]
KEYS: Final = timedelta(days=7)
PROMISES: Final = timedelta(days=1)
AT_ONCE: Final = 1000  # rows of a statement; 10 to 20 ms
SWEPT_EVERY: Final = 3600.0  # seconds


class Retention:
    def __init__(
        self, database: Database, events_days: int, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database, self._now = database, now
        self._ends: tuple[tuple[str, Forget, timedelta], ...] = (
            ("events", events.forget, timedelta(days=events_days)),
            ("keys", repository.forget_keys, KEYS),
            ("promises", members.forget_promises, PROMISES),
        )
        self._sweeper: asyncio.Task[None] | None = None

    def open(self) -> None:
        self._sweeper = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper

    async def sweep(self) -> dict[str, int]:
        """How many rows of each kind went."""
        now = self._now()
        return {name: await self._forgotten(forget, now - age) for name, forget, age in self._ends}

    async def _forgotten(self, forget: Forget, before: datetime) -> int:
        total = 0
        while True:
            gone = await self._database.transact(lambda connection: forget(connection, before, AT_ONCE))
            total += gone
            if gone < AT_ONCE:
                return total

    async def _run(self) -> None:
        while True:
            try:
                gone = await self.sweep()
            except RetortError as error:
                log.warning("sweep_cut_off", error=error.message)  # the next one goes on
            except Exception:
                log.exception("sweep_cut_off")
            else:
                if any(gone.values()):
                    log.info("swept", **gone)
            await asyncio.sleep(SWEPT_EVERY)
