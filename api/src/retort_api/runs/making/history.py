"""History: instructions again without one of them, and an earlier version as the newest one."""

from __future__ import annotations

from retort_api.commits.log import CommitLog
from retort_api.runs.library import Library
from retort_api.runs.making.replays import Replayer
from retort_api.runs.making.staging import Staging
from retort_api.runs.rides import Ride
from retort_api.runs.runner import Draft
from retort_api.runs.sentences import say
from retort_core.changes import Changes
from retort_core.identity import short
from retort_core.lifecycle.observations import Ran
from retort_core.lifecycle.statuses import Counts, Staged
from retort_tables.snapshots.port import Written


class History:
    def __init__(self, log: CommitLog, library: Library, replayer: Replayer) -> None:
        self._log, self._library, self._replayer = log, library, replayer

    async def replay(self, staging: Staging, ride: Ride) -> Ran:
        task, work = staging.task, staging.work
        base = await self._log.get(task.dataset, work.base)
        items = [(item, await self._log.get(task.dataset, item.commit)) for item in work.replay]
        replays = await self._replayer(ride, base.snapshot, base.root, items, task.lang)
        tip = staging.replayed(base, replays)
        code = "empty-result" if tip.counts.rows_after == 0 and tip.counts.rows_before > 0 else ""
        staged = Staged(
            commit=tip.id,
            counts=tip.counts,
            code=code,
            why=say(code, task.lang) if code else "",
            data={"replay": [one.facts for one in replays]},
        )
        later = len(replays) - sum(item.plan is not None for item in work.replay)
        return staging.ran(staged, say("step-undone", task.lang, title=work.title, steps=later))

    async def restore(self, staging: Staging, _: Ride) -> Ran:
        """The same objects, one more row in the history; nothing runs."""
        task, work = staging.task, staging.work
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
        return staging.ran(
            Staged(commit=record.id, counts=counts), say("restored", task.lang, head=short(wanted.id))
        )
