"""Where nodes bear few runs that begin at a time, a project's own wait for each other and for nobody else's."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from retort_operator.beginnings import YOUNG, Beginnings


def of(**begun: str) -> Beginnings:
    """Executor -> project, all at second 0."""
    found = Beginnings()
    for pod, tenant in begun.items():
        found.begun(pod, tenant, 0.0)
    return found


def test_no_more_of_a_project_than_are_borne() -> None:
    assert of(x="a").may("a", 2)
    assert not of(x="a", y="a").may("a", 2)
    assert not of(x="a", y="b").may("a", 2)


@given(st.integers(0, 50), st.floats(0, 50))
def test_who_has_none_among_them_waits_for_nobody(others: int, bearable: float) -> None:
    assert of(**{f"x{number}": "a" for number in range(others)}).may("b", bearable)


@given(st.integers(0, 500))
def test_nobody_waits_where_starts_never_slowed_each_other(begun: int) -> None:
    assert of(**{f"x{number}": "a" for number in range(begun)}).may("a", math.inf)


def test_what_is_over_or_goes_on_for_longer_is_not_waited_for() -> None:
    found = of(x="a", y="a")
    found.only({"x"}, 0.5)
    assert found.may("a", 2)
    assert found.soonest(0.5) == YOUNG - 0.5
    found.only({"x"}, YOUNG)
    assert found.soonest(YOUNG) == math.inf
