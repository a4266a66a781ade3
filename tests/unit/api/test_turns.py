"""Owners take turns however many of theirs wait; each one's own come in their order, and nobody is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort_api.kit.turns import Turns


@given(st.lists(st.one_of(st.sampled_from("abc"), st.none(), st.integers(0, 9)), max_size=60))
def test_every_one_comes_once_and_in_the_order_of_its_owner(acts: list[str | int | None]) -> None:
    """An owner: one of his begins to wait; None: the next one; a number: that one of those who wait gives up."""
    turns: Turns[tuple[str, int]] = Turns()
    waiting: list[tuple[str, int]] = []
    came: list[tuple[str, int]] = []
    gone = 0
    for number, act in enumerate(acts):
        if isinstance(act, str):
            turns.add(act, (act, number))
            waiting.append((act, number))
        elif isinstance(act, int):
            if act < len(waiting):
                one = waiting.pop(act)
                turns.drop(one[0], one)
                turns.drop(one[0], one)  # again, as whoever gives up twice
                gone += 1
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
    assert len(came) + gone == sum(isinstance(act, str) for act in acts)


@given(st.integers(1, 50), st.integers(0, 50))
def test_who_comes_to_many_of_another_one_waits_for_one_of_them(many: int, served: int) -> None:
    turns: Turns[str] = Turns()
    for _ in range(many):
        turns.add("a", "a")
    for _ in range(min(served, many - 1)):
        assert turns.next() == "a"
    turns.add("b", "b")
    assert "b" in [turns.next(), turns.next()]


def test_who_gives_up_costs_its_owner_no_turn() -> None:
    turns: Turns[str] = Turns()
    for owner, one in (("a", "a1"), ("a", "a2"), ("b", "b1")):
        turns.add(owner, one)
    turns.drop("a", "a1")
    assert [turns.next(), turns.next()] == ["a2", "b1"]


def test_of_nobody_there_is_no_next() -> None:
    with pytest.raises(KeyError):
        Turns[int]().next()
