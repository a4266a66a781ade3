"""Which form of a schema request a server honours is found out, not believed."""

from __future__ import annotations

import pytest

from retort_planner.model.calls import Endpoint, ModelUnavailable, Rung
from retort_planner.model.client import ModelClient
from retort_planner.model.probe import find_rung


@pytest.mark.parametrize("rung", [Rung.json_schema, Rung.structured_outputs, Rung.json_object])
def test_the_honoured_form_is_found(serve, rung) -> None:
    assert find_rung(serve(honours=rung)[0]) is rung


def test_a_server_that_accepts_and_ignores_every_schema_is_caught(serve) -> None:
    assert find_rung(serve(honours=Rung.text)[0]) is Rung.text


def test_a_server_that_refuses_an_unknown_form_is_asked_in_the_next(serve) -> None:
    assert find_rung(serve(honours=Rung.json_object, rejects=(Rung.json_schema,))[0]) is Rung.json_object


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_or_model_is_said_not_taken_for_a_weak_server(serve, status) -> None:
    with pytest.raises(ModelUnavailable, match=str(status)):
        find_rung(serve(status=status)[0])


def test_nobody_listening_is_an_infrastructure_error() -> None:
    client = ModelClient(Endpoint(url="http://127.0.0.1:9/v1", model="m", seconds=1))
    with pytest.raises(ModelUnavailable, match="cannot be reached"):
        find_rung(client)
    client.close()


def test_the_key_is_not_in_the_repr() -> None:
    assert "s3cret" not in repr(Endpoint(url="u", model="m", key="s3cret"))
