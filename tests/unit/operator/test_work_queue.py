"""What was postponed after a failure, and when it is looked at again."""

from __future__ import annotations

import asyncio

import pytest

from retort_core.errors import Infrastructure
from retort_operator import work_queue
from retort_operator.metrics import Metrics
from retort_operator.work_queue import WorkQueue


@pytest.mark.asyncio
async def test_what_failed_is_looked_at_as_soon_as_its_cause_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_queue, "PAUSES", (600.0,))
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
