"""Templates over HTTP: saved from a history, met with another dataset, run there whole or not at all."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from .conftest import P, Service

OTHER = "编号,城市,岁数,推荐\n" + "".join(
    f"{n},{'北京' if n % 2 else '上海'},{15 + n % 50},{n % 11}\n" for n in range(100)
)


def plan(*steps: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    found = [{"id": f"s{at}", "op": op, "params": params} for at, (op, params) in enumerate(steps, 1)]
    return {"plan": {"plan": {"title": "清洗", "steps": found}}}


@pytest.fixture(scope="module")
def made(service: Service) -> str:
    """A dataset with two edits, and a template of both with one parameter."""
    service.upload("made")
    age = {"column": "年龄", "op": "lt", "value": 20}
    for steps in (
        (("filter_rows", {"where": age, "mode": "drop"}),),
        (("drop_columns", {"columns": ["备注"]}),),
    ):
        assert service.run("made", plan(*steps))["phase"] == "Complete"
    body = {
        "name": "成年",
        "title": "只留成年人",
        "dataset": "made",
        "parameters": [
            {"name": "最小", "places": [{"step": "s1", "path": ["where", "value"]}], "default": 20}
        ],
    }
    reply = service.http.post(f"{P}/templates", json=body)
    assert reply.status_code == 201, reply.text
    return "成年"


@pytest.fixture
def other(service: Service) -> str:
    name = f"other-{uuid.uuid4().hex[:8]}"
    service.upload(name, OTHER.encode())
    return name


def test_a_template_says_what_it_does_and_what_it_needs(service: Service, made: str) -> None:
    found = service.get(f"{P}/templates/{made}").json()
    assert [step["op"] for step in found["steps"]] == ["filter_rows", "drop_columns"]
    assert [column["name"] for column in found["columns"]] == ["年龄", "备注"]
    assert len(found["explanation"]) == 2
    assert found["author"] == "local"
    names = [one["name"] for one in service.get(f"{P}/templates", params={"lang": "en"}).json()["items"]]
    assert names[:4] == ["intake", "places", "bands", "recommend"]
    assert made in names


def test_all_that_is_missing_is_said_at_once_and_nothing_runs(
    service: Service, made: str, other: str
) -> None:
    found = service.http.post(f"{P}/datasets/{other}/templates/{made}/fit", json={}).json()
    assert [(one["code"], one["column"]) for one in found["misfits"]] == [
        ("missing", "年龄"),
        ("missing", "备注"),
    ]
    reply = service.http.post(f"{P}/datasets/{other}/templates/{made}/runs", json={})
    assert reply.status_code == 422
    assert len(reply.json()["details"]["misfits"]) == 2
    commits = service.get(f"{P}/datasets/{other}/commits").json()["items"]
    assert [one["kind"] for one in commits] == ["import"]


def test_a_mapping_and_a_parameter_make_it_run(service: Service, made: str, other: str) -> None:
    use = {"mapping": {"年龄": "岁数", "备注": "推荐"}, "values": {"最小": 30}}
    fit = service.http.post(f"{P}/datasets/{other}/templates/{made}/fit", json=use).json()
    assert "misfits" not in fit or not fit["misfits"]
    assert "岁数" in fit["explanation"][0]
    reply = service.http.post(f"{P}/datasets/{other}/templates/{made}/runs", json=use)
    assert reply.status_code == 202, reply.text
    task = service.finish(reply.json()["uid"])
    assert task["phase"] == "Complete", task["status"]
    below = sum(15 + n % 50 < 30 for n in range(100))
    counts = task["status"]["result"]["counts"]
    assert (counts["rows_removed"], counts["columns_removed"]) == (below, 1)
    page = service.get(f"{P}/datasets/{other}/commits/main/table", params={"limit": 1}).json()
    assert [column["name"] for column in page["columns"]] == ["编号", "城市", "岁数"]


def test_a_built_in_template_runs_on_columns_that_play_its_parts(service: Service, other: str) -> None:
    use = {"mapping": {"age": "岁数"}}
    reply = service.http.post(f"{P}/datasets/{other}/templates/bands/runs", params={"lang": "en"}, json=use)
    assert reply.status_code == 202, reply.text
    assert service.finish(reply.json()["uid"])["phase"] == "Complete"
    page = service.get(f"{P}/datasets/{other}/commits/main/table", params={"limit": 1}).json()
    assert "age band" in [column["name"] for column in page["columns"]]


def test_a_stretch_starts_after_the_version_that_is_named(service: Service, made: str) -> None:
    commits = service.get(f"{P}/datasets/made/commits").json()["items"]
    body = {"name": "nur-spalten", "dataset": "made", "from": commits[1]["id"], "to": commits[0]["id"]}
    found = service.http.post(f"{P}/templates", json=body).json()
    assert [step["op"] for step in found["steps"]] == ["drop_columns"]
    backwards = {**body, "name": "x", "from": commits[0]["id"], "to": commits[1]["id"]}
    assert service.http.post(f"{P}/templates", json=backwards).status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "成年", "dataset": "made"}, 409),
        ({"name": "intake", "dataset": "made"}, 409),
        ({"name": "n", "dataset": "nowhere"}, 404),
        ({"name": "n", "dataset": "made", "to": "no-such-branch"}, 404),
        ({"name": "../x", "dataset": "made"}, 422),
        (
            {
                "name": "n",
                "dataset": "made",
                "parameters": [{"name": "p", "places": [{"step": "s9", "path": ["x"]}], "default": 1}],
            },
            422,
        ),
    ],
)
def test_what_cannot_be_saved_says_why(
    service: Service, made: str, body: dict[str, Any], status: int
) -> None:
    reply = service.http.post(f"{P}/templates", json=body)
    assert reply.status_code == status, reply.text
    assert reply.json()["detail"]


def test_a_template_goes_and_the_versions_made_with_it_stay(service: Service, made: str) -> None:
    body = {"name": "short-lived", "dataset": "made"}
    assert service.http.post(f"{P}/templates", json=body).status_code == 201
    assert service.http.delete(f"{P}/templates/short-lived").status_code == 204
    assert service.http.delete(f"{P}/templates/short-lived").status_code == 404
    assert service.http.delete(f"{P}/templates/bands").status_code == 409
    assert service.get(f"{P}/datasets/made/commits/main/table").status_code == 200


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_sentences_to_click_come_with_their_slots(service: Service, lang: str) -> None:
    items = service.get("/api/v1/sentences", params={"lang": lang}).json()["items"]
    assert len(items) >= 25
    assert all(slot["example"] for one in items for slot in one["slots"])
