"""A plan in words, a line a step."""

from __future__ import annotations

from retort_core.plans import Lang, Plan
from retort_plans.catalogue import parse_step


def explain(plan: Plan, lang: Lang) -> tuple[str, ...]:
    """What each step does, in Chinese or English; StepError for a step that is no operation."""
    return tuple(parse_step(step).explain(lang) for step in plan.steps)
