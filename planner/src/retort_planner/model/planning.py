"""Ask the model, repair at most twice, then give up to the rules: one loop for every outcome.

A loop of feedback helps strong models and none of the small ones, so it is short. What the model plans is never
taken at its word: `retort_planner.agreement` compares it with the rules' plan before anything runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retort_core.plans import Lang, Outcome
from retort_core.profiles import Profile
from retort_core.schema import Schema
from retort_planner.model.calls import Rung
from retort_planner.model.prompts import data_card, messages, repair_message
from retort_planner.model.reply import Findings, answer_schema, read_outcome
from retort_plans.catalogue import json_schema

if TYPE_CHECKING:
    from retort_planner.model.client import ModelClient

REPAIRS = 2
# Above this many columns an enum of names makes the grammar too dear; names are then checked afterwards only.
ENUM_COLUMNS = 60


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the model's turn came to: `outcome` is None when every repair failed (the rules decide then)."""

    outcome: Outcome | None
    calls: int
    tokens_in: int
    tokens_out: int
    findings: tuple[str, ...] = ()


class ModelPlanner:
    """Words to an outcome by the model behind `client`, in the form (`rung`) the probe found it to honour."""

    def __init__(self, client: ModelClient, rung: Rung) -> None:
        self._client = client
        self.rung = rung

    def ask(
        self, text: str, schema: Schema, profile: Profile | None, history: tuple[str, ...], lang: Lang
    ) -> Asked:
        """Raises ModelUnavailable when the endpoint fails; bad answers are repaired, then given up."""
        names = schema.names if len(schema.columns) <= ENUM_COLUMNS else ()
        form = answer_schema(json_schema(names))
        said = messages(text, data_card(text, schema, profile), history, lang)
        tokens_in = tokens_out = 0
        findings: list[str] = []
        for call in range(1, REPAIRS + 2):
            answer = self._client.ask(said, form, self.rung)
            tokens_in, tokens_out = tokens_in + answer.tokens_in, tokens_out + answer.tokens_out
            try:
                outcome = read_outcome(answer.text, schema)
            except Findings as found:
                findings = found.lines
                said = [*said, {"role": "assistant", "content": answer.text[:4000]}, repair_message(findings)]
                continue
            return Asked(outcome=outcome, calls=call, tokens_in=tokens_in, tokens_out=tokens_out)
        return Asked(
            outcome=None,
            calls=REPAIRS + 1,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            findings=tuple(findings),
        )
