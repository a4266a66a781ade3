"""Nobody reaches what is not theirs: every operation, with every name of another project that somebody may have learnt.

What is refused is answered like what does not exist, changes nothing, and is on record where its owner reads it.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

A = "/api/v1"
_SPEC = importlib.util.spec_from_file_location("walking", Path(__file__).with_name("walking.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
walking = importlib.util.module_from_spec(_SPEC)
import sys  # noqa: E402 - dataclasses look their module up

sys.modules["walking"] = walking
_SPEC.loader.exec_module(walking)

DOCUMENT = json.loads((Path(__file__).parents[3] / "api" / "openapi.json").read_text("utf-8"))
OPERATIONS = list(walking.operations(DOCUMENT))
IN_PROJECT = [one for one in OPERATIONS if one.in_project]
NESTED = [one for one in IN_PROJECT if set(one.template.split("/")) & {"{dataset}", "{task}", "{result}"}]


@pytest.fixture(scope="module")
def theirs(two: Any) -> dict[str, str]:
    """Everything that could be known of the other project, by name and by id."""
    other = two.other
    conversation = other.converse("secret")
    task = other.say("secret", conversation, "mean of age by city")
    assert task["phase"] == "Complete", task["status"]
    other.made("POST", f"{other.p}/datasets/secret/branches", {"name": "their-branch"})
    begun = walking.begin_upload(other, "secret")
    dataset = other.get(f"{other.p}/datasets/secret").json()
    project = other.get(other.p).json()
    return {
        "project": project["name"], "project_id": project["id"], "dataset": dataset["name"], "dataset_id": dataset["id"],
        "ref": dataset["head"], "branch": "their-branch", "conversation": conversation, "task": task["uid"],
        "result": task["status"]["result"]["result"], "key": "0" * 32, "convention": "0" * 32, "name": "no-template", "account": "theirs-admin",
        "session": begun,
    }  # fmt: skip


@pytest.fixture(scope="module")
def untouched(two: Any, theirs: dict[str, str]) -> Iterator[None]:
    """Whatever was tried, the other project is as it was."""

    def state() -> Any:
        other = two.other
        paths = (
            "datasets",
            "members",
            "quota",
            "datasets/secret/graph",
            "datasets/secret/tasks",
            "datasets/secret/conversations",
        )
        return [other.get(f"{other.p}/{path}").json() for path in paths]

    before = state()
    yield
    assert state() == before


def refusals(person: Any, before: int) -> list[dict[str, Any]]:
    """Lines of what was refused since the audit had `before` lines."""
    lines: list[dict[str, Any]] = person.audit()[before:]
    return [one for one in lines if one["annotations"]["authorization.k8s.io/decision"] == "forbid"]


def test_every_operation_has_a_body_to_try_it_with() -> None:
    needing = {
        one["operationId"]
        for path in DOCUMENT["paths"].values()
        for one in path.values()
        if "requestBody" in one
    }
    assert needing - walking.RAW == set(walking.BODIES)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_nothing_answers_a_stranger(house: Any, theirs: dict[str, str], operation: Any) -> None:
    for token in ("", "rtk_" + "0" * 64 + "00000000", "a.b.c"):
        person = house.stranger()
        person.token = token
        reply = operation.request(person, theirs)
        assert reply.headers["content-type"] == "application/problem+json"
        if operation.rule.open:
            assert reply.status_code in (401, 403), reply.text
        else:
            assert (reply.status_code, reply.json()["code"]) == (401, "unauthenticated"), reply.text


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("operation", IN_PROJECT, ids=str)
def test_another_project_does_not_exist(two: Any, theirs: dict[str, str], operation: Any) -> None:
    nobody = operation.request(two.admin, {**theirs, "project": "no-such-project"})
    assert nobody.status_code == 404, nobody.text
    for name in (theirs["project"], theirs["project_id"]):
        before = len(two.other.audit())
        reply = operation.request(two.admin, {**theirs, "project": name})
        assert (reply.status_code, reply.json()["code"]) == (404, "not-found"), reply.text
        # Word for word what a project that is none is answered with.
        assert reply.json()["detail"] == nobody.json()["detail"].replace("no-such-project", name)
        (line,) = refusals(two.other, before)
        assert line["user"]["username"] == "ours-admin"
        assert (line["verb"], line["responseStatus"]["code"]) == (operation.rule.verb, 404)


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("operation", NESTED, ids=str)
def test_what_is_theirs_is_not_in_ours(two: Any, theirs: dict[str, str], operation: Any) -> None:
    """Ids of the other project below a project of one's own: by id, because names may be the same."""
    names = {**theirs, "project": "ours", "dataset": theirs["dataset_id"]}
    before = len(two.admin.audit())
    reply = operation.request(two.admin, names)
    assert (reply.status_code, reply.json()["code"]) == (404, "not-found"), reply.text
    (line,) = refusals(two.admin, before)
    assert (line["user"]["username"], line["responseStatus"]["code"]) == ("ours-admin", 404)


INSIDE = [
    one
    for one in NESTED
    if set(one.template.split("/")) & {"{ref}", "{branch}", "{conversation}", "{session}"}
]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("operation", INSIDE, ids=str)
def test_their_versions_branches_and_talks_are_not_in_a_dataset_of_ours(
    two: Any, theirs: dict[str, str], operation: Any
) -> None:
    """Also by the beginning of an id, however it was guessed."""
    before = len(two.admin.audit())
    for ref in (theirs["ref"], theirs["ref"][:4], theirs["ref"][:12] + "~1"):
        names = {**theirs, "project": "ours", "dataset": "shared", "ref": ref}
        reply = operation.request(two.admin, names)
        assert (reply.status_code, reply.json()["code"]) == (404, "not-found"), reply.text
    lines = refusals(two.admin, before)
    assert [(line["user"]["username"], line["responseStatus"]["code"]) for line in lines] == [
        ("ours-admin", 404)
    ] * 3


@pytest.mark.usefixtures("untouched")
def test_names_of_theirs_in_bodies_and_queries_lead_nowhere(two: Any, theirs: dict[str, str]) -> None:
    ours, head = f"{A}/projects/ours/datasets/shared", theirs["ref"]
    tried = [
        two.admin.post(f"{ours}/branches", {"name": "stolen", "source": head}),
        two.admin.get(f"{ours}/diff", params={"from": "main", "to": head}),
        two.admin.get(f"{ours}/commits", params={"branch": head[:8]}),
        two.admin.post(f"{ours}/tasks", {"source": {"instruction": {"text": "x"}}, "conversation": theirs["conversation"]}),
        two.admin.put(f"{ours}/branches/main", {"head": head}, headers={"if-match": f'"{two.admin.head("shared")}"'}),
    ]  # fmt: skip
    assert [reply.status_code for reply in tried] == [404] * len(tried)
    for source in (
        {"restore": {"commit": head}},
        {"plan": {"plan": {"title": "x", "steps": [{"id": "s1", "op": "sort_rows", "params": {"keys": [{"column": "age"}]}}]}, "result": theirs["result"]}},
        {"command": {"verb": "diff", "args": {"from": head, "to": "main"}}},
        {"command": {"verb": "undo_step", "args": {"commit": head}}},
    ):  # fmt: skip
        task = two.admin.run("shared", source)
        assert task["phase"] == "Failed", task
        assert task["status"]["failure"]["code"] in ("not-found", "bad-input"), task["status"]["failure"]


def test_projects_lists_and_events_show_only_ones_own(two: Any, theirs: dict[str, str]) -> None:
    names = [one["name"] for one in two.admin.get(f"{A}/projects").json()["items"]]
    assert names == ["ours"]
    reply = two.admin.get(
        f"{A}/projects/ours/events", params={"dataset": theirs["dataset_id"]}, headers={"last-event-id": "x"}
    )
    assert reply.status_code == 422
    shared = two.admin.get(f"{A}/projects/ours/datasets/shared/tasks").json()["items"]
    assert theirs["task"] not in {one["uid"] for one in shared}


def test_objects_have_no_address(two: Any, theirs: dict[str, str]) -> None:
    """A key of the object store is the hash of its bytes; knowing one opens nothing, because nothing is asked by key."""
    assert not [path for path in DOCUMENT["paths"] if "object" in path]
    for path in ("objects", "uploads", "datasets/shared/objects"):
        assert two.admin.get(f"{A}/projects/ours/{path}/{theirs['ref']}").status_code == 404


ROLES = {"member": "member", "analyst": "analyst"}
LOWER = [
    (who, one)
    for who in ROLES
    for one in IN_PROJECT
]  # fmt: skip


@pytest.mark.parametrize(("who", "operation"), LOWER, ids=str)
def test_each_role_may_what_it_may(two: Any, theirs: dict[str, str], who: str, operation: Any) -> None:
    """Denied by the role alone: before anything is looked up, and on record."""
    from retort_api.access.roles import RIGHTS

    person = getattr(two, who)
    right = (operation.rule.verb, operation.rule.resource)
    before = len(two.admin.audit())
    reply = operation.request(person, {**theirs, "project": "ours", "dataset": "no-such-dataset"})
    if right in RIGHTS[who]:
        assert reply.status_code != 403 or reply.json()["details"]["resource"] != operation.rule.resource, (
            reply.text
        )
        return
    assert (reply.status_code, reply.json()["code"]) == (403, "denied"), reply.text
    line = two.admin.audit()[before]
    assert (line["user"]["username"], line["responseStatus"]) == (
        person.name,
        {"code": 403, "reason": "denied"},
    )
    assert line["annotations"]["authorization.k8s.io/decision"] == "forbid"


SYSTEM = [one for one in OPERATIONS if not one.in_project and not one.rule.open]


@pytest.mark.parametrize("operation", SYSTEM, ids=str)
def test_what_concerns_the_system_is_for_its_administrators(house: Any, two: Any, operation: Any) -> None:
    from retort_api.access.roles import EVERYBODY

    if (operation.rule.verb, operation.rule.resource) in EVERYBODY:
        return
    reply = operation.request(two.admin, {"account": "root", "key": "x"})
    assert (reply.status_code, reply.json()["code"]) == (403, "denied"), reply.text
