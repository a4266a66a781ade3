"""Who is looked at next: each key at most once at a time, again if it was woken meanwhile, a bounded number at once.

Two lanes: what ends something (a reply, a lost Pod) goes before what begins something, so that a flood of new tasks never
delays the end of running ones, which is what frees executors. In both projects take turns, and each has a few looks under way:
they are requests to the service, and what a task waits for at each of its steps are those of others that are in it already (with
32 of another project it was planned after 2.8 s).
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
from retort_operator.pauses import growing

log = structlog.get_logger(__name__)
WORKERS: Final = 48
OF_ONE: Final = 3  # looks of one project under way in a lane
# And in the second where many of its tasks are planned and wait for executors: to plan further ahead is in no hurry, and while
# four hundred are being planned all of others wait for it at each of their steps.
AHEAD: Final = 1
# Times what such a look took is waited before the next of its project: who starts executors meanwhile has the processors.
RESTS: Final = 3.0
# Seconds; then one hangs, and may until it times out, where a part went away. The rest of its project goes on, up to so many.
HANGS: Final = 5.0
MOST_OF_ONE: Final = 8
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 10.0


class _Lane:
    """Projects take turns, and each one's keys come in their order. `room`: called when there may be some again; `ahead`:
    whether a project's looks are in no hurry, and come one at a time with rests between."""

    def __init__(self, room: Callable[[], None], ahead: Callable[[str], bool] = lambda _: False) -> None:
        self._room, self._ahead = room, ahead
        self._resting: dict[str, asyncio.TimerHandle] = {}  # by project
        self._lines: OrderedDict[str, OrderedDict[str, float]] = OrderedDict()  # by project, next first
        self._project: dict[str, str] = {}  # of each key that waits
        # Looks under way by project, each with what says that it hangs.
        self._begun: dict[str, dict[str, asyncio.TimerHandle]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._project

    def __bool__(self) -> bool:
        return bool(self._project)

    def add(self, key: str, project: str, since: float) -> None:
        self._project[key] = project
        self._lines.setdefault(project, OrderedDict())[key] = since

    def take(self, key: str) -> tuple[str, float]:
        """Out of its line: its project, and since when it waited."""
        project = self._project.pop(key)
        line = self._lines[project]
        since = line.pop(key)
        if not line:
            del self._lines[project]
        return project, since

    def begin(self) -> tuple[str, str, float] | None:
        """The key whose turn it is, its project, and since when it waited."""
        project = next((one for one in self._lines if self._free(one) > 0), None)
        if project is None:
            return None
        self._lines.move_to_end(project)
        key = next(iter(self._lines[project]))
        alarm = asyncio.get_running_loop().call_later(HANGS, self._room)
        self._begun.setdefault(project, {})[key] = alarm
        return key, *self.take(key)

    def end(self, key: str, project: str) -> None:
        begun = self._begun[project]
        alarm = begun.pop(key)
        alarm.cancel()
        self._rest(project, asyncio.get_running_loop().time() - (alarm.when() - HANGS))
        if not begun:
            del self._begun[project]
        # More than one, where more may be under way than before.
        for _ in range(min(self._free(project), len(self._lines.get(project, ())))):
            self._room()

    def _rest(self, project: str, took: float) -> None:
        """Until its next look; `took`: seconds that the last one did."""
        if self._ahead(project):
            if (old := self._resting.get(project)) is not None:
                old.cancel()
            loop = asyncio.get_running_loop()
            self._resting[project] = loop.call_later(min(HANGS, RESTS * took), self._rested, project)

    def _rested(self, project: str) -> None:
        self._resting.pop(project, None)
        self._room()

    def _free(self, project: str) -> int:
        ahead = self._ahead(project)
        if ahead and project in self._resting:
            return 0
        begun, now = self._begun.get(project, {}), asyncio.get_running_loop().time()
        young = sum(alarm.when() > now for alarm in begun.values())
        return min(MOST_OF_ONE - len(begun), (AHEAD if ahead else OF_ONE) - young)


class WorkQueue:
    """`project_of`: whose a key is; all those of nobody known are one's. `ahead`: whether many tasks of a project are planned
    and wait."""

    def __init__(
        self,
        look: Callable[[str], Awaitable[None]],
        metrics: Metrics,
        workers: int = WORKERS,
        project_of: Callable[[str], str] = lambda _: "",
        ahead: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._look, self._metrics, self._workers, self._project_of = look, metrics, workers, project_of
        self._ready = asyncio.Semaphore(0)
        self._urgent = _Lane(self._ready.release)
        self._usual = _Lane(self._ready.release, ahead)
        self._busy: set[str] = set()
        self._again: dict[str, bool] = {}
        self._failures: dict[str, int] = {}

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
                self._urgent.add(key, *self._usual.take(key))
                self._ready.release()
            return
        lane = self._urgent if urgent else self._usual
        lane.add(key, self._project_of(key), time.monotonic())
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
            for lane in (self._urgent, self._usual):
                if (found := lane.begin()) is not None:
                    await self._looked(lane, *found)
                    break
            # Else whoever ends makes room, and says so.

    async def _looked(self, lane: _Lane, key: str, project: str, since: float) -> None:
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
            lane.end(key, project)
            if key in self._again:
                self.wake(key, urgent=self._again.pop(key))

    def _later(self, key: str) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        pause = growing(FIRST_PAUSE, failures, LONGEST_PAUSE)
        asyncio.get_running_loop().call_later(pause, self.wake, key)
