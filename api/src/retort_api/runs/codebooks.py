"""A codebook's report to a plan of one step: what fits the columns, and a note on each thing that does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue, ValidationError

from retort_api.commits.filenotes import file_notes
from retort_api.runs.sentences import listed
from retort_core.plans import Lang, Plan, Step
from retort_core.schema import Schema
from retort_plans.operations.annotations import Change, fitting

MOST: Final = 20  # notes on single columns; a codebook for another file would give hundreds


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
