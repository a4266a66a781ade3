"""Which planner serves: the rules alone, or with a model behind them where an endpoint is set.

The endpoint is probed once at start; what was found is said, and a model that cannot be used leaves the rules.
"""

from __future__ import annotations

from dataclasses import dataclass

from retort_api.runs.preparation import Planner
from retort_api.settings import Settings
from retort_planner import rules
from retort_planner.model.calls import Endpoint, ModelUnavailable, Rung, Told, unheard
from retort_planner.model.planning import ModelPlanner
from retort_planner.planning import Planner as RulesAndModel
from retort_planner.planning import connect


@dataclass(frozen=True)
class Chosen:
    """`name` is shown by `retort about`."""

    plan: Planner
    name: str


def choose(settings: Settings, told: Told = unheard) -> Chosen:
    """Blocking: asks the endpoint, if there is one, for a schema that only an obedient server meets. `told`: of its calls."""
    if not settings.llm_url:
        return Chosen(rules.plan, "rules")
    key = settings.llm_key.get_secret_value()
    try:
        model = connect(Endpoint(url=settings.llm_url, model=settings.llm_model, key=key), told)
    except ModelUnavailable as error:
        return Chosen(rules.plan, f"rules ({error.message})")
    return Chosen(RulesAndModel(model), f"rules, then {settings.llm_model} ({_held(model)})")


def _held(model: ModelPlanner) -> str:
    if model.rung is Rung.text:
        return "the server ignores schemas; its answers are checked afterwards"
    return f"schema by {model.rung.value}"
