"""A plan with what this dataset's own values come to, where a script cannot know it from the words alone.

Only the script is made from the grounded plan; the plan that is stored stays as it was said, so that a replay on
other data is grounded in that data.
"""

from __future__ import annotations

from retort_core.plans import Plan, Step
from retort_core.profiles import Profile
from retort_core.schema import Schema
from retort_plans.catalogue import parse_step
from retort_plans.operations.regions import StandardizeRegion


def ground(plan: Plan, schema: Schema, profile: Profile | None) -> Plan:
    """Steps on columns of `schema` get the spellings found in their profile; the others stay as they are."""
    steps: list[Step] = []
    changed: set[str] = set()  # columns whose cells are no longer those of the profile
    for step in plan.steps:
        operation = parse_step(step)
        if isinstance(operation, StandardizeRegion) and changed.isdisjoint(operation.columns):
            steps.append(_grounded(step, operation, schema, profile))
        else:
            steps.append(step)
        changed |= operation.entitles().cells
    return plan.model_copy(update={"steps": tuple(steps)})


def _grounded(step: Step, operation: StandardizeRegion, schema: Schema, profile: Profile | None) -> Step:
    if profile is None or any(schema.find(column) is None for column in operation.columns):
        return step
    params = operation.grounded(schema, profile).model_dump(mode="json", by_alias=True)
    return step.model_copy(update={"params": params})
