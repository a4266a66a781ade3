"""Replays: instructions of the history on another parent. Re-evaluated, never copied: thresholds, counts and matches
are those of the new data. Stops at the first that no longer fits, with nothing published.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from retort_api.commits.records import CommitRecord
from retort_api.runs.library import Library
from retort_api.runs.losses import counts_of
from retort_api.runs.making.scripts import emitted
from retort_api.runs.rides import Ride
from retort_api.runs.runner import Draft, Runner
from retort_api.runs.sentences import say
from retort_api.runs.work import Replayed
from retort_core.errors import BadInput, DataError, StepError
from retort_core.lifecycle.statuses import Counts
from retort_core.plans import Lang, Plan, Script
from retort_core.profiles import Profile
from retort_core.schema import Kind, Schema
from retort_plans.simulation import column_ids, simulate


@dataclass(frozen=True, kw_only=True)
class Replay:
    """One instruction that ran again: `draft` is None when it had no effect this time."""

    original: CommitRecord
    plan: Plan | None
    script: str
    draft: Draft | None

    @property
    def facts(self) -> dict[str, Any]:
        """Old and new counts, for the report of a replay."""
        counts = counts_of(self.draft.changes) if self.draft is not None else Counts()
        return {
            "commit": self.original.id,
            "title": self.original.title,
            "before": self.original.counts.model_dump(mode="json", exclude_defaults=True),
            "after": counts.model_dump(mode="json", exclude_defaults=True),
            "effect": self.draft is not None,
        }


class Replayer:
    def __init__(self, runner: Runner, library: Library) -> None:
        self._runner, self._library = runner, library

    async def __call__(
        self, ride: Ride, base: str, root: str, items: list[tuple[Replayed, CommitRecord]], lang: Lang
    ) -> list[Replay]:
        """From version `base` (manifest key, root); one `Replay` for every item, in order."""
        done: list[Replay] = []
        for item, original in items:
            ride.progress("progress", {"stage": "replaying", "title": original.title})
            replay = await self._one(ride, base, root, item, original, lang)
            if replay.draft is not None:
                base, root = replay.draft.written.manifest, replay.draft.written.root
            done.append(replay)
        return done

    async def _one(
        self, ride: Ride, base: str, root: str, item: Replayed, original: CommitRecord, lang: Lang
    ) -> Replay:
        plan = item.plan or original.plan
        try:
            script, draft = await self._run(ride, base, plan, original, lang)
        except (StepError, DataError, BadInput) as error:
            why = say("replay-misfit", lang, title=original.title, why=error.message)
            raise BadInput(
                why, **{**error.details, "title": original.title, "code": "replay-misfit"}
            ) from None
        changed = draft if draft.written.root != root else None
        return Replay(original=original, plan=plan, script=script.source, draft=changed)

    async def _run(
        self, ride: Ride, base: str, plan: Plan | None, original: CommitRecord, lang: Lang
    ) -> tuple[Script, Draft]:
        if plan is not None:
            return await self._plan(ride, base, plan, original, lang)
        if original.kind != "script":
            raise BadInput(f"a version of kind {original.kind!r} cannot be replayed")
        script = Script(source=original.script, rows="aligned", yields="version")
        return script, await self._runner.version(ride, base, script, None)

    async def _plan(
        self, ride: Ride, base: str, plan: Plan, original: CommitRecord, lang: Lang
    ) -> tuple[Script, Draft]:
        # Columns get the ids they got the first time, so that they are the same columns in a comparison.
        ids = column_ids(str(original.details.get("mint", original.task)))
        simulation = simulate(plan, await self._library.schema(base), ids)
        script = await emitted(self._library, plan, base, lang)
        return script, await self._runner.version(ride, base, script, simulation.final)


def unseen(old: tuple[Schema, Profile], new: tuple[Schema, Profile]) -> list[dict[str, Any]]:
    """Values and codes of closed questions that the earlier file did not have: what a mapping may miss."""
    found = []
    for column in new[0].columns:
        before = old[0].find(column.name)
        if before is None or column.kind not in (Kind.single, Kind.multi, Kind.scale):
            continue
        was, now = old[1].find(before.id), new[1].find(column.id)
        if was is None or now is None or not (was.complete and now.complete):
            continue
        known = {one.value for one in (was.codes or was.values)}
        fresh = [one.value for one in (now.codes or now.values) if one.value not in known]
        if fresh:
            found.append({"column": column.name, "values": fresh[:50]})
    return found
