"""Running: one attempt in a claimed sandbox, its progress told while it goes on, what it used measured."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.kit.database import Database
from retort_api.kit.signals import Signal
from retort_api.runs.execution import Execution
from retort_api.runs.runner import Ride
from retort_api.runs.sandboxes import Sandbox
from retort_api.runs.traces import TaskTraces
from retort_api.tasks import events
from retort_api.tasks.records import TaskRecord
from retort_core.http.internal import RunLimits
from retort_core.lifecycle.observations import Ran

PROGRESS_SECONDS: Final = 0.25  # at most four progress lines a second and task reach the event log
LOG_LINES: Final = 200  # lines of a running script that reach the event log


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
        progress = _Progress(self.database, self.signal, task)
        ride = Ride(attempt=f"{task.uid}-{attempt}", sandbox=sandbox, progress=progress, limits=limits)
        started = time.monotonic()

        async def timed(connection: AsyncConnection, ran: Ran) -> None:
            usage = ride.measured.model_copy(update={"total_seconds": time.monotonic() - started})
            await settle(connection, ran.model_copy(update={"usage": usage}))

        try:
            async with self.traces.span("run", task, attempt):
                return await self.execution(task, attempt, ride, timed)
        finally:
            await progress.close()


def _preview(facts: dict[str, Any]) -> dict[str, Any]:
    """What a reader says the file begins with: texts in lists, whatever it sent."""
    columns, rows = facts.get("columns"), facts.get("rows")
    return {
        "columns": [str(name) for name in columns] if isinstance(columns, list) else [],
        "rows": [
            [None if cell is None else str(cell) for cell in row] for row in rows if isinstance(row, list)
        ]
        if isinstance(rows, list)
        else [],
        **{name: facts[name] for name in ("total_rows", "total_columns") if isinstance(facts.get(name), int)},
    }


class _Progress:
    """Progress and log lines of one run on their way to the event log, thinned out."""

    def __init__(self, database: Database, signal: Signal, task: TaskRecord) -> None:
        self._database, self._signal, self._task = database, signal, task
        self._last, self._lines = time.monotonic(), 0  # short runs have nothing to tell
        self._writes: set[asyncio.Task[None]] = set()

    def __call__(self, kind: str, facts: dict[str, Any]) -> None:
        if kind == "log":
            self._lines += 1
            if self._lines > LOG_LINES:
                return
        elif facts.get("stage") == "preview":
            kind, facts = "preview", _preview(facts)
        elif time.monotonic() - self._last < PROGRESS_SECONDS:
            return
        else:
            self._last = time.monotonic()
        write = asyncio.create_task(self._write(kind, facts))
        self._writes.add(write)
        write.add_done_callback(self._writes.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._writes, return_exceptions=True)

    async def _write(self, kind: Any, facts: dict[str, Any]) -> None:
        async with self._database.write() as connection:
            await events.add(
                connection,
                kind,
                facts,
                task=self._task.uid,
                dataset=self._task.dataset,
                project=self._task.project,
            )
        self._signal.notify("")  # progress ends nothing: who waits for the task's end sleeps on
