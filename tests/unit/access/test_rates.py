"""Who asks too often is told when to come again, and is welcome then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort_api.access.rates import LEAST, Rate
from retort_core.errors import TooMany


class Clock:
    at = 0.0

    def __call__(self) -> float:
        return self.at


@given(per_minute=st.integers(1, 5000), gaps=st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_no_name_gets_more_than_its_rate_and_its_burst(per_minute: int, gaps: list[float]) -> None:
    clock = Clock()
    rate, passed = Rate(per_minute, clock), 0
    for gap in gaps:
        clock.at += gap
        if rate.wait("a") == 0:
            rate.take("a")
            passed += 1
    assert 1 <= passed <= per_minute / 60 * (clock.at + 6) + LEAST + 1


def test_a_few_at_once_are_welcome_however_low_the_rate() -> None:
    rate = Rate(1, Clock())
    for _ in range(LEAST):
        rate.take("a")
    assert rate.wait("a") > 0


def test_who_comes_back_when_told_is_welcome() -> None:
    clock = Clock()
    rate = Rate(60, clock)
    for _ in range(6):
        rate.take("a")
    with pytest.raises(TooMany) as refused:
        rate.take("a")
    rate.take("b")
    clock.at += refused.value.details["retry_after"]
    rate.take("a")


def test_names_are_forgotten_not_collected(monkeypatch) -> None:
    monkeypatch.setattr("retort_api.access.rates.NAMES", 100)
    rate = Rate(60)
    for number in range(1000):
        rate.take(str(number))
    assert len(rate._used) == 100


def test_no_rate_is_no_limit() -> None:
    rate = Rate(0)
    for _ in range(10_000):
        rate.take("a")
