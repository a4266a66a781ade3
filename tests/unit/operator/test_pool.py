"""Making and ending idle executors: what slows the making down, who is given up, and what a deleted profile leaves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from retort_operator import pool
from retort_operator.fleet import Fleet
from retort_operator.making import LONGEST_PAUSE
from retort_operator.metrics import Metrics
from retort_operator.pods import Maker, PodView
from retort_operator.pool import START_SECONDS, Pools
from retort_operator.profiles import Profiles

NAMES = iter(range(10**9))


@dataclass
class Clock:
    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now


@dataclass
class Claiming:
    """Stands for the claims."""

    flying: set[str] = field(default_factory=set)

    def busy(self, pod: str) -> bool:
        return pod in self.flying

    def demand(self, _: str) -> int:
        return 0


@dataclass
class Bench:
    clock: Clock = field(default_factory=Clock)
    claims: Claiming = field(default_factory=Claiming)
    fleet: Fleet = field(default_factory=Fleet)
    profiles: Profiles = field(default_factory=Profiles)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.profile()
        self.ended: list[str] = []
        self.made: list[str] = []
        maker = Maker(namespace="executors", secret=b"k" * 32)
        cluster: Any = self
        claims: Any = self.claims
        self.pools = Pools(cluster, self.fleet, self.profiles, claims, maker, self.metrics, 20)

    async def delete(self, resource: object, namespace: str, name: str, uid: str) -> None:
        self.ended.append(name)

    async def create(self, resource: object, namespace: str, body: dict[str, Any]) -> dict[str, Any]:
        self.made.append(body["metadata"]["name"])
        metadata = {**body["metadata"], "uid": f"u{next(NAMES)}", "resourceVersion": "1"}
        return {**body, "metadata": metadata, "status": {"phase": "Pending"}}

    def is_ready(self, name: str) -> None:
        """Two seconds after it was seen on its node."""
        pod = self.fleet.get(name)
        assert pod is not None
        if pod.usable:
            return
        self.pools.observe(replace(pod, node="n1"))
        self.clock.now += 2.0
        ready = replace(pod, version="2", phase="Running", ready=True, ip="10.1.0.1", node="n1")
        self.fleet.apply(ready)
        self.pools.observe(ready)
        self.clock.now -= 2.0
        self.pools.look("default")

    def profile(self, image: str = "one", replicas: int = 0, capacity: int = 9) -> str:
        """Its template."""
        spec = {"image": f"{image}@sha256:{'0' * 64}", "replicas": replicas, "capacity": capacity}
        assert self.profiles.apply({"metadata": {"name": "default", "uid": "u"}, "spec": spec})
        found = self.profiles.get("default")
        assert found is not None
        return found.template

    def pod(self, **facts: Any) -> PodView:
        number = next(NAMES)
        profile = self.profiles.get("default")
        known = {"template": profile.template if profile is not None else "old", "profile": "default"}
        return PodView(**{"name": f"p{number}", "uid": f"u{number}", "version": "1", **known, **facts})

    def running(self, **facts: Any) -> PodView:
        return self.pod(**{"phase": "Running", "ready": True, "ip": "10.1.0.1", **facts})

    @property
    def pause(self) -> float:
        making = self.pools._making.get("default")
        return making.until - self.clock.now if making is not None else 0.0


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    found = Bench()
    monkeypatch.setattr(pool, "time", SimpleNamespace(monotonic=found.clock.monotonic))
    return found


def test_the_pause_between_failing_starts_grows_to_a_minute_and_stays_there(bench: Bench) -> None:
    """Regression: from the 1,024th failure on it could not be computed, and executors were made without any pause."""
    pauses = []
    for _ in range(2_000):
        bench.pools.observe(bench.pod(phase="Failed"))
        pauses.append(bench.pause)
        bench.clock.now += bench.pause
    assert pauses[:3] == [1, 2, 4]
    assert set(pauses[10:]) == {LONGEST_PAUSE}


def test_an_executor_of_an_older_template_says_nothing_about_the_next_start(bench: Bench) -> None:
    """Regression: each event of an old executor that works ended the pause of a new template that does not."""
    old = bench.running()
    bench.profile("two")
    bench.pools.observe(bench.pod(phase="Failed", reason="ErrImagePull"))
    pause = bench.pause
    bench.pools.observe(old)
    assert bench.pools.problem("default") == "ErrImagePull"
    bench.clock.now += pause
    bench.pools.observe(bench.pod(template=old.template, phase="Failed"))
    assert bench.pause == 0, "nor does one that fails"
    bench.pools.observe(bench.pod(phase="Failed"))
    assert bench.pause == 2 * pause
    bench.pools.observe(bench.running())
    assert not bench.pools.problem("default")


@pytest.mark.asyncio
async def test_an_executor_is_given_up_once_it_has_been_seen_unready_for_two_minutes(bench: Bench) -> None:
    """Regression: a day-old executor that was unready at one sweep was ended; so were all that started where the operator's
    clock was ahead of the API server's."""
    day_old = bench.running(made_at="1969-12-31T00:00:00Z")
    starting = bench.pod(made_at="1970-01-01T00:00:00Z")
    flaps = replace(day_old, version="2", ready=False)
    for one in (starting, flaps):
        bench.fleet.apply(one)
    bench.pools.tidy(0)
    bench.pools.tidy(START_SECONDS - 1)
    await asyncio.sleep(0)
    assert not bench.ended
    back = replace(day_old, version="3")
    bench.fleet.apply(back)
    bench.pools.observe(back)  # between two sweeps
    bench.fleet.apply(replace(flaps, version="4"))
    bench.pools.tidy(START_SECONDS + 1)
    await asyncio.sleep(0)
    assert bench.ended == [starting.name]
    bench.pools.tidy(2 * START_SECONDS + 2)
    await asyncio.sleep(0)
    assert bench.ended == [starting.name, day_old.name]
    assert "not ready" in bench.pools.problem("default")


@pytest.mark.asyncio
async def test_an_executor_whose_claim_is_under_way_is_not_given_up(bench: Bench) -> None:
    """Regression: it was ended under the claim's hands, and the task had to be tried again."""
    claimed = bench.pod(made_at="1970-01-01T00:00:00Z")
    bench.fleet.apply(claimed)
    bench.pools.tidy(0)
    bench.claims.flying.add(claimed.name)
    bench.pools.tidy(START_SECONDS + 1)
    await asyncio.sleep(0)
    assert not bench.ended


def gauges(metrics: Metrics) -> set[str]:
    (family,) = metrics.pool.collect()
    return {sample.labels["profile"] for sample in family.samples}


@pytest.mark.asyncio
async def test_a_deleted_profile_leaves_nothing(bench: Bench) -> None:
    """Regression: its ended executors stayed, and so did its gauge."""
    told: list[str] = []
    bench.pools.changed = told.append
    bench.pools.begin()
    ended, idle = bench.pod(phase="Succeeded"), bench.running()
    working = bench.running(task="t")
    for one in (ended, idle, working):
        bench.fleet.apply(one)
    bench.pools.look("default")
    await asyncio.sleep(0.1)
    assert gauges(bench.metrics) == {"default"}
    bench.profiles.remove("default")
    bench.pools.look("default")
    await asyncio.sleep(0.1)
    assert sorted(bench.ended) == sorted([ended.name, idle.name])
    assert gauges(bench.metrics) == {"default"}, "one works still"
    for one in (ended, idle, working):
        bench.fleet.remove(one.name, one.uid)
    told.clear()
    bench.pools.tidy(0)  # whatever the watch told
    await asyncio.sleep(0.1)
    assert gauges(bench.metrics) == set()
    assert not bench.pools._making
    assert not bench.pools._looked
    assert told == ["default"]


@pytest.mark.asyncio
async def test_of_many_that_are_missing_few_start_at_a_time_and_more_as_long_as_that_slows_none(
    bench: Bench,
) -> None:
    """Regression: nineteen started at once on two cores, and each was ready after twenty seconds."""
    bench.profile(replicas=20, capacity=20)
    bench.pools.begin()
    rounds, ready = [], 0
    while ready < 20:
        await asyncio.sleep(0.1)
        rounds.append(len(bench.made) - ready)
        bench.clock.now += 2.0
        for name in bench.made[ready:]:
            bench.is_ready(name)
        ready = len(bench.made)
    assert rounds == [1, 1, 1, 1, 2, 4, 8, 2]


@pytest.mark.asyncio
async def test_with_another_template_it_is_seen_anew_how_many_may_start(bench: Bench) -> None:
    """One with less of a processor is slower without anything being busy."""
    bench.profile(replicas=20, capacity=20)
    bench.pools.begin()
    for _ in range(6):
        await asyncio.sleep(0.1)
        bench.clock.now += 2.0
        for name in bench.made[:]:
            bench.is_ready(name)
    before = len(bench.made)
    bench.profile("two", replicas=20, capacity=40)
    bench.pools.look("default")
    await asyncio.sleep(0.1)
    assert len(bench.made) - before == 1
