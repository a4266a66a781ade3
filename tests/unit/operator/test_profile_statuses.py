"""The statuses of profiles: when one that was refused is tried again, and what is kept of a deleted profile."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from retort_operator import profile_statuses
from retort_operator.cluster import ApiError
from retort_operator.fleet import Fleet
from retort_operator.metrics import Metrics
from retort_operator.profile_statuses import ProfileStatuses
from retort_operator.profiles import Profiles
from retort_operator.proofs import Proofs

pytestmark = pytest.mark.asyncio


class Bench:
    """One profile; `answer`: the HTTP status that each write is refused with, 0 for none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.answer, self.asked = 1000.0, 0, 0
        self.profiles = Profiles()
        self.profile(generation=1)
        cluster: Any = self
        pools: Any = SimpleNamespace(count=lambda _: Counter(), problem=lambda _: "")
        self.statuses = ProfileStatuses(
            cluster=cluster, fleet=Fleet(), profiles=self.profiles, pools=pools, proofs=Proofs(3600),
            metrics=Metrics(), namespace="executors",
        )  # fmt: skip
        monkeypatch.setattr(
            profile_statuses, "time", SimpleNamespace(monotonic=lambda: self.now), raising=False
        )

    def profile(self, generation: int) -> None:
        spec = {"image": f"one@sha256:{'0' * 64}", "replicas": 0, "capacity": 9}
        metadata = {"name": "default", "uid": "u", "generation": generation}
        assert self.profiles.apply({"metadata": metadata, "spec": spec})

    async def patch(self, *_: object, **__: object) -> None:
        self.asked += 1
        if self.answer:
            raise ApiError(self.answer, "no")

    async def rounds(self, seconds: float) -> int:
        """How often it is asked in so many seconds."""
        before = self.asked
        for _ in range(int(seconds / profile_statuses.EVERY)):
            await self.statuses.write()
            self.now += profile_statuses.EVERY
        return self.asked - before


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


async def test_what_is_refused_is_tried_less_and_less_often_until_it_is_taken(bench: Bench) -> None:
    """Regression: it was tried every two seconds for ever."""
    bench.answer = 422
    bench.statuses.changed("default")
    assert await bench.rounds(60) <= 6
    assert 8 <= await bench.rounds(600) <= 11, "once a minute"
    bench.answer = 0
    assert await bench.rounds(62) == 1
    bench.statuses.changed("default")
    assert await bench.rounds(10) == 0, "nothing differs"


async def test_an_api_server_that_is_back_ends_the_pause(bench: Bench) -> None:
    bench.answer = 503
    bench.statuses.changed("default")
    await bench.rounds(120)
    bench.answer = 0
    bench.statuses.again()
    assert await bench.rounds(2) == 1


async def test_the_status_of_a_profile_that_is_gone_is_not_tried_again(bench: Bench) -> None:
    """Regression: it was tried every two seconds for ever."""
    bench.answer = 404
    bench.statuses.changed("default")
    assert await bench.rounds(120) == 1


async def test_nothing_is_kept_of_a_deleted_profile(bench: Bench) -> None:
    """Regression: the times of its conditions stayed."""
    bench.statuses.changed("default")
    await bench.rounds(2)
    assert bench.statuses._written
    assert bench.statuses._times
    bench.answer = 500
    bench.profile(generation=2)
    bench.statuses.changed("default")
    await bench.rounds(20)
    assert bench.statuses._refused
    bench.profiles.remove("default")
    bench.statuses.changed("default")
    await bench.rounds(2)
    assert not bench.statuses._written
    assert not bench.statuses._times
    assert not bench.statuses._refused
    assert not bench.statuses._dirty
