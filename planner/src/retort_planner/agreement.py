"""Agreement: a plan made elsewhere is held to the words of the person, and two plans are compared by what they do.

Polarity, comparator, column and literal are where readings go wrong; a plan that loses something the words do not
name becomes a question with that plan as its button.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from retort_core.errors import StepError
from retort_core.plans import Candidate, Lang, Option, Outcome, Plan, Planned, Question, Slot, Step
from retort_planner import counting
from retort_planner.clarification import Assembly, assemble
from retort_planner.frames.base import Draft, Part, Way
from retort_planner.grounding import Ground, leaves
from retort_planner.lexicon import cue
from retort_planner.linking import Linked, link
from retort_planner.requests import Request
from retort_planner.text import protect
from retort_plans.simulation import simulate

# Words that let an operation lose rows, columns or cells; the rest of the catalogue loses nothing by itself.
_ENTITLED_BY: Final[dict[str, tuple[str, ...]]] = {
    "drop_columns": ("drop",),
    "select_columns": ("keep", "drop"),
    "filter_rows": ("drop", "keep"),
    "drop_missing": ("drop", "keep"),
    "drop_duplicates": ("dedupe", "drop", "duplicate"),
    "set_value": ("set", "clear", "replace"),
    "handle_outliers": ("outliers", "drop", "clip", "set", "clear"),
}
_DESTRUCTIVE: Final = frozenset(_ENTITLED_BY)


def same(one: Plan, other: Plan) -> bool:
    """Equal steps, whatever their ids, reasons and the order inside lists of conditions."""
    return [_shape(step) for step in one.steps] == [_shape(step) for step in other.steps]


def _shape(step: Step) -> str:
    return step.op + json.dumps(_sorted(step.params), sort_keys=True, ensure_ascii=False)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: sorted((_sorted(v) for v in item), key=repr) if key in ("all", "any") else _sorted(item)
            for key, item in value.items()
        }
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value


def differences(one: Plan, other: Plan) -> tuple[str, ...]:
    """In what two plans disagree: steps, polarity, comparator, column, literal."""
    if [step.op for step in one.steps] != [step.op for step in other.steps]:
        return ("steps",)
    found: list[str] = []
    for mine, theirs in zip(one.steps, other.steps, strict=True):
        if mine.params.get("mode") != theirs.params.get("mode"):
            found.append("polarity")
        found += _condition_differences(mine.params.get("where"), theirs.params.get("where"))
        if not found and _shape(mine) != _shape(theirs):
            found.append("parameters")
    return tuple(dict.fromkeys(found))


def _condition_differences(one: Any, other: Any) -> list[str]:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return [] if one == other else ["condition"]
    mine, theirs = leaves(one), leaves(other)
    if len(mine) != len(theirs):
        return ["condition"]
    names = (("column", "column"), ("op", "comparator"), ("value", "literal"))
    pairs = zip(mine, theirs, strict=True)
    return [word for a, b in pairs for key, word in names if a.get(key) != b.get(key)]


def compare(rules: Planned, model: Planned, lang: Lang) -> Outcome:
    """One plan when both do the same, else both as buttons; the rules' reading comes first."""
    if same(rules.plan, model.plan):
        return rules
    text = "这句话有两种读法，按哪一种？" if lang == "zh" else "This can be read in two ways. Which one?"
    plans = (rules.plan, model.plan)
    options = tuple(Option(id=f"q1{letter}", label=p.title) for letter, p in zip("ab", plans, strict=True))
    candidates = tuple(Candidate(choice=o.id, plan=p) for o, p in zip(options, plans, strict=True))
    return Question(text=text, slots=(Slot(id="q1", text=text, options=options),), candidates=candidates)


def unnamed_losses(plan: Plan, linked: Linked) -> tuple[Step, ...]:
    """Destructive steps that no word of the message entitles, or on columns it does not name."""
    named = {name for mention in linked.mentions for name in mention.columns}
    said = linked.plain(linked.text).casefold()
    return tuple(
        step for step in plan.steps if step.op in _DESTRUCTIVE and not _entitled(step, linked, named, said)
    )


def _entitled(step: Step, linked: Linked, named: set[str], said: str) -> bool:
    if not any(cue(name).search(linked.text) for name in _ENTITLED_BY[step.op]):
        return False
    where = step.params.get("where")
    if isinstance(where, dict):
        return all(leaf["column"] in named or _spoken(leaf.get("value"), said) for leaf in leaves(where))
    columns = step.params.get("columns") or step.params.get("column") or []
    wanted = [columns] if isinstance(columns, str) else columns
    return all(name in named for name in wanted) if isinstance(wanted, list) else True


def _spoken(value: Any, said: str) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(re.search(re.escape(str(item).casefold()), said) for item in values)


def confirm(found: Planned, request: Request, lang: Lang) -> Outcome:
    """A plan from elsewhere: grounded in the data, and a question when it loses what the words do not name."""
    linked = link(protect(request.text), request.schema)
    try:
        simulate(found.plan, request.schema)
    except StepError:
        return found  # its own checks report this
    drafts = tuple(Draft(step.op, dict(step.params)) for step in found.plan.steps)
    part = Ground(request.profile, lang).part(
        Part((Way(drafts),), assumptions=found.plan.assumptions), request.schema
    )
    lost = unnamed_losses(found.plan, linked)
    if lost:
        return _ask(found.plan, lost, request, lang)
    if part.settled:
        return found
    return assemble([part], Assembly(request.schema, lang, conventions=request.conventions))


def _ask(plan: Plan, lost: tuple[Step, ...], request: Request, lang: Lang) -> Question:
    zh = lang == "zh"
    text = (
        "这样做会丢掉这句话没有点名的内容，要执行吗？"
        if zh
        else "This would lose what the instruction does not name. Run it?"
    )
    where = lost[0].params.get("where")
    rows = counting.rows_where(where, request.schema, request.profile) if isinstance(where, dict) else None
    options = (
        Option(id="q1a", label=plan.title, rows=rows),
        Option(id="q1b", label="不执行" if zh else "Do nothing"),
    )
    candidates = (Candidate(choice="q1a", plan=plan), Candidate(choice="q1b"))
    return Question(text=text, slots=(Slot(id="q1", text=text, options=options),), candidates=candidates)
