"""Conditional reads and negotiation: what is there already is not sent again, what nobody can have is said with what there is."""

from __future__ import annotations

import io
from typing import Any

import polars as pl
import pytest

P = "/api/v1/projects/default"
S = f"{P}/datasets/survey/commits/main"
SHOWN = (
    "",
    "/table",
    "/table?limit=3&columns=城市",
    "/profile",
    "/quality?lang=en",
    "/suggestions",
    "/export",
    "/report",
)


@pytest.mark.parametrize("path", SHOWN)
def test_what_the_caller_has_is_not_sent_again(service: Any, survey: str, path: str) -> None:
    first = service.get(f"{S}{path}")
    assert first.status_code == 200
    tag = first.headers["etag"]
    assert tag.startswith('W/"')  # the same data, whatever the bytes
    assert first.headers["cache-control"] == "private, no-cache"
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = service.get(f"{S}{path}", headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    other = service.get(f"{S}{path}", headers={"if-none-match": 'W/"other"'})
    assert (other.status_code, other.headers["etag"]) == (200, tag)


def test_a_version_has_one_tag_in_every_form_and_a_branch_another_when_it_moves(service: Any) -> None:
    service.upload("tags")
    table = f"{P}/datasets/tags/commits/main/table"
    json = service.get(table).headers["etag"]
    arrow = service.get(
        table, headers={"accept": "application/vnd.apache.arrow.stream", "if-none-match": json}
    )
    assert arrow.status_code == 200
    assert arrow.headers["etag"] != json
    assert "Accept" in arrow.headers["vary"]
    task = service.run("tags", {"command": {"verb": "branch", "args": {"name": "aside"}}})
    assert task["phase"] == "Complete"
    version = f"{P}/datasets/tags/commits/{service.get(f'{P}/datasets/tags').json()['head']}"
    named = service.get(version).headers["etag"]
    step = {"id": "s", "op": "drop_columns", "params": {"columns": ["备注"]}}
    assert service.run("tags", {"plan": {"plan": {"title": "x", "steps": [step]}}})["phase"] == "Complete"
    assert service.get(table, headers={"if-none-match": json}).status_code == 200
    # The version is the same, but it is not the head of main any more, and says so.
    assert service.get(version, headers={"if-none-match": named}).status_code == 200
    assert service.get(f"{version}/table", headers={"if-none-match": json}).status_code == 304


def test_an_answer_is_not_sent_again_until_it_is_out_of_date(service: Any) -> None:
    service.upload("conditional-answers")
    step = {"id": "s", "op": "value_counts", "params": {"column": "城市"}}
    result = service.run("conditional-answers", {"plan": {"plan": {"title": "x", "steps": [step]}}})[
        "status"
    ]["result"]
    paths = [f"{P}/results/{result['result']}{end}" for end in ("", "/table", "/export?format=xlsx")]
    tags = [service.get(path).headers["etag"] for path in paths]
    for path, tag in zip(paths, tags, strict=True):
        assert service.get(path, headers={"if-none-match": tag}).status_code == 304
    drop = {"id": "s", "op": "drop_columns", "params": {"columns": ["备注"]}}
    service.run("conditional-answers", {"plan": {"plan": {"title": "x", "steps": [drop]}}})
    codes = [
        service.get(path, headers={"if-none-match": tag}).status_code
        for path, tag in zip(paths, tags, strict=True)
    ]
    assert codes == [200, 200, 304]  # the file says nothing of the branch


@pytest.mark.parametrize(("path", "accept", "there"), [
    ("", "text/html", ["application/json"]),
    ("/table", "text/csv, image/*", ["application/json", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"]),
    ("/table", "*/*;q=0", ["application/json", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"]),
    ("/export", "application/json", ["text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/vnd.apache.parquet"]),
    ("/export?format=xlsx", "text/csv", ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"]),
    ("/script", "application/json", ["text/x-python"]),
])  # fmt: skip
def test_what_nobody_can_have_is_refused_with_what_there_is(
    service: Any, survey: str, path: str, accept: str, there: list[str]
) -> None:
    reply = service.get(f"{S}{path}", headers={"accept": accept})
    assert reply.status_code == 406, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert problem["code"] == "not-acceptable"
    assert problem["details"]["available"] == there
    assert all(media in problem["detail"] for media in there)


@pytest.mark.parametrize(("accept", "media"), [
    ("", "application/json"),
    ("*/*", "application/json"),
    ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
    ("application/vnd.apache.parquet;q=0.5, application/json;q=0.1", "application/vnd.apache.parquet"),
    ("application/vnd.apache.arrow.stream, application/vnd.apache.parquet", "application/vnd.apache.arrow.stream"),
    ("application/*, application/json;q=0", "application/vnd.apache.arrow.stream"),
    ("application/problem+json, APPLICATION/JSON", "application/json"),
    ("nonsense", "application/json"),
    ("application/json;q=x", "application/json"),
])  # fmt: skip
def test_a_table_comes_in_the_form_that_is_liked_best(
    service: Any, survey: str, accept: str, media: str
) -> None:
    reply = service.get(f"{S}/table", headers={"accept": accept}, params={"limit": 2})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == media
    if media.endswith("parquet"):
        assert pl.read_parquet(io.BytesIO(reply.content)).height == 2


def test_every_read_says_in_the_document_what_it_gives(service: Any) -> None:
    document = service.get("/api/v1/openapi.json").json()
    given = {
        operation["operationId"]: set(operation["responses"].get("200", {}).get("content", {}))
        for path in document["paths"].values()
        for method, operation in path.items()
        if method == "get" and "200" in operation["responses"]
    }
    assert [name for name, media in given.items() if not media] == []
    assert given["exportCommit"] == given["exportResult"] == {
        "text/csv", "application/vnd.apache.parquet",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }  # fmt: skip
    assert given["getCommitScript"] == {"text/x-python"}
    assert given["streamEvents"] == {"text/event-stream"}


def test_a_first_file_that_never_arrives_leaves_no_dataset(service: Any) -> None:
    def broken() -> Any:
        yield b"id,age\n1,2\n"
        raise RuntimeError("the sender went away")

    with pytest.raises(RuntimeError, match="went away"):
        service.http.post(f"{P}/datasets/never/uploads", content=broken(), headers={"filename": "a.csv"})
    wrong = {"filename": "a.csv", "content-digest": f"sha-256=:{'A' * 43}=:"}
    assert (
        service.http.post(f"{P}/datasets/never/uploads", content=b"id\n1\n", headers=wrong).status_code == 422
    )
    assert service.http.post(f"{P}/datasets/never/uploads", content=b"").status_code == 422
    assert service.get(f"{P}/datasets/never").status_code == 404
    assert service.upload("never")["phase"] == "Complete"
