"""The broker: runs one attempt of a task in the Pod that the operator has claimed for it.

It takes the lease, dials the Pod, feeds it, takes the result in and settles, all under the lease. What it holds dies with
it: its Pods end when the connection does, and its leases run out; any other broker then says so, and the operator makes a
new attempt.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.cluster import leases
from retort_api.cluster.acts import Acts, AlreadySettled, Settle
from retort_api.cluster.leases import RunLease
from retort_api.kit.database import Database
from retort_api.runs.pods import PodSandbox
from retort_api.runs.sandboxes import Sandbox
from retort_api.runs.traces import TaskTraces
from retort_api.tasks import repository
from retort_api.tasks.records import TaskRecord
from retort_core.errors import Conflict, NotFound, RetortError
from retort_core.handshake import Binding
from retort_core.http.internal import AttemptPut, PodAddress, RunLimits
from retort_core.lifecycle.failures import failure_of
from retort_core.lifecycle.observations import Ran
from retort_core.lifecycle.statuses import Failure

log = structlog.get_logger(__name__)
GRACE_SECONDS: Final = 120  # beyond a job's own limit, for feeding and taking in
LATE_SECONDS: Final = 2 * leases.RENEWED_EVERY
LOST: Final = Failure(
    failure="Infrastructure",
    code="session-lost",
    message="the broker of this run went away in the middle of it",
)


class Dial(Protocol):
    async def dial(self, pod: PodAddress, binding: Binding) -> PodSandbox: ...


class Run(Protocol):
    """Of `runs.running.Running`."""

    def __call__(
        self, task: TaskRecord, attempt: int, sandbox: Sandbox, settle: Any, limits: RunLimits
    ) -> Awaitable[Ran | None]: ...


@dataclass(kw_only=True)
class Attempts:
    """`holder`: this broker's own name, new at every start. `now`: seconds of a clock that only goes on."""

    database: Database
    acts: Acts
    dialler: Dial
    run: Run
    holder: str
    traces: TaskTraces
    now: Callable[[], float] = time.monotonic
    _renewed: float | None = None  # when this broker's own leases were last
    _judges_from: float = -math.inf
    # By attempt too: an attempt that outlives its executor ends when the next one is already under way here.
    _mine: set[tuple[str, int]] = field(default_factory=set)
    _ticker: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._renewed = self.now()
        self._ticker = asyncio.create_task(self._tick())

    async def close(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)

    async def put(self, uid: str, attempt: int, body: AttemptPut) -> None:
        """Returns at once; asked again for the same attempt it does nothing."""
        lease = RunLease(task=uid, attempt=attempt, epoch=body.epoch, holder=self.holder)
        task = await self.database.transact(lambda connection: _taken(connection, lease))
        if task is None:
            return

        self._mine.add((uid, attempt))
        self.acts.start(
            uid,
            f"run/{attempt}",
            lambda settle: self._attempt(task, lease, body, settle),
            lambda failure: Ran(attempt=attempt, failure=failure),
        )

    async def _attempt(self, task: TaskRecord, lease: RunLease, body: AttemptPut, settle: Settle) -> None:
        """Whatever comes of it is settled under the lease; what is not lets the lease run out."""
        fenced = _fenced(lease, settle)
        try:
            try:
                reply = await self._ran(task, lease, body, fenced)
            except RetortError as error:
                reply = Ran(attempt=lease.attempt, failure=failure_of(error))
            if reply is not None:
                last = reply
                await self.database.transact(lambda connection: fenced(connection, last))
        finally:
            self._mine.discard((task.uid, lease.attempt))

    async def _ran(self, task: TaskRecord, lease: RunLease, body: AttemptPut, fenced: Settle) -> Ran | None:
        seconds = body.limits.seconds + GRACE_SECONDS
        binding = Binding(pod=body.pod.name, task=task.uid, attempt=lease.attempt, seconds=seconds)
        async with self.traces.span("session", task, lease.attempt, body.pod.name):
            sandbox = await self.dialler.dial(body.pod, binding)
            try:
                return await self.run(task, lease.attempt, sandbox, fenced, body.limits)
            finally:
                await sandbox.close()

    # -- leases ------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(leases.RENEWED_EVERY)
            try:
                await self.tend()
            except Exception:
                log.exception("leases_not_tended")

    async def tend(self) -> None:
        """Keeps this broker's leases and tells of those whose broker is gone. When it comes late itself, the database was away
        for all: the others are given the life of a lease to come back in, before they are judged."""
        async with self.database.write() as connection:
            await leases.renew(connection, self.holder, self._mine)
            renewed = self.now()
            if self._renewed is not None and renewed - self._renewed > LATE_SECONDS:
                self._judges_from = renewed + leases.LIVES.total_seconds()
            gone = await leases.expired(connection) if renewed >= self._judges_from else []
        self._renewed = renewed
        for lease in gone:
            self._lost(lease)

    def _lost(self, lease: RunLease) -> None:
        reply = Ran(attempt=lease.attempt, failure=LOST)

        async def told(connection: AsyncConnection, settle: Settle) -> None:
            if not await leases.end(connection, lease):
                raise AlreadySettled("this run is over by itself, or its broker is back")
            await settle(connection, reply)

        async def tell(settle: Settle) -> None:
            """Both or neither: a lease that is gone while nobody was told would leave the task running for ever."""
            try:
                await self.database.transact(lambda connection: told(connection, settle))
            except AlreadySettled:
                await self.database.transact(lambda connection: leases.end(connection, lease))
                raise

        self.acts.start(lease.task, f"lost/{lease.attempt}", tell, lambda _: reply)


async def _taken(connection: AsyncConnection, lease: RunLease) -> TaskRecord | None:
    """None when this attempt was taken before."""
    task = await repository.hold(connection, lease.task)
    if task is None:
        raise NotFound(f"There is no task {lease.task[:40]!r}.")
    if task.status.terminal or task.cancelled:
        raise Conflict(f"This task is over ({task.status.phase}).", phase=task.status.phase)
    return task if await leases.take(connection, lease) else None


def _fenced(lease: RunLease, settle: Settle) -> Callable[[AsyncConnection, Any], Awaitable[None]]:
    """Settles under the lease: the transaction that stores a result is the one that proves who may."""

    async def fenced(connection: AsyncConnection, reply: Any) -> None:
        await leases.check(connection, lease)
        await settle(connection, reply)
        await leases.release(connection, lease)

    return fenced
