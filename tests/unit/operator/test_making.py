"""What bounds the making of executors: a pace, how many are asked for at a time, a pause after failures, starts that last."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort_operator.making import AT_ONCE, BURST, FIRST_PAUSE, GIVE_WAY, Making
from retort_operator.starts import ENOUGH, OVERDUE

GAP = 0.05
NAMES = iter(range(10**9))


def wide(limit: float = 1000.0) -> Making:
    """One that has seen many start at a time."""
    making = Making(GAP)
    making.known("t", ())
    making._starts.limit, making._starts._measured = limit, 1e9
    making._starts._samples.extend([2.0] * ENOUGH)
    return making


def asked(making: Making, wanted: int, now: float) -> list[str]:
    """Those that are asked for."""
    names = [f"p{next(NAMES)}" for _ in range(making.begin(wanted, now)[0])]
    for name in names:
        making.asked(name, now)
    return names


def is_ready(making: Making, name: str, begun: float, now: float) -> None:
    making.seen(name, begun, usable=False)
    making.seen(name, now, usable=True)


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
    making, now, begun = wide(limit), 100.0, 0
    flying: list[str] = []
    starting: list[str] = []
    for wanted, passed, answered, ready in turns:
        now += passed
        count, rest = making.begin(wanted, now)
        for _ in range(count):
            flying.append(f"p{next(NAMES)}")
            making.asked(flying[-1], now)
        begun += count
        assert len(making.flying) == len(flying) <= AT_ONCE
        young = [one for one in making._starts._under_way.values() if now - one.asked < OVERDUE]
        assert count == 0 or len(young) <= making._starts.limit
        assert begun <= (now - 100.0 + BURST) / GAP + 2
        # Who gets less than he wants hears when to come again, or is told by an answer.
        assert count == wanted or rest > 0 or flying
        for name in flying[:answered]:
            making.answered(name, made=True)
        starting += flying[:answered]
        flying = flying[answered:]
        for name in starting[:ready]:
            is_ready(making, name, now, now)
        starting = starting[ready:]


def test_more_may_begin_with_each_that_is_ready() -> None:
    making = wide(limit=1.0)
    (first,) = asked(making, 9, 100.0)
    assert making.begin(8, 101.0) == (0, OVERDUE - 1.0)
    is_ready(making, first, 100.0, 102.0)
    for name in asked(making, 8, 102.0):
        is_ready(making, name, 102.0, 104.0)
    assert making.begin(6, 104.0)[0] == 4


def test_nothing_is_learned_from_those_that_are_ready_while_nobody_wants_more() -> None:
    making = Making(GAP)
    making.known("t", ())
    for say in (lambda: making.enough(100.0), lambda: making.patience(100.0), lambda: making.begin(1, 100.0)):
        making.begin(9, 100.0)
        say()
        assert not making._starts._bound
    making.refused("no", 100.0)
    making._starts._bound = True
    making.begin(9, 100.5)
    assert not making._starts._bound


def test_those_that_are_gone_are_waited_for_no_longer() -> None:
    making = wide(limit=2.0)
    making._starts.want(100.0, more=True)
    first, second = asked(making, 9, 100.0)
    making.answered(first, made=True)
    making.known("t", ())
    assert making.begin(9, 101.0)[0] == 1, "the second is asked for still"
    making.answered(second, made=False)
    assert making.begin(9, 101.0)[0] == 2


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
    making.enough(5.5)
    assert making.patience(6.0) == GIVE_WAY
