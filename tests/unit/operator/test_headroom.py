"""The last idle executor: who leaves it, and that nobody goes without because of that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort_operator.headroom import PATIENCE, RECENT, SMALLEST, Headroom

TARGET, CAPACITY = 2, 20


def of(*tenants: str) -> Headroom:
    found = Headroom()
    for tenant in tenants:
        found.served(tenant, 0.0)
    return found


def kept(headroom: Headroom, asks: dict[str, int], *, held: int = 1, now: float = 1.0, **pool: int) -> bool:
    return headroom.kept_from(
        "a",
        lambda one: asks.get(one, 0),
        held,
        pool.get("target", TARGET),
        pool.get("capacity", CAPACITY),
        now,
    )


def test_who_asks_for_more_than_the_pool_leaves_the_last_one_to_those_that_do_not() -> None:
    assert kept(of("a", "b"), {"a": TARGET + 1})
    assert kept(of("a", "b"), {"a": TARGET + 1, "b": TARGET})
    assert kept(of("b"), {"a": TARGET + 1}, held=0)


@given(st.integers(0, TARGET), st.integers(0, 50))
def test_who_asks_for_no_more_than_the_pool_leaves_nothing(mine: int, others: int) -> None:
    assert not kept(of("a", "b"), {"a": mine, "b": others})


@pytest.mark.parametrize(
    ("there", "asks", "pool", "now"),
    [
        (("a",), {}, {}, 1.0),  # nobody else
        (("a", "b"), {"b": TARGET + 1}, {}, 1.0),  # only others that ask for as much
        (("a", "b"), {}, {}, RECENT),  # nobody of late
        (("a", "b"), {}, {"capacity": SMALLEST - 1}, 1.0),
        (("a", "b"), {}, {"target": 0}, 1.0),
    ],
)
def test_nothing_is_left_where_that_helps_nobody(
    there: tuple[str, ...], asks: dict[str, int], pool: dict[str, int], now: float
) -> None:
    assert not kept(of(*there), {"a": 100, **asks}, now=now, **pool)


@given(st.lists(st.floats(0.01, 5.0), min_size=1, max_size=50))
def test_who_holds_nothing_waits_for_a_while_and_no_longer(steps: list[float]) -> None:
    """Others of the pool may never come to be ready: a node that is full, an image that is not there."""
    headroom, now = of("a", "b"), 0.0
    since: float | None = None
    for step in steps:
        now += step
        if kept(headroom, {"a": 100}, held=0, now=now):
            since = since if since is not None else now
            assert now - since < PATIENCE
        else:
            headroom.served("a", now)
            since = None


def test_a_wait_that_is_over_does_not_count_for_the_next_one() -> None:
    headroom = of("a", "b")
    assert kept(headroom, {"a": 100}, held=0, now=1.0)
    assert not kept(headroom, {"a": 1}, held=0, now=2.0)
    assert kept(headroom, {"a": 100}, held=0, now=2.0 + PATIENCE)
