"""Pauses grow, end growing, and can be asked for however often something failed."""

from __future__ import annotations

import pytest

from retort_operator.pauses import growing


def test_each_is_twice_the_one_before_up_to_the_longest() -> None:
    assert [growing(0.5, times, 5.0) for times in range(1, 6)] == [0.5, 1.0, 2.0, 4.0, 5.0]


@pytest.mark.parametrize("times", [1_000, 10**9])
def test_regression_after_a_thousand_failures_no_float_held_the_power(times: int) -> None:
    assert growing(1.0, times, 60.0) == 60.0
