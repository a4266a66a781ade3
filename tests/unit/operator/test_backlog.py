"""What is shown later: bounded, oldest first, and a namespace that fails waits alone."""

from __future__ import annotations

import math

from retort_operator.backlog import LONGEST, PAUSE, Backlog, Waiting

A, B = ("a", "people"), ("b", "people")


def test_of_each_dataset_the_newest_are_kept_in_mind_each_once() -> None:
    backlog = Backlog(3)
    for seq in (5, 1, 4, 5, 2):
        backlog.add(A, seq)
    backlog.add(B, 3)
    found = backlog.due(0, 100)
    assert found == [Waiting(2, A), Waiting(3, B), Waiting(4, A), Waiting(5, A)]
    backlog.take(found)
    assert (backlog.due(0, 100), backlog.wait(0)) == ([], math.inf)


def test_one_request_finds_all_that_is_due_at_a_time() -> None:
    backlog = Backlog(10)
    for seq in (1, 2, 9, 30):
        backlog.add(A, seq)
    assert [one.seq for one in backlog.due(0, 9)] == [1, 2, 9]
    assert [one.seq for one in backlog.due(0, 8)] == [1, 2]


def test_a_namespace_that_fails_is_left_alone_for_longer_each_time_and_the_others_are_not() -> None:
    backlog = Backlog(3)
    backlog.add(A, 1)
    backlog.add(B, 2)
    at, pauses = 0.0, []
    for _ in range(6):
        assert backlog.park("a", at)
        assert not backlog.park("a", at), "what fails at the same time counts once"
        assert backlog.due(at, 10) == [Waiting(2, B)]
        backlog.take([Waiting(2, B)])
        pauses.append(backlog.wait(at))
        backlog.add(B, 2)
        at += pauses[-1]
        assert backlog.due(at, 10) == [Waiting(1, A), Waiting(2, B)]
        assert backlog.failing("a")
    assert (pauses[0], pauses[-1]) == (PAUSE, LONGEST)
    assert pauses == sorted(pauses)


def test_one_with_nothing_left_to_show_is_well_again() -> None:
    backlog = Backlog(3)
    backlog.add(A, 1)
    backlog.park("a", 0)
    backlog.drop("a")
    assert backlog.due(100, 10) == []
    assert not backlog.failing("a")
