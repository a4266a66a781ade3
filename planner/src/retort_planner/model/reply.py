"""A model's answer as data: parsed, typed against the catalogue and the schema, or a list of findings.

Pure: text in; an outcome or findings out. The same checks meet a plan from rules or from a person.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from retort_core.errors import BadInput
from retort_core.plans import Candidate, Declined, Option, Outcome, Plan, Planned, Question, Slot, Step
from retort_core.schema import Schema
from retort_plans.catalogue import CATALOGUE
from retort_plans.simulation import simulate

MAX_STEPS = 12


class Findings(Exception):
    """What does not fit; each of `lines` is a sentence the model can act on."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = lines


def answer_schema(steps: dict[str, Any]) -> dict[str, Any]:
    """JSON schema of an answer around the catalogue's schema of one step: flat, every field required."""
    text = {"type": "string", "maxLength": 300}
    plan = {"type": "array", "items": steps, "maxItems": MAX_STEPS}
    option = {
        "type": "object",
        "properties": {"label": text, "steps": plan},
        "required": ["label", "steps"],
        "additionalProperties": False,
    }

    def shape(outcome: str, **fields: Any) -> dict[str, Any]:
        properties = {"outcome": {"type": "string", "enum": [outcome]}, **fields}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    return {
        "anyOf": [
            shape("plan", title=text, steps=plan),
            shape(
                "clarify",
                question=text,
                options={"type": "array", "items": option, "minItems": 2, "maxItems": 4},
            ),
            shape("decline", reason=text, nearest=text),
        ]
    }


def first_json(text: str) -> Any:
    """The first JSON object in `text`: models wrap answers in prose and fences."""
    decoder, at = json.JSONDecoder(), text.find("{")
    while at != -1:
        try:
            return decoder.raw_decode(text, at)[0]
        except ValueError:
            at = text.find("{", at + 1)
    raise Findings(["there is no JSON object in the answer"])


def read_steps(raw: Any, schema: Schema, title: str) -> Plan:
    """A plan that fits the schema; raises Findings."""
    if not isinstance(raw, list) or not raw:
        raise Findings(["`steps` must be a non-empty list"])
    if len(raw) > MAX_STEPS:
        raise Findings([f"at most {MAX_STEPS} steps"])
    steps = []
    for number, item in enumerate(raw, start=1):
        if not isinstance(item, dict) or item.get("op") not in CATALOGUE:
            raise Findings([f"step {number}: `op` must be one of the catalogue"])
        params = {key: value for key, value in item.items() if key not in ("op", "reason")}
        steps.append(Step(id=f"s{number}", op=str(item["op"]), params=params))
    plan = Plan(title=title, steps=tuple(steps))
    try:
        simulate(plan, schema)
    except BadInput as error:
        raise Findings([error.message]) from error
    except ValidationError as error:
        raise Findings([f"{e['loc']}: {e['msg']}" for e in error.errors()[:5]]) from error
    return plan


def read_outcome(text: str, schema: Schema) -> Outcome:
    """The outcome an answer stands for; raises Findings."""
    raw = first_json(text)
    if not isinstance(raw, dict):
        raise Findings(["the answer must be one JSON object"])
    match raw.get("outcome"):
        case "plan":
            return Planned(
                plan=read_steps(raw.get("steps"), schema, str(raw.get("title", ""))[:120]), planner="model"
            )
        case "clarify":
            return _question(raw, schema)
        case "decline":
            return Declined(
                reason=str(raw.get("reason", ""))[:300], nearest=str(raw.get("nearest", ""))[:300]
            )
        case _:
            raise Findings(["`outcome` must be plan, clarify or decline"])


def _question(raw: dict[str, Any], schema: Schema) -> Question:
    offered = raw.get("options")
    if not isinstance(offered, list) or len(offered) < 2:
        raise Findings(["clarify needs at least two options with steps"])
    options, candidates = [], []
    for number, item in enumerate(offered[:4], start=1):
        label = str(item.get("label", "")) if isinstance(item, dict) else ""
        plan = read_steps(item.get("steps") if isinstance(item, dict) else None, schema, label[:120])
        options.append(Option(id=f"o{number}", label=label[:120]))
        candidates.append(Candidate(choice=f"o{number}", plan=plan))
    text = str(raw.get("question", ""))[:300]
    slot = Slot(id="model", text=text, options=tuple(options))
    return Question(text=text, slots=(slot,), candidates=tuple(candidates))
