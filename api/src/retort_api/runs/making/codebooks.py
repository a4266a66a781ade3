"""Codebooks: labels, value labels and missing codes of a file, as a plan of one step like any other.

What fits the columns is the plan; each thing that does not is a note.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue, ValidationError

from retort_api.commits.filenotes import file_notes
from retort_api.commits.log import CommitLog
from retort_api.kit.database import Database
from retort_api.runs.library import Library
from retort_api.runs.making.scripts import emitted
from retort_api.runs.making.staging import Staging
from retort_api.runs.making.uploads import upload
from retort_api.runs.rides import Ride
from retort_api.runs.runner import Runner
from retort_api.runs.sentences import listed, say
from retort_core.errors import BadInput
from retort_core.lifecycle.observations import Ran
from retort_core.plans import Lang, Plan, Step
from retort_core.schema import Schema
from retort_plans.operations.annotations import Change, fitting
from retort_plans.simulation import column_ids, simulate

MOST: Final = 20  # notes on single columns; a codebook for another file would give hundreds


class Codebooks:
    def __init__(self, database: Database, log: CommitLog, library: Library, runner: Runner) -> None:
        self._database, self._log, self._library, self._runner = database, log, library, runner

    async def __call__(self, staging: Staging, ride: Ride) -> Ran:
        task, work = staging.task, staging.work
        assert work.load is not None
        if not work.base:
            raise BadInput(say("base-missing", task.lang))
        base = await self._log.get(task.dataset, work.base)
        file = await upload(self._database, task.dataset, work.load.upload)
        report = await self._runner.codebook(ride, file.object, file.filename, work.load.options)
        schema = await self._library.schema(base.snapshot)
        plan, notes = codebook_plan(report, schema, work.title, task.lang)
        if plan is None:
            raise BadInput(say("codebook-empty", task.lang, filename=file.filename))
        simulation = simulate(plan, schema, column_ids(task.uid))
        script = await emitted(self._library, plan, base.snapshot, task.lang)
        draft = await self._runner.version(ride, base.snapshot, script, simulation.final)
        ran = staging.step(
            draft,
            base=base,
            schema=schema,
            granted=simulation.entitled,
            kind="codebook",
            plan=plan,
            script=script.source,
            upload=work.load.upload,
        )
        if ran.staged is None:
            return ran
        described = len(simulation.operations[0].model_dump()["changes"])
        message = say("codebook-read", task.lang, count=described, filename=file.filename)
        staged = ran.staged.model_copy(update={"data": {"notes": notes}})
        return staging.ran(staged, ran.message if staged.code else message)


def codebook_plan(
    report: Mapping[str, Any], schema: Schema, title: str, lang: Lang
) -> tuple[Plan | None, list[JsonValue]]:
    """The plan (None when the codebook describes no column of `schema`) and the notes."""
    said = [change for change in map(_change, report.get("changes", [])) if change is not None]
    known = [change for change in said if schema.find(change.column) is not None]
    kept, misfits = fitting(known, schema)
    notes = [_note(misfit.message, lang) for misfit in misfits[:MOST]]
    strangers = [change.column for change in said if change not in known]
    if strangers:
        names = listed(strangers, lang)
        notes.append(
            _note(f"编码簿里的 {names} 不在数据里。", lang)
            if lang == "zh"
            else _note(f"The codebook's {names} are not in the data.", lang)
        )
    if not kept:
        return None, notes
    params: dict[str, JsonValue] = {
        "changes": [change.model_dump(mode="json", exclude_none=True) for change in kept]
    }
    step = Step(id="codebook", op="annotate_columns", params=params)
    return Plan(title=title, steps=(step,)), [*notes, *file_notes(report, lang)]


def _change(raw: Any) -> Change | None:
    try:
        return Change.model_validate(raw)
    except ValidationError:
        return None


def _note(text: str, lang: Lang) -> JsonValue:
    end = "。" if lang == "zh" else "."
    return {"severity": "warning", "text": text if text.endswith((".", "。")) else text + end}
