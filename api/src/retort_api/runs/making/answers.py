"""Answers: tables that a plan only asks for, pinned to the version they were computed from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from retort_api.commits import results
from retort_api.commits.records import CommitRecord
from retort_api.commits.results import Part, ResultRecord
from retort_api.kit.database import Database
from retort_api.runs.feeding import table_feed
from retort_api.runs.making.staging import Staging
from retort_api.runs.rides import Ride
from retort_api.runs.runner import Runner
from retort_core.errors import NotFound
from retort_core.plans import Plan, Script
from retort_plans.scripts import build_script


class Answers:
    def __init__(self, database: Database, runner: Runner) -> None:
        self._database, self._runner = database, runner

    async def on_version(
        self, staging: Staging, ride: Ride, base: CommitRecord, script: Script
    ) -> ResultRecord:
        fed = await self._runner.fed(base.snapshot, carried=True)
        return _record(staging, base.id, await self._runner.answer(ride, fed, script))

    async def on_result(self, staging: Staging, ride: Ride, plan: Plan) -> ResultRecord:
        """A plan on an earlier answer gives another answer, pinned to the same version."""
        task, work = staging.task, staging.work
        async with self._database.read() as connection:
            earlier = await results.of_dataset(connection, task.dataset, work.result)
        if earlier is None or "table" not in earlier.parts:
            raise NotFound(f"There is no result {work.result!r} to work on.")
        part = earlier.parts["table"]
        script = build_script(plan, part.table_schema, (), task.lang, row_ids=False)
        parts = await self._runner.answer(ride, table_feed(self._runner.objects, part.object), script)
        return _record(staging, earlier.commit, parts, part)


def _record(
    staging: Staging, commit: str, parts: Mapping[str, Part], known: Part | None = None
) -> ResultRecord:
    """`known`: the table of an earlier answer that this one was made from."""
    task, work = staging.task, staging.work
    return ResultRecord(
        id=task.uid,
        dataset=task.dataset,
        task=task.uid,
        commit=commit,
        branch=task.branch,
        title=work.title,
        plan=work.plan,
        parts=results.with_shares(parts, work.plan, known),
        created_at=datetime.now(UTC),
    )
