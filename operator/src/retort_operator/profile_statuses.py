"""The status of each ExecutorProfile: how many executors there are, and whether they are proven to reach nothing.

Written at most every two seconds a profile and only when it differs: a busy pool changes many times a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from retort_core.errors import RetortError
from retort_core.resources import labels
from retort_core.resources.conditions import ProfileCondition, ProfileReason
from retort_operator.cluster import PROFILES, Cluster
from retort_operator.fleet import Fleet
from retort_operator.metrics import Metrics
from retort_operator.pool import Pools
from retort_operator.profiles import Profile, Profiles
from retort_operator.proofs import Proofs
from retort_operator.times import now

log = structlog.get_logger(__name__)
EVERY: Final = 2.0


@dataclass(kw_only=True)
class ProfileStatuses:
    cluster: Cluster
    fleet: Fleet
    profiles: Profiles
    pools: Pools
    proofs: Proofs
    metrics: Metrics
    namespace: str
    _dirty: set[str] = field(default_factory=set)
    _written: dict[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)  # uid and status
    _times: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)  # condition -> status, since

    def changed(self, profile: str) -> None:
        self._dirty.add(profile)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await self.write()

    async def write(self) -> None:
        due, self._dirty = self._dirty, set()
        for name in due:
            profile = self.profiles.get(name)
            if profile is None:
                self._written.pop(name, None)
                continue
            found = self._status(profile)
            if self._written.get(name) == (profile.uid, found):
                continue
            body = {"metadata": {"uid": profile.uid}, "status": found}
            try:
                await self.cluster.patch(PROFILES, self.namespace, name, body, sub="status")
                self._written[name] = (profile.uid, found)
            except RetortError as problem:
                log.warning("profile_status_not_written", profile=name, problem=problem.message)
                self._dirty.add(name)
        self._measure()

    def _status(self, profile: Profile) -> dict[str, Any]:
        count = self.pools.count(profile.name)
        return {
            "observedGeneration": profile.generation,
            "replicas": count["ready"] + count["starting"],
            "ready": count["ready"],
            "claimed": count["claimed"],
            "selector": f"{labels.PROFILE}={profile.name},{labels.STATE}={labels.IDLE}",
            "conditions": [self._available(profile, count["ready"]), self._isolated(profile)],
        }

    def _available(self, profile: Profile, ready: int) -> dict[str, Any]:
        problem = self.pools.problem(profile.name)
        if problem:
            return self._condition(
                profile, ProfileCondition.available, "False", ProfileReason.pods_failing, problem
            )
        if ready >= profile.spec.replicas:
            told = f"{profile.spec.replicas} idle executors are wanted and ready"
            return self._condition(
                profile, ProfileCondition.available, "True", ProfileReason.pool_ready, told
            )
        told = f"{profile.spec.replicas} idle executors are wanted, more are starting"
        status = "True" if ready else "False"
        return self._condition(profile, ProfileCondition.available, status, ProfileReason.pool_filling, told)

    def _isolated(self, profile: Profile) -> dict[str, Any]:
        kind = ProfileCondition.isolated
        if not self.proofs.policies:
            told = "the executors' namespace has no network policy; nothing is claimed"
            return self._condition(profile, kind, "False", ProfileReason.no_policy, told)
        nodes = sorted({pod.node for pod in self.fleet if pod.profile == profile.name and pod.node})
        found = {node: self.proofs.of(node) for node in nodes}
        for state, status, reason in (
            ("unproven", "False", ProfileReason.open_),
            ("unknown", "Unknown", ProfileReason.unknown),
        ):
            told = "; ".join(
                f"{node}: {', '.join(one.barriers)}" for node, one in found.items() if one.state == state
            )
            if told:
                return self._condition(profile, kind, status, reason, told[:1024])
        if not nodes:
            return self._condition(
                profile, kind, "Unknown", ProfileReason.unknown, "no executor is on any node yet"
            )
        told = f"tried on {len(nodes)} node(s)"
        return self._condition(profile, kind, "True", ProfileReason.proven, told)

    def _condition(
        self, profile: Profile, kind: ProfileCondition, status: str, reason: ProfileReason, message: str
    ) -> dict[str, Any]:
        key = (profile.name, kind.value)
        old = self._times.get(key)
        since = old[1] if old is not None and old[0] == status else now().strftime("%Y-%m-%dT%H:%M:%SZ")
        self._times[key] = (status, since)
        return {
            "type": kind.value,
            "status": status,
            "reason": reason.value,
            "message": message,
            "lastTransitionTime": since,
            "observedGeneration": profile.generation,
        }

    def _measure(self) -> None:
        states = [self.proofs.of(node).state for node in {pod.node for pod in self.fleet if pod.node}]
        for state in ("proven", "unproven", "unknown"):
            self.metrics.nodes.labels(state).set(states.count(state))
