"""Who gets which idle executor: the fair queue decides the order, one label patch with the Pod's version decides the race."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from retort_core.errors import RetortError
from retort_operator.beginnings import Beginnings
from retort_operator.cluster import CONFLICT, NOT_FOUND, PODS, ApiError, Cluster
from retort_operator.fairness import FairQueue, Ticket
from retort_operator.fleet import Fleet
from retort_operator.headroom import Headroom
from retort_operator.metrics import Metrics
from retort_operator.pods import PodView, claim_patch, view
from retort_operator.profiles import Profiles
from retort_operator.proofs import Proofs

log = structlog.get_logger(__name__)
PAUSE: Final = 1.0  # after an error of the API server
MANY: Final = 8  # tasks of one project that wait; with as many, further ones are planned far ahead
LOOK_AGAIN: Final = (
    1.0  # seconds, where tasks wait beside idle executors: a cap, or one that is left to others for a while
)


@dataclass(frozen=True, kw_only=True)
class Want:
    uid: str
    attempt: int
    profile: str
    tenant: str
    priority: int
    since: float  # of the task, for the order
    asked_at: float
    trace: str = ""


class Claims:
    """`wake`: look at a task again; `used`: an executor of a profile was taken, so its pool wants refilling; `claimed`: what it
    was wanted for has it; `coming`: how many tasks of a project do not want one yet but soon will; `bearable`: how many runs may
    be beginning at a time on what a profile's executors run on."""

    def __init__(
        self,
        cluster: Cluster,
        fleet: Fleet,
        profiles: Profiles,
        proofs: Proofs,
        metrics: Metrics,
        namespace: str,
        cap: int,
    ) -> None:
        self._cluster, self._fleet, self._profiles, self._namespace = cluster, fleet, profiles, namespace
        self._proofs, self._metrics, self._cap = proofs, metrics, cap
        self._weights: dict[str, int] = {}
        self._queues: dict[str, FairQueue] = {}
        self._headroom: dict[str, Headroom] = {}
        self._beginnings: dict[str, Beginnings] = {}
        self._wants: dict[str, Want] = {}
        self._flying: dict[str, Want] = {}  # Pod -> claim under way
        self._claiming: set[str] = set()  # tasks with a claim under way
        self._refused: dict[str, str] = {}  # Pod -> version that a claim was refused on
        self._kicked: set[str] = set()
        self._alarms: dict[str, asyncio.TimerHandle] = {}  # by profile
        self._tasks: set[asyncio.Task[None]] = set()
        self.wake: Callable[[str], None] = lambda _: None
        self.used: Callable[[str], None] = lambda _: None
        self.claimed: Callable[[Want], None] = lambda _: None
        self.coming: Callable[[str], int] = lambda _: 0
        self.bearable: Callable[[str], float] = lambda _: math.inf

    def weigh(self, tenant: str, weight: int) -> None:
        """From its next turn on."""
        if weight == 1:
            self._weights.pop(tenant, None)
        else:
            self._weights[tenant] = weight

    def want(self, want: Want) -> None:
        if want.uid in self._claiming:
            return  # it gets one in a moment; a second ticket would get it a second one
        old = self._wants.get(want.uid)
        if old is not None:
            if old.attempt == want.attempt:
                return
            self.unwant(want.uid)
        self._wants[want.uid] = want
        ticket = Ticket(-want.priority, want.since, want.uid, want.tenant)
        self._queues.setdefault(want.profile, FairQueue(self._cap, self._weights)).add(ticket)
        self.kick(want.profile)

    def unwant(self, uid: str) -> None:
        want = self._wants.pop(uid, None)
        if want is not None:
            self._queues[want.profile].drop(uid)

    def demand(self, profile: str) -> int:
        """How many executors would be taken at once if they were there, with the one that is left to others."""
        queue = self._queues.get(profile)
        if queue is None:
            return 0
        wanted, here = queue.demand(self._held().__getitem__), self._held(profile)
        return wanted + any(self._kept(profile, queue, here, tenant) for tenant in queue.tenants)

    def waiting(self, profile: str) -> int:
        queue = self._queues.get(profile)
        return len(queue) if queue is not None else 0

    def ahead(self, tenant: str) -> bool:
        """Whether many tasks of a project wait for executors."""
        return sum(queue.waiting(tenant) for queue in self._queues.values()) >= MANY

    def capped(self, tenant: str) -> bool:
        return self._held()[tenant] >= self._cap

    def busy(self, pod: str) -> bool:
        """Whether a claim of it is under way."""
        return pod in self._flying

    def freed(self) -> None:
        """An executor's run ended: whoever may have another one now, of whatever profile, gets it."""
        for profile, queue in self._queues.items():
            if len(queue):
                self.kick(profile)

    def kick(self, profile: str) -> None:
        """Soon, and once for however many reasons there are in this turn of the loop."""
        if profile not in self._kicked:
            self._kicked.add(profile)
            asyncio.get_running_loop().call_soon(self._pair, profile)

    def _pair(self, profile: str) -> None:
        """Pairs waiting tasks with idle executors until one of both runs out."""
        self._kicked.discard(profile)
        queue = self._queues.get(profile)
        if queue is None or not len(queue):
            return
        free, now = self._free(profile), time.monotonic()
        held, here = self._held(), self._held(profile)
        beginnings, bearable = self._beginnings.setdefault(profile, Beginnings()), self.bearable(profile)
        beginnings.only({pod.name for pod in self._fleet if pod.taken} | set(self._flying), now)

        def may(tenant: str) -> bool:
            last = len(free) == 1 and self._kept(profile, queue, here, tenant)
            return not last and beginnings.may(tenant, bearable)

        while free:
            ticket = queue.next(held.__getitem__, may)
            if ticket is None:
                break
            held[ticket.tenant] += 1
            here[ticket.tenant] += 1
            self._headroom.setdefault(profile, Headroom()).served(ticket.tenant, now)
            pod = free.pop()
            beginnings.begun(pod.name, ticket.tenant, now)
            self._start(self._wants.pop(ticket.key), pod)
        if free and len(queue):
            self._look_again(profile, min(LOOK_AGAIN, beginnings.soonest(now)))
        self.used(profile)

    def _look_again(self, profile: str, delay: float) -> None:
        alarm, loop = self._alarms.get(profile), asyncio.get_running_loop()
        if alarm is not None:
            alarm.cancel()
        self._alarms[profile] = loop.call_later(max(0.01, delay), self.kick, profile)

    def _kept(self, profile: str, queue: FairQueue, here: Counter[str], tenant: str) -> bool:
        """Whether the last idle executor is left to others than this one. `here`: who holds how many of this profile."""
        known, headroom = self._profiles.get(profile), self._headroom.get(profile)
        if known is None or headroom is None:
            return False
        spec = known.spec
        return headroom.kept_from(
            tenant, here.__getitem__, lambda one: queue.waiting(one) + self.coming(one), spec.replicas,
            spec.capacity, time.monotonic(),
        )  # fmt: skip

    def _free(self, profile: str) -> list[PodView]:
        """Idle executors on proven nodes, those of the current template last (they are taken first)."""
        known = self._profiles.get(profile)
        if known is None:
            return []
        self._refused = {name: version for name, version in self._refused.items() if self._fleet.get(name)}
        found = [
            pod
            for pod in self._fleet
            if pod.profile == profile
            and pod.idle
            and pod.usable
            and pod.name not in self._flying
            and self._refused.get(pod.name) != pod.version
            and self._proofs.proven(pod.node)
        ]
        found.sort(key=lambda pod: (pod.template == known.template, pod.made_at, pod.name))
        return found

    def _held(self, profile: str | None = None) -> Counter[str]:
        """Executors by project: of one profile, or of all."""
        found = Counter(pod.tenant for pod in self._fleet if pod.taken and profile in (None, pod.profile))
        found.update(want.tenant for want in self._flying.values() if profile in (None, want.profile))
        return found

    def _start(self, want: Want, pod: PodView) -> None:
        self._flying[pod.name] = want
        self._claiming.add(want.uid)
        task = asyncio.create_task(self._claim(want, pod))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _claim(self, want: Want, pod: PodView) -> None:
        patch = claim_patch(pod, want.uid, want.attempt, want.tenant)
        pause = 0.0
        try:
            found = await self._cluster.patch(PODS, self._namespace, pod.name, patch)
        except ApiError as error:
            if error.http in (CONFLICT, NOT_FOUND):
                self._refused[pod.name] = pod.version  # the watch will tell what it is by now
            else:
                log.warning("claim_failed", problem=error.message)
                pause = PAUSE
        except RetortError as problem:
            log.warning("claim_failed", problem=problem.message)
            pause = PAUSE
        except (
            Exception
        ):  # an answer that is none: neither the Pod nor the task may stay as if a claim were under way
            log.exception("claim_failed")
            pause = PAUSE
        else:
            self._metrics.claim_seconds.observe(time.monotonic() - want.asked_at)
            self.claimed(want)
            self._landed(want, pod)
            self._refused.pop(pod.name, None)
            self._fleet.apply(view(found))
            self.wake(want.uid)
            self.used(want.profile)
            return
        self._landed(want, pod)
        if pause:
            await asyncio.sleep(pause)
        self.wake(want.uid)  # it decides anew whether it still wants one

    def _landed(self, want: Want, pod: PodView) -> None:
        self._flying.pop(pod.name, None)
        self._claiming.discard(want.uid)
