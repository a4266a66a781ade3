"""Writes a task's status when people should see a change, and says why a task waits when it waits for long."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from retort_core.lifecycle.statuses import TaskStatus
from retort_core.resources.conditions import TaskReason
from retort_core.resources.labels import ENABLED, PROJECT
from retort_operator import statuses
from retort_operator.board import Entry
from retort_operator.claims import Claims
from retort_operator.cluster import AGENT_TASKS, CONFLICT, INVALID, NOT_FOUND, ApiError, Cluster
from retort_operator.fleet import Fleet
from retort_operator.journal import Journal
from retort_operator.pool import Pools
from retort_operator.proofs import Proofs
from retort_operator.timers import Timers
from retort_operator.times import now

log = structlog.get_logger(__name__)
UNPROVEN_AFTER: Final = (
    2.0  # seconds; the usual wait for an executor says nothing, a missing proof does at once
)


@dataclass(kw_only=True)
class Showing:
    cluster: Cluster
    fleet: Fleet
    claims: Claims
    pools: Pools
    proofs: Proofs
    timers: Timers
    journal: Journal
    cap: int
    clock: Callable[[], float] = time.monotonic

    async def show(self, entry: Entry, status: TaskStatus) -> None:
        key = statuses.key(status)
        waits = self._waits(entry, status)
        if waits is not None:
            key = ("Waiting", waits[0].value)
        if key == entry.shown or not self._worth(entry, status, waits=waits is not None):
            return
        pods = self.fleet.of_task(entry.uid)
        since = now() - timedelta(seconds=self.clock() - entry.since_waiting) if waits else now()
        body = statuses.patch(
            status,
            entry.generation,
            pod=pods[0].name if pods else "",
            waits=(*waits, since) if waits is not None else None,
        )
        if await self._write(entry, body):
            self._tell(entry, status, waits)
            entry.shown = key

    async def not_opted_in(self, entry: Entry) -> None:
        """Its namespace takes no part; said once, and nothing is done."""
        message = f"an administrator must opt this namespace in: label {PROJECT}={ENABLED}"
        await self._pending(entry, "NotOptedIn", message)

    async def refused(self, entry: Entry, problem: str) -> None:
        """The service takes nothing of it, for now."""
        message = f"the service does not take it: {problem}; told again until it does"
        if entry.seen is None:
            await self._pending(entry, "ServiceRefused", message)
        else:
            self.journal.note(entry, "Warning", "ServiceRefused", message)

    async def _pending(self, entry: Entry, reason: str, message: str) -> None:
        """Said once for as long as it stays so."""
        if entry.shown != (reason,):
            self.journal.note(entry, "Warning", reason, message)
            if await self._write(entry, {"phase": "Pending", "message": message}):
                entry.shown = (reason,)

    def _worth(self, entry: Entry, status: TaskStatus, *, waits: bool) -> bool:
        if status.terminal or waits or status.phase == "AwaitingInput":
            return True
        if status.phase != "Running":
            return False
        lasts = (now() - status_since(status)).total_seconds()
        if lasts < statuses.RUNNING_AFTER:
            self.timers.within(entry.uid, statuses.RUNNING_AFTER - lasts + 0.01)
            return False
        return True

    def _waits(self, entry: Entry, status: TaskStatus) -> tuple[TaskReason, str] | None:
        """Why it has no executor, once that lasts."""
        if not entry.since_waiting or status.terminal:
            return None
        waited = self.clock() - entry.since_waiting
        if waited < UNPROVEN_AFTER:
            self.timers.within(entry.uid, UNPROVEN_AFTER - waited + 0.01)
            return None
        profile = entry.spec.profile_name
        nodes = {pod.node for pod in self.fleet if pod.profile == profile and pod.node and pod.idle}
        problem = self.proofs.problem(nodes)
        if problem:
            return TaskReason.isolation_unproven, problem
        if waited < statuses.WAITING_AFTER:
            self.timers.within(entry.uid, statuses.WAITING_AFTER - waited + 0.01)
            return None
        return self._queued(entry, profile)

    def _queued(self, entry: Entry, profile: str) -> tuple[TaskReason, str]:
        problem = self.pools.problem(profile)
        if problem:
            return TaskReason.no_executor, f"executors of the profile {profile!r} do not start: {problem}"
        if self.claims.capped(entry.namespace):
            return TaskReason.queued, f"this project runs {self.cap} tasks at a time"
        return TaskReason.queued, "all executors are busy"

    def _tell(self, entry: Entry, status: TaskStatus, waits: tuple[TaskReason, str] | None) -> None:
        """An event for what the status will not show in the end."""
        if waits is not None:
            self.journal.note(entry, "Warning", waits[0].value, waits[1])
        elif status.failure is not None and status.terminal:
            self.journal.note(entry, "Warning", status.failure.failure, statuses.told(status.failure))

    async def _write(self, entry: Entry, status: dict[str, object]) -> bool:
        """False when there is nobody to tell any more."""
        body = {"metadata": {"uid": entry.dashed}, "status": status}
        try:
            await self.cluster.patch(AGENT_TASKS, entry.namespace, entry.name, body, sub="status")
        except ApiError as error:
            if error.http in (NOT_FOUND, CONFLICT):
                return False
            if error.http == INVALID:
                # A rule refuses it: it ended otherwise before. Saying it again would be refused again.
                log.error("status_refused", task=entry.uid, problem=error.message)  # noqa: TRY400
                return True
            raise
        return True


def status_since(status: TaskStatus) -> datetime:
    return next(one.at for one in status.conditions if one.type == "Running")
