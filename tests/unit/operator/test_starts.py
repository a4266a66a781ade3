"""How many executors start at a time: few on a small node, without a setting many on many."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from retort_operator.starts import LOWEST, OVERDUE, Starts

WORK = 2.0  # seconds of a processor that a start costs
ALONE = 1.4  # seconds it takes on a quiet node, where some of it runs beside the rest
TICK = 0.05


@dataclass
class Nodes:
    """Processors that are shared by all that start on them, and that show who is ready once a second."""

    cores: float
    starts: Starts = field(default_factory=Starts)
    now: float = 0.0
    left: dict[str, float] = field(default_factory=dict)  # seconds of a processor
    since: dict[str, float] = field(default_factory=dict)
    ready: int = 0
    most: int = 0
    made: int = 0

    def run(self, seconds: float, wanted: int = 10**6) -> Nodes:
        """Keeps as many starting as it may, until so many are ready."""
        end = self.now + seconds
        while self.now < end and self.ready < wanted:
            for _ in range(self.starts.room(wanted - self.ready - len(self.left), 0, self.now)):
                self.made += 1
                name = f"executor-{self.made}"
                self.starts.begin(name, self.now)
                self.left[name], self.since[name] = WORK, self.now
            self.most = max(self.most, len(self.left))
            self._pass()
        return self

    def _pass(self) -> None:
        self.now += TICK
        share = min(WORK / ALONE, self.cores / max(1, len(self.left)))
        for name in list(self.left):
            self.left[name] -= share * TICK
            age = self.now - self.since[name]
            if self.left[name] <= 0 and age % 1.0 < TICK:
                del self.left[name]
                self.ready += 1
                self.starts.ready(name, self.now)


def test_few_start_on_two_processors_however_many_are_wanted() -> None:
    nodes = Nodes(cores=2).run(600)
    assert nodes.most <= 6
    # None of the two is idle for it.
    assert nodes.ready >= 0.75 * 600 * 2 / WORK


def test_two_hundred_start_on_many_processors_nearly_as_soon_as_all_at_once() -> None:
    assert Nodes(cores=200).run(60, wanted=200).now <= 16


def test_a_slower_node_is_not_taken_for_a_busy_one_for_ever() -> None:
    nodes = Nodes(cores=100).run(60)
    nodes.cores = 10
    nodes.run(300)
    before = nodes.ready
    nodes.run(300)
    assert nodes.ready - before >= 0.75 * 300 * 10 / WORK


def test_starts_apart_from_each_other_say_nothing_about_many_at_once() -> None:
    starts = Starts(limit=10.0)
    for number in range(50):
        assert starts.room(1, 0, 10.0 * number) == 1
        starts.begin(str(number), 10.0 * number)
        starts.ready(str(number), 10.0 * number + 2)
    assert starts.limit == 10.0


def test_those_that_wait_for_something_else_stop_nobody() -> None:
    """An image that does not come, a node that is full: the ones after them may do better."""
    starts = Starts()
    starts.begin("one", 0.0)
    starts.begin("two", 0.0)
    assert starts.room(9, 0, 1.0) == 0
    assert starts.soonest(1.0) == OVERDUE - 1.0
    assert starts.room(9, 0, OVERDUE + 1) == LOWEST
    assert starts.room(9, 1, OVERDUE + 1) == LOWEST - 1


@pytest.mark.parametrize("gone", [{"one"}, {"one", "two"}])
def test_those_that_are_gone_make_room(gone: set[str]) -> None:
    starts = Starts()
    starts.begin("one", 0.0)
    starts.begin("two", 0.0)
    starts.only({"one", "two"} - gone)
    assert starts.room(9, 0, 1.0) == len(gone)
    starts.ready("one", 1.0)  # too late to say anything
