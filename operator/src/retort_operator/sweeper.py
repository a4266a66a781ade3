"""Everything is looked at again, now and then: what a lost event, a deaf watch or a crash left behind is found here.

Pods        a listing against what is known; those of tasks that are over or gone, and those that never got ready, end
tasks       the service's open rows against the objects: newer rows are looked at, rows without an object are told of
objects     now and then a listing of tasks and profiles: after a watch that was cut too long nothing tells of those deleted
policies    a listing, because a removed one must be noticed even if the watch was cut at that moment
finished    objects whose time is over and whose rows are archived go
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import structlog

from retort_core.errors import Infrastructure, RetortError
from retort_core.resources import labels
from retort_operator.board import Board, Finished, dashed, plain
from retort_operator.cluster import (
    AGENT_TASKS,
    FORBIDDEN,
    NOT_FOUND,
    PODS,
    POLICIES,
    PROFILES,
    ApiError,
    Cluster,
)
from retort_operator.effects import Effects
from retort_operator.fleet import Fleet
from retort_operator.metrics import Metrics
from retort_operator.pods import PodView, view
from retort_operator.pool import Pools
from retort_operator.probe import Prober
from retort_operator.profiles import Profiles
from retort_operator.proofs import Proofs
from retort_operator.service_client import Service

log = structlog.get_logger(__name__)
SELECTOR: Final = labels.ROLE
EXPIRED_AT_ONCE: Final = 200
ORPHAN_ROUNDS: Final = 2
COMPARED: Final = (
    600.0  # seconds between two listings of all objects: with ten thousand of them 20 pages of metadata
)
LEFT_SECONDS: Final = 10.0  # after which an end that was asked for is asked for again
PROBE_AGE: Final = 60.0  # of seconds that a probe of another process is seen: one lasts for less than 30


@dataclass(kw_only=True)
class Sweeper:
    cluster: Cluster
    service: Service
    board: Board
    fleet: Fleet
    pools: Pools
    profiles: Profiles
    proofs: Proofs
    prober: Prober
    effects: Effects
    metrics: Metrics
    namespace: str
    scopes: tuple[str, ...]  # namespaces of projects; ("",) for all
    ttl: int
    seconds: float
    wake: Callable[[str], None]
    pod_seen: Callable[[PodView], None]
    policies_changed: Callable[[], None]
    task_gone: Callable[[str], None]
    profile_gone: Callable[[str], None]
    _compared: float = field(default_factory=time.monotonic)
    _probes: dict[str, float] = field(default_factory=dict)
    _orphans: dict[str, int] = field(default_factory=dict)
    _left: dict[str, float] = field(default_factory=dict)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self.seconds)
            await self.sweep()

    async def sweep(self) -> None:
        for part in (self.pods, self.policies, self.tasks, self.expire):
            await self._safely(part)
        if time.monotonic() - self._compared >= COMPARED:
            self._compared = time.monotonic()
            await self._safely(self.compare)
        self.pools.tidy(time.monotonic())
        self.prober.look()
        for profile in self.profiles:
            self.pools.look(profile.name)

    async def _safely(self, part: Callable[[], Awaitable[None]]) -> None:
        try:
            await part()
        except RetortError as problem:
            log.warning("sweep_failed", part=getattr(part, "__name__", ""), problem=problem.message)
        except Exception:
            log.exception("sweep_failed", part=getattr(part, "__name__", ""))

    # -- Pods --------------------------------------------------------------------------------------------

    async def pods(self) -> None:
        """Also at the start, before anything is decided: what a task's Pod is must be known first."""
        began = time.monotonic()
        listed: dict[str, PodView] = {}
        async for items in self.cluster.pages(PODS, self.namespace, SELECTOR):
            listed |= {raw["metadata"]["name"]: view(raw) for raw in items}
        for pod in listed.values():
            if pod.role == labels.PROBE:
                await self._old_probe(pod)
                continue
            if self.fleet.get(pod.name) is None and time.monotonic() - began < self.seconds:
                self.metrics.watch_missed.labels("pods").inc()
            self.pod_seen(pod)
        for pod in self.fleet.unlisted(listed, began):
            self.metrics.watch_missed.labels("pods").inc()
            self.fleet.remove(pod.name, pod.uid)
            if pod.task:
                self.wake(pod.task)
        self._probes = {name: since for name, since in self._probes.items() if name in listed}
        await self._leftovers(listed)

    async def _leftovers(self, listed: dict[str, PodView]) -> None:
        """Executors of tasks that are over or gone, and those whose end was asked for in vain."""
        now = time.monotonic()
        known = self.fleet
        for pod in known:
            if pod.task and pod.task not in self.board.active and not pod.leaving and self.settled:
                self._left.setdefault(pod.name, now)
            elif not pod.leaving:
                self._left.pop(pod.name, None)
            else:
                self._left.setdefault(pod.name, now)
        for name, since in list(self._left.items()):
            pod_now, there = known.get(name), listed.get(name)
            if pod_now is None or there is None:
                del self._left[name]
            elif now - since > LEFT_SECONDS:
                del self._left[name]
                known.leave(name)
                await self.cluster.delete(PODS, self.namespace, name, pod_now.uid)

    settled: bool = False  # whether all tasks have been seen since the start

    async def _old_probe(self, pod: PodView) -> None:
        """Of a process before this one. One whose node is gone never starts, and so never comes to its deadline."""
        if pod.name not in self.prober.known and not pod.leaving:
            first = self._probes.setdefault(pod.name, time.monotonic())
            if time.monotonic() - first > PROBE_AGE or pod.over:
                await self.cluster.delete(PODS, self.namespace, pod.name, pod.uid)

    async def policies(self) -> None:
        names: set[str] = set()
        changed = False
        async for items in self.cluster.pages(POLICIES, self.namespace):
            for raw in items:
                names.add(raw["metadata"]["name"])
                changed |= self.proofs.policy(raw)
        changed |= self.proofs.policies_listed(names)
        if changed:
            self.policies_changed()

    # -- tasks -------------------------------------------------------------------------------------------

    async def tasks(self) -> None:
        open_uids = set()
        async for seen in self.service.open_tasks():
            open_uids.add(seen.uid)
            entry = self.board.active.get(seen.uid)
            if entry is None:
                continue
            if entry.seen is None or seen.revision > entry.seen.revision:
                entry.seen = seen
            self.wake(seen.uid)
        for uid, entry in list(self.board.active.items()):
            if uid not in open_uids:
                entry.stale = entry.seen is not None
                self.wake(uid)
        for namespace in self.board.namespaces():
            await self.effects.admit(namespace)
        await self._orphaned({uid for uid in open_uids if not self.board.knows(uid)})
        self._measure()

    async def _orphaned(self, uids: set[str]) -> None:
        """Rows whose object is not known: told of once two rounds and a listing of all objects agree."""
        self._orphans = {uid: self._orphans.get(uid, 0) + 1 for uid in uids}
        ripe = {uid for uid, rounds in self._orphans.items() if rounds >= ORPHAN_ROUNDS}
        if not ripe:
            return
        objects = await self.objects()
        for uid in ripe:
            self._orphans.pop(uid, None)
            if uid not in objects:
                log.info("task_without_object", task=uid)
                await self.effects.gone(uid)
            else:
                await self._missed(uid, *objects[uid])

    async def _missed(self, uid: str, namespace: str, name: str) -> None:
        """No event told of this object."""
        self.metrics.watch_missed.labels("agenttasks").inc()
        await self.effects.read(uid, namespace, name)

    async def compare(self) -> None:
        """What is known against what is there. Known before the listing and not in it: deleted while nobody heard of it."""
        known, profiles = self.board.uids(), {one.name for one in self.profiles}
        objects = await self.objects()
        for uid in known.keys() - objects.keys():
            log.info("task_gone_unheard", task=uid)
            self.metrics.watch_missed.labels("agenttasks").inc()
            self.task_gone(uid)
        for uid, (namespace, name) in objects.items():
            if not self.board.knows(uid):
                await self._missed(uid, namespace, name)
        there: set[str] = set()
        async for items in self.cluster.pages(PROFILES, self.namespace, metadata=True):
            there |= {raw["metadata"]["name"] for raw in items}
        for name in profiles - there:
            self.profile_gone(name)

    async def narrow(self) -> None:
        """Namespaces that the settings name and that cannot be read (gone, and their Role with them) hold up no other one."""
        self.scopes = tuple([scope for scope in self.scopes if await self._readable(scope)])
        if not self.scopes:
            raise Infrastructure("none of the namespaces of the settings can be read")

    async def _readable(self, scope: str) -> bool:
        try:
            async for _ in self.cluster.pages(AGENT_TASKS, scope, metadata=True):
                break
        except ApiError as problem:
            if scope and problem.http in (FORBIDDEN, NOT_FOUND):
                log.error("namespace_unreadable", namespace=scope, problem=problem.message)  # noqa: TRY400
                return False
            raise
        return True

    async def objects(self) -> dict[str, tuple[str, str]]:
        """All AgentTasks there are, uid -> namespace and name, by their metadata alone."""
        found: dict[str, tuple[str, str]] = {}
        for scope in self.scopes:
            async for items in self.cluster.pages(AGENT_TASKS, scope, metadata=True):
                for raw in items:
                    about = raw["metadata"]
                    found[plain(about["uid"])] = about["namespace"], about["name"]
        return found

    async def expire(self) -> None:
        """One that cannot be deleted now is tried again after the others."""
        now, asked = time.time(), 0
        for uid, one in list(self.board.finished.items()):
            if now - one.at < (self.ttl if one.ttl < 0 else one.ttl):
                continue
            try:
                asked += await self._expired(uid, one)
            except RetortError as problem:
                log.warning("task_not_expired", task=uid, problem=problem.message)
                self.board.finished[uid] = self.board.finished.pop(uid)
                asked += 1
            if asked >= EXPIRED_AT_ONCE:
                return

    async def _expired(self, uid: str, one: Finished) -> bool:
        seen = await self.service.get(uid)
        if seen is not None and not seen.archived:
            return False
        await self.cluster.delete(AGENT_TASKS, one.namespace, one.name, dashed(uid))
        self.board.finished.pop(uid, None)
        return True

    def _measure(self) -> None:
        for state, count in (
            ("active", len(self.board.active)),
            ("waiting", self.board.waiting),
            ("finished", len(self.board.finished)),
        ):
            self.metrics.tasks_known.labels(state).set(count)
