"""Scripts of plans, for the very version they run on."""

from __future__ import annotations

from retort_api.runs.library import Library, invalid_names
from retort_core.plans import Lang, Plan, Script
from retort_plans.grounding import ground
from retort_plans.scripts import build_script


async def emitted(library: Library, plan: Plan, version: str, lang: Lang) -> Script:
    """`version`: manifest key. What the plan leaves to the data is settled with that version's profile."""
    schema, profile = await library.schema(version), await library.profile(version)
    return build_script(ground(plan, schema, profile), schema, invalid_names(schema, profile), lang)
