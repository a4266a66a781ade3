"""A part that is down is named, a part that hangs costs its time and no more, and neither hides the others."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from retort_api.kit.watching.health import Health
from retort_core.errors import Unavailable

pytestmark = pytest.mark.asyncio


async def good() -> None:
    return


async def test_every_part_is_told_by_its_name() -> None:
    async def away() -> None:
        raise Unavailable("postgresql://retort:secret@db is away")

    async def broken() -> None:
        raise OSError("s3.example: connection refused")

    state = await Health({"a": good, "b": away, "c": broken}).state()
    assert state == {"a": "ok", "b": "down (unavailable)", "c": "down (OSError)"}


async def test_a_part_that_hangs_is_asked_once_and_seen_when_it_answers() -> None:
    asked, answer = 0, asyncio.Event()

    async def hangs() -> None:
        nonlocal asked
        asked += 1
        await answer.wait()

    health = Health({"slow": hangs, "good": good}, seconds=0.05)
    started = time.monotonic()
    for _ in range(3):
        assert await health.state() == {"slow": "no answer within 0.05 s", "good": "ok"}
    assert time.monotonic() - started < 2
    assert asked == 1
    answer.set()
    assert await health.state() == {"slow": "ok", "good": "ok"}
    await health.close()


async def test_a_part_that_all_share_decides_until_it_has_answered_once() -> None:
    """A slow store takes no replica out; a replica that never reached its store comes not in."""
    there: set[str] = set()

    def part(name: str) -> Any:
        async def ping() -> None:
            if name not in there:
                raise Unavailable(name)

        return ping

    health = Health({"database": part("database"), "objects": part("objects")}, shared=("objects",))
    for here, ready in (
        ({"database"}, False),
        ({"database", "objects"}, True),
        ({"database"}, True),
        ({"objects"}, False),
        (set(), False),
        ({"database"}, True),
    ):
        there.clear()
        there.update(here)
        state = await health.state()
        assert (health.ready(state), {name for name, told in state.items() if told == "ok"}) == (ready, here)


async def test_closing_leaves_nothing_under_way() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    health = Health({"slow": forever}, seconds=0.01)
    await health.state()
    before = len(asyncio.all_tasks())
    await health.close()
    assert len(asyncio.all_tasks()) == before - 1
