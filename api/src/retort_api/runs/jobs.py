"""Jobs: what a sandbox is told to do, within which limits, and its doing, measured.

A run has the executor it claimed; what a run made is taken in by an intake, which has this side's code and the same walls.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from retort_api.runs.arrivals import Arrival
from retort_api.runs.feeding import Feed
from retort_api.runs.rides import Ride
from retort_api.runs.sandboxes import Sandbox, Sandboxes
from retort_api.runs.session import Input, Listener
from retort_api.runs.spool import Spool
from retort_api.settings import Settings
from retort_core.jobs import Job, Limits
from retort_core.plans import Script
from retort_core.wire import PartReader

APPEND: Final = """import polars as pl

def run(*tables):
    return pl.concat([table.select(pl.all().cast(pl.String)) for table in tables], how="diagonal")
"""


class Jobs:
    def __init__(self, intake: Sandboxes, settings: Settings) -> None:
        self._intake, self._settings = intake, settings

    # -- of a run ----------------------------------------------------------------------------------------

    def script(self, ride: Ride, script: Script, fed: Feed, same: dict[str, str] | None = None) -> Job:
        """`same`: column of the result -> column of the base that it may be equal to."""
        params: dict[str, Any] = {
            "source": script.source,
            "yields": script.yields,
            "rows": script.rows,
            **fed.params,
        }
        if same is not None:
            params["same"] = same
        limits = self._limits(ride, self._settings.run_seconds)
        return Job(ride.attempt, "script", params, limits, tuple(fed.inputs))

    def read(self, ride: Ride, filename: str, options: Mapping[str, Any]) -> Job:
        params = {"filename": filename, "options": dict(options)}
        return Job(ride.attempt, "read", params, self._limits(ride, self._settings.read_seconds), ("file",))

    def append(self, ride: Ride, tables: int) -> Job:
        """So many tables put under one another by column name, every cell as text."""
        params = {"source": APPEND, "yields": "version", "rows": "aligned"}
        names = tuple(f"file{number}" for number in range(tables))
        return Job(ride.attempt, "script", params, self._limits(ride, self._settings.read_seconds), names)

    async def execute(
        self, ride: Ride, job: Job, inputs: Sequence[Input], results: Spool, names: Sequence[str]
    ) -> None:
        """`names`: the parts it may send; one that ends with a colon stands for all that begin with it."""
        usage = await _done(ride, ride.sandbox, job, inputs, results, names)
        ride.used(run_seconds=usage["seconds"], confine_ms=usage["confine_ms"], peak_bytes=usage["peak"])

    def _limits(self, ride: Ride, seconds: float) -> Limits:
        """What the sandbox has is what its supervisor watches for: past that the kernel kills, and nobody knows why."""
        own, given = self._settings, ride.limits
        return Limits(
            seconds=ride.seconds(seconds),
            memory_bytes=min(own.memory_bytes, given.memory_bytes) if given else own.memory_bytes,
            output_bytes=min(own.output_bytes, given.output_bytes) if given else own.output_bytes,
        )

    # -- of the intake -----------------------------------------------------------------------------------

    def taking(
        self,
        ride: Ride,
        kind: str,
        params: dict[str, Any],
        inputs: Mapping[str, Input],
        late: tuple[str, ...] = (),
    ) -> Job:
        """What is `late` comes when the run has ended, whose time is allowed for on top. The sandbox is the service's own, and
        so are its limits."""
        own = self._settings
        seconds = own.run_seconds + (ride.seconds(own.run_seconds) if late else 0)
        limits = Limits(seconds=seconds, memory_bytes=own.memory_bytes, output_bytes=own.output_bytes)
        return Job(ride.attempt, kind, params, limits, tuple(inputs), late)

    async def take_in(
        self, ride: Ride, job: Job, inputs: Mapping[str, Input], parts: Spool, names: Sequence[str]
    ) -> None:
        async with self._intake.claimed(ride.project) as sandbox:
            await self.taken_in(sandbox, ride, job, inputs, parts, names)

    async def taken_in(
        self,
        sandbox: Sandbox,
        ride: Ride,
        job: Job,
        inputs: Mapping[str, Input],
        parts: Spool,
        names: Sequence[str],
        arrival: Arrival | None = None,
    ) -> None:
        """The time it waits for late inputs is not counted as its own."""
        started = time.monotonic()
        usage = await _done(ride, sandbox, job, list(inputs.values()), parts, names)
        began = max(started, arrival.at) if arrival is not None else started
        ride.used(intake_seconds=time.monotonic() - began, confine_ms=usage["confine_ms"])

    def spare(self) -> AbstractAsyncContextManager[Sandbox | None]:
        """An intake that nobody needs this moment, if there is one."""
        return self._intake.spare()


async def _done(
    ride: Ride, sandbox: Sandbox, job: Job, inputs: Sequence[Input], results: Spool, names: Sequence[str]
) -> dict[str, float]:
    reader = PartReader(results.open, names)
    listener = Listener(
        chunk=reader.feed,
        progress=lambda facts: ride.progress("progress", facts),
        log=lambda text: ride.progress("log", {"text": text}),
    )
    started = time.monotonic()
    try:
        end = await sandbox.session.run(job, inputs, listener)
    except BaseException:
        sandbox.broken = True  # in the middle of a job: nobody knows what it would say next
        raise
    end.raise_for_error()
    reader.finish()
    seconds = time.monotonic() - started
    return {"seconds": seconds, "confine_ms": end.usage.confine_ms, "peak": end.usage.peak_bytes}
