"""Owners take turns however many of theirs wait; each one's own come in their order, and nobody is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort_api.kit.turns import Turns


@given(st.lists(st.one_of(st.sampled_from("abc"), st.none()), max_size=60))
def test_every_one_comes_once_and_in_the_order_of_its_owner(acts: list[str | None]) -> None:
    """An owner: one of his begins to wait; None: the next one."""
    turns: Turns[tuple[str, int]] = Turns()
    waiting: list[tuple[str, int]] = []
    came: list[tuple[str, int]] = []
    for number, owner in enumerate(acts):
        if owner is not None:
            turns.add(owner, (owner, number))
            waiting.append((owner, number))
        elif waiting:
            came.append(turns.next())
            waiting.remove(came[-1])
        assert sorted(turns) == sorted(waiting)
        assert bool(turns) == bool(waiting)
    while turns:
        came.append(turns.next())
    for owner in "abc":
        own = [number for one, number in came if one == owner]
        assert own == sorted(own)
    assert len(came) == sum(owner is not None for owner in acts)


@given(st.integers(1, 50), st.integers(0, 50))
def test_who_comes_to_many_of_another_one_waits_for_one_of_them(many: int, served: int) -> None:
    turns: Turns[str] = Turns()
    for _ in range(many):
        turns.add("a", "a")
    for _ in range(min(served, many - 1)):
        assert turns.next() == "a"
    turns.add("b", "b")
    assert "b" in [turns.next(), turns.next()]


def test_of_nobody_there_is_no_next() -> None:
    with pytest.raises(KeyError):
        Turns[int]().next()
