"""How many sandboxes to start, and when starting them gives way to those that run."""

from __future__ import annotations

import pytest

from retort_core.lifecycle.pools import Pool, gives_way, refill


def pool(idle: int, *, starting: int = 0, claimed: int = 0, running: int = 0, target: int = 2) -> Pool:
    return Pool(target=target, capacity=5, idle=idle, starting=starting, claimed=claimed, running=running)


def test_what_was_asked_for_counts() -> None:
    assert refill(pool(1, claimed=1)) == 1
    assert refill(pool(1, starting=1, claimed=1)) == 0


def test_claims_that_wait_are_made_room_for_up_to_the_capacity() -> None:
    assert refill(pool(0, claimed=2), waiting=7) == 3


def test_idle_ones_too_many_are_ended_unless_somebody_waits() -> None:
    assert refill(pool(4)) == -2
    assert refill(pool(4), waiting=1) == 0


@pytest.mark.parametrize(
    ("found", "waiting", "expected"),
    [
        (pool(1, claimed=1, running=1), 0, True),
        (pool(1, claimed=1, running=1), 1, False),  # somebody waits
        (pool(1, claimed=1, running=0), 0, False),  # nobody runs
        (pool(0, claimed=2, running=2), 0, False),  # the next one would wait
        (pool(3, claimed=7, running=7, target=10), 0, False),  # fewer than half are left
        (pool(0, claimed=1, running=1, target=1), 0, False),
    ],
)
def test_starting_gives_way_only_while_half_of_them_are_ready(
    found: Pool, waiting: int, expected: bool
) -> None:
    assert gives_way(found, waiting) is expected
