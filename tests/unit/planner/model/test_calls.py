"""Every request to a model is told of once, with the tokens that its server counts; what fails is told too."""

from __future__ import annotations

from typing import Any

import pytest

from retort_planner.model.calls import Call, Endpoint, ModelUnavailable, Rung
from retort_planner.model.client import ModelClient

MESSAGES = [{"role": "user", "content": "x"}]


def test_an_answer_is_told_with_its_tokens(serve: Any) -> None:
    heard: list[Call] = []
    client, _ = serve()
    counting = ModelClient(client.endpoint, heard.append)
    counting.ask(MESSAGES, {"type": "object"}, Rung.text)
    counting.close()
    (call,) = heard
    assert (call.outcome, call.tokens_in, call.tokens_out) == ("answered", 11, 7)
    assert call.seconds > 0


def test_a_server_that_is_not_there_is_told_as_unreachable() -> None:
    heard: list[Call] = []
    client = ModelClient(Endpoint(url="http://127.0.0.1:9/v1", model="m", seconds=1), heard.append)
    with pytest.raises(ModelUnavailable):
        client.ask(MESSAGES, {"type": "object"}, Rung.text)
    client.close()
    assert [(call.outcome, call.tokens_in) for call in heard] == [("unreachable", 0)]
