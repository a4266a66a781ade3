"""Differences within a bound of memory: what is too large is refused, large ones go one at a time and small ones beside them."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from retort_api.kit import memory
from retort_api.runs import comparing
from retort_api.runs.comparing import MIB, SMALL, Comparing, Pair
from retort_core.errors import LimitExceeded

MOST = 320 * MIB
SIZES = {"same": 0, "small": round(SMALL * MOST), "large": MOST, "too-large": MOST + 1}


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> Comparing:
    monkeypatch.setattr(comparing, "weight", lambda _, older, newer, by_rows: max(SIZES[older], SIZES[newer]))
    return Comparing(None, MOST)  # type: ignore[arg-type]


def of(*sizes: str) -> tuple[Pair, ...]:
    return tuple(Pair("same", size, by_rows=True) for size in sizes)


@pytest.mark.asyncio
async def test_what_is_too_large_is_refused_before_it_is_begun(comparisons: Comparing) -> None:
    begun: list[int] = []
    with pytest.raises(LimitExceeded, match=r"about 320 MiB.*RETORT_COMPARE_BYTES") as told:
        await comparisons(of("small", "too-large"), begun.append, 1)
    assert told.value.details == {"limit": "compare", "needed": MOST + 1, "allowed": MOST}
    assert begun == []
    await comparisons(of("small", "large"), begun.append, 2)
    assert begun == [2]


@pytest.mark.asyncio
async def test_large_ones_go_one_at_a_time_and_small_ones_beside_them(comparisons: Comparing) -> None:
    begun, go = [threading.Event() for _ in range(3)], threading.Event()

    def work(number: int) -> int:
        begun[number].set()
        assert go.wait(20)
        return number

    first = asyncio.create_task(comparisons(of("large"), work, 0))
    assert await asyncio.to_thread(begun[0].wait, 20)
    second = asyncio.create_task(comparisons(of("large"), work, 1))
    third = asyncio.create_task(comparisons(of("small"), work, 2))
    assert await asyncio.to_thread(begun[2].wait, 20)
    assert not begun[1].is_set()
    go.set()
    assert await asyncio.gather(first, second, third) == [0, 1, 2]


@pytest.mark.asyncio
async def test_a_large_one_that_nobody_waits_for_has_its_room_until_it_ends(comparisons: Comparing) -> None:
    begun, go, ended = [threading.Event() for _ in range(2)], threading.Event(), threading.Event()

    def work(number: int) -> bool:
        begun[number].set()
        if number == 0:
            assert go.wait(20)
            ended.set()
        return ended.is_set()

    first = asyncio.create_task(comparisons(of("large"), work, 0))
    assert await asyncio.to_thread(begun[0].wait, 20)
    second = asyncio.create_task(comparisons(of("large"), work, 1))
    first.cancel()
    await asyncio.wait([first], timeout=0.05)
    assert not begun[1].is_set()
    go.set()
    assert await second, "the first had ended by then"
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.asyncio
async def test_one_that_fails_leaves_room_for_the_next(comparisons: Comparing) -> None:
    def fails() -> None:
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            await comparisons(of("large"), fails)


@pytest.mark.parametrize(
    ("written", "found"),
    [({"memory.max": "1073741824\n"}, 1 << 30), ({"memory/memory.limit_in_bytes": "536870912"}, 1 << 29), ({"memory.max": "max"}, 0), ({}, 0)],
)  # fmt: skip
def test_memory_is_what_the_container_may_have(tmp_path: Path, written: dict[str, str], found: int) -> None:
    machine = memory.memory(tmp_path / "no groups")
    assert machine > 1 << 30
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert memory.memory(tmp_path) == (found or machine)
