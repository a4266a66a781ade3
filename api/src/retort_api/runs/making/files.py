"""Files of rows: the first version of a dataset, or a corrected or longer file in place of the one before."""

from __future__ import annotations

from retort_api.commits.filenotes import file_notes
from retort_api.commits.log import CommitLog
from retort_api.commits.records import CommitRecord
from retort_api.kit.database import Database
from retort_api.runs import relations
from retort_api.runs.comparing import Comparing, Pair
from retort_api.runs.library import Library
from retort_api.runs.making.replays import Replayer, unseen
from retort_api.runs.making.staging import Staging
from retort_api.runs.making.uploads import upload
from retort_api.runs.rides import Ride
from retort_api.runs.runner import Draft, Runner
from retort_api.runs.sentences import say
from retort_api.runs.work import Import, Replayed
from retort_api.tasks.records import TaskRecord
from retort_core.errors import BadInput, LimitExceeded
from retort_core.lifecycle.observations import Ran
from retort_core.lifecycle.statuses import Counts, Staged
from retort_core.profiles import Profile


class Files:
    def __init__(
        self,
        database: Database,
        log: CommitLog,
        library: Library,
        comparing: Comparing,
        runner: Runner,
        replayer: Replayer,
    ) -> None:
        self._database, self._log, self._library, self._comparing = database, log, library, comparing
        self._runner, self._replayer = runner, replayer

    async def __call__(self, staging: Staging, ride: Ride) -> Ran:
        task, load = staging.task, staging.work.load
        assert load is not None
        old = await self._first(task, staging.work.base) if staging.work.base else None
        files, next_row_id = await self._files(task, load, old)
        like = await self._library.schema(old.snapshot) if old is not None else None
        draft = await self._runner.load(ride, files, load.options, next_row_id, like)
        if load.mode == "new" and old is not None:
            raise BadInput(relations.proposal(await self._relation(old, draft.written.manifest), task.lang))
        record = staging.add(
            draft,
            parent=None,
            kind="import",
            counts=_counts(draft, await self._library.profile(draft.written.manifest)),
            files=[list(pair) for pair in files],
            options=load.options,
            report=draft.report,
            upload=load.upload,
        )
        return self._begun(staging, record) if old is None else await self._again(staging, ride, old, record)

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
        file = await upload(self._database, task.dataset, load.upload)
        new = [(file.object, file.filename)]
        if old is None:
            return new, 0
        if load.mode == "append":
            return [*((key, name) for key, name in old.details.get("files", [])), *new], 0
        manifests = [record.snapshot for record in await self._log.commits(task.dataset)]
        return new, max(
            [(await self._library.manifest(key)).digests.next_row_id for key in manifests], default=0
        )

    def _begun(self, staging: Staging, record: CommitRecord) -> Ran:
        lang, counts = staging.task.lang, record.counts
        staged = Staged(
            commit=record.id, counts=counts, data={"notes": file_notes(record.details["report"], lang)}
        )
        return staging.ran(
            staged, say("imported", lang, rows=counts.rows_after, columns=counts.columns_after)
        )

    async def _again(self, staging: Staging, ride: Ride, old: CommitRecord, record: CommitRecord) -> Ran:
        """All instructions again on the new import; the report says old and new counts and unseen values."""
        task, load = staging.task, staging.work.load
        assert load is not None
        line = await self._line(task, old.id, staging.work.base)
        items = [(Replayed(commit=one.id), one) for one in line]
        replays = await self._replayer(ride, record.snapshot, record.root, items, task.lang)
        tip = staging.replayed(record, replays)
        fresh = unseen(
            (await self._library.schema(old.snapshot), await self._library.profile(old.snapshot)),
            (await self._library.schema(record.snapshot), await self._library.profile(record.snapshot)),
        )
        notes = file_notes(record.details["report"], task.lang)
        if load.mode == "corrected":
            notes.insert(0, relations.compared(await self._relation(old, record.snapshot), task.lang))
        counts = tip.counts.model_copy(update={"rows_before": old.counts.rows_after})
        message = say(
            "appended" if load.mode == "append" else "corrected",
            task.lang,
            rows=tip.counts.rows_after,
            columns=tip.counts.columns_after,
            steps=len(replays),
            added=record.counts.rows_after - old.counts.rows_after,
        )
        report = {"notes": notes, "replay": [one.facts for one in replays], "unseen": fresh}
        return staging.ran(Staged(commit=tip.id, counts=counts, data=report), message)

    async def _line(self, task: TaskRecord, start: str, head: str) -> list[CommitRecord]:
        """What came after `start` up to `head`, oldest first."""
        line: list[CommitRecord] = []
        here = head
        while here and here != start:
            record = await self._log.get(task.dataset, here)
            line.append(record)
            here = record.parent
        return line[::-1]

    async def _relation(self, old: CommitRecord, new: str) -> relations.Relation | None:
        """None where both are too large to be compared."""
        pair = Pair(old.snapshot, new, by_rows=False)
        try:
            return await self._comparing(
                (pair,), relations.relation, self._library.snapshots, old.snapshot, new
            )
        except LimitExceeded:
            return None


def _counts(draft: Draft, profile: Profile) -> Counts:
    return Counts(
        rows_after=draft.written.rows,
        columns_after=len(draft.schema.columns),
        cells_invalid=sum(column.invalid for column in profile.columns),
    )
