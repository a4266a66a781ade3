"""The runner: one job in a sandbox, its result through the intake, its objects into the store.

Bytes go sandbox -> spool -> intake -> spool -> objects. Nothing of them is parsed here but what the intake, which
runs this side's code behind the same walls, has made of them.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from retort_api.commits.results import Part
from retort_api.runs.arrivals import Arrival, meanwhile
from retort_api.runs.feeding import Feed, feed
from retort_api.runs.library import Library
from retort_api.runs.sandboxes import Sandbox, Sandboxes
from retort_api.runs.session import Input, Listener
from retort_api.runs.spool import Spool, object_input
from retort_api.settings import Settings
from retort_core.changes import Changes
from retort_core.http.internal import RunLimits
from retort_core.jobs import Job, Limits
from retort_core.lifecycle.statuses import Usage
from retort_core.plans import Script
from retort_core.schema import Schema
from retort_core.wire import PartReader
from retort_tables.objects.port import ObjectStore
from retort_tables.snapshots.port import CHANGES, MARKS, PARTS, PROFILE, SCHEMA, TABLE, VersionParts, Written

REPORT: Final = "report"
ANSWER: Final = "answer:"
SAME: Final = "same"
EARLY_CELLS: Final = 4_000_000  # of a base that an intake reads ahead: 100,000 x 20 take it 60 MB
LEAST_SECONDS: Final = 1.0  # of a job, however long those before it took
Progress = Callable[[str, dict[str, Any]], None]


@dataclass(kw_only=True)
class Ride:
    """One attempt of one task: its sandbox, where its progress goes, what it used. `limits`: of the sandbox's profile,
    where it has one; else the service's own hold."""

    attempt: str
    project: str
    sandbox: Sandbox
    progress: Progress
    limits: RunLimits | None = None
    usage: dict[str, float] = field(default_factory=dict)
    stored: int = 0  # bytes that the object store did not have before

    def used(self, **figures: float) -> None:
        for name, value in figures.items():
            old = self.usage.get(name, 0)
            self.usage[name] = max(old, value) if name == "peak_bytes" else old + value

    def seconds(self, own: float) -> float:
        """Those of a profile are for all jobs of the attempt together; `own` for each of them."""
        if self.limits is None:
            return own
        return max(LEAST_SECONDS, self.limits.seconds - self.usage.get("run_seconds", 0))

    @property
    def measured(self) -> Usage:
        whole = {"peak_bytes": int(self.usage.get("peak_bytes", 0))}
        return Usage(**{**self.usage, **whole})


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A finished version in the store that no commit names yet."""

    written: Written
    schema: Schema
    changes: Changes
    report: dict[str, Any] = field(default_factory=dict)


class Runner:
    def __init__(
        self, objects: ObjectStore, library: Library, intake: Sandboxes, settings: Settings, spool: Path
    ) -> None:
        self.objects, self._library, self._intake = objects, library, intake
        self._settings, self._spool = settings, spool

    async def version(
        self, ride: Ride, base: str, script: Script, expected: Schema | None, key: Sequence[str] = ()
    ) -> Draft:
        """`base`: manifest key. `expected`: the simulated schema of an emitted script. An intake that is to
        spare reads the base while the script still runs."""
        same = await self._same(base, expected) if script.rows == "carried" and expected is not None else None
        params = {
            "rows": script.rows,
            "schema": expected.model_dump(mode="json") if expected is not None else None,
            "key": list(key),
            "salt": ride.attempt,
        }
        with Spool(self._spool) as results, Spool(self._spool) as parts:
            arrival, names = Arrival(), ("table",) if same is None else ("table", SAME)
            came = {
                "result" if name == "table" else name: arrival.then(results.later(name)) for name in names
            }
            inputs = {**came, **await self._base_inputs(base)}
            async with self._ahead(base) as ahead:
                if ahead is not None:
                    intake = self._intake_job(ride, "version", params, inputs, late=tuple(came))
                    taking = self._taken_in(ahead, ride, intake, inputs, parts, PARTS, arrival)
                    async with meanwhile(asyncio.create_task(taking), arrival):
                        await self._script(ride, base, script, results, names, same)
            if ahead is None:
                await self._script(ride, base, script, results, names, same)
                arrival.came()
                intake = self._intake_job(ride, "version", params, inputs)
                await self._take_in(ride, intake, inputs, parts, PARTS)
            return await self._stored(ride, parts)

    async def answer(self, ride: Ride, fed: Feed, script: Script) -> dict[str, Part]:
        """Tables of a read-only run, checked and stored as Parquet."""
        names = (ANSWER,) if script.yields == "answer" else ("table",)
        with Spool(self._spool) as results:
            job = self._script_job(ride, script, fed)
            await self._execute(ride, job, list(fed.inputs.values()), results, names)
            inputs = {
                name if name.startswith(ANSWER) else ANSWER + name: results.input(name)
                for name in results.names
            }
            with Spool(self._spool) as parts:
                job = self._intake_job(ride, "answer", {"salt": ride.attempt}, inputs)
                await self._take_in(ride, job, inputs, parts, ("answer.json", ANSWER))
                return await asyncio.to_thread(self._answers, ride, parts)

    async def load(
        self,
        ride: Ride,
        files: Sequence[tuple[str, str]],
        options: Mapping[str, Any],
        next_row_id: int,
        like: Schema | None,
    ) -> Draft:
        """Files (object, name) to a first version: read in the sandbox, appended by name, typed by the intake.
        `like`: schema of the import before; columns of the same name keep their ids."""
        with Spool(self._spool) as results:
            report = await self._read(ride, files, options, results)
            with Spool(self._spool) as parts:
                params = {
                    "next_row_id": next_row_id,
                    "labels": report.get("labels", {}),
                    "groups": report.get("groups", {}),
                    "like": like.model_dump(mode="json") if like is not None else None,
                }
                inputs = {"table": results.input("table")}
                await self._take_in(
                    ride, self._intake_job(ride, "import", params, inputs), inputs, parts, PARTS
                )
                draft = await self._stored(ride, parts)
        return Draft(written=draft.written, schema=draft.schema, changes=draft.changes, report=report)

    async def codebook(
        self, ride: Ride, key: str, filename: str, options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The report of a codebook file; its `changes` are those of `annotate_columns`."""
        with Spool(self._spool) as results:
            return await self._read(ride, [(key, filename)], {**options, "as": "codebook"}, results)

    async def fed(self, base: str, *, carried: bool) -> Feed:
        return await feed(self._library, self.objects, base, carried=carried)

    # -- steps -------------------------------------------------------------------------------------------

    async def _same(self, base: str, expected: Schema) -> dict[str, str]:
        """Columns that a step may leave as they are: their name in the result -> in the base."""
        schema = await self._library.schema(base)
        pairs = [(after, schema.by_id(after.id)) for after in expected.columns]
        return {
            after.name: before.name
            for after, before in pairs
            if before is not None and (before.dtype, before.digits) == (after.dtype, after.digits)
        }

    async def _script(
        self,
        ride: Ride,
        base: str,
        script: Script,
        results: Spool,
        names: Sequence[str],
        same: dict[str, str] | None,
    ) -> None:
        fed = await self.fed(base, carried=script.rows == "carried")
        job = self._script_job(ride, script, fed, same)
        await self._execute(ride, job, list(fed.inputs.values()), results, names)

    @asynccontextmanager
    async def _ahead(self, base: str) -> AsyncIterator[Sandbox | None]:
        """An intake that may hold the base for as long as the script runs: its memory is for small ones only."""
        rows = (await self._library.manifest(base)).digests.rows
        if rows * len((await self._library.schema(base)).columns) > EARLY_CELLS:
            yield None
            return
        async with self._intake.spare() as sandbox:
            yield sandbox

    def _script_job(self, ride: Ride, script: Script, fed: Feed, same: dict[str, str] | None = None) -> Job:
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

    async def _read(
        self, ride: Ride, files: Sequence[tuple[str, str]], options: Mapping[str, Any], results: Spool
    ) -> dict[str, Any]:
        """One file as it is; several are read one by one and put under one another by column name."""
        spools: list[Spool] = []
        reports: list[dict[str, Any]] = []
        try:
            for key, filename in files:
                spool = results if len(files) == 1 else Spool(self._spool)
                spools.append(spool)
                params = {"filename": filename, "options": dict(options)}
                job = Job(
                    ride.attempt, "read", params, self._limits(ride, self._settings.read_seconds), ("file",)
                )
                await self._execute(ride, job, [object_input(self.objects, key)], spool, ("table", REPORT))
                reports.append(json.loads(spool.content(REPORT)))
            if len(files) > 1:
                await self._append(ride, [spool.input("table") for spool in spools], results)
        finally:
            if len(files) > 1:
                for spool in spools:
                    spool.close()
        return reports[-1]

    async def _append(self, ride: Ride, tables: Sequence[Input], results: Spool) -> None:
        script = Script(source=APPEND, rows="aligned", yields="version")
        params = {"source": script.source, "yields": "version", "rows": "aligned"}
        names = tuple(f"file{number}" for number in range(len(tables)))
        job = Job(ride.attempt, "script", params, self._limits(ride, self._settings.read_seconds), names)
        await self._execute(ride, job, list(tables), results, ("table",))

    async def _execute(
        self, ride: Ride, job: Job, inputs: Sequence[Input], results: Spool, names: Sequence[str]
    ) -> None:
        usage = await self._job(ride, ride.sandbox, job, inputs, results, names)
        ride.used(run_seconds=usage["seconds"], confine_ms=usage["confine_ms"], peak_bytes=usage["peak"])

    async def _take_in(
        self,
        ride: Ride,
        job: Job,
        inputs: Mapping[str, Input],
        parts: Spool,
        names: Sequence[str],
    ) -> None:
        """The intake in a sandbox of its own."""
        async with self._intake.claimed(ride.project) as sandbox:
            await self._taken_in(sandbox, ride, job, inputs, parts, names)

    async def _taken_in(
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
        usage = await self._job(ride, sandbox, job, list(inputs.values()), parts, names)
        began = max(started, arrival.at) if arrival is not None else started
        ride.used(intake_seconds=time.monotonic() - began, confine_ms=usage["confine_ms"])

    def _intake_job(
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

    async def _job(
        self,
        ride: Ride,
        sandbox: Sandbox,
        job: Job,
        inputs: Sequence[Input],
        results: Spool,
        names: Sequence[str],
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

    async def _base_inputs(self, key: str) -> dict[str, Input]:
        manifest = await self._library.manifest(key)
        names = (TABLE, MARKS, SCHEMA, PROFILE)
        objects = {name: manifest.objects[name] for name in names if name in manifest.objects}
        named = {**objects, "manifest.json": key}
        return {f"base:{name}": object_input(self.objects, found) for name, found in named.items()}

    def _limits(self, ride: Ride, seconds: float) -> Limits:
        """What the sandbox has is what its supervisor watches for: past that the kernel kills, and nobody knows why."""
        own, given = self._settings, ride.limits
        return Limits(
            seconds=ride.seconds(seconds),
            memory_bytes=min(own.memory_bytes, given.memory_bytes) if given else own.memory_bytes,
            output_bytes=min(own.output_bytes, given.output_bytes) if given else own.output_bytes,
        )

    # -- storing -----------------------------------------------------------------------------------------

    async def _stored(self, ride: Ride, parts: Spool) -> Draft:
        draft = await asyncio.to_thread(self._store, parts)
        ride.stored += draft.written.added
        return draft

    def _store(self, parts: Spool) -> Draft:
        found = VersionParts.of({name: _bytes(parts, name) for name in parts.names})
        written = self._library.snapshots.publish(found)
        schema = Schema.model_validate_json(found.objects[SCHEMA])
        measured = found.objects.get(CHANGES)
        changes = Changes.model_validate_json(measured) if measured is not None else Changes()
        return Draft(written=written, schema=schema, changes=changes)

    def _answers(self, ride: Ride, parts: Spool) -> dict[str, Part]:
        shown = json.loads(parts.content("answer.json"))["tables"]
        found = {}
        for name, table in shown.items():
            added = self.objects.add(parts.view(ANSWER + name))
            ride.stored += parts.size(ANSWER + name) if added.new else 0
            schema = Schema.model_validate(table["schema"])
            found[name] = Part(object=added.key, rows=len(table["rows"]), table_schema=schema)
        return found


def _bytes(parts: Spool, name: str) -> bytes:
    """Large parts as a view of the spool's file: hashing and writing them needs no copy."""
    view: Any = parts.view(name) if parts.size(name) > 1 << 20 else parts.content(name)
    return view  # type: ignore[no-any-return]


APPEND: Final = """import polars as pl

def run(*tables):
    return pl.concat([table.select(pl.all().cast(pl.String)) for table in tables], how="diagonal")
"""
