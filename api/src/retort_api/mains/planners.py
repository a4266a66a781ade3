"""Which planner serves: the rules alone, or with a model behind them where an endpoint is set.

The endpoint is probed once at start; what was found is said, and a model that cannot be used leaves the rules. Rules compute,
in the threads of all reads; a model is waited for, up to half a minute a call, in threads of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from retort_api.runs.preparation import Planner
from retort_api.settings import Settings
from retort_core.plans import Outcome
from retort_planner import rules
from retort_planner.model.calls import Endpoint, ModelUnavailable, Rung, Told, unheard
from retort_planner.model.planning import ModelPlanner
from retort_planner.planning import Planner as RulesAndModel
from retort_planner.planning import connect, unsure
from retort_planner.requests import Request

P = ParamSpec("P")
Found = TypeVar("Found")


class Beside(Protocol):
    """Runs what blocks beside the event loop: `Threads`, or `asyncio.to_thread`."""

    def __call__(self, work: Callable[P, Found], /, *args: P.args, **rest: P.kwargs) -> Awaitable[Found]: ...


@dataclass(frozen=True)
class Chosen:
    """`name` is shown by `retort about`."""

    plan: Planner
    name: str


def choose(settings: Settings, told: Told = unheard, beside: Beside = asyncio.to_thread) -> Chosen:
    """Blocking: asks the endpoint, if there is one, for a schema that only an obedient server meets. `told`: of its calls;
    `beside`: where they are waited for."""
    by_rules = computed(rules.plan)
    if not settings.llm_url:
        return Chosen(by_rules, "rules")
    key = settings.llm_key.get_secret_value()
    try:
        model = connect(Endpoint(url=settings.llm_url, model=settings.llm_model, key=key), told)
    except ModelUnavailable as error:
        return Chosen(by_rules, f"rules ({error.message})")
    name = f"rules, then {settings.llm_model} ({_held(model)})"
    return Chosen(_then(by_rules, RulesAndModel(model), beside), name)


def computed(plan: Callable[[Request], Outcome]) -> Planner:
    """A planner that takes milliseconds and waits for nobody."""

    async def planned(request: Request) -> Outcome:
        return await asyncio.to_thread(plan, request)

    return planned


def _then(by_rules: Planner, both: RulesAndModel, beside: Beside) -> Planner:
    async def planned(request: Request) -> Outcome:
        outcome = await by_rules(request)
        if not unsure(outcome):
            return outcome
        return (await beside(both.further, request, outcome)).outcome

    return planned


def _held(model: ModelPlanner) -> str:
    if model.rung is Rung.text:
        return "the server ignores schemas; its answers are checked afterwards"
    return f"schema by {model.rung.value}"
