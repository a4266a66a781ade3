"""The last idle executor: who leaves it to whom, and that nobody goes without because of that."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retort_operator.headroom import CLEARLY, FADES, MUCH, MUCH_OF_ANY, PATIENCE, RECENT, SMALLEST, Headroom

TARGET, CAPACITY = 2, 20
MANY = 100


def of(**served: int) -> Headroom:
    """Who got how many executors at second 0."""
    found = Headroom()
    for tenant, count in served.items():
        for _ in range(count):
            found.served(tenant, 0.0)
    return found


def kept(
    headroom: Headroom,
    wanted: dict[str, int],
    held: dict[str, int] | None = None,
    *,
    now: float = 0.1,
    **pool: int,
) -> bool:
    has = held if held is not None else {"a": TARGET + 1}
    return headroom.kept_from(
        "a", lambda one: has.get(one, 0), lambda one: wanted.get(one, 0),
        pool.get("target", TARGET), pool.get("capacity", CAPACITY), now,
    )  # fmt: skip


def test_who_uses_more_than_the_pool_holds_leaves_the_last_one_to_those_that_use_less() -> None:
    assert kept(of(a=5, b=1), {"a": MANY}, {"a": 1})
    assert kept(of(a=5, b=1), {"a": MANY, "b": TARGET}, {"a": 1})
    assert kept(of(a=6, b=1), {"a": MANY}, {})


def test_also_long_after_it_took_those_that_it_has() -> None:
    assert kept(of(a=4, b=1), {"a": MANY}, {"a": TARGET + 1}, now=20 * FADES)


@given(st.integers(SMALLEST, CAPACITY), st.integers(0, CAPACITY))
def test_of_a_pool_that_holds_many_one_is_left_from_the_first_burst_on(target: int, held: int) -> None:
    """Regression: another one's task waited for a start, after the first burst of three hundred took all twenty."""
    found = kept(of(a=0, b=1), {"a": 1}, {"a": held}, target=target)
    assert found is (held >= min(target - 1, MUCH_OF_ANY + 1))


def test_of_a_pool_that_nodes_make_up_for_slowly_one_is_left() -> None:
    """Regression: a pool that was to hold twenty never held one beside a flood on two cores, and nobody had taken forty."""
    assert kept(of(a=MUCH_OF_ANY + 1, b=1), {"a": MANY}, {"a": 1}, target=20)
    assert not kept(of(a=MUCH_OF_ANY - 2, b=1), {"a": 2 * 20}, {"a": 1}, target=20)


def test_who_asks_for_much_leaves_one_however_slowly_executors_come() -> None:
    """Regression: on slow nodes nobody took eight in ten seconds, and beside hundreds of waiting tasks none was left."""
    assert kept(of(a=4, b=1), {"a": 2 * 20 + 1}, {"a": 1}, target=20)
    assert not kept(of(a=4, b=1), {"a": 2 * 20}, {"a": 1}, target=20)


@given(st.integers(0, TARGET), st.integers(0, TARGET), st.integers(0, MUCH * TARGET))
def test_who_uses_no_more_than_the_pool_holds_leaves_nothing(took: int, held: int, wanted: int) -> None:
    assert not kept(of(a=took, b=1), {"a": wanted}, {"a": held}, now=0.1)


@pytest.mark.parametrize(
    ("there", "wanted", "pool", "now"),
    [
        ({"a": 9}, {}, {}, 1.0),  # nobody else
        ({"a": 9, "b": 1}, {"b": TARGET + 1}, {}, 1.0),  # only others that ask for as much
        ({"a": 9, "b": 1}, {}, {}, RECENT),  # nobody of late
        ({"a": 9, "b": 1}, {}, {"capacity": SMALLEST - 1}, 1.0),
        ({"a": 9, "b": 1}, {}, {"target": 0}, 1.0),
    ],
)
def test_nothing_is_left_where_that_helps_nobody(
    there: dict[str, int], wanted: dict[str, int], pool: dict[str, int], now: float
) -> None:
    assert not kept(of(**there), {"a": MANY, **wanted}, now=now, **pool)


@given(st.lists(st.integers(0, 3), min_size=200, max_size=200), st.booleans())
@example([1] * 200, False)  # all of it is the last one
def test_who_asks_for_little_again_and_again_does_not_take_all_there_is(idle: list[int], third: bool) -> None:
    """Regression: two lanes of one project took nearly every executor, and three of another one waited for 30 s. With or
    without a third one, quiet by now, that one is left to."""
    headroom, now, served = of(a=1, b=1, quiet=int(third)), 0.0, {"a": 0, "b": 0}
    for free in idle:
        now += 1.0
        for left in range(free, 0, -1):
            first, then = sorted("ab", key=served.__getitem__)
            for one in (first, then):
                asked = {"a": MANY, "b": 1}
                if left > 1 or not headroom.kept_from(
                    one, lambda _: 0, lambda who, asked=asked: asked.get(who, 0), TARGET, CAPACITY, now
                ):  # fmt: skip
                    headroom.served(one, now)
                    served[one] += 1
                    break
    assert abs(served["a"] - served["b"]) <= CLEARLY * FADES


@given(st.lists(st.floats(0.01, 5.0), min_size=1, max_size=50))
def test_who_holds_nothing_waits_for_a_while_and_no_longer(steps: list[float]) -> None:
    """Others of the pool may never come to be ready: a node that is full, an image that is not there."""
    headroom, now, last = of(a=MANY, b=1), 0.0, 0.0
    for step in steps:
        now += step
        if kept(headroom, {"a": MANY}, {}, now=now):
            assert now - last < PATIENCE
        else:
            headroom.served("a", now)
            last = now


def test_a_wait_begins_anew_with_each_executor() -> None:
    headroom = of(a=MANY, b=1)
    before = PATIENCE - 0.01
    assert kept(headroom, {"a": MANY}, {}, now=before)
    assert not kept(headroom, {"a": MANY}, {}, now=PATIENCE)
    headroom.served("a", before)
    assert kept(headroom, {"a": MANY}, {}, now=before + PATIENCE - 0.01)
