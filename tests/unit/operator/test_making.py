"""What bounds the making of executors: a pace, how many are asked for at a time, a pause after failures, starts that last."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort_operator.making import AT_ONCE, BURST, FIRST_PAUSE, GIVE_WAY, Making
from retort_operator.starts import OVERDUE

GAP = 0.05


def made(making: Making, count: int, now: float, first: int = 0) -> list[str]:
    """So many answers of the API server came."""
    names = [f"p{first + number}" for number in range(count)]
    for name in names:
        making.answered()
        making.made(name, "t", now)
    return names


def wide(limit: float = 1000.0) -> Making:
    """One that has seen many start at a time."""
    making = Making(GAP)
    making.known("t", ())
    making._starts.limit = limit
    return making


@given(
    st.sampled_from([2.0, 5.0, 1000.0]),
    st.lists(
        st.tuples(
            st.integers(0, 40),
            st.sampled_from([0.0, 0.02, 0.5, 1.0, OVERDUE]),
            st.integers(0, 16),
            st.integers(0, 9),
        ),
        max_size=40,
    ),
)
def test_never_more_at_once_nor_faster_than_allowed(
    limit: float, turns: list[tuple[int, float, int, int]]
) -> None:
    making, now, begun, starting = wide(limit), 100.0, 0, []
    for wanted, passed, answered, ready in turns:
        now += passed
        count, rest = making.begin(wanted, now)
        begun += count
        assert count == 0 or making.flying <= min(AT_ONCE, making._starts.limit)
        assert begun <= (now - 100.0 + BURST) / GAP + 2
        # Who gets less than he wants hears when to come again, or is told by an answer.
        assert count == wanted or rest > 0 or making.flying > 0
        starting += made(making, min(answered, making.flying), now, begun)
        for name in starting[:ready]:
            making.is_ready(name, "node", now)
        starting = starting[ready:]


def test_more_may_begin_with_each_that_is_ready() -> None:
    making = Making(GAP)
    making.known("t", ())
    count, rest = making.begin(9, 100.0)
    assert (count, rest) == (2, 0.0), "the answers will say so"
    names = made(making, count, 100.0)
    assert making.begin(7, 101.0) == (0, OVERDUE - 1.0)
    for name in names:
        making.is_ready(name, "node", 102.0)
    assert making.begin(7, 102.0)[0] == 4


def test_those_that_are_gone_are_waited_for_no_longer() -> None:
    making = Making(GAP)
    making.known("t", ())
    made(making, making.begin(9, 100.0)[0], 100.0)
    making.known("t", {"p1"})
    assert making.begin(9, 101.0)[0] == 1


def test_failures_pause_it_and_what_is_refused_together_does_so_once() -> None:
    making = wide()
    making.refused("no", 10.0)
    making.refused("no", 10.1)
    assert making.begin(1, 10.5) == (0, pytest.approx(FIRST_PAUSE - 0.5))
    making.refused("no", 11.0)
    assert making.begin(1, 11.0) == (0, 2 * FIRST_PAUSE)
    making.works()
    assert not making.problem
    assert making.begin(1, 13.0)[0] == 1


def test_what_is_back_ends_the_pause_of_refusals_and_not_of_pods_that_fail() -> None:
    making = wide()
    making.refused("the API server is away", 10.0)
    making.again()
    assert making.begin(1, 10.0)[0] == 1
    assert making.failed("u1", "ErrImagePull", 20.0)
    assert not making.failed("u1", "ErrImagePull", 20.0), "told of once"
    making.again()
    assert making.begin(1, 20.0)[0] == 0


def test_starts_give_way_for_a_while_from_when_they_are_first_missed() -> None:
    making = wide()
    assert making.patience(5.0) == GIVE_WAY
    assert making.patience(5.4) == pytest.approx(GIVE_WAY - 0.4)
    making.enough()
    assert making.patience(6.0) == GIVE_WAY
