"""Who is looked at next: each key at most once at a time, again if it was woken meanwhile, a bounded number at once.

Two lanes: what ends something (a reply, a lost Pod) goes before what begins something, so that a flood of new tasks never
delays the end of running ones, which is what frees executors. In the second projects take turns, and each has a few looks
under way: they are requests to the service, and with 32 of another project in it a task was planned after 2.8 s.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from retort_core.errors import RetortError
from retort_operator.metrics import Metrics
from retort_operator.pauses import growing

log = structlog.get_logger(__name__)
WORKERS: Final = 48
# Looks that begin something, of one project at a time. Some may hang until they time out, where a part went away: there must be
# enough of them that the rest of their project goes on meanwhile.
OF_ONE: Final = 8
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 10.0


class WorkQueue:
    """`project_of`: whose a key is; all those of nobody known are one's."""

    def __init__(
        self,
        look: Callable[[str], Awaitable[None]],
        metrics: Metrics,
        workers: int = WORKERS,
        project_of: Callable[[str], str] = lambda _: "",
    ) -> None:
        self._look, self._metrics, self._workers, self._project_of = look, metrics, workers, project_of
        self._urgent: OrderedDict[str, float] = OrderedDict()
        self._usual: dict[str, str] = {}  # key -> project
        self._lines: OrderedDict[str, OrderedDict[str, float]] = OrderedDict()  # by project, next first
        self._begun: Counter[str] = Counter()  # looks under way of the second lane, by project
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
                self._urgent[key] = self._taken(self._usual[key], key)
                self._ready.release()
            return
        if urgent:
            self._urgent[key] = time.monotonic()
        else:
            project = self._usual[key] = self._project_of(key)
            self._lines.setdefault(project, OrderedDict())[key] = time.monotonic()
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
            found = self._next()
            if found is None:
                continue  # whoever ends makes room, and says so
            key, since, project = found
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
                if project is not None:
                    self._begun[project] -= 1
                    if project in self._lines:
                        self._ready.release()
                    elif not self._begun[project]:
                        del self._begun[project]
                if key in self._again:
                    self.wake(key, urgent=self._again.pop(key))

    def _next(self) -> tuple[str, float, str | None] | None:
        """A key, since when it waits, and the project whose turn it was in the second lane."""
        if self._urgent:
            key, since = self._urgent.popitem(last=False)
            return key, since, None
        for project in self._lines:
            if self._begun[project] < OF_ONE:
                break
        else:
            return None
        self._lines.move_to_end(project)
        key = next(iter(self._lines[project]))
        self._begun[project] += 1
        return key, self._taken(project, key), project

    def _taken(self, project: str, key: str) -> float:
        """Out of its line; since when it waited."""
        del self._usual[key]
        line = self._lines[project]
        since = line.pop(key)
        if not line:
            del self._lines[project]
        return since

    def _later(self, key: str) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        pause = growing(FIRST_PAUSE, failures, LONGEST_PAUSE)
        asyncio.get_running_loop().call_later(pause, self.wake, key)
