"""Whatever goes wrong is problem+json with a stable code; nothing answers to foreign names or pages."""

from __future__ import annotations

import json
from typing import Any

import pytest

P = "/api/v1/projects/default"


def problem(reply: Any, status: int, code: str) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = reply.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["type"].endswith(code)
    assert body["detail"]
    return body


@pytest.mark.parametrize(("path", "code"), [
    ("/nowhere", "not-found"),
    ("/api/v1/projects/none", "not-found"),
    ("/api/v1/projects/none/datasets/x/commits/main", "not-found"),
    (f"{P}/datasets/none", "not-found"),
    (f"{P}/tasks/none", "not-found"),
    (f"{P}/tasks/none/events", "not-found"),
    (f"{P}/results/none", "not-found"),
    (f"{P}/datasets/none/conversations/x", "not-found"),
])  # fmt: skip
def test_what_is_not_there(service: Any, path: str, code: str) -> None:
    problem(service.get(path), 404, code)


def test_a_wrong_method(service: Any) -> None:
    problem(service.http.delete("/api/v1/about"), 405, "method-not-allowed")


def test_validation_names_every_refused_field(service: Any) -> None:
    body = problem(service.http.post("/api/v1/projects", json={"name": "", "more": 1}), 422, "bad-input")
    assert {error["where"] for error in body["errors"]} == {"body.name", "body.more"}
    assert all(error["message"] for error in body["errors"])


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 50_000, b"null", b'{"name": "\\ud800"}'])
def test_bodies_that_are_no_json_of_ours(service: Any, content: bytes) -> None:
    reply = service.http.post(
        "/api/v1/projects", content=content, headers={"content-type": "application/json"}
    )
    assert 400 <= reply.status_code < 500
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_body_over_the_limit_is_refused_announced_or_not(service: Any) -> None:
    big = json.dumps({"name": "x" * (5 << 20)}).encode()
    headers = {"content-type": "application/json"}
    problem(service.http.post("/api/v1/projects", content=big, headers=headers), 413, "limit-exceeded")
    pieces = (big[start : start + 65536] for start in range(0, len(big), 65536))
    problem(service.http.post("/api/v1/projects", content=pieces, headers=headers), 413, "limit-exceeded")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil:80", "[::2]"])
def test_a_rebound_name_is_not_answered(service: Any, host: str) -> None:
    problem(service.get("/api/v1/about", headers={"host": host}), 421, "misdirected")


def test_the_names_of_loopback_are_answered(service: Any) -> None:
    port = service.url.rpartition(":")[2]
    for host in ("localhost", f"localhost:{port}", "127.0.0.1", f"[::1]:{port}"):
        assert service.get("/api/v1/about", headers={"host": host}).status_code == 200


def test_pages_of_other_sites_are_refused_and_there_is_no_cors(service: Any) -> None:
    problem(service.get("/api/v1/about", headers={"origin": "https://evil.example"}), 403, "denied")
    problem(service.get("/api/v1/about", headers={"origin": "null"}), 403, "denied")
    reply = service.get("/api/v1/about", headers={"origin": service.url})
    assert reply.status_code == 200
    assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "MTIz" * 100, "e30", "InRleHQi", "dHJ1ZQ"])
def test_a_cursor_of_somebody_else_is_bad_input(service: Any, cursor: str) -> None:
    for path in (f"{P}/datasets", "/api/v1/projects"):
        reply = service.get(path, params={"cursor": cursor})
        assert reply.status_code in (200, 422), reply.text  # a text may be a name
        if reply.status_code == 422:
            problem(reply, 422, "bad-input")


@pytest.mark.parametrize("name", ["../../etc", "a/b", "-x", ".x", "a~1", "", "x" * 101, "a\nb", "a\x00b"])
def test_names_that_would_be_paths_or_options(service: Any, name: str) -> None:
    problem(service.http.post(f"{P}/datasets", json={"name": name}), 422, "bad-input")


def test_a_name_is_taken_once(service: Any) -> None:
    assert service.http.post(f"{P}/datasets", json={"name": "once 一次"}).status_code == 201
    problem(service.http.post(f"{P}/datasets", json={"name": "once 一次"}), 409, "conflict")


def test_a_task_has_exactly_one_source(service: Any) -> None:
    service.http.post(f"{P}/datasets", json={"name": "sources"})
    for source in ({}, {"instruction": {"text": "a"}, "restore": {"commit": "abcd"}}):
        body = problem(
            service.http.post(f"{P}/datasets/sources/tasks", json={"source": source}), 422, "bad-input"
        )
        assert "exactly one" in body["errors"][0]["message"]


def test_a_dataset_without_data_says_so_in_the_language_of_the_message(service: Any) -> None:
    service.http.post(f"{P}/datasets", json={"name": "bare"})
    conversation = service.converse("bare")
    for text, expected in (("删除备注列", "先上传"), ("drop the note column", "upload a file first")):
        task = service.say("bare", conversation, text)
        assert task["phase"] == "Failed"
        assert expected in task["status"]["message"]
        assert task["status"]["failure"]["code"] == "not-found"


def test_the_openapi_document_describes_every_route_once(service: Any) -> None:
    document = service.get("/api/v1/openapi.json").json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))
    assert all(
        {"4XX", "5XX"} <= operation["responses"].keys() or "default" in operation["responses"]
        for operation in operations
    )
