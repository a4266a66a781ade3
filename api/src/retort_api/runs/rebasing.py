"""Rebasing: work whose branch moved before its result was on it is done again on the new head, never merged.

What is worked out from other cells would be stale in a merge and is right in a run. It is done only where the two
changes meet nowhere: neither the staged version and the new head, both seen from the version the work began on, nor the
new head and what the work makes of it. Where they meet, it is a conflict that names both heads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from retort_api.commits.log import CommitLog
from retort_api.commits.records import CommitRecord
from retort_api.runs.comparing import Comparing, Pair
from retort_api.runs.library import Library
from retort_api.runs.sentences import listed, say
from retort_api.runs.work import Work, maker
from retort_api.tasks.records import TaskRecord
from retort_core.errors import Conflict, LimitExceeded, RetortError
from retort_core.identity import short
from retort_core.lifecycle.observations import Promoted
from retort_tables.diff.overlaps import CELLS_COMPARED, Overlap, Touched, overlap, touched
from retort_tables.diff.tiers import difference


def may_rebase(work: Work) -> bool:
    """Work that says what to do, whatever it is done on. A file that replaces everything, a version that is brought
    back, a history made anew and a correction of the last step are about the very version they were asked for."""
    return work.why == "commit" and maker(work) in ("plan", "script", "codebook")


def moved(task: TaskRecord) -> Promoted | None:
    """Which staged version came too late, and where the branch was by then."""
    reply = task.replies.promoted
    return reply if reply is not None and reply.head else None


@dataclass(frozen=True, kw_only=True)
class Rebase:
    """`base`: what the late version was made from; `onto`: the new head; `common`: the next row id of what both share."""

    late: CommitRecord
    base: CommitRecord
    onto: CommitRecord
    common: int

    @property
    def details(self) -> dict[str, str]:
        return {"from": self.late.id, "onto": self.onto.id}


def on(work: Work, rebase: Rebase) -> Work:
    """The prepared work, on the new head."""
    script = None if work.plan is not None else work.script  # of a plan it was built for another schema
    return work.model_copy(update={"base": rebase.onto.id, "expect": rebase.onto.id, "script": script})


class Rebasing:
    def __init__(self, log: CommitLog, library: Library, comparing: Comparing) -> None:
        self._log, self._library, self._comparing = log, library, comparing

    async def begin(self, task: TaskRecord) -> Rebase | None:
        """None for work whose branch has not moved; a conflict when both sides changed the same."""
        late = moved(task)
        if late is None:
            return None
        mine = await self._log.get(task.dataset, late.commit)
        base = await self._log.get(task.dataset, mine.parent)
        # Where it is by now: of many that wait for an executor, all but the first would else be late again.
        head = await self._log.head(task.dataset, task.branch)
        onto = await self._log.get(task.dataset, head or late.head)
        shared = await self._log.ancestor(task.dataset, base.id, onto.id)
        if shared is None:
            raise conflict(task, base.id, onto.id, Overlap(why="unrelated"))
        common = (await self._library.manifest(shared.snapshot)).digests.next_row_id
        rebase = Rebase(late=mine, base=base, onto=onto, common=common)
        began = base.snapshot
        found = await self._found(
            (Pair(began, onto.snapshot, by_rows=True), Pair(began, mine.snapshot, by_rows=True)),
            lambda: self._meet(rebase),
        )
        if found is not None:
            raise conflict(task, base.id, onto.id, found)
        return rebase

    async def check(self, task: TaskRecord, rebase: Rebase, made: str) -> None:
        """`made`: manifest key of what the work made of the new head."""
        onto = rebase.onto.snapshot
        found = await self._found(
            (Pair(rebase.base.snapshot, onto, by_rows=True), Pair(onto, made, by_rows=True)),
            lambda: self._meet_again(rebase, made),
        )
        if found is not None:
            raise conflict(task, rebase.base.id, rebase.onto.id, found)

    async def _found(self, pairs: tuple[Pair, ...], meet: Callable[[], Overlap | None]) -> Overlap | None:
        """What cannot be compared may meet: nobody's work is lost by a guess."""
        try:
            return await self._comparing(pairs, meet)
        except LimitExceeded:
            return Overlap(why="too-many")

    def _meet(self, rebase: Rebase) -> Overlap | None:
        base = rebase.base.snapshot
        theirs = self._touched(base, rebase.onto.snapshot, rebase.common, newer_side=False)
        mine = self._touched(base, rebase.late.snapshot, None, newer_side=False)
        return overlap(theirs, mine)

    def _meet_again(self, rebase: Rebase, made: str) -> Overlap | None:
        onto = rebase.onto.snapshot
        theirs = self._touched(rebase.base.snapshot, onto, rebase.common, newer_side=True)
        return overlap(theirs, self._touched(onto, made, None, newer_side=False))

    def _touched(self, older: str, newer: str, common: int | None, *, newer_side: bool) -> Touched:
        """`common`: None for a version and the one it was made from."""
        store = self._library.snapshots
        since = common if common is not None else store.manifest(older).digests.next_row_id
        found = difference(store, older, newer, common=since, limit=CELLS_COMPARED)
        return touched(
            found, store.schema(older), store.schema(newer), seen_from="newer" if newer_side else "older"
        )


def misfit(task: TaskRecord, rebase: Rebase, error: RetortError) -> Conflict:
    """The work no longer fits what the branch holds now: a column it names has another name, or is gone."""
    told = f"{_moved(task, rebase.base.id, rebase.onto.id)} {error.message}"
    return Conflict(told, branch=task.branch, expected=rebase.base.id, head=rebase.onto.id, overlap="misfit")


def conflict(task: TaskRecord, expected: str, head: str, found: Overlap | None = None) -> Conflict:
    """Both heads, and where the two sides meet."""
    told, details = _moved(task, expected, head), {"branch": task.branch, "expected": expected, "head": head}
    if found is None:
        return Conflict(told, **details)
    names = listed(found.columns, task.lang)
    where = say(f"meets-{found.why}", task.lang, names=names, cells=found.cells, rows=found.rows)
    facts = {"overlap": found.why, "columns": list(found.columns), "cells": found.cells, "rows": found.rows}
    return Conflict(f"{told} {where}", **details, **facts)


def _moved(task: TaskRecord, expected: str, head: str) -> str:
    return say("moved", task.lang, branch=task.branch, expected=short(expected), head=short(head))
