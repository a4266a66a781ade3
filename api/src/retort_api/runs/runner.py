"""The runner: one job in a sandbox, its result through the intake, its objects into the store.

Bytes go sandbox -> spool -> intake -> spool -> objects. Nothing of them is parsed here but what the intake, which
runs this side's code behind the same walls, has made of them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from retort_api.commits.results import Part
from retort_api.runs.arrivals import Arrival, meanwhile
from retort_api.runs.feeding import Feed, feed
from retort_api.runs.jobs import Jobs
from retort_api.runs.library import Library
from retort_api.runs.reading import Reading
from retort_api.runs.rides import Ride
from retort_api.runs.sandboxes import Sandbox
from retort_api.runs.session import Input
from retort_api.runs.spool import Spool, object_input
from retort_core.changes import Changes
from retort_core.plans import Script
from retort_core.schema import Schema
from retort_tables.objects.port import ObjectStore
from retort_tables.snapshots.port import CHANGES, MARKS, PARTS, PROFILE, SCHEMA, TABLE, VersionParts, Written

ANSWER: Final = "answer:"
SAME: Final = "same"
EARLY_CELLS: Final = 4_000_000  # of a base that an intake reads ahead: 100,000 x 20 take it 60 MB


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A finished version in the store that no commit names yet."""

    written: Written
    schema: Schema
    changes: Changes
    report: dict[str, Any] = field(default_factory=dict)


class Runner:
    def __init__(
        self, objects: ObjectStore, library: Library, jobs: Jobs, reading: Reading, spool: Path
    ) -> None:
        self.objects, self._library, self._jobs = objects, library, jobs
        self._reading, self._spool = reading, spool

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
                    intake = self._jobs.taking(ride, "version", params, inputs, late=tuple(came))
                    taking = self._jobs.taken_in(ahead, ride, intake, inputs, parts, PARTS, arrival)
                    async with meanwhile(asyncio.create_task(taking), arrival):
                        await self._script(ride, base, script, results, names, same)
            if ahead is None:
                await self._script(ride, base, script, results, names, same)
                arrival.came()
                intake = self._jobs.taking(ride, "version", params, inputs)
                await self._jobs.take_in(ride, intake, inputs, parts, PARTS)
            return await self._stored(ride, parts)

    async def answer(self, ride: Ride, fed: Feed, script: Script) -> dict[str, Part]:
        """Tables of a read-only run, checked and stored as Parquet."""
        names = (ANSWER,) if script.yields == "answer" else ("table",)
        with Spool(self._spool) as results:
            job = self._jobs.script(ride, script, fed)
            await self._jobs.execute(ride, job, list(fed.inputs.values()), results, names)
            inputs = {
                name if name.startswith(ANSWER) else ANSWER + name: results.input(name)
                for name in results.names
            }
            with Spool(self._spool) as parts:
                job = self._jobs.taking(ride, "answer", {"salt": ride.attempt}, inputs)
                await self._jobs.take_in(ride, job, inputs, parts, ("answer.json", ANSWER))
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
            report = await self._reading(ride, files, options, results)
            with Spool(self._spool) as parts:
                params = {
                    "next_row_id": next_row_id,
                    "labels": report.get("labels", {}),
                    "groups": report.get("groups", {}),
                    "like": like.model_dump(mode="json") if like is not None else None,
                }
                inputs = {"table": results.input("table")}
                await self._jobs.take_in(
                    ride, self._jobs.taking(ride, "import", params, inputs), inputs, parts, PARTS
                )
                draft = await self._stored(ride, parts)
        return Draft(written=draft.written, schema=draft.schema, changes=draft.changes, report=report)

    async def codebook(
        self, ride: Ride, key: str, filename: str, options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The report of a codebook file; its `changes` are those of `annotate_columns`."""
        with Spool(self._spool) as results:
            return await self._reading(ride, [(key, filename)], {**options, "as": "codebook"}, results)

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
        job = self._jobs.script(ride, script, fed, same)
        await self._jobs.execute(ride, job, list(fed.inputs.values()), results, names)

    @asynccontextmanager
    async def _ahead(self, base: str) -> AsyncIterator[Sandbox | None]:
        """An intake that may hold the base for as long as the script runs: its memory is for small ones only."""
        rows = (await self._library.manifest(base)).digests.rows
        if rows * len((await self._library.schema(base)).columns) > EARLY_CELLS:
            yield None
            return
        async with self._jobs.spare() as sandbox:
            yield sandbox

    async def _base_inputs(self, key: str) -> dict[str, Input]:
        manifest = await self._library.manifest(key)
        names = (TABLE, MARKS, SCHEMA, PROFILE)
        objects = {name: manifest.objects[name] for name in names if name in manifest.objects}
        named = {**objects, "manifest.json": key}
        return {f"base:{name}": object_input(self.objects, found) for name, found in named.items()}

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
