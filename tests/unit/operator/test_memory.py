"""What is kept in memory: Pods never go back in time, tasks wait in bounded numbers, timers fire once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort_operator.board import PREPARING, Board
from retort_operator.fleet import Fleet
from retort_operator.pods import PodView
from retort_operator.timers import Timers


def pod(version: int, **facts: Any) -> PodView:
    return PodView(**{"name": "p", "uid": "u", "version": str(version), "profile": "default", **facts})


@given(st.permutations(range(1, 7)))
def test_the_newest_version_of_a_pod_wins_in_whatever_order_they_are_told(order: list[int]) -> None:
    fleet = Fleet()
    for version in order:
        fleet.apply(pod(version, node=f"n{version}"))
    found = fleet.get("p")
    assert found is not None
    assert found.node == "n6"


def test_a_pod_that_is_gone_does_not_come_back_by_a_late_answer() -> None:
    fleet = Fleet()
    fleet.apply(pod(1))
    fleet.remove("p", "u")
    assert not fleet.apply(pod(2))
    assert len(fleet) == 0


def test_a_pod_we_asked_to_end_is_not_used_again_whatever_the_watch_says() -> None:
    fleet = Fleet()
    fleet.apply(pod(1, phase="Running", ready=True, ip="10.0.0.1"))
    fleet.leave("p")
    fleet.apply(pod(2, phase="Running", ready=True, ip="10.0.0.1"))
    found = fleet.get("p")
    assert found is not None
    assert not found.usable


def raw(number: int, namespace: str = "a", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "uid": f"{number:08x}-0000-0000-0000-000000000000", "name": f"t{number}", "namespace": namespace,
            "creationTimestamp": "2026-11-20T08:00:00Z", "generation": 1,
        },
        "spec": {"source": {"instruction": {"text": "x"}}, "datasetName": "d", "requester": "me", **spec},
    }  # fmt: skip


def test_a_flood_of_one_project_is_worked_on_in_bounded_numbers_and_holds_up_no_other() -> None:
    board = Board(pending=1000)
    worked = sum(board.note(raw(number)) for number in range(500))
    assert worked == PREPARING
    assert board.waiting == 500 - PREPARING
    assert board.note(raw(1000, "b"))
    entry = next(iter(board.active.values()))
    board.prepared(entry)
    found = board.next("a")
    assert found is not None
    assert found.uid not in board.active
    assert board.note(raw(int(found.name[1:])))


def test_what_is_made_and_deleted_while_it_waits_leaves_nothing_and_the_rest_keeps_its_order() -> None:
    """Regression: 300 bytes each, as long as the project was full."""
    board = Board(pending=1)
    board.note(raw(0))
    kept = [raw(number, priority=number % 3) for number in range(1, 11)]
    for one in kept:
        board.note(one)
    for number in range(100, 5_100):
        board.note(raw(number))
        board.remove(f"{number:08x}" + "0" * 24)
    assert board.waiting == 10
    assert len(board._projects["a"].waiting) < 2_000
    board.remove("0" * 32)
    served = []
    while (found := board.next("a")) is not None:
        served.append(int(found.name[1:]))
    assert served == [2, 5, 8, 1, 4, 7, 10, 3, 6, 9]


def test_a_cancelled_task_need_not_wait_for_its_turn() -> None:
    board = Board(pending=1)
    board.note(raw(1))
    assert not board.note(raw(2))
    assert board.note(raw(2, desiredState="Cancelled"))


@pytest.mark.asyncio
async def test_a_timer_fires_once_at_its_last_setting() -> None:
    fired: list[str] = []
    timers = Timers(fired.append)
    running = asyncio.create_task(timers.run())
    timers.set("later", 60)
    timers.set("x", 60)
    timers.set("x", 0.01)
    timers.within("x", 5)
    timers.set("dropped", 0.02)
    timers.drop("dropped")
    timers.set("y", 0.03)
    async with asyncio.timeout(5):
        while "y" not in fired:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert fired == ["x", "y"]
    assert len(timers) == 1
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
