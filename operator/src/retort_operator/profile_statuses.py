"""The status of each ExecutorProfile: how many executors there are, and whether they are proven to reach nothing.

Written at most every two seconds a profile and only when it differs: a busy pool changes many times a second. One that is
refused is tried again after pauses that grow to a minute.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import structlog

from retort_core.errors import RetortError
from retort_core.resources import labels
from retort_core.resources.conditions import ProfileCondition, ProfileReason
from retort_operator.cluster import NOT_FOUND, PROFILES, ApiError, Cluster
from retort_operator.fleet import Fleet
from retort_operator.metrics import Metrics
from retort_operator.pauses import growing
from retort_operator.pool import Pools
from retort_operator.profiles import Profile, Profiles
from retort_operator.proofs import Proofs
from retort_operator.times import now

log = structlog.get_logger(__name__)
EVERY: Final = 2.0
LONGEST_PAUSE: Final = 60.0


class _Refused(NamedTuple):
    """How often in a row a status was refused, and until when it rests."""

    times: int
    until: float


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
    _times: dict[str, dict[str, tuple[str, str]]] = field(default_factory=dict)  # condition -> status, since
    _refused: dict[str, _Refused] = field(default_factory=dict)

    def changed(self, profile: str) -> None:
        self._dirty.add(profile)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await self.write()

    def again(self) -> None:
        """What was refused may be taken now; a pause may have grown to a minute."""
        self._refused.clear()

    async def write(self) -> None:
        due = {name for name in self._dirty if not self._rests(name)}
        self._dirty -= due
        for name in due:
            profile = self.profiles.get(name)
            if profile is None:
                self._forget(name)
            else:
                await self._write(profile)
        self._measure()

    async def _write(self, profile: Profile) -> None:
        name, found = profile.name, self._status(profile)
        if self._written.get(name) == (profile.uid, found):
            return
        body = {"metadata": {"uid": profile.uid}, "status": found}
        try:
            await self.cluster.patch(PROFILES, self.namespace, name, body, sub="status")
        except RetortError as problem:
            log.warning("profile_status_not_written", profile=name, problem=problem.message)
            # One that is gone has no status; the watch will tell, and if it is made anew it is looked at as a new one.
            if not (isinstance(problem, ApiError) and problem.http == NOT_FOUND):
                self._put_off(name)
        else:
            self._written[name] = (profile.uid, found)
            self._refused.pop(name, None)

    def _rests(self, name: str) -> bool:
        refused = self._refused.get(name)
        return (
            refused is not None and time.monotonic() < refused.until and self.profiles.get(name) is not None
        )

    def _put_off(self, name: str) -> None:
        times = self._refused[name].times + 1 if name in self._refused else 1
        pause = growing(EVERY, times, LONGEST_PAUSE)
        self._refused[name] = _Refused(times, time.monotonic() + pause)
        self._dirty.add(name)

    def _forget(self, name: str) -> None:
        self._written.pop(name, None)
        self._times.pop(name, None)
        self._refused.pop(name, None)

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
        times = self._times.setdefault(profile.name, {})
        old = times.get(kind.value)
        since = old[1] if old is not None and old[0] == status else now().strftime("%Y-%m-%dT%H:%M:%SZ")
        times[kind.value] = (status, since)
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
