"""Who leads: one Lease of the operator's own. Whoever loses it ends at once, so that two never decide for long.

A lease of somebody else is over when it has not *changed* for its duration by this process's own clock; the times written in
it are for people. One of an earlier process of the same Pod is over at once: the kubelet starts a container again only when it
has ended. `epoch` counts the leaders; brokers refuse an older one than they have seen. What a leader has found out and the next
one need not find out again (`told`) is handed on in annotations.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from retort_core.errors import Infrastructure, RetortError
from retort_operator.cluster import CONFLICT, LEASES, ApiError, Cluster

log = structlog.get_logger(__name__)
NAME: Final = "retort-operator"


class LeaseLost(Infrastructure):
    """Another process leads, or nobody knows: this one must end."""


class Lease:
    def __init__(
        self, cluster: Cluster, namespace: str, identity: str, seconds: float, pod: str = ""
    ) -> None:
        """`pod`: the name of the Pod that this process is the only one of; empty where there is none."""
        self._cluster, self._namespace, self._seconds = cluster, namespace, seconds
        self._pod = pod
        self._identity = f"{identity}_{uuid.uuid4().hex[:12]}"  # a restarted process is another leader
        self._seen, self._seen_at = "", time.monotonic()
        self._body: dict[str, Any] | None = None
        self._renewed_at = 0.0
        self.epoch = 0
        self.problem = ""  # why it is not known who leads
        self.told: Callable[[], Mapping[str, str]] = dict
        self.inherited: Mapping[str, str] = {}  # what the leader before this one told

    @property
    def pause(self) -> float:
        return self._seconds / 4

    async def acquire(self) -> None:
        """Returns when this process leads. An API server that does not answer is waited for: a standby that ended with each of
        its outages would be started again later and later, together with the leader."""
        while not await self._looked():  # noqa: ASYNC110 - the event is in another process
            await asyncio.sleep(min(self.pause, 2.0))

    async def _looked(self) -> bool:
        try:
            held = await self._try()
        except RetortError as problem:
            self.problem = f"the lease cannot be had: {problem.message}"
            log.warning("lease_not_read", problem=problem.message)
            return False
        self.problem = ""
        return held

    async def keep(self) -> None:
        """Renews until it cannot; then raises LeaseLost."""
        while True:
            await asyncio.sleep(self.pause)
            try:
                async with asyncio.timeout(max(self._left, 0.001)):
                    kept = await self._try()
            except (TimeoutError, RetortError) as problem:
                if self._left < 0:
                    raise LeaseLost(f"the lease could not be renewed in time: {problem}") from None
                continue
            if not kept:
                raise LeaseLost("another process leads")

    @property
    def _left(self) -> float:
        """Seconds for which it may go without a renewal, counted from before the last one was asked for."""
        return self._seconds * 2 / 3 - (time.monotonic() - self._renewed_at)

    async def release(self) -> None:
        """Lets the other replica take over at once instead of after the lease's duration. What another one holds by now is
        left to it."""
        if self.epoch and self._body is not None and self._mine:
            spec = {**self._body["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
            try:
                await self._cluster.replace(LEASES, self._namespace, NAME, {**self._body, "spec": spec})
            except RetortError as problem:
                log.warning("lease_not_released", problem=problem.message)

    async def _try(self) -> bool:
        """Whether this process holds the lease after this look."""
        began = time.monotonic()
        if self.epoch == 0 or self._body is None:
            self._body = await self._cluster.get(LEASES, self._namespace, NAME)
        try:
            if self._body is None:
                body = self._made(1)
                self._body = await self._cluster.create(LEASES, self._namespace, body)
            elif self._mine or self._over:
                epoch = self._transitions + (0 if self._mine else 1)
                if not self._mine:
                    self.inherited = dict(self._body["metadata"].get("annotations") or {})
                self._body = await self._cluster.replace(LEASES, self._namespace, NAME, self._renewed(epoch))
            else:
                return False
        except ApiError as error:
            if error.http != CONFLICT:
                raise
            self._body = await self._cluster.get(LEASES, self._namespace, NAME)
            if self._body is None or not self._mine:
                return False
        self.epoch, self._renewed_at = self._transitions, began
        return True

    @property
    def _spec(self) -> dict[str, Any]:
        assert self._body is not None
        found: dict[str, Any] = self._body.get("spec", {})
        return found

    @property
    def _transitions(self) -> int:
        return int(self._spec.get("leaseTransitions") or 0)

    @property
    def _mine(self) -> bool:
        return bool(self._spec.get("holderIdentity") == self._identity)

    @property
    def _over(self) -> bool:
        """Nobody holds it, or whoever does has not been heard of for its whole duration."""
        assert self._body is not None
        holder = str(self._spec.get("holderIdentity") or "")
        if not holder or (self._pod and holder.rpartition("_")[0] == self._pod):
            return True
        version = str(self._body["metadata"].get("resourceVersion"))
        if version != self._seen:
            self._seen, self._seen_at = version, time.monotonic()
        return time.monotonic() - self._seen_at > float(
            self._spec.get("leaseDurationSeconds") or self._seconds
        )

    def _renewed(self, epoch: int) -> dict[str, Any]:
        assert self._body is not None
        metadata = self._body["metadata"]
        annotations = {**(metadata.get("annotations") or {}), **self.told()}
        return {
            **self._body,
            "metadata": {**metadata, "annotations": annotations},
            "spec": self._made(epoch)["spec"],
        }

    def _made(self, epoch: int) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec: dict[str, Any] = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, int(self._seconds)),
            "leaseTransitions": epoch,
            "renewTime": now,
        }
        old = self._spec if self._body is not None else {}
        same = old.get("holderIdentity") == self._identity
        spec["acquireTime"] = old.get("acquireTime", now) if same else now
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME, "namespace": self._namespace},
            "spec": spec,
        }
