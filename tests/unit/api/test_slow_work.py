"""What takes long has threads of its own: while a model does not answer and files are made, reads go on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from retort_api.mains import parts, planners
from retort_api.settings import Settings
from retort_core.plans import Declined
from retort_core.schema import Column, DType, Kind, Schema
from retort_planner.model.calls import ModelUnavailable, Rung
from retort_planner.requests import Request

SCHEMA: Final = Schema(columns=(Column(id="c1", name="年龄", dtype=DType.integer, kind=Kind.numeric),))
UNCLEAR: Final = Request(text="麻烦把那个表捯饬得利索点儿", schema=SCHEMA)
CLEAR: Final = Request(text="按年龄排序", schema=SCHEMA)
SECONDS: Final = 20.0  # after which what should have come never will


class Silent:
    """A model whose endpoint takes calls and does not answer until it is told to."""

    rung = Rung.json_schema

    def __init__(self) -> None:
        self.calls, self.answer = threading.Semaphore(0), threading.Event()

    def ask(self, *_: Any) -> Any:
        self.calls.release()
        assert self.answer.wait(SECONDS)
        raise ModelUnavailable("The model's server cannot be reached.")


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Silent:
    found = Silent()
    monkeypatch.setattr(planners, "connect", lambda *_: found)
    return found


def taken(calls: threading.Semaphore, count: int) -> None:
    for _ in range(count):
        assert calls.acquire(timeout=SECONDS)


async def watched(begun: Callable[[], None]) -> None:
    """From a thread of no pool that is tested."""
    with ThreadPoolExecutor(1) as own:
        await asyncio.get_running_loop().run_in_executor(own, begun)


async def all_are_served_while(
    busy: Callable[[parts.Crews], list[Awaitable[Any]]], begun: Callable[[], None], end: threading.Event
) -> list[Any]:
    """Reads, as many as there are threads for them, end before what is slow does."""
    with parts.threads() as crews:
        slow = [asyncio.ensure_future(one) for one in busy(crews)]
        try:
            await watched(begun)
            reads = [asyncio.to_thread(str, number) for number in range(parts.THREADS)]
            async with asyncio.timeout(SECONDS):
                assert await asyncio.gather(*reads) == [str(number) for number in range(parts.THREADS)]
            assert not any(one.done() for one in slow)
        finally:
            end.set()
        return await asyncio.gather(*slow)


def test_calls_to_a_model_that_does_not_answer_hold_up_no_read(silent: Silent) -> None:
    def busy(crews: parts.Crews) -> list[Awaitable[Any]]:
        settings = Settings(llm_url="http://model", llm_model="m")
        plan = planners.choose(settings, beside=crews.models).plan
        return [plan(UNCLEAR) for _ in range(parts.MODEL_CALLS + 3)]

    found = asyncio.run(
        all_are_served_while(busy, lambda: taken(silent.calls, parts.MODEL_CALLS), silent.answer)
    )
    assert len(found) == parts.MODEL_CALLS + 3
    assert all(isinstance(one, Declined) for one in found)  # the rules' outcome stands


def test_what_the_rules_know_is_planned_while_the_model_does_not_answer(silent: Silent) -> None:
    async def plans() -> None:
        with parts.threads() as crews:
            plan = planners.choose(Settings(llm_url="http://model"), beside=crews.models).plan
            slow = [asyncio.ensure_future(plan(UNCLEAR)) for _ in range(parts.MODEL_CALLS + 3)]
            try:
                await watched(lambda: taken(silent.calls, parts.MODEL_CALLS))
                async with asyncio.timeout(SECONDS):
                    known = await plan(CLEAR)
                assert not isinstance(known, Declined)
                assert not any(one.done() for one in slow)
            finally:
                silent.answer.set()
            await asyncio.gather(*slow)

    asyncio.run(plans())


def test_files_that_are_being_made_hold_up_no_read() -> None:
    calls, end = threading.Semaphore(0), threading.Event()

    def write() -> str:
        calls.release()
        assert end.wait(SECONDS)
        return threading.current_thread().name

    found = asyncio.run(
        all_are_served_while(
            lambda crews: [crews.exports(write) for _ in range(parts.THREADS + 2)],
            lambda: taken(calls, parts.EXPORTING),
            end,
        )
    )
    assert len(set(found)) == parts.EXPORTING
