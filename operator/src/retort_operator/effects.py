"""One look at one task: what is known of it, what `decide` makes of that, and what follows; never a wait for a Pod or a planner.

    object, service's row, Pods -> decided -> one PUT a look -> claim | run | release | status

Level-based: a look may happen at any time and as often as one likes. The memory of decisions is the service's row; the PUT
with its revision is also what keeps two operators apart, so nothing is done in the cluster before it was accepted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog

from retort_core.errors import Conflict, NotFound, RetortError
from retort_core.http.internal import AttemptPut, Sight, TaskPut, TaskSeen, Wanted
from retort_core.http.looks import decided, wish
from retort_core.lifecycle.observations import Claim, Release, Run, SandboxState
from retort_core.lifecycle.statuses import Failure, TaskStatus
from retort_core.lifecycle.tasks import Decision
from retort_operator.board import Board, Entry, plain
from retort_operator.claims import Claims, Want
from retort_operator.cluster import AGENT_TASKS, Cluster
from retort_operator.fleet import Fleet
from retort_operator.metrics import Metrics
from retort_operator.namespaces import Namespaces
from retort_operator.pods import PodView, limits_of
from retort_operator.pool import Pools
from retort_operator.profiles import Profiles
from retort_operator.service_client import Newer, Service, Unacceptable
from retort_operator.showing import Showing
from retort_operator.timers import Timers
from retort_operator.times import now
from retort_operator.traces import Traces

log = structlog.get_logger(__name__)
TURNS: Final = (
    8  # decisions in one look; more means that two sides never agree, and the rest waits for the next look
)
# Seconds after which a wish without a reply is repeated: the replica that had it may have ended unseen. To one that still works
# on it (a model plans for a minute) the repeated wish is nothing new.
ASK_AGAIN: Final = 15.0
RUN: Final = "run/"  # what the broker was asked for; the rest is the service's
RUN_AGAIN: Final = 2.0  # the same for a broker that could not be asked
BACKSTOP_SECONDS: Final = 30  # the executor ends a run at its deadline itself; this is for one that does not
REFUSED: Final = 120.0  # seconds; a rollout that replaces operator and service is over by then
MANY: Final = 1 << 30  # every attempt


@dataclass(kw_only=True)
class Effects:
    cluster: Cluster
    service: Service
    board: Board
    fleet: Fleet
    claims: Claims
    pools: Pools
    profiles: Profiles
    namespaces: Namespaces
    showing: Showing
    timers: Timers
    metrics: Metrics
    traces: Traces
    epoch: Callable[[], int]
    wake: Callable[[str], None]

    def __post_init__(self) -> None:
        self._runs: set[asyncio.Task[None]] = set()

    async def look(self, uid: str) -> None:
        entry = self.board.active.get(uid)
        if entry is None:
            if uid in self.board.finished:
                self._release(uid, MANY)  # claimed while it ended
            await self._waited(uid)
            return
        if not await self._bound(entry):
            return
        decision = await self._decided(entry)
        if decision is None or uid not in self.board.active:
            return
        await self._follow(entry, decision)

    async def gone(self, uid: str) -> None:
        """The object is no more: nothing of it stays."""
        self.forget(uid)
        with suppress(NotFound):
            await self.service.gone(uid)

    def ask_again(self) -> None:
        """What the service was asked for may be lost."""
        for entry in self.board.active.values():
            entry.asked = {name: at for name, at in entry.asked.items() if name.startswith(RUN)}

    def forget(self, uid: str) -> None:
        self.claims.unwant(uid)
        self.timers.drop(uid)
        for pod in self.fleet.of_task(uid):
            self.pools.end(pod)

    async def admit(self, namespace: str) -> None:
        """Tasks of one project that waited for others of it."""
        while (found := self.board.next(namespace)) is not None:
            try:
                await self.read(found.uid, namespace, found.name)
            except RetortError:
                self.board.back(found)
                raise

    # -- what is known -----------------------------------------------------------------------------------

    async def _waited(self, uid: str) -> None:
        """One that was not worked on yet; its time is over, so that it ends with a sentence."""
        found = self.board.waiting_of(uid)
        if found is not None and not self.board.closed(found.namespace):
            await self.read(uid, found.namespace, found.name, forced=True)

    async def read(self, uid: str, namespace: str, name: str, *, forced: bool = False) -> None:
        """A task as its object is now; one that is no more is forgotten."""
        raw = await self.cluster.get(AGENT_TASKS, namespace, name)
        if raw is None or plain(raw["metadata"]["uid"]) != uid:
            self.board.remove(uid)
        elif self.board.note(raw, forced=forced):
            self.wake(uid)

    async def _bound(self, entry: Entry) -> bool:
        """Whether its namespace is one that takes part; read once a task."""
        if entry.namespace_uid:
            return True
        found = await self.namespaces.read(entry.namespace)
        if found is None or found.leaving or entry.created_at.timestamp() < found.made_at:
            return False  # its object goes with the namespace
        if not found.opted_in:
            if not self.board.close(entry):
                await self.showing.not_opted_in(entry)
                self.timers.set(entry.uid, ASK_AGAIN)
            return False
        self.board.open(entry.namespace)
        entry.namespace_uid = found.uid
        self.claims.weigh(entry.namespace, found.weight)
        return True

    async def _decided(self, entry: Entry) -> Decision | None:
        """Decides until the service has nothing to add; None when both sides do not come to rest."""
        if entry.behind:
            await self._tell(entry, entry.seen.status if entry.seen is not None else TaskStatus(), Wanted())
        for _ in range(TURNS):
            seen = entry.seen
            assert seen is not None
            decision = decided(entry.object(), seen, self._sight(entry))
            wanted = self._wanted(entry, decision)
            if decision.status == seen.status and wanted == Wanted():
                return decision
            await self._tell(entry, decision.status, wanted)
        log.warning("no_rest", task=entry.uid)
        self.timers.within(entry.uid, 1.0)
        return None

    async def _tell(self, entry: Entry, status: TaskStatus, wanted: Wanted) -> None:
        """What the object says by now and what was decided of the task; the service goes on from there as far as it can."""
        generation, seen = entry.generation, entry.seen
        entry.stale = False
        body = TaskPut(
            task=entry.object(),
            status=status,
            revision=seen.revision if seen is not None else 0,
            wanted=wanted,
            sight=self._sight(entry),
        )
        try:
            entry.seen = await self.service.put(body)
        except Newer as newer:
            entry.seen = newer.seen
            return
        except Unacceptable as problem:
            entry.seen = await self._unacceptable(entry, body, problem)
            return
        except RetortError:
            entry.stale = True
            raise
        self._count(seen.status if seen is not None else status, entry.seen.status)
        entry.told, entry.refused = generation, 0.0
        for one in (wanted, *entry.seen.begun):
            for name in _names(one):
                entry.asked[name] = time.monotonic()

    async def _unacceptable(self, entry: Entry, body: TaskPut, problem: Unacceptable) -> TaskSeen:
        """While parts of two releases work side by side it is told again, and the object says so. A task that the service
        has no row of ends with the reason after that; one that has a row goes on when the service takes it."""
        if not entry.refused:
            entry.refused = time.monotonic()
            await self.showing.refused(entry, problem.message)
        if body.revision or time.monotonic() - entry.refused < REFUSED:
            raise problem
        message = f"the service takes no such task: {problem.message}"
        entry.problem = Failure(failure="Input", code="bad-input", message=message)
        return TaskSeen(uid=entry.uid, revision=0, status=body.status, base=entry.problem, archived=True)

    def _sight(self, entry: Entry) -> Sight:
        spec = entry.spec
        return Sight(
            at=now(),
            sandbox=self._sandbox(entry.uid),
            problem=self._problem(entry),
            queue_timeout_seconds=spec.queue_timeout_seconds,
            active_deadline_seconds=spec.active_deadline_seconds + BACKSTOP_SECONDS,
            infrastructure_retries=spec.infrastructure_retries,
        )

    def _problem(self, entry: Entry) -> Failure | None:
        return entry.problem or self.profiles.problem(entry.spec.profile_name, entry.namespace)

    def _sandbox(self, uid: str) -> SandboxState | None:
        pods = self.fleet.of_task(uid)
        if not pods:
            return None
        pod = pods[0]
        if pod.leaving or pod.phase == "Failed":
            reason = f"the executor {pod.name} was lost" + (f": {pod.reason}" if pod.reason else "")
            return SandboxState(attempt=pod.attempt, phase="lost", reason=reason)
        if pod.usable or pod.phase == "Succeeded":  # it ends when its session does: the reply is on its way
            return SandboxState(attempt=pod.attempt, phase="ready")
        # A claimed executor was ready once; one whose probe fails for a moment is still the one that runs.
        return SandboxState(attempt=pod.attempt, phase="ready" if pod.ip else "claiming")

    def _wanted(self, entry: Entry, decision: Decision) -> Wanted:
        """What the service is to do and was not asked for yet, or too long ago."""
        assert entry.seen is not None
        wanted = wish(decision, entry.seen)
        return wanted if all(self._due(entry, name) for name in _names(wanted)) else Wanted()

    def _due(self, entry: Entry, name: str) -> bool:
        """If not now, then it is looked at again when it is."""
        rest = entry.asked.get(name, -ASK_AGAIN) + ASK_AGAIN - time.monotonic()
        if rest > 0:
            self.timers.within(entry.uid, rest)
        return rest <= 0

    # -- what follows ------------------------------------------------------------------------------------

    async def _follow(self, entry: Entry, decision: Decision) -> None:
        status = decision.status
        self._claimed_or_not(entry, decision)
        for action in decision.actions:
            match action:
                case Run(attempt):
                    self._run(entry, attempt)
                case Release(attempt):
                    self._release(entry.uid, attempt)
                case _:
                    continue
        self._release(entry.uid, status.attempt - 1)
        if status.terminal:
            await self._over(entry, status)
            return
        if status.plan is not None or status.question is not None:  # planned, or waiting for a person
            self.board.prepared(entry)
            await self.admit(entry.namespace)
        if decision.wake_at is not None:
            self.timers.within(entry.uid, (decision.wake_at - now()).total_seconds())
        await self.showing.show(entry, status)

    def _claimed_or_not(self, entry: Entry, decision: Decision) -> None:
        claim = next((action for action in decision.actions if isinstance(action, Claim)), None)
        if claim is None:
            entry.since_waiting = 0.0
            self.claims.unwant(entry.uid)
            return
        if not entry.since_waiting:
            entry.since_waiting = time.monotonic()
        if any(pod.attempt == claim.attempt and not pod.leaving for pod in self.fleet.of_task(entry.uid)):
            return  # claimed, and not ready for a moment
        want = Want(
            uid=entry.uid,
            attempt=claim.attempt,
            profile=entry.spec.profile_name,
            tenant=entry.namespace,
            priority=entry.spec.priority,
            since=entry.created_at.timestamp(),
            asked_at=entry.since_waiting,
            trace=entry.trace,
        )
        self.claims.want(want)

    def _release(self, uid: str, attempt: int) -> None:
        for pod in self.fleet.of_task(uid):
            if pod.attempt <= attempt:
                self.pools.end(pod)

    def _run(self, entry: Entry, attempt: int) -> None:
        name = f"{RUN}{attempt}"
        pod = next((one for one in self.fleet.of_task(entry.uid) if one.attempt == attempt), None)
        if pod is None or pod.over or not self._due(entry, name):
            return
        entry.asked[name] = time.monotonic()
        if not entry.started:
            entry.started = time.time()
            born = entry.created_at.timestamp()
            self.metrics.queue_seconds.observe(max(0.0, entry.started - born))
            self.traces.part("queue", entry.uid, entry.trace, born, entry.started)
        task = asyncio.create_task(self._ask_broker(entry, attempt, pod))
        self._runs.add(task)
        task.add_done_callback(self._runs.discard)

    async def _ask_broker(self, entry: Entry, attempt: int, pod: PodView) -> None:
        profile = self.profiles.get(entry.spec.profile_name)
        if profile is None:
            return
        limits = limits_of(profile.spec, entry.spec.active_deadline_seconds)
        body = AttemptPut(pod=pod.address(), limits=limits, epoch=self.epoch())
        try:
            await self.service.run(entry.uid, attempt, body)
        except (Conflict, NotFound):
            entry.stale = True  # the rows know more than we do
            self.wake(entry.uid)
        except RetortError as problem:
            log.warning("broker_not_asked", task=entry.uid, problem=problem.message)
            entry.asked.pop(f"{RUN}{attempt}", None)
            self.timers.within(entry.uid, RUN_AGAIN)

    async def _over(self, entry: Entry, status: TaskStatus) -> None:
        await self.showing.show(entry, status)
        active = entry.uid in self.board.active
        if not active and entry.uid not in self.board.finished:
            return
        self.timers.drop(entry.uid)
        ended = next(
            one for one in status.conditions if one.status == "True" and one.type in ("Complete", "Failed")
        )
        self.metrics.tasks_over.labels(ended.type.value, ended.reason).inc()
        self.metrics.task_seconds.observe(max(0.0, (ended.at - entry.created_at).total_seconds()))
        self.traces.task(
            entry.uid, entry.trace, entry.created_at.timestamp(), ended.at.timestamp(),
            failed=ended.type == "Failed", reason=ended.reason,
        )  # fmt: skip
        if active:  # else the event of our own write was here before its answer
            self.board.finish(entry, ended.at.timestamp())
        await self.admit(entry.namespace)

    def _count(self, before: TaskStatus, after: TaskStatus) -> None:
        if after.attempt > before.attempt >= 1:
            reason = "Rebasing" if after.rebases > before.rebases else "Infrastructure"
            self.metrics.retries.labels(reason).inc()


def _names(wanted: Wanted) -> list[str]:
    found: dict[str, Any] = {"prepare": wanted.prepare, "promote": wanted.promote}
    return [f"{name}/{value}" for name, value in found.items() if value is not None]
