"""How many executors start at a time: few on a small node, without a setting many on many."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

import pytest

from retort_operator.starts import ENOUGH, LOWEST, MEASURED, OVERDUE, RESTED, SLACK, TOLERATED, Starts

WORK = 2.0  # seconds of a processor that a start costs
ALONE = 1.4  # seconds it takes on a quiet node, where some of it runs beside the rest
TICK = 0.05
LATE = 0.3


@dataclass
class _Start:
    node: int
    late: float  # seconds after which the node tells that it is ready
    left: float = WORK  # seconds of a processor


@dataclass
class Nodes:
    """So many processors each, of some speed, shared by those that start on them."""

    cores: float
    speeds: list[float] = field(default_factory=lambda: [1.0])
    starts: Starts = field(default_factory=Starts)
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    now: float = 0.0
    starting: dict[str, _Start] = field(default_factory=dict)
    ready: int = 0
    most: int = 0
    made: int = 0

    def run(self, seconds: float, wanted: int = 10**6) -> Nodes:
        """Keeps as many starting as it may, until so many are ready."""
        self.ready = self.most = 0
        end = self.now + seconds
        while self.now < end and self.ready < wanted:
            missing = wanted - self.ready - len(self.starting)
            room = self.starts.room(self.now)
            self.starts.want(self.now, more=room < missing)
            for _ in range(min(room, missing)):
                self._begin()
            self.most = max(self.most, len(self.starting))
            self._pass()
        return self

    @property
    def share(self) -> float:
        """Of all processors, what the ready ones took in a run of 300 s."""
        return self.ready * WORK / (300 * self.cores * sum(self.speeds))

    def _begin(self) -> None:
        name = f"executor-{self.made}"
        self.starts.asked(name, self.now)
        self.starts.placed(name, self.now)
        self.starting[name] = _Start(self.made % len(self.speeds), self.chance.uniform(0, LATE))
        self.made += 1

    def _pass(self) -> None:
        self.now += TICK
        for node, speed in enumerate(self.speeds):
            here = {name: one for name, one in self.starting.items() if one.node == node}
            share = speed * min(WORK / ALONE, self.cores / max(1, len(here)))
            for name, one in here.items():
                one.left -= share * TICK
                one.late -= TICK if one.left <= 0 else 0
                if one.late <= 0:
                    del self.starting[name]
                    self.ready += 1
                    self.starts.ready(name, self.now)


def test_few_start_on_two_processors_however_many_are_wanted() -> None:
    nodes = Nodes(cores=2).run(300)
    assert nodes.most <= 8
    assert nodes.share >= 0.75, "none of the two is idle for it"


def test_nor_more_of_them_after_hours() -> None:
    nodes = Nodes(cores=2).run(6 * MEASURED)
    nodes.run(300)
    assert nodes.most <= 8


@pytest.mark.parametrize("seed", range(6))
def test_two_hundred_start_on_many_processors_nearly_as_soon_as_all_at_once(seed: int) -> None:
    assert Nodes(cores=200, chance=random.Random(seed)).run(60, wanted=200).now <= 18


@pytest.mark.parametrize(
    ("speeds", "seconds"), [([2.0] + 9 * [1.0], 20), ([1.0] + 9 * [2.0], 20), ([0.5, 1.0, 1.5, 2.0], 60)]
)
def test_nodes_may_differ(speeds: list[float], seconds: float) -> None:
    """One node in ten that is twice as fast would make every other one look busy; one four times as fast as another does so for
    a while."""
    assert Nodes(cores=64, speeds=speeds).run(2 * seconds, wanted=200).now <= seconds


@pytest.mark.parametrize("seed", range(10))
def test_few_start_on_what_is_left_of_many_processors(seed: int) -> None:
    """Of ten seeds 80 to 156 at the most; where a start is called slow later (a quarter, 0.4 s) 90 to 171."""
    nodes = Nodes(cores=100, chance=random.Random(seed)).run(60)
    nodes.cores = 10
    assert nodes.run(300).most <= 160, "those that take long do not make room for as many again"
    nodes.run(300)
    assert nodes.most <= 40
    assert nodes.share >= 0.75


def test_nodes_that_are_slower_from_now_on_are_not_busy_with_starts() -> None:
    """By day, say, when runs use them."""
    nodes = Nodes(cores=64, speeds=20 * [1.0]).run(20)
    nodes.speeds = 20 * [0.5]
    nodes.run(100)
    assert nodes.run(20).ready >= 500


def test_a_small_node_that_comes_to_large_ones_gets_no_more_for_being_new() -> None:
    nodes = Nodes(cores=64).run(20)
    nodes.cores = 2
    nodes.run(300)
    assert nodes.run(300).most <= 8


def test_starts_apart_from_each_other_say_nothing_about_many_at_once() -> None:
    starts = measured(10.0)
    for number in range(50):
        one(starts, str(number), 10.0 * number, 2.0)
    assert starts.limit == 10.0


def one(starts: Starts, name: str, at: float, took: float) -> None:
    starts.asked(name, at)
    starts.placed(name, at)
    starts.ready(name, at + took)


def measured(limit: float, took: float = 2.0) -> Starts:
    starts = Starts(limit=limit)
    for _ in range(ENOUGH):
        one(starts, "first", 0.0, took)
    return starts


def many(starts: Starts, count: int, at: float) -> None:
    for number in range(count):
        starts.asked(str(number), at)
        starts.placed(str(number), at)


def test_those_that_were_under_way_together_say_one_thing_the_slowest_of_them() -> None:
    starts = measured(100.0)
    many(starts, 20, 10.0)
    for number in range(20):
        starts.ready(str(number), 13.0 if number < 10 else 10.0 + 4 * TOLERATED)
    assert starts.limit == 50


def test_what_a_node_tells_late_is_no_slowness() -> None:
    starts = measured(100.0, took=0.5)
    many(starts, 20, 10.0)
    for number in range(20):
        starts.ready(str(number), 10.45 + SLACK)
    assert starts.limit == 100


def test_waiting_for_a_node_is_no_slowness() -> None:
    starts = measured(100.0)
    for number in range(20):
        starts.asked(str(number), 10.0)
    for number in range(20):
        starts.placed(str(number), 70.0)
        starts.placed(str(number), 71.0)
        starts.ready(str(number), 72.0)
    assert starts.limit == 100


def test_an_old_measure_is_taken_anew() -> None:
    starts = measured(100.0)
    starts.want(1.0 + MEASURED, more=True)
    assert starts.room(2.0 + MEASURED) == 100
    late = 3.0 + MEASURED
    assert starts.room(late) == LOWEST
    starts.want(late, more=False)
    one(starts, "again", late, 2.0)
    assert starts.room(late + 2.0) == 100


def test_after_a_rest_it_begins_with_few_again() -> None:
    """Regression: six at once, as many as the filling of a pool had come to, took nineteen seconds beside the runs of a flood."""
    starts = measured(10.0)
    starts.want(5.0, more=True)
    assert starts.room(5.0 + RESTED) == 10
    assert starts.room(5.1 + RESTED) == LOWEST
    starts.want(5.2 + RESTED, more=True)
    one(starts, "ready", 5.2 + RESTED, 2.0)
    assert starts.limit == LOWEST + 1


def test_what_nodes_bear_is_known_once_starts_slowed_each_other_and_for_longer() -> None:
    starts = measured(20.0)
    assert starts.bearable == math.inf
    many(starts, 20, 10.0)
    for number in range(20):
        starts.ready(str(number), 10.0 + 4 * TOLERATED)
    assert starts.bearable == starts.limit == 10
    assert starts.room(100.0) == LOWEST
    assert starts.bearable == 10
    many(starts, 20, 200.0)
    for number in range(20):
        starts.ready(str(number), 230.0)
    assert starts.bearable == LOWEST


def test_those_that_wait_for_something_else_stop_nobody() -> None:
    """An image that does not come, a node that is full: the ones after them may do better."""
    starts = Starts()
    many(starts, 2, 0.0)
    assert starts.room(1.0) == 0
    assert starts.soonest(1.0) == OVERDUE - 1.0
    assert starts.room(OVERDUE) == LOWEST
    assert starts.soonest(OVERDUE) == 0.0
    one(starts, "luckier", OVERDUE, 2.0)
    assert starts.room(OVERDUE + 2.0) == LOWEST


def test_of_many_they_keep_their_places() -> None:
    starts = measured(10.0)
    many(starts, 6, 5.0)
    late = 5.0 + OVERDUE
    for number in range(6, 10):
        starts.asked(str(number), late)
    starts.want(late, more=True)
    assert starts.room(late) == 0
    starts.only({str(number) for number in range(1, 10)})
    assert starts.room(late) == 1
    starts.drop("9")
    assert starts.room(late) == 2
