"""From parts to an outcome: one plan when all is settled, else one card of at most three slots.

Every choice carries its complete plan, so that a click needs no second planning and can be tested. Readings that
come to the same steps are one reading: equal outputs are never asked about.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from retort_core.errors import StepError
from retort_core.plans import (
    Alternative,
    Candidate,
    Declined,
    Lang,
    Option,
    Outcome,
    Plan,
    Planned,
    Question,
    Slot,
    Step,
)
from retort_core.schema import Schema
from retort_planner import conventions, titles
from retort_planner.frames.base import Draft, Part, Way
from retort_plans.simulation import simulate

MAX_SLOTS: Final = 3
MAX_OPTIONS: Final = 8
MAX_CANDIDATES: Final = 64


@dataclass(frozen=True)
class Assembly:
    """What an outcome is built with."""

    schema: Schema
    lang: Lang
    base: str = ""
    result: str = ""  # id of the earlier result the plan runs on
    conventions: Mapping[str, str] = field(default_factory=dict)  # what the project remembers: key to rule

    @property
    def checked(self) -> bool:
        """Only what runs on the head can be simulated here; the rest is when the plan is carried out."""
        return not self.base and not self.result

    def plan(self, drafts: Iterable[Draft], assumptions: Iterable[str] = (), title: str = "") -> Plan:
        kept = list(drafts)
        steps = tuple(Step(id=f"s{n}", op=d.op, params=d.params) for n, d in enumerate(kept, 1))
        named = title or titles.title(steps, self.lang)
        return Plan(title=named, steps=steps, assumptions=tuple(dict.fromkeys(assumptions)))


def unique(ways: Iterable[Way]) -> tuple[Way, ...]:
    """Ways that come to different steps."""
    seen: dict[str, Way] = {}
    for way in ways:
        key = json.dumps(
            [(d.op, d.params) for d in way.drafts], sort_keys=True, ensure_ascii=False, default=str
        )
        seen.setdefault(key, way)
    return tuple(seen.values())


def settle(part: Part) -> Part:
    """A part without ways that come to the same."""
    return replace(part, ways=unique(part.ways)[:MAX_OPTIONS])


def assemble(parts: list[Part], assembly: Assembly) -> Outcome:
    parts = [settle(part) for whole in parts for part in (*whole.before, whole)]
    parts = [conventions.kept(part, assembly.conventions, assembly.lang) for part in parts]
    parts = _at_most_three(parts)
    if all(part.settled for part in parts):
        return _planned(parts, assembly)
    return _question(parts, assembly)


def _at_most_three(parts: list[Part]) -> list[Part]:
    """Slots beyond the third take their preselected or least touching way, and say so."""
    open_slots = [part for part in parts if not part.settled]
    out: list[Part] = []
    for part in parts:
        if part.settled or part in open_slots[:MAX_SLOTS]:
            out.append(part)
            continue
        way = next((w for w in part.ways if w.default), part.ways[0])
        out.append(replace(part, ways=(way,), ask="", assumptions=(*part.assumptions, way.label)))
    return out


def _planned(parts: list[Part], assembly: Assembly) -> Outcome:
    drafts = [draft for part in parts for draft in part.ways[0].drafts]
    notes = [note for part in parts for note in part.assumptions]
    if not drafts:
        return Declined(reason=notes[0] if notes else _nothing(assembly.lang))
    plan = assembly.plan(drafts, notes)
    failure = misfit(plan, assembly.schema) if assembly.checked else None
    if failure is not None:
        return Declined(reason=failure)
    others = tuple(_alternatives(parts, assembly))
    return Planned(plan=plan, base=assembly.base, alternatives=others, result=assembly.result)


def _nothing(lang: Lang) -> str:
    return "这句话没有要改动的内容。" if lang == "zh" else "There is nothing to change in this instruction."


def _alternatives(parts: list[Part], assembly: Assembly) -> Iterable[Alternative]:
    for at, part in enumerate(parts):
        for way in part.alternatives:
            drafts = [d for n, p in enumerate(parts) for d in (way.drafts if n == at else p.ways[0].drafts)]
            plan = assembly.plan(drafts)
            if misfit(plan, assembly.schema) is None:
                yield Alternative(label=way.label, plan=plan)


def _question(parts: list[Part], assembly: Assembly) -> Outcome:
    asked = [part for part in parts if not part.settled]
    slots = tuple(_slot(f"q{n}", part) for n, part in enumerate(asked, 1))
    candidates = tuple(_candidates(parts, slots, assembly))
    convention = next((slot.convention for slot in slots if slot.convention), "")
    text = " ".join(dict.fromkeys(part.ask for part in asked))
    if all(candidate.plan is None for candidate in candidates):
        failure = misfit(assembly.plan(d for part in parts for d in part.ways[0].drafts), assembly.schema)
        return Declined(reason=failure or _nothing(assembly.lang))
    return Question(text=text, slots=slots, candidates=candidates, base=assembly.base, convention=convention)


def _slot(slot: str, part: Part) -> Slot:
    options = tuple(
        Option(
            id=f"{slot}{chr(97 + n)}",
            label=way.label or "…",
            detail=way.detail,
            rows=way.rows,
            default=way.default,
            rule=way.rule,
        )
        for n, way in enumerate(part.ways)
    )
    return Slot(id=slot, text=part.ask, options=options, convention=conventions.key(part))


def _candidates(parts: list[Part], slots: tuple[Slot, ...], assembly: Assembly) -> Iterable[Candidate]:
    asked = [part for part in parts if not part.settled]
    chosen = itertools.product(
        *(list(zip(slot.options, part.ways, strict=True)) for slot, part in zip(slots, asked, strict=True))
    )
    for combination in itertools.islice(chosen, MAX_CANDIDATES):
        ways = iter(way for _, way in combination)
        drafts = [d for part in parts for d in (part.ways[0] if part.settled else next(ways)).drafts]
        choice = "+".join(option.id for option, _ in combination)
        plan = (
            assembly.plan(drafts, (note for part in parts for note in part.assumptions)) if drafts else None
        )
        fits = plan is not None and (not assembly.checked or misfit(plan, assembly.schema) is None)
        yield Candidate(choice=choice, plan=plan if fits else None)


def misfit(plan: Plan, schema: Schema) -> str | None:
    """Why the plan cannot run on the schema, or None."""
    try:
        simulate(plan, schema)
    except StepError as error:
        return error.message
    return None


Fits = Callable[[Plan, Schema], bool]
