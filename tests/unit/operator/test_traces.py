"""What the operator tells a collector, and what it does where there is none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest
from collector import collector

from retort_core.traceparents import own_traceparent
from retort_operator import traces
from retort_operator.traces import Traces, ago

UID = "4bf92f3577b34da6a3ce929d0e0e4736"
GIVEN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def sent(found: Traces, until: Callable[[], bool]) -> None:
    running = asyncio.create_task(found.run())
    async with asyncio.timeout(5):
        while not until():  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # a collector has no way to tell
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "SECONDS", 0.02)


@pytest.mark.usefixtures("soon")
def test_parts_are_below_their_task_and_the_task_below_who_asked_for_it() -> None:
    with collector() as at:
        found = Traces({"OTEL_EXPORTER_OTLP_ENDPOINT": f"{at.url}/", "OTEL_SERVICE_NAME": "mine"})
        found.part("claim", UID, GIVEN, 10.5, 11.0)
        found.task(UID, GIVEN, 10.0, 12.0, failed=True, reason="Data")
        asyncio.run(sent(found, lambda: len(at.spans) == 2))
    claim, task = at.spans
    assert (task.trace, task.parent) == tuple(GIVEN.split("-")[1:3])
    assert (claim.trace, claim.parent) == (task.trace, task.id)
    assert (claim.at, claim.failed, claim.service) == ((10_500_000_000, 11_000_000_000), False, "mine")
    assert (task.failed, task.attributes) == (True, {"retort.task": UID, "retort.reason": "Data"})


@pytest.mark.usefixtures("soon")
def test_what_is_left_at_the_end_is_sent() -> None:
    async def short(found: Traces) -> None:
        running = asyncio.create_task(found.run())
        await asyncio.sleep(0)
        found.part("queue", UID, own_traceparent(UID), 1, 2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    with collector() as at:
        asyncio.run(short(Traces({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{at.url}/v1/traces"})))
    assert [one.name for one in at.spans] == ["queue"]


def kept(found: Traces) -> int:
    return len(found._spans)


def test_without_a_collector_a_sampled_trace_or_an_id_that_can_be_one_nothing_is_kept() -> None:
    off, on = Traces({}), Traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    off.task(UID, GIVEN, 1, 2, failed=False)
    for parent in ("", GIVEN[:-1] + "0"):
        on.task(UID, parent, 1, 2, failed=False)
        on.part("claim", UID, parent, 1, 2)
    assert (kept(off), kept(on)) == (0, 0)


@pytest.mark.usefixtures("soon")
def test_a_collector_that_is_away_costs_spans_and_nothing_else() -> None:
    found = Traces({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    for _ in range(traces.KEPT + 100):
        found.part("claim", UID, GIVEN, 1, 2)
    assert kept(found) == traces.KEPT
    asyncio.run(sent(found, lambda: kept(found) == 0))


def test_headers_of_the_environment_are_sent() -> None:
    found = Traces({"OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20abc, x-scope=a"})
    assert found._headers == {"authorization": "Bearer abc", "x-scope": "a"}


def test_a_moment_of_one_clock_is_one_of_the_other() -> None:
    assert abs(ago(time.monotonic() - 3) - (time.time() - 3)) < 5
