"""Execution: prepared work in a claimed sandbox, up to a staged version or a stored answer.

Everything a run makes lies in the object store before one transaction names it: the commits of the run, the staging
ref, the task's reply and what is decided from it. A crash before leaves unreferenced objects, after it nothing to do.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.commits import results
from retort_api.commits.filenotes import file_notes
from retort_api.commits.log import CommitLog
from retort_api.commits.records import CommitRecord
from retort_api.commits.results import ResultRecord
from retort_api.datasets import repository as datasets
from retort_api.datasets.repository import UploadRecord
from retort_api.kit.database import Database
from retort_api.projects import quota_repository as quotas
from retort_api.runs import losses, relations
from retort_api.runs.codebooks import codebook_plan
from retort_api.runs.comparing import Comparing, Pair
from retort_api.runs.feeding import table_feed
from retort_api.runs.library import Library, invalid_names
from retort_api.runs.rebasing import Rebasing, misfit, on
from retort_api.runs.replays import Replay, Replayer, unseen
from retort_api.runs.runner import Draft, Ride, Runner
from retort_api.runs.sentences import done, say
from retort_api.runs.staging import Staging
from retort_api.runs.work import Import, Replayed, Work
from retort_api.tasks.records import TaskRecord
from retort_core.changes import Changes
from retort_core.errors import BadInput, DataError, LimitExceeded, NotFound, StepError
from retort_core.identity import short
from retort_core.lifecycle.observations import Ran
from retort_core.lifecycle.statuses import Counts, Outcome, Staged
from retort_core.names import staging as staging_ref
from retort_core.plans import Plan, Script
from retort_core.profiles import Profile
from retort_core.schema import Schema
from retort_plans.grounding import ground
from retort_plans.operations.base import Loss
from retort_plans.scripts import build_script
from retort_plans.simulation import Simulation, column_ids, simulate
from retort_tables.snapshots.port import Written


class Execution:
    def __init__(
        self, database: Database, log: CommitLog, library: Library, comparing: Comparing, runner: Runner
    ) -> None:
        self._database, self._log, self._library, self._runner = database, log, library, runner
        self._comparing = comparing
        self._replayer = Replayer(runner, library)
        self._rebasing = Rebasing(log, library, comparing)

    async def __call__(self, task: TaskRecord, attempt: int, ride: Ride, settle: Any) -> Ran | None:
        """The reply, or None when it was settled in the transaction that stored the run's versions."""
        work, rebase = Work.model_validate(task.work), await self._rebasing.begin(task)
        if rebase is not None:
            work = on(work, rebase)
        staging = Staging(task, work, attempt, rebase)
        ran = await self._made(task, work, ride, staging)
        if isinstance(ran, ResultRecord):
            await self._keep_answer(task, ran, ride, attempt, settle)
            return None
        if not staging.records or ran.staged is None:
            return ran
        await self._stage(staging, ran, ride, settle)
        return None

    async def _made(self, task: TaskRecord, work: Work, ride: Ride, staging: Staging) -> Ran | ResultRecord:
        rebase = staging.rebase
        if rebase is None:
            return await self._by_kind(task, work, ride, staging)
        try:
            ran = await self._by_kind(task, work, ride, staging)
        except (StepError, DataError, BadInput) as error:
            raise misfit(task, rebase, error) from None
        if staging.records:
            await self._rebasing.check(task, rebase, staging.records[-1].snapshot)
        if isinstance(ran, ResultRecord) or (ran.staged is not None and ran.staged.code):
            return ran  # what waits for a yes says why; that it was done again is told with the result
        again = say("rebased", task.lang, head=short(rebase.onto.id))
        return ran.model_copy(update={"message": f"{ran.message} {again}"})

    async def _by_kind(
        self, task: TaskRecord, work: Work, ride: Ride, staging: Staging
    ) -> Ran | ResultRecord:
        match work.kind:
            case "plan":
                return await self._plan(task, work, ride, staging)
            case "script":
                return await self._person_script(task, work, ride, staging)
            case "import":
                return await self._import(task, work, ride, staging)
            case "replay":
                return await self._replay(task, work, ride, staging)
            case "restore":
                return await self._restore(task, work, staging)
            case _:
                raise BadInput(f"there is nothing to run for work of kind {work.kind!r}")

    async def _stage(self, staging: Staging, ran: Ran, ride: Ride, settle: Any) -> None:
        async def also(connection: AsyncConnection) -> None:
            await quotas.add(connection, staging.task.project, "version", ride.stored)
            await settle(connection, ran)

        await self._log.publish(
            staging.records, staging_ref(staging.task.uid), expect=None, kind="staging", also=also
        )
        self._library.soon(staging.records[-1].snapshot)

    # -- plans and scripts -------------------------------------------------------------------------------

    async def _plan(self, task: TaskRecord, work: Work, ride: Ride, staging: Staging) -> Ran | ResultRecord:
        assert work.plan is not None
        if work.result:
            return await self._on_result(task, work, work.plan, ride)
        base = await self._log.get(task.dataset, work.base)
        schema = await self._library.schema(base.snapshot)
        simulation = simulate(work.plan, schema, column_ids(task.uid))
        script = work.script or await self._script(work.plan, base, task)
        if simulation.yields == "answer":
            return await self._answer(task, work, base, script, ride)
        draft = await self._runner.version(ride, base.snapshot, script, simulation.final)
        if draft.written.root == base.root:
            return self._unchanged(task, staging.attempt, simulation)
        record = staging.add(
            draft,
            parent=base,
            kind="plan",
            counts=losses.counts_of(draft.changes),
            plan=work.plan,
            script=script.source,
        )
        return self._staged(task, staging, record, draft, schema, simulation.entitled)

    async def _script(self, plan: Plan, base: CommitRecord, task: TaskRecord) -> Script:
        schema = await self._library.schema(base.snapshot)
        profile = await self._library.profile(base.snapshot)
        grounded = ground(plan, schema, profile)
        return build_script(grounded, schema, invalid_names(schema, profile), task.lang)

    async def _person_script(self, task: TaskRecord, work: Work, ride: Ride, staging: Staging) -> Ran:
        assert work.script is not None
        base = await self._log.get(task.dataset, work.base)
        draft = await self._runner.version(ride, base.snapshot, work.script, None)
        if draft.written.root == base.root:
            return self._unchanged(task, staging.attempt, None)
        record = staging.add(
            draft,
            parent=base,
            kind="script",
            counts=losses.counts_of(draft.changes),
            script=work.script.source,
        )
        schema = await self._library.schema(base.snapshot)
        return self._staged(task, staging, record, draft, schema, losses.NOTHING)

    def _unchanged(self, task: TaskRecord, attempt: int, simulation: Simulation | None) -> Ran:
        """A condition that no row meets and a step without effect make no version, and say so."""
        filters = simulation is not None and all(one.name == "filter_rows" for one in simulation.operations)
        message = say("no-row" if filters else "unchanged", task.lang)
        return Ran(
            attempt=attempt, done=Outcome(branch=task.branch, parent=task.status.base_commit), message=message
        )

    def _staged(
        self,
        task: TaskRecord,
        staging: Staging,
        record: CommitRecord,
        draft: Draft,
        schema: Schema,
        granted: Loss,
    ) -> Ran:
        staged = losses.staged(record.id, draft.changes, schema, granted, task.lang)
        message = staged.why or done(staged.counts, record.id, task.lang)
        return Ran(attempt=staging.attempt, staged=staged, message=message)

    # -- answers -----------------------------------------------------------------------------------------

    async def _answer(
        self, task: TaskRecord, work: Work, base: CommitRecord, script: Script, ride: Ride
    ) -> ResultRecord:
        fed = await self._runner.fed(base.snapshot, carried=True)
        parts = await self._runner.answer(ride, fed, script)
        return self._result(task, work, base.id, parts)

    async def _on_result(self, task: TaskRecord, work: Work, plan: Plan, ride: Ride) -> ResultRecord:
        """A plan on an earlier answer gives another answer, pinned to the same version."""
        async with self._database.read() as connection:
            earlier = await results.of_dataset(connection, task.dataset, work.result)
        if earlier is None or "table" not in earlier.parts:
            raise NotFound(f"There is no result {work.result!r} to work on.")
        part = earlier.parts["table"]
        script = build_script(plan, part.table_schema, (), task.lang, row_ids=False)
        parts = await self._runner.answer(ride, table_feed(self._runner.objects, part.object), script)
        return self._result(task, work, earlier.commit, parts, part)

    def _result(
        self,
        task: TaskRecord,
        work: Work,
        commit: str,
        parts: dict[str, results.Part],
        known: results.Part | None = None,
    ) -> ResultRecord:
        """`known`: the table of an earlier answer that this one was made from."""
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

    async def _keep_answer(
        self, task: TaskRecord, record: ResultRecord, ride: Ride, attempt: int, settle: Any
    ) -> None:
        outcome = Outcome(result=record.id, branch=task.branch, parent=record.commit)
        ran = Ran(attempt=attempt, done=outcome, message=say("answered", task.lang))

        async def keeping(connection: AsyncConnection) -> None:
            if await results.of_dataset(connection, task.dataset, record.id) is None:
                await results.add(connection, record)
                await quotas.add(connection, task.project, "result", ride.stored)
            await settle(connection, ran)

        await self._database.transact(keeping)

    # -- files -------------------------------------------------------------------------------------------

    async def _import(self, task: TaskRecord, work: Work, ride: Ride, staging: Staging) -> Ran:
        assert work.load is not None
        load = work.load
        if load.mode == "codebook":
            return await self._codebook(task, work, load, ride, staging)
        old = await self._first(task, work.base) if work.base else None
        files, next_row_id = await self._files(task, load, old)
        like = await self._library.schema(old.snapshot) if old is not None else None
        draft = await self._runner.load(ride, files, load.options, next_row_id, like)
        if load.mode == "new" and old is not None:
            raise BadInput(relations.proposal(await self._relation(old, draft.written.manifest), task.lang))
        counts = _imported(draft, await self._library.profile(draft.written.manifest))
        record = staging.add(
            draft,
            parent=None,
            kind="import",
            counts=counts,
            files=[list(pair) for pair in files],
            options=load.options,
            report=draft.report,
            upload=load.upload,
        )
        if old is None:
            message = say("imported", task.lang, rows=counts.rows_after, columns=counts.columns_after)
            staged = Staged(
                commit=record.id, counts=counts, data={"notes": file_notes(draft.report, task.lang)}
            )
            return Ran(attempt=staging.attempt, staged=staged, message=message)
        return await self._after_import(task, work, ride, staging, old, record)

    async def _relation(self, old: CommitRecord, new: str) -> relations.Relation | None:
        """None where both are too large to be compared."""
        pair = Pair(old.snapshot, new, by_rows=False)
        try:
            return await self._comparing(
                (pair,), relations.relation, self._library.snapshots, old.snapshot, new
            )
        except LimitExceeded:
            return None

    async def _codebook(
        self, task: TaskRecord, work: Work, load: Import, ride: Ride, staging: Staging
    ) -> Ran:
        """Labels, value labels and missing codes of a codebook, as a plan of one step like any other."""
        base = await self._log.get(task.dataset, work.base) if work.base else None
        if base is None:
            raise BadInput(say("base-missing", task.lang))
        upload = await self._upload(task, load)
        report = await self._runner.codebook(ride, upload.object, upload.filename, load.options)
        schema = await self._library.schema(base.snapshot)
        plan, notes = codebook_plan(report, schema, work.title, task.lang)
        if plan is None:
            raise BadInput(say("codebook-empty", task.lang, filename=upload.filename))
        simulation = simulate(plan, schema, column_ids(task.uid))
        script = await self._script(plan, base, task)
        draft = await self._runner.version(ride, base.snapshot, script, simulation.final)
        if draft.written.root == base.root:
            return self._unchanged(task, staging.attempt, None)
        record = staging.add(
            draft,
            parent=base,
            kind="codebook",
            counts=losses.counts_of(draft.changes),
            plan=plan,
            script=script.source,
            upload=load.upload,
        )
        ran = self._staged(task, staging, record, draft, schema, simulation.entitled)
        described = len(simulation.operations[0].model_dump()["changes"])
        message = say("codebook-read", task.lang, count=described, filename=upload.filename)
        staged = ran.staged.model_copy(update={"data": {"notes": notes}}) if ran.staged else None
        return ran.model_copy(
            update={"message": message if staged and not staged.code else ran.message, "staged": staged}
        )

    async def _upload(self, task: TaskRecord, load: Import) -> UploadRecord:
        async with self._database.read() as connection:
            upload = await datasets.upload(connection, task.dataset, load.upload)
        if upload is None:
            raise NotFound(f"There is no upload {load.upload!r} in this dataset.")
        return upload

    async def _first(self, task: TaskRecord, head: str) -> CommitRecord:
        """The import at the beginning of a branch's history."""
        record = await self._log.get(task.dataset, head)
        while record.parent:
            record = await self._log.get(task.dataset, record.parent)
        return record

    async def _files(
        self, task: TaskRecord, load: Import, old: CommitRecord | None
    ) -> tuple[list[tuple[str, str]], int]:
        """(object, name) of the files to read, and the first row id: rows of a corrected file are new rows."""
        upload = await self._upload(task, load)
        new = [(upload.object, upload.filename)]
        if old is None:
            return new, 0
        if load.mode == "append":
            return [*((key, name) for key, name in old.details.get("files", [])), *new], 0
        manifests = [record.snapshot for record in await self._log.commits(task.dataset)]
        return new, max(
            [(await self._library.manifest(key)).digests.next_row_id for key in manifests], default=0
        )

    async def _after_import(
        self,
        task: TaskRecord,
        work: Work,
        ride: Ride,
        staging: Staging,
        old: CommitRecord,
        record: CommitRecord,
    ) -> Ran:
        """All instructions again on the new import; the report says old and new counts and unseen values."""
        line = await self._line(task, old.id, work.base)
        items = [(Replayed(commit=one.id), one) for one in line]
        replays = await self._replayer(ride, record.snapshot, record.root, items, task.lang)
        tip = self._add_replays(staging, record, replays)
        fresh = unseen(
            (await self._library.schema(old.snapshot), await self._library.profile(old.snapshot)),
            (await self._library.schema(record.snapshot), await self._library.profile(record.snapshot)),
        )
        notes = file_notes(record.details["report"], task.lang)
        if work.load is not None and work.load.mode == "corrected":
            notes.insert(0, relations.compared(await self._relation(old, record.snapshot), task.lang))
        report = {"notes": notes, "replay": [one.facts for one in replays], "unseen": fresh}
        counts = tip.counts.model_copy(update={"rows_before": old.counts.rows_after})
        name = "appended" if work.load is not None and work.load.mode == "append" else "corrected"
        message = say(
            name,
            task.lang,
            rows=tip.counts.rows_after,
            columns=tip.counts.columns_after,
            steps=len(replays),
            added=record.counts.rows_after - old.counts.rows_after,
        )
        return Ran(
            attempt=staging.attempt,
            staged=Staged(commit=tip.id, counts=counts, data=report),
            message=message,
        )

    async def _line(self, task: TaskRecord, start: str, head: str) -> list[CommitRecord]:
        """What came after `start` up to `head`, oldest first."""
        line: list[CommitRecord] = []
        here = head
        while here and here != start:
            record = await self._log.get(task.dataset, here)
            line.append(record)
            here = record.parent
        return line[::-1]

    # -- history -----------------------------------------------------------------------------------------

    async def _replay(self, task: TaskRecord, work: Work, ride: Ride, staging: Staging) -> Ran:
        base = await self._log.get(task.dataset, work.base)
        items = [(item, await self._log.get(task.dataset, item.commit)) for item in work.replay]
        replays = await self._replayer(ride, base.snapshot, base.root, items, task.lang)
        tip = self._add_replays(staging, base, replays)
        later = len(replays) - sum(item.plan is not None for item in work.replay)
        message = say("step-undone", task.lang, title=work.title, steps=later)
        counts = tip.counts
        code = "empty-result" if counts.rows_after == 0 and counts.rows_before > 0 else ""
        return Ran(
            attempt=staging.attempt,
            staged=Staged(
                commit=tip.id,
                counts=counts,
                code=code,
                why=say(code, task.lang) if code else "",
                data={"replay": [one.facts for one in replays]},
            ),
            message=message,
        )

    def _add_replays(self, staging: Staging, parent: CommitRecord, replays: list[Replay]) -> CommitRecord:
        for replay in replays:
            if replay.draft is not None:
                parent = staging.add(
                    replay.draft,
                    parent=parent,
                    kind="replay",
                    counts=losses.counts_of(replay.draft.changes),
                    plan=replay.plan,
                    script=replay.script,
                    like=replay.original,
                    replays=replay.original.id,
                )
        return parent

    async def _restore(self, task: TaskRecord, work: Work, staging: Staging) -> Ran:
        """An earlier version as a new one: the same objects, one more row in the history."""
        base = await self._log.get(task.dataset, work.base)
        wanted = await self._log.get(task.dataset, work.restore)
        counts = Counts(
            rows_before=base.counts.rows_after,
            columns_before=base.counts.columns_after,
            rows_after=wanted.counts.rows_after,
            columns_after=wanted.counts.columns_after,
        )
        manifest = await self._library.manifest(wanted.snapshot)
        written = Written(
            root=wanted.root,
            manifest=wanted.snapshot,
            objects=manifest.objects,
            rows=manifest.digests.rows,
            next_row_id=manifest.digests.next_row_id,
            added=0,
        )
        draft = Draft(written=written, schema=await self._library.schema(wanted.snapshot), changes=Changes())
        record = staging.add(draft, parent=base, kind="restore", counts=counts, restores=wanted.id)
        return Ran(
            attempt=staging.attempt,
            staged=Staged(commit=record.id, counts=counts),
            message=say("restored", task.lang, head=wanted.id[:12]),
        )


def _imported(draft: Draft, profile: Profile) -> Counts:
    return Counts(
        rows_after=draft.written.rows,
        columns_after=len(draft.schema.columns),
        cells_invalid=sum(column.invalid for column in profile.columns),
    )
