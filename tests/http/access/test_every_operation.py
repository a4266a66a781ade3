"""Every operation of the OpenAPI document with inputs nobody thought of, by somebody who may do all and by strangers.

Half of the requests fit the document and half do not; names in paths are real ones as often as not. Whatever comes:
no 5xx, errors are problem+json, and what is answered is what the document says of it.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.specs.openapi import checks as openapi

A = "/api/v1"
DOCUMENT = Path(__file__).parents[3] / "api" / "openapi.json"
SCHEMA = schemathesis.openapi.from_path(str(DOCUMENT))
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
ENDLESS = "GET /api/v1/projects/{project}/events"  # its test reads a stream; here only what it refuses
PASSWORDS = "PUT /api/v1/auth/password"
FILE = {"filename": "a.csv", "upload-length": "4", "repr-digest": f"sha-256=:{'A' * 43}=:"}
CHECKS: list[Any] = [
    schemathesis.checks.not_a_server_error,
    openapi.content_type_conformance,
    openapi.response_schema_conformance,
    openapi.status_code_conformance,
]
TRIED = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def names(house: Any) -> dict[str, str]:
    """Of one thing of every kind there is; what is done to them is no other test's business."""
    house.project("fuzzed")
    root = house.login("root", project="fuzzed")
    assert root.upload("data")["phase"] == "Complete"
    conversation = root.converse("data")
    task = root.say("data", conversation, "mean of age by city")
    assert task["phase"] == "Complete", task["status"]
    assert root.say("data", conversation, "drop the age column")["phase"] == "Complete"
    root.made("POST", f"{root.p}/datasets/data/branches", {"name": "side"})
    root.made("POST", f"{root.p}/templates", {"name": "kept", "dataset": "data"})
    house.invited("fuzzed-member", "fuzzed", "member")
    house.invited("fuzzed-password", "fuzzed", "member")  # the other one may be locked out by what is tried
    begun = root.made("POST", f"{root.p}/datasets/data/upload-sessions", headers=FILE)
    return {
        "project": "fuzzed", "dataset": "data", "ref": "main", "branch": "side", "conversation": conversation,
        "task": task["uid"], "result": task["status"]["result"]["result"], "name": "kept", "account": "fuzzed-member",
        "session": begun["id"],
    }  # fmt: skip


MADE_UP = (
    (),
    (),
    (),
    (0,),
    (1,),
    (2,),
    (0, 1, 2),
)  # which names in a path are the case's own; the others are real


def cases(operation: Any) -> Any:
    """A case that fits the document or does not, and which of its names are not replaced."""
    modes = [operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode]
    return st.tuples(st.one_of(*modes), st.sampled_from(MADE_UP))


def named(case: Any, made_up: tuple[int, ...], names: dict[str, str]) -> Any:
    for at, key in enumerate(sorted(case.path_parameters)):
        if at not in made_up and (case.method, key) != ("DELETE", "name"):  # others still want the template
            case.path_parameters[key] = names.get(key, case.path_parameters[key])
    if not made_up and {"from", "to"} <= (case.query or {}).keys():
        case.query.update({"from": "main~1", "to": "main"})
    return case


def held(reply: Any, case: Any) -> None:
    case.validate_response(reply, checks=CHECKS)
    if reply.status_code >= 400:
        assert reply.headers["content-type"] == ["application/problem+json"], reply.text
        problem = json.loads(reply.content)
        assert problem["status"] == reply.status_code
        assert problem["detail"]


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_somebody_who_may_do_all(house: Any, names: dict[str, str], label: str) -> None:
    # Anew each time: logging out is among what is tried; and not root, where wrong passwords make everybody wait.
    person = house.login("fuzzed-password" if label == PASSWORDS else "root")

    @TRIED
    @given(cases(OPERATIONS[label]))
    def tried(drawn: Any) -> None:
        case = named(*drawn, names)
        if label == ENDLESS and case.path_parameters["project"] == names["project"]:
            case.path_parameters["project"] = "none"
        held(case.call(base_url=house.url, headers={"authorization": f"Bearer {person.token}"}), case)

    tried()


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_strangers(house: Any, names: dict[str, str], label: str) -> None:
    @settings(TRIED, max_examples=4)
    @given(
        cases(OPERATIONS[label]), st.sampled_from(["", "Bearer x", "Basic eDp4", "Bearer a.b.c", "bearer"])
    )
    def tried(drawn: Any, authorization: str) -> None:
        case = named(*drawn, names)
        headers = {"authorization": authorization} if authorization else {}
        reply = case.call(base_url=house.url, headers=headers)
        held(reply, case)
        assert reply.status_code >= 400

    tried()
