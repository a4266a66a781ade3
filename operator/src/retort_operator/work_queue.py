"""Who is looked at next: each key at most once at a time, again if it was woken meanwhile, a bounded number at once.

Two lanes: what ends something (a reply, a lost Pod) goes before what begins something, so that a flood of new tasks never
delays the end of running ones, which is what frees executors.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from retort_core.errors import RetortError
from retort_operator.metrics import Metrics

log = structlog.get_logger(__name__)
WORKERS: Final = 48
PAUSES: Final = (0.2, 1.0, 2.0, 5.0, 10.0)


class WorkQueue:
    def __init__(
        self, look: Callable[[str], Awaitable[None]], metrics: Metrics, workers: int = WORKERS
    ) -> None:
        self._look, self._metrics, self._workers = look, metrics, workers
        self._urgent: OrderedDict[str, float] = OrderedDict()
        self._usual: OrderedDict[str, float] = OrderedDict()
        self._busy: set[str] = set()
        self._again: dict[str, bool] = {}
        self._failures: dict[str, int] = {}
        self._ready = asyncio.Semaphore(0)

    @property
    def idle(self) -> bool:
        return not (self._busy or self._urgent or self._usual)

    def wake(self, key: str, *, urgent: bool = False) -> None:
        if key in self._busy:
            self._again[key] = urgent or self._again.get(key, False)
            return
        if key in self._urgent:
            return
        if key in self._usual:
            if urgent:
                self._urgent[key] = self._usual.pop(key)
            return
        lane = self._urgent if urgent else self._usual
        lane[key] = time.monotonic()
        self._ready.release()

    def again(self) -> None:
        """What waits after failures is looked at now: what it failed on is back. A pause may have grown to ten seconds."""
        waiting, self._failures = list(self._failures), {}
        for key in waiting:
            self.wake(key)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            await self._ready.acquire()
            lane = self._urgent or self._usual
            if not lane:
                continue
            key, since = lane.popitem(last=False)
            self._metrics.wait_seconds.observe(time.monotonic() - since)
            self._busy.add(key)
            try:
                with self._metrics.timed(self._metrics.look_seconds):
                    await self._look(key)
                self._failures.pop(key, None)
            except RetortError as problem:
                log.warning("look_postponed", task=key, problem=problem.message)
                self._later(key)
            except Exception:
                log.exception("look_failed", task=key)
                self._later(key)
            finally:
                self._busy.discard(key)
                if key in self._again:
                    self.wake(key, urgent=self._again.pop(key))

    def _later(self, key: str) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        pause = PAUSES[min(failures, len(PAUSES)) - 1]
        asyncio.get_running_loop().call_later(pause, self.wake, key)
