"""Where watches and the service's events end: what they say is put into memory, and whoever it concerns is woken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from retort_core.http.internal import InternalEvent
from retort_core.resources import labels
from retort_operator.board import Board, plain
from retort_operator.claims import Claims
from retort_operator.fleet import Fleet
from retort_operator.pods import PodView, view
from retort_operator.pool import Pools
from retort_operator.probe import Prober
from retort_operator.profiles import Profiles
from retort_operator.projection import Projection
from retort_operator.proofs import Proofs
from retort_operator.timers import Timers
from retort_operator.work_queue import WorkQueue

log = structlog.get_logger(__name__)
GONE: Final = "-"  # in front of a uid: the object is no more
QUEUE_SECONDS: Final = 600.0


@dataclass(kw_only=True)
class Receiver:
    board: Board
    fleet: Fleet
    profiles: Profiles
    proofs: Proofs
    claims: Claims
    pools: Pools
    prober: Prober
    projection: Projection
    timers: Timers
    queue: WorkQueue
    profile_changed: Callable[[str], None]
    expected: set[str] = field(
        default_factory=set
    )  # objects there were at the start and that were not seen yet

    def task(self, raw: Mapping[str, Any], *, gone: bool) -> None:
        uid = plain(raw["metadata"]["uid"])
        self.expected.discard(uid)
        if gone:
            self.task_gone(uid)
        elif self.board.note(raw):
            self.queue.wake(uid)
        elif (waiting := self.board.waiting_of(uid)) is not None:
            limit = float((raw.get("spec") or {}).get("queueTimeoutSeconds") or QUEUE_SECONDS)
            self.timers.within(uid, waiting.since + limit - time.time())

    def task_gone(self, uid: str) -> None:
        self.timers.drop(uid)
        if self.board.remove(uid) is not None:
            self.queue.wake(GONE + uid, urgent=True)

    def commit(self, raw: Mapping[str, Any], *, gone: bool) -> None:
        if gone:
            self.projection.gone(raw)

    def pod(self, raw: Mapping[str, Any], *, gone: bool) -> None:
        pod = view(raw)
        if pod.role == labels.PROBE:
            if not gone:
                self.prober.note(pod)
        elif not gone:
            self.pod_seen(pod)
        elif (old := self.fleet.remove(pod.name, pod.uid)) is not None:
            if old.task:
                self.queue.wake(old.task, urgent=True)
                self.claims.freed()
            self.pools.look(old.profile)

    def pod_seen(self, pod: PodView) -> None:
        if not self.fleet.apply(pod):
            return
        self.pools.observe(pod)
        if pod.task and (pod.over or pod.leaving or pod.usable):
            self.queue.wake(pod.task, urgent=True)
        if pod.task and (pod.over or pod.leaving):
            self.claims.freed()
        if pod.idle and pod.usable:
            self.claims.kick(pod.profile)
        if pod.node and self.proofs.due(pod.node):
            self.prober.look()
        self.pools.look(pod.profile)

    def profile(self, raw: Mapping[str, Any], *, gone: bool) -> None:
        name = raw["metadata"]["name"]
        if gone:
            self.profile_gone(name)
        elif self.profiles.apply(raw):
            self.pools.look(name)
            self.claims.kick(name)
        else:
            log.error("profile_unreadable", profile=name)

    def profile_gone(self, name: str) -> None:
        self.profiles.remove(name)
        self.pools.look(name)
        self.claims.kick(name)

    def policy(self, raw: Mapping[str, Any], *, gone: bool) -> None:
        changed = self.proofs.policy_gone(raw["metadata"]["name"]) if gone else self.proofs.policy(raw)
        if changed:
            self.policies_changed()

    def policies_changed(self) -> None:
        """No proof holds any more; nothing is claimed until there is a new one."""
        log.warning("policies_changed", policies=self.proofs.policies)
        self.prober.look()
        self.proved()

    def proved(self) -> None:
        for profile in self.profiles:
            self.claims.kick(profile.name)
            self.profile_changed(profile.name)

    def event(self, event: InternalEvent) -> None:
        if event.kind != "task":
            self.projection.poke()
            return
        entry = self.board.active.get(event.uid)
        if entry is None:
            return
        match event.data.get("revision"):
            case int(revision):
                entry.heard = max(entry.heard, revision)
            case _:
                entry.stale = True
        self.queue.wake(event.uid, urgent=True)
