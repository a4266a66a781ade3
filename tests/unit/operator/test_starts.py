"""How many executors start at a time: few on a small node, without a setting many on many."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from retort_operator.starts import HALVES, LOWEST, OVERDUE, Starts

WORK = 2.0  # seconds of a processor that a start costs
ALONE = 1.4  # seconds it takes on a quiet node, where some of it runs beside the rest
TICK = 0.05


@dataclass
class _Start:
    node: int
    left: float  # seconds of a processor
    asked_at: float  # within each second, when the node asks whether it is ready


@dataclass
class Nodes:
    """Each of so many processors of some speed, shared by those that start on it; who is ready shows once a second."""

    cores: float
    speeds: Sequence[float] = (1.0,)
    starts: Starts = field(default_factory=Starts)
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    now: float = 0.0
    starting: dict[str, _Start] = field(default_factory=dict)
    ready: int = 0
    most: int = 0
    made: int = 0

    def run(self, seconds: float, wanted: int = 10**6) -> Nodes:
        """Keeps as many starting as it may, until so many are ready."""
        end = self.now + seconds
        while self.now < end and self.ready < wanted:
            missing = wanted - self.ready - len(self.starting)
            room = self.starts.room(self.now)
            self.starts.bound = room < missing
            for _ in range(min(room, missing)):
                self._begin()
            self.most = max(self.most, len(self.starting))
            self._pass()
        return self

    def _begin(self) -> None:
        name = f"executor-{self.made}"
        self.starts.begin(name, self.now)
        self.starting[name] = _Start(self.made % len(self.speeds), WORK, self.chance.random())
        self.made += 1

    def _pass(self) -> None:
        before, self.now = self.now, self.now + TICK
        for node, speed in enumerate(self.speeds):
            here = {name: one for name, one in self.starting.items() if one.node == node}
            share = speed * min(WORK / ALONE, self.cores / max(1, len(here)))
            for name, one in here.items():
                one.left -= share * TICK
                asked = int(before + one.asked_at) != int(self.now + one.asked_at)
                if one.left <= 0 and asked:
                    del self.starting[name]
                    self.ready += 1
                    self.starts.ready(name, str(node), self.now)


def test_few_start_on_two_processors_however_many_are_wanted() -> None:
    nodes = Nodes(cores=2).run(600)
    assert nodes.most <= 7
    # None of the two is idle for it.
    assert nodes.ready >= 0.75 * 600 * 2 / WORK


def test_two_hundred_start_on_many_processors_nearly_as_soon_as_all_at_once() -> None:
    assert Nodes(cores=200).run(60, wanted=200).now <= 20


@pytest.mark.parametrize("speeds", [(2.0, *[1.0] * 9), (1.0, *[2.0] * 9), (0.5, 1.0, 1.5, 2.0)])
def test_nodes_of_different_speed_are_each_their_own_measure(speeds: tuple[float, ...]) -> None:
    """One node in ten that is twice as fast would make every other one look busy."""
    assert Nodes(cores=64, speeds=speeds).run(60, wanted=200).now <= 30


def test_few_start_on_what_is_left_of_many_processors() -> None:
    nodes = Nodes(cores=100).run(60)
    nodes.cores, nodes.most = 10, 0
    nodes.run(300)
    assert nodes.most <= 150, "those that take long do not make room for as many again"
    before, nodes.most = nodes.ready, 0
    nodes.run(300)
    assert nodes.most <= 40
    assert nodes.ready - before >= 0.75 * 300 * 10 / WORK


def test_a_node_that_is_slower_for_good_is_not_taken_for_a_busy_one_for_ever() -> None:
    starts = Starts()
    now = 0.0
    for took in (1.0, *[3.0] * 200):
        starts.bound = True
        starts.begin("one", now)
        starts.ready("one", "node", now + took)
        now += 600.0
    assert now > HALVES
    assert starts.limit > 50


def test_starts_apart_from_each_other_say_nothing_about_many_at_once() -> None:
    starts = Starts(limit=10.0)
    for number in range(50):
        starts.begin(str(number), 10.0 * number)
        starts.ready(str(number), "node", 10.0 * number + 2)
    assert starts.limit == 10.0


def test_those_that_were_slow_together_are_slow_of_one_thing() -> None:
    """Twenty on new nodes that had to fetch the image would leave two of a hundred."""
    starts = Starts(limit=100.0)
    starts.begin("first", 0.0)
    starts.ready("first", "node", 2.0)
    for number in range(20):
        starts.begin(str(number), 10.0)
    for number in range(20):
        starts.ready(str(number), "node", 16.0)
    assert starts.limit == pytest.approx(50, abs=0.1)


def test_those_that_wait_for_something_else_stop_nobody() -> None:
    """An image that does not come, a node that is full: the ones after them may do better."""
    starts = Starts()
    starts.begin("one", 0.0)
    starts.begin("two", 0.0)
    assert starts.room(1.0) == 0
    assert starts.soonest(1.0) == OVERDUE - 1.0
    assert starts.room(OVERDUE) == LOWEST
    assert starts.soonest(OVERDUE) == 0.0


def test_of_many_they_keep_their_places() -> None:
    starts = Starts(limit=10.0)
    for number in range(10):
        starts.begin(str(number), 0.0 if number < 6 else OVERDUE)
    assert starts.room(OVERDUE) == 0
    starts.only({str(number) for number in range(9)})
    assert starts.room(OVERDUE) == 1


@pytest.mark.parametrize("gone", [{"one"}, {"one", "two"}])
def test_those_that_are_gone_make_room(gone: set[str]) -> None:
    starts = Starts()
    starts.begin("one", 0.0)
    starts.begin("two", 0.0)
    starts.only({"one", "two"} - gone)
    assert starts.room(1.0) == len(gone)
    starts.ready("one", "node", 1.0)  # too late to say anything
