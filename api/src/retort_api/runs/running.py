"""Running: one attempt in a claimed sandbox, its progress told while it goes on, what it used measured."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.kit.database import Database
from retort_api.kit.signals import Signal
from retort_api.runs.execution import Execution
from retort_api.runs.rides import Ride
from retort_api.runs.sandboxes import Sandbox
from retort_api.runs.telling import Telling
from retort_api.runs.traces import TaskTraces
from retort_api.tasks.records import TaskRecord
from retort_core.http.internal import RunLimits
from retort_core.lifecycle.observations import Ran


@dataclass(frozen=True, kw_only=True)
class Running:
    database: Database
    execution: Execution
    signal: Signal
    traces: TaskTraces

    async def __call__(
        self, task: TaskRecord, attempt: int, sandbox: Sandbox, settle: Any, limits: RunLimits | None = None
    ) -> Ran | None:
        """`limits`: of the sandbox's profile. The reply, or None when it was settled in the transaction that stored what the run made."""
        progress = Telling(self.database, self.signal, task)
        ride = Ride(
            attempt=f"{task.uid}-{attempt}",
            project=task.project,
            sandbox=sandbox,
            progress=progress,
            limits=limits,
        )
        started = time.monotonic()

        async def timed(connection: AsyncConnection, ran: Ran) -> None:
            usage = ride.measured.model_copy(update={"total_seconds": time.monotonic() - started})
            await settle(connection, ran.model_copy(update={"usage": usage}))

        try:
            async with self.traces.span("run", task, attempt):
                return await self.execution(task, attempt, ride, timed)
        finally:
            await progress.close()
