"""Everything is looked at again, now and then: what a lost event, a deaf watch or a crash left behind is found here.

Pods        a listing against what is known; those of tasks that are over or gone, and those that never got ready, end
tasks       the service's open rows against the objects: newer rows are looked at, rows without an object are told of
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

from retort_core.errors import RetortError
from retort_core.resources import labels
from retort_operator.board import Board, plain
from retort_operator.cluster import AGENT_TASKS, PODS, POLICIES, Cluster
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
LEFT_SECONDS: Final = 10.0  # after which an end that was asked for is asked for again
PROBE_AGE: Final = 180.0


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
    _orphans: dict[str, int] = field(default_factory=dict)
    _left: dict[str, float] = field(default_factory=dict)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self.seconds)
            await self.sweep()

    async def sweep(self) -> None:
        for part in (self.pods, self.policies, self.tasks, self.expire):
            await self._safely(part)
        self.pools.tidy(time.time())
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
        """Of a process before this one."""
        if pod.name not in self.prober.known and not pod.leaving:
            first = self._left.setdefault(pod.name, time.monotonic())
            if time.monotonic() - first > LEFT_SECONDS or pod.over:
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
            del self._orphans[uid]
            if uid not in objects:
                log.info("task_without_object", task=uid)
                await self.effects.gone(uid)
            else:
                self.metrics.watch_missed.labels("agenttasks").inc()

    async def objects(self) -> set[str]:
        """Uids of all AgentTasks there are, by their metadata alone."""
        found: set[str] = set()
        for scope in self.scopes:
            async for items in self.cluster.pages(AGENT_TASKS, scope, metadata=True):
                found |= {plain(raw["metadata"]["uid"]) for raw in items}
        return found

    async def expire(self) -> None:
        now, gone = time.time(), 0
        for uid, one in list(self.board.finished.items()):
            if now - one.at < (self.ttl if one.ttl < 0 else one.ttl):
                continue
            seen = await self.service.get(uid)
            if seen is None or seen.archived:
                u = uid
                dashed = f"{u[:8]}-{u[8:12]}-{u[12:16]}-{u[16:20]}-{u[20:]}"
                await self.cluster.delete(AGENT_TASKS, one.namespace, one.name, dashed)
                gone += 1
            if gone >= EXPIRED_AT_ONCE:
                return

    def _measure(self) -> None:
        for state, count in (
            ("active", len(self.board.active)),
            ("waiting", self.board.waiting),
            ("finished", len(self.board.finished)),
        ):
            self.metrics.tasks_known.labels(state).set(count)
