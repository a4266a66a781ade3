"""A real HTTP server on loopback that speaks the shape of OpenAI's chat completions and honours one rung."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from answering import Answering, answering

from retort_planner.model.calls import Endpoint, Rung
from retort_planner.model.client import ModelClient


def schema_of(body: dict[str, Any], rung: Rung) -> dict[str, Any] | None:
    """The schema of a request if it was asked for in the way `rung` says."""
    form = body.get("response_format") or {}
    if rung is Rung.json_schema and form.get("type") == "json_schema":
        return form["json_schema"]["schema"]
    if rung is Rung.json_object and form.get("type") == "json_object":
        return form.get("schema")
    if rung is Rung.structured_outputs and "structured_outputs" in body:
        return body["structured_outputs"]["json"]
    return None


@dataclass
class Model:
    """Answers in order from `says`; a probe (an enum of one word) is answered only through the honoured rung."""

    honours: Rung = Rung.json_schema
    rejects: tuple[Rung, ...] = ()
    says: list[str] = field(default_factory=list)
    status: int = 200
    seen: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, body: dict[str, Any]) -> tuple[int, str]:
        self.seen.append(body)
        if self.status != 200 or any(schema_of(body, rung) is not None for rung in self.rejects):
            return self.status if self.status != 200 else 400, "refused"
        schema = schema_of(body, self.honours)
        word = ((schema or {}).get("properties") or {}).get("word")
        if word is not None:
            return 200, json.dumps({"word": word["enum"][0]})
        return 200, self.says.pop(0) if self.says else "Hello!"


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[ModelClient, Model]]]:
    with ExitStack() as stack:

        def start(**behaviour: Any) -> tuple[ModelClient, Model]:
            model = Model(**behaviour)

            class Handler(Answering):
                def answer(self) -> None:
                    status, text = model.answer(json.loads(self.body))
                    reply = {
                        "id": "1", "object": "chat.completion", "created": 0, "model": "m",
                        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
                        "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
                    }  # fmt: skip
                    told = reply if status == 200 else {"error": {"message": text}}
                    self.reply(json.dumps(told).encode(), status=status)

            url = stack.enter_context(answering(Handler))
            client = ModelClient(Endpoint(url=f"{url}/v1", model="m", seconds=5))
            stack.callback(client.close)
            return client, model

        yield start
