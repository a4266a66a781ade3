"""Words to an outcome: rules first, the model where the rules are not sure, and both held to the same words.

- Rules that plan, ask or carry out a command decide alone: no tokens, milliseconds, no inverted polarity.
- Where the rules did not understand, a configured model may. Its plan runs through the same simulation and grounding,
  and what it would lose must be named by the words (`agreement.confirm`); otherwise it becomes a question with that
  plan as a button. What the rules decline on principle (`Declined.final`) no model is asked.
- A model that is down, slow or nonsensical changes nothing: the rules' outcome stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from retort_core.plans import Declined, Outcome, Planned
from retort_planner import rules
from retort_planner.agreement import confirm
from retort_planner.model.calls import Endpoint, ModelUnavailable, Told, unheard
from retort_planner.model.planning import Asked, ModelPlanner
from retort_planner.model.probe import find_rung
from retort_planner.requests import Request
from retort_planner.text import detect_lang


@dataclass(frozen=True, kw_only=True)
class Planning:
    """An outcome and what it cost; `model_error` says why a configured model had no part in it."""

    outcome: Outcome
    asked: Asked | None = None
    model_error: str = ""


class Planner:
    """Built once in `mains`; `model` is None when no endpoint is configured."""

    def __init__(
        self, model: ModelPlanner | None = None, plan: Callable[[Request], Outcome] = rules.plan
    ) -> None:
        self._model = model
        self._plan = plan

    def __call__(self, request: Request) -> Outcome:
        return self.plan(request).outcome

    def plan(self, request: Request) -> Planning:
        """Never raises for what a model does; the rules never raise at all."""
        return self.further(request, self._plan(request))

    def further(self, request: Request, outcome: Outcome) -> Planning:
        """From what the rules made of it: waits for the model, where they were not sure."""
        if self._model is None or not unsure(outcome):
            return Planning(outcome=outcome)
        history = tuple(turn.title or turn.instruction for turn in request.history)
        lang = detect_lang(request.text, request.lang)
        try:
            asked = self._model.ask(request.text, request.schema, request.profile, history, lang)
        except ModelUnavailable as error:
            return Planning(outcome=outcome, model_error=error.message)
        if asked.outcome is None:
            return Planning(outcome=outcome, asked=asked)
        found = asked.outcome
        held = confirm(found, request, lang) if isinstance(found, Planned) else found
        return Planning(outcome=held, asked=asked)


def unsure(outcome: Outcome) -> bool:
    """Whether a model may be asked after the rules."""
    return isinstance(outcome, Declined) and not outcome.final


def connect(endpoint: Endpoint, told: Told = unheard) -> ModelPlanner:
    """A model behind its endpoint, after the probe. Raises ModelUnavailable when nobody usable answers."""
    # Half a second of loading, which a service without a model need not wait for.
    from retort_planner.model.client import ModelClient

    client = ModelClient(endpoint, told)
    return ModelPlanner(client, find_rung(client))
