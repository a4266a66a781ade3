"""What was postponed after a failure, and when it is looked at again."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import Final

import pytest

from retort_core.errors import Infrastructure
from retort_operator import work_queue
from retort_operator.metrics import Metrics
from retort_operator.work_queue import WorkQueue

LOOK: Final = 0.05  # seconds


@pytest.mark.asyncio
async def test_what_failed_is_looked_at_as_soon_as_its_cause_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_queue, "FIRST_PAUSE", 600.0)
    monkeypatch.setattr(work_queue, "LONGEST_PAUSE", 600.0)
    away, looked, done = True, asyncio.Event(), asyncio.Event()

    async def look(_: str) -> None:
        looked.set()
        if away:
            raise Infrastructure("the service cannot be reached")
        done.set()

    queue = WorkQueue(look, Metrics())
    running = asyncio.create_task(queue.run())
    queue.wake("one")
    await asyncio.wait_for(looked.wait(), 5)
    while not queue.idle:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)
    away = False
    queue.again()
    await asyncio.wait_for(done.wait(), 5)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class Looks:
    """Looks that last until they are let go, in the order in which they began."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.most: dict[str, int] = {}
        self._now: dict[str, asyncio.Event] = {}
        self._gone = False

    async def __call__(self, key: str) -> None:
        self.begun.append(key)
        self._now[key] = asyncio.Event()
        project = key[0]
        self.most[project] = max(self.most.get(project, 0), sum(one[0] == project for one in self._now))
        if not self._gone:
            await self._now[key].wait()
        del self._now[key]

    def end(self, project: str) -> None:
        """One look of a project."""
        next(event for key, event in self._now.items() if key[0] == project).set()

    def go(self) -> None:
        """All of them, and those to come at once."""
        self._gone = True
        for event in self._now.values():
            event.set()


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_one_project_s_flood_does_not_keep_another_s_look_waiting() -> None:
    """Regression: a project's task was planned after 2.8 s, behind 32 of another one's."""
    looks = Looks()
    queue = WorkQueue(looks, Metrics(), project_of=lambda key: key[0])
    running = asyncio.create_task(queue.run())
    flood = [f"a{n}" for n in range(100)]
    for key in flood:
        queue.wake(key)
    queue.wake("b")
    queue.wake("a-ends", urgent=True)
    queue.wake("a99", urgent=True)
    await turns()
    assert looks.begun[:2] == ["a-ends", "a99"], "what ends something waits for no turn"
    assert "b" in looks.begun
    assert looks.most["a"] == work_queue.OF_ONE + 2
    looks.go()
    while not queue.idle:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)
    assert sorted(looks.begun) == sorted([*flood, "b", "a-ends"])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_who_has_planned_far_ahead_goes_on_with_few_at_a_time() -> None:
    looks, far = Looks(), True
    queue = WorkQueue(looks, Metrics(), project_of=lambda key: key[0], ahead=lambda one: one == "a" and far)
    running = asyncio.create_task(queue.run())
    for number in range(100):
        queue.wake(f"a{number}")
        queue.wake(f"b{number}")
    await turns()
    assert (looks.most["a"], looks.most["b"]) == (work_queue.AHEAD, work_queue.OF_ONE)
    far = False
    looks.most.clear()
    looks.end("a")
    await turns()
    assert looks.most["a"] == work_queue.OF_ONE
    looks.go()
    while not queue.idle:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)
    assert len(looks.begun) == 200
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_who_has_planned_far_ahead_rests_between_two_looks() -> None:
    """Regression: 100 tasks were planned in a row beside the starts they waited for, which took 10 to 20 s instead of 4."""
    begun: list[tuple[str, float]] = []

    async def look(key: str) -> None:
        begun.append((key[0], time.monotonic()))
        await asyncio.sleep(LOOK)

    queue = WorkQueue(look, Metrics(), project_of=lambda key: key[0], ahead=lambda one: one == "a")
    running = asyncio.create_task(queue.run())
    for number in range(4):
        queue.wake(f"a{number}")
        queue.wake(f"b{number}")
    async with asyncio.timeout(20):
        while len(begun) < 8:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    at = [when for project, when in begun if project == "a"]
    assert all(later - when >= LOOK * (1 + work_queue.RESTS) for when, later in pairwise(at))
    assert [project for project, _ in begun[:5]].count("b") == 4, "the other one's do not wait"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_looks_that_hang_do_not_hold_up_the_rest_of_their_project(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(work_queue, "HANGS", 0.01)
    looks = Looks()
    queue = WorkQueue(looks, Metrics(), project_of=lambda key: key[0])
    running = asyncio.create_task(queue.run())
    for number in range(100):
        queue.wake(f"a{number}")
    async with asyncio.timeout(10):
        while len(looks.begun) < work_queue.MOST_OF_ONE:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    await turns()
    assert looks.most["a"] == work_queue.MOST_OF_ONE
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_whatever_is_woken_is_looked_at() -> None:
    seen: list[str] = []

    async def look(key: str) -> None:
        seen.append(key)
        await asyncio.sleep(0)
        if len(seen) < 500:
            queue.wake(f"{'abc'[len(seen) % 3]}{len(seen)}", urgent=len(seen) % 5 == 0)
            queue.wake(key)

    queue = WorkQueue(look, Metrics(), workers=5, project_of=lambda key: key[0])
    running = asyncio.create_task(queue.run())
    queue.wake("a")
    async with asyncio.timeout(20):
        while not queue.idle:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
    assert len(seen) >= 500
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
