"""Versions: a plan or a person's script on the version it was prepared for."""

from __future__ import annotations

from retort_api.commits.log import CommitLog
from retort_api.commits.results import ResultRecord
from retort_api.runs import losses
from retort_api.runs.library import Library
from retort_api.runs.making.answers import Answers
from retort_api.runs.making.scripts import emitted
from retort_api.runs.making.staging import Staging
from retort_api.runs.rides import Ride
from retort_api.runs.runner import Runner
from retort_api.runs.sentences import say
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
        if draft.written.root == base.root:
            filters = all(one.name == "filter_rows" for one in simulation.operations)
            return staging.unchanged(say("no-row" if filters else "unchanged", task.lang))
        record = staging.add(
            draft,
            parent=base,
            kind="plan",
            counts=losses.counts_of(draft.changes),
            plan=work.plan,
            script=script.source,
        )
        return staging.weighed(record, draft, schema, simulation.entitled)

    async def script(self, staging: Staging, ride: Ride) -> Ran:
        """Nobody's words grant a loss here: whatever it loses waits for a yes."""
        task, work = staging.task, staging.work
        assert work.script is not None
        base = await self._log.get(task.dataset, work.base)
        draft = await self._runner.version(ride, base.snapshot, work.script, None)
        if draft.written.root == base.root:
            return staging.unchanged(say("unchanged", task.lang))
        record = staging.add(
            draft,
            parent=base,
            kind="script",
            counts=losses.counts_of(draft.changes),
            script=work.script.source,
        )
        return staging.weighed(record, draft, await self._library.schema(base.snapshot), losses.NOTHING)
