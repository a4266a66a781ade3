"""Everything that works while a process leads, made once and tied together: the only place where parts meet."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from retort_operator.board import Board
from retort_operator.claims import Claims
from retort_operator.cluster import Cluster
from retort_operator.effects import Effects
from retort_operator.fleet import Fleet
from retort_operator.journal import Journal
from retort_operator.lease import Lease
from retort_operator.metrics import Metrics
from retort_operator.namespaces import Namespaces
from retort_operator.pods import Maker
from retort_operator.pool import Pools
from retort_operator.probe import Prober, Reach, targets_of
from retort_operator.profile_statuses import ProfileStatuses
from retort_operator.profiles import Profiles
from retort_operator.projection import Projection
from retort_operator.proofs import Proofs
from retort_operator.receiver import GONE, Receiver
from retort_operator.service_client import Service
from retort_operator.settings import Settings
from retort_operator.showing import Showing
from retort_operator.sweeper import Sweeper
from retort_operator.timers import Timers
from retort_operator.traces import Traces, ago
from retort_operator.work_queue import WorkQueue


class Probed(NamedTuple):
    """The API server's address, which executors must not reach, and the control of the probe."""

    server: str
    reach: Reach


class Parts:
    """Everything that works while this process leads, tied together."""

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        service: Service,
        lease: Lease,
        metrics: Metrics,
        traces: Traces,
        probed: Probed,
    ) -> None:
        self.started = asyncio.Event()
        self.board, self.fleet, self.profiles = Board(settings.pending_per_project), Fleet(), Profiles()
        self.proofs = Proofs(settings.proof_seconds)
        namespace, cap = settings.executors_namespace, settings.running_per_project
        maker = Maker(namespace=namespace, secret=settings.secret("session_key_file"))
        namespaces = Namespaces(cluster, settings.namespaces)
        self.claims = Claims(cluster, self.fleet, self.profiles, self.proofs, metrics, namespace, cap)
        self.pools = Pools(
            cluster, self.fleet, self.profiles, self.claims, maker, metrics, settings.create_per_second
        )
        self.profile_statuses = ProfileStatuses(
            cluster=cluster, fleet=self.fleet, profiles=self.profiles, pools=self.pools, proofs=self.proofs,
            metrics=metrics, namespace=namespace,
        )  # fmt: skip
        self.queue = WorkQueue(self._look, metrics, project_of=self._project_of, ahead=self.claims.ahead)
        self.timers = Timers(self.queue.wake)
        journal = Journal(cluster, settings.identity)
        showing = Showing(
            cluster=cluster, fleet=self.fleet, claims=self.claims, pools=self.pools, proofs=self.proofs,
            timers=self.timers, journal=journal, cap=cap,
        )  # fmt: skip
        self.effects = Effects(
            cluster=cluster, service=service, board=self.board, fleet=self.fleet, claims=self.claims,
            pools=self.pools, profiles=self.profiles, namespaces=namespaces, showing=showing, timers=self.timers,
            metrics=metrics, traces=traces, epoch=lambda: lease.epoch, wake=self.queue.wake,
        )  # fmt: skip
        own = f"{settings.pod_ip}:{settings.metrics_port}" if settings.pod_ip else ""
        urls = {"service": settings.api_url, "broker": settings.broker_url}
        self.prober = Prober(
            cluster=cluster, fleet=self.fleet, profiles=self.profiles, proofs=self.proofs, maker=maker,
            targets=targets_of(probed.server, urls, own, settings.probe_targets), reach=probed.reach,
        )  # fmt: skip
        scopes = settings.namespaces or ("",)
        self.projection = Projection(cluster, service, namespaces, metrics, settings.commits_kept, scopes)
        self.receiver = Receiver(
            board=self.board, fleet=self.fleet, profiles=self.profiles, proofs=self.proofs, claims=self.claims,
            pools=self.pools, prober=self.prober, projection=self.projection, timers=self.timers,
            queue=self.queue, profile_changed=self.profile_statuses.changed,
        )  # fmt: skip
        self.sweeper = Sweeper(
            cluster=cluster, service=service, board=self.board, fleet=self.fleet, pools=self.pools,
            profiles=self.profiles, proofs=self.proofs, prober=self.prober, effects=self.effects, metrics=metrics,
            namespace=namespace, scopes=scopes, ttl=settings.ttl_seconds,
            seconds=settings.resync_seconds, wake=self.queue.wake, pod_seen=self.receiver.pod_seen,
            policies_changed=self.receiver.policies_changed, task_gone=self.receiver.task_gone,
            profile_gone=self.receiver.profile_gone,
        )  # fmt: skip
        self.claims.wake = lambda uid: self.queue.wake(uid, urgent=True)
        self.claims.claimed = lambda want: traces.part(
            "claim", want.uid, want.trace, ago(want.asked_at), time.time()
        )
        self.claims.used = self.pools.look
        self.claims.coming = self.board.coming
        self.claims.bearable = self.pools.bearable
        self.pools.changed = self.profile_statuses.changed
        self.prober.proved = self.receiver.proved
        cluster.back = self._again

    def _again(self) -> None:
        """The API server is back: what waits after failures is tried now."""
        self.queue.again()
        self.pools.again()
        self.profile_statuses.again()
        for profile in self.profiles:
            self.claims.kick(profile.name)

    def _project_of(self, key: str) -> str:
        entry = self.board.active.get(key)
        return entry.namespace if entry is not None else ""

    async def _look(self, key: str) -> None:
        if key.startswith(GONE):
            await self.effects.gone(key.removeprefix(GONE))
        else:
            await self.effects.look(key)
