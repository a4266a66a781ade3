"""Versions: a plan or a person's script on the version it was prepared for."""

from __future__ import annotations

from retort_api.commits.log import CommitLog
from retort_api.commits.results import ResultRecord
from retort_api.runs.library import Library
from retort_api.runs.losses import NOTHING
from retort_api.runs.making.answers import Answers
from retort_api.runs.making.scripts import emitted
from retort_api.runs.making.staging import Staging
from retort_api.runs.rides import Ride
from retort_api.runs.runner import Runner
from retort_core.lifecycle.observations import Ran
from retort_plans.simulation import column_ids, simulate


class Versions:
    def __init__(self, log: CommitLog, library: Library, runner: Runner, answers: Answers) -> None:
        self._log, self._library, self._runner, self._answers = log, library, runner, answers

    async def plan(self, staging: Staging, ride: Ride) -> Ran | ResultRecord:
        """A version, or an answer where the plan only asks."""
        task, work = staging.task, staging.work
        assert work.plan is not None
        if work.result:
            return await self._answers.on_result(staging, ride, work.plan)
        base = await self._log.get(task.dataset, work.base)
        schema = await self._library.schema(base.snapshot)
        simulation = simulate(work.plan, schema, column_ids(task.uid))
        script = work.script or await emitted(self._library, work.plan, base.snapshot, task.lang)
        if simulation.yields == "answer":
            return await self._answers.on_version(staging, ride, base, script)
        draft = await self._runner.version(ride, base.snapshot, script, simulation.final)
        filters = all(one.name == "filter_rows" for one in simulation.operations)
        return staging.step(
            draft,
            base=base,
            schema=schema,
            granted=simulation.entitled,
            kind="plan",
            unchanged="no-row" if filters else "unchanged",
            plan=work.plan,
            script=script.source,
        )

    async def script(self, staging: Staging, ride: Ride) -> Ran:
        """Nobody's words grant a loss here: whatever it loses waits for a yes."""
        task, work = staging.task, staging.work
        assert work.script is not None
        base = await self._log.get(task.dataset, work.base)
        draft = await self._runner.version(ride, base.snapshot, work.script, None)
        return staging.step(
            draft,
            base=base,
            schema=await self._library.schema(base.snapshot),
            granted=NOTHING,
            kind="script",
            script=work.script.source,
        )
