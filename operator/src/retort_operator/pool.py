"""Idle executors: as many as a profile wants, more while tasks wait, fewer when nobody does; made at a bounded pace.

What was asked for counts from the moment it is asked: a creation under way is a starting executor, its answer puts the Pod
among those known, and one we ended is none any more. So a watch that lags cannot make the pool run away. Executors that end
before they are ready slow the making down, or a bad image would fill the node with corpses.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import structlog

from retort_core.errors import RetortError
from retort_core.lifecycle.pools import Pool, gives_way, refill
from retort_operator.claims import Claims
from retort_operator.cluster import CONFLICT, PODS, ApiError, Cluster
from retort_operator.fleet import Fleet
from retort_operator.making import Making
from retort_operator.metrics import Metrics
from retort_operator.pods import Maker, PodView, view
from retort_operator.profiles import Profile, Profiles

log = structlog.get_logger(__name__)
LOOK_SECONDS: Final = 0.02  # between two looks at one pool; each costs 0.3 ms with 200 executors
STATES: Final = ("ready", "starting", "claimed")  # that executors are counted by
START_SECONDS: Final = 120.0  # an executor that is not ready by then is given up


class Pools:
    """`changed`: something about a profile's executors is different now; its status may want writing."""

    def __init__(
        self,
        cluster: Cluster,
        fleet: Fleet,
        profiles: Profiles,
        claims: Claims,
        maker: Maker,
        metrics: Metrics,
        per_second: int,
    ) -> None:
        self._cluster, self._fleet, self._profiles, self._claims = cluster, fleet, profiles, claims
        self._maker, self._metrics, self._gap = maker, metrics, 1.0 / max(1, per_second)
        self._making: dict[str, Making] = {}
        self._alarms: dict[str, asyncio.TimerHandle] = {}  # by profile
        self._due: set[str] = set()
        self._looked: dict[str, float] = {}
        self._unready: dict[str, float] = {}  # idle Pod -> since when it has been seen unready
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun = False
        self.changed: Callable[[str], None] = lambda _: None

    def begin(self) -> None:
        """Once the executors that there are have been seen: a process that made more before would make them at each start."""
        self._begun = True
        for name in {profile.name for profile in self._profiles} | self._known:
            self.look(name)

    def look(self, profile: str) -> None:
        """Soon, and once for however many reasons: a busy pool changes hundreds of times a second."""
        if profile not in self._due:
            self._due.add(profile)
            loop = asyncio.get_running_loop()
            wait = self._looked.get(profile, 0.0) + LOOK_SECONDS - loop.time()
            loop.call_later(max(0.0, wait), self._look, profile)

    def problem(self, profile: str) -> str:
        """Why executors do not start, if they do not."""
        making = self._making.get(profile)
        return making.problem if making is not None else ""

    def bearable(self, profile: str) -> float:
        """Runs that may be beginning at a time."""
        making = self._making.get(profile)
        return making.bearable if making is not None else math.inf

    def count(self, profile: str) -> Counter[str]:
        """Executors by state: ready, starting, claimed."""
        found: Counter[str] = Counter()
        for pod in self._fleet:
            if pod.profile == profile and not pod.leaving and not pod.over:
                found["claimed" if pod.task else "ready" if pod.usable else "starting"] += 1
        found["starting"] += self._unseen(profile)
        return found

    def end(self, pod: PodView) -> None:
        """Asks for the end of a Pod, once."""
        if pod.leaving:
            return
        self._fleet.leave(pod.name)
        self._spawn(self._delete(pod))

    def observe(self, pod: PodView) -> None:
        """What a Pod's state says about making more of its kind; one of an older template says nothing about the next."""
        if pod.usable:
            self._unready.pop(pod.name, None)
        if not self._current(pod):
            return
        making = self._making_of(pod.profile)
        if pod.node:
            making.seen(pod.name, time.monotonic(), usable=pod.usable)
        if pod.ready and not pod.over:
            making.works()
        if pod.over and not pod.task and not pod.leaving:
            self._failed(pod, pod.reason or "it ended before it was ready")

    def tidy(self, now: float) -> None:
        """Ends executors that have been seen unready for too long; `now`: of a clock that nobody sets. How old one is says
        nothing: readiness comes and goes, and the time at which it was made is of another clock."""
        unready = [
            pod for pod in self._fleet if pod.idle and not pod.usable and not self._claims.busy(pod.name)
        ]
        self._unready = {pod.name: self._unready.get(pod.name, now) for pod in unready}
        for pod in unready:
            if now - self._unready[pod.name] > START_SECONDS:
                self._given_up(pod)
        for name in self._known:
            self.look(name)  # those of deleted profiles too

    def _given_up(self, pod: PodView) -> None:
        if self._current(pod):
            self._failed(pod, pod.reason or f"not ready within {START_SECONDS:.0f} s")
        self.end(pod)

    # -- deciding ----------------------------------------------------------------------------------------

    def _look(self, name: str) -> None:
        self._due.discard(name)
        if not self._begun:
            return
        self._looked[name] = asyncio.get_running_loop().time()
        profile = self._profiles.get(name)
        self._clear(name)
        if profile is None:
            self._wind_up(name)
        else:
            self._fill(profile)
            self._renew(profile)
            self._measure(name)
        self.changed(name)

    def _wind_up(self, name: str) -> None:
        """Of a profile that was deleted: what nobody uses ends, and once nothing is left it is forgotten."""
        pods = [pod for pod in self._fleet if pod.profile == name]
        for pod in pods:
            if pod.idle and not self._claims.busy(pod.name):
                self.end(pod)
        making = self._making.get(name)
        if pods or (making is not None and making.flying):
            self._measure(name)
            return
        if (alarm := self._alarms.pop(name, None)) is not None:
            alarm.cancel()
        self._making.pop(name, None)
        self._looked.pop(name, None)
        for state in STATES:
            self._metrics.pool.remove(name, state)

    def _fill(self, profile: Profile) -> None:
        pool, waiting = self._pool(profile), self._claims.demand(profile.name)
        making, now = self._making_of(profile.name), time.monotonic()
        making.known(profile.template, {pod.name for pod in self._of(profile.name)})
        wanted = refill(pool, waiting)
        if wanted <= 0:
            making.enough(now)
            if wanted < 0:
                self._drop(profile, -wanted)
        elif (rest := making.patience(now)) > 0 and gives_way(pool, waiting):
            self._again(profile.name, rest)
        else:
            self._make(profile, wanted)

    def _pool(self, profile: Profile) -> Pool:
        """Executors of an older template count towards the capacity only."""
        idle = starting = claimed = running = 0
        for pod in self._fleet:
            if pod.profile != profile.name or pod.over:
                continue
            # One that is leaving still takes its place on the node.
            if pod.task or pod.leaving or self._claims.busy(pod.name) or pod.template != profile.template:
                claimed += 1
                running += not pod.leaving and bool(pod.task or self._claims.busy(pod.name))
            elif pod.usable:
                idle += 1
            else:
                starting += 1
        return Pool(
            target=profile.spec.replicas,
            capacity=profile.spec.capacity,
            idle=idle,
            starting=starting + self._unseen(profile.name),
            claimed=claimed,
            running=running,
        )

    def _unseen(self, name: str) -> int:
        """Asked for, and not among those known yet."""
        making = self._making.get(name)
        return sum(self._fleet.get(pod) is None for pod in making.flying) if making is not None else 0

    def _making_of(self, name: str) -> Making:
        return self._making.setdefault(name, Making(self._gap))

    @property
    def _known(self) -> set[str]:
        """Profiles that there is anything of, whether or not they are deleted."""
        return {pod.profile for pod in self._fleet} | set(self._making)

    def _current(self, pod: PodView) -> bool:
        """Whether the next executor of its profile would be made as this one was."""
        profile = self._profiles.get(pod.profile)
        return profile is not None and pod.template == profile.template

    def _of(self, name: str) -> list[PodView]:
        return [pod for pod in self._fleet if pod.profile == name and not pod.leaving and not pod.over]

    def _clear(self, name: str) -> None:
        """Executors that ended without ever having been claimed."""
        for pod in self._fleet:
            if pod.profile == name and pod.over and not pod.task:
                self.end(pod)

    def _drop(self, profile: Profile, count: int) -> None:
        idle = [
            pod
            for pod in self._of(profile.name)
            if pod.idle and pod.template == profile.template and not self._claims.busy(pod.name)
        ]
        idle.sort(key=lambda pod: pod.usable)  # those that are not ready yet first
        for pod in idle[:count]:
            self.end(pod)

    def _renew(self, profile: Profile) -> None:
        """Ends idle executors of an older template: all once enough new ones are ready, one at a time where there is no room."""
        pods = [pod for pod in self._of(profile.name) if not self._claims.busy(pod.name)]
        old = [pod for pod in pods if pod.idle and pod.template != profile.template]
        if not old:
            return
        ready = sum(1 for pod in pods if pod.idle and pod.usable and pod.template == profile.template)
        full = len(pods) >= profile.spec.capacity
        for pod in old if ready >= profile.spec.replicas else old[: 1 if full else 0]:
            self.end(pod)

    # -- acting ------------------------------------------------------------------------------------------

    def _make(self, profile: Profile, wanted: int) -> None:
        making, now = self._making_of(profile.name), time.monotonic()
        count, rest = making.begin(wanted, now)
        users = {pod.user for pod in self._fleet}
        for _ in range(count):
            body = self._maker.executor(profile.name, profile.spec, users)
            making.asked(body["metadata"]["name"], now)
            self._spawn(self._create(profile.name, making, body))
        if rest > 0:
            self._again(profile.name, rest)

    async def _create(self, profile: str, making: Making, body: dict[str, Any]) -> None:
        name, made = body["metadata"]["name"], False
        try:
            found = await self._cluster.create(PODS, self._maker.namespace, body)
        except RetortError as problem:
            made = isinstance(problem, ApiError) and problem.http == CONFLICT  # by the try before
            if not made:
                making.refused(problem.message, time.monotonic())
                log.warning("executor_not_made", profile=profile, problem=problem.message)
        else:
            made = True
            self._fleet.apply(view(found))
            self._metrics.executors_made.labels(profile).inc()
        finally:
            making.answered(name, made=made)
            self.look(profile)

    async def _delete(self, pod: PodView) -> None:
        try:
            await self._cluster.delete(PODS, self._maker.namespace, pod.name, pod.uid)
        except RetortError as problem:
            log.warning(
                "executor_not_deleted", pod=pod.name, problem=problem.message
            )  # the sweeper asks again

    def again(self) -> None:
        """What creations failed on is back; a pause may have grown to a minute."""
        for name, making in self._making.items():
            making.again()
            self.look(name)

    def _failed(self, pod: PodView, problem: str) -> None:
        if self._making_of(pod.profile).failed(pod.uid, problem, time.monotonic()):
            self._metrics.executors_failed.labels(pod.profile).inc()

    def _again(self, profile: str, delay: float) -> None:
        if (alarm := self._alarms.get(profile)) is not None:
            alarm.cancel()
        self._alarms[profile] = asyncio.get_running_loop().call_later(max(0.01, delay), self.look, profile)

    def _measure(self, name: str) -> None:
        count = self.count(name)
        for state in STATES:
            self._metrics.pool.labels(name, state).set(count[state])

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
