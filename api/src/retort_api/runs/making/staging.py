"""Staging: the versions that one attempt makes, before any ref points at them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import polars as pl

from retort_api.commits.records import CommitRecord, identifier
from retort_api.runs import losses
from retort_api.runs.making.replays import Replay
from retort_api.runs.rebasing import Rebase
from retort_api.runs.runner import Draft
from retort_api.runs.sentences import done, say
from retort_api.runs.work import Work
from retort_api.tasks.records import TaskRecord
from retort_core.http.versions import CommitKind
from retort_core.lifecycle.observations import Ran
from retort_core.lifecycle.statuses import Counts, Outcome, Staged
from retort_core.plans import Plan
from retort_core.schema import Schema
from retort_plans.operations.base import Loss

VERSIONS: Final = {"retort": "0.1.0", "polars": pl.__version__}


class Staging:
    """The versions a run has made, in order; the last one is to be promoted."""

    def __init__(self, task: TaskRecord, work: Work, attempt: int, rebase: Rebase | None = None) -> None:
        self.task, self.work, self.attempt, self.rebase = task, work, attempt, rebase
        self.records: list[CommitRecord] = []

    def add(
        self,
        draft: Draft,
        *,
        parent: CommitRecord | None,
        kind: CommitKind,
        counts: Counts,
        plan: Plan | None = None,
        script: str = "",
        like: CommitRecord | None = None,
        **details: Any,
    ) -> CommitRecord:
        """`like`: the replayed version whose words this one repeats."""
        now = datetime.now(UTC)
        if self.rebase is not None:
            details["rebased"] = self.rebase.details
        title, words = (like.title, like.instruction) if like else (self.work.title, self.work.instruction)
        if like is not None and plan is not None:
            title = plan.title  # of what is left of it when a step was taken back
        planner = like.details.get("planner", "") if like is not None else self.work.planner
        parents = (parent.id,) if parent is not None else ()
        mint = like.details.get("mint", like.task) if like is not None else self.task.uid
        record = CommitRecord(
            id="",
            dataset=self.task.dataset,
            root=draft.written.root,
            snapshot=draft.written.manifest,
            parents=parents,
            generation=parent.generation + 1 if parent is not None else 0,
            kind=kind,
            title=title,
            instruction=words,
            author=self.task.requester,
            task=self.task.uid,
            attempt=f"{self.task.uid}/{self.attempt}/{len(self.records)}",
            counts=counts,
            plan=plan,
            script=script,
            details={"versions": VERSIONS, "planner": planner, "mint": mint, **details},
            created_at=now,
        )
        self.records.append(replace(record, id=identifier(record)))
        return self.records[-1]

    def replayed(self, parent: CommitRecord, replays: list[Replay]) -> CommitRecord:
        """A version for each instruction that had an effect; the last of them, or `parent` where none had."""
        for replay in replays:
            if replay.draft is not None:
                parent = self.add(
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

    def step(
        self,
        draft: Draft,
        *,
        base: CommitRecord,
        schema: Schema,
        granted: Loss,
        kind: CommitKind,
        unchanged: str = "unchanged",
        **rest: Any,
    ) -> Ran:
        """What one instruction made of `base` (`schema`: of its columns), weighed by what its words grant; no version where it
        left everything as it was, which the sentence `unchanged` says. `rest`: as of `add`."""
        if draft.written.root == base.root:
            return self.unchanged(say(unchanged, self.task.lang))
        counts = losses.counts_of(draft.changes)
        return self.weighed(
            self.add(draft, parent=base, kind=kind, counts=counts, **rest), draft, schema, granted
        )

    # -- what the run says of them -----------------------------------------------------------------------

    def ran(self, staged: Staged, message: str) -> Ran:
        return Ran(attempt=self.attempt, staged=staged, message=message)

    def weighed(self, record: CommitRecord, draft: Draft, base: Schema, granted: Loss) -> Ran:
        """The version waits for a yes where it loses more of `base` than the words grant, and says why."""
        staged = losses.staged(record.id, draft.changes, base, granted, self.task.lang)
        return self.ran(staged, staged.why or done(staged.counts, record.id, self.task.lang))

    def unchanged(self, message: str) -> Ran:
        """No version: the branch stays where the work began."""
        outcome = Outcome(branch=self.task.branch, parent=self.task.status.base_commit)
        return Ran(attempt=self.attempt, done=outcome, message=message)
