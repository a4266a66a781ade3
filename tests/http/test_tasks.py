"""Tasks over HTTP: waiting, answering, approving, cancelling, repeating, listening."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

P = "/api/v1/projects/default"


def drop(column: str, title: str = "drop") -> dict[str, Any]:
    step = {"id": "s1", "op": "drop_columns", "params": {"columns": [column]}}
    return {"plan": {"plan": {"title": title, "steps": [step]}}}


def test_a_plan_becomes_a_version_with_its_location(service: Any) -> None:
    service.upload("plans")
    reply = service.http.post(f"{P}/datasets/plans/tasks", json={"source": drop("备注")})
    assert reply.status_code == 202
    assert reply.headers["location"] == f"{P}/tasks/{reply.json()['uid']}"
    task = service.finish(reply.json()["uid"])
    assert task["phase"] == "Complete"
    kinds = [condition["type"] for condition in task["status"]["conditions"] if condition["status"] == "True"]
    assert kinds == ["Accepted", "Prepared", "Complete"]
    assert task["status"]["result"]["counts"]["columns_removed"] == 1
    assert service.get(f"{P}/datasets/plans").json()["columns"] == 4
    assert task["status"]["usage"]["confine_ms"] > 0


def test_the_same_key_gives_the_same_task_and_another_request_with_it_is_refused(service: Any) -> None:
    service.upload("keys")
    post = {"url": f"{P}/datasets/keys/tasks", "headers": {"idempotency-key": "k-1"}}
    first = service.http.post(**post, json={"source": drop("备注")}).json()["uid"]
    again = service.http.post(**post, json={"source": drop("备注")}).json()["uid"]
    assert first == again
    assert service.finish(first)["phase"] == "Complete"
    other = service.http.post(**post, json={"source": drop("城市")})
    assert other.status_code == 422
    assert len(service.get(f"{P}/datasets/keys/tasks").json()["items"]) == 2  # the upload and this one


@pytest.mark.parametrize(("source", "words"), [
    (drop("没有这一列"), "没有这一列"),
    ({"plan": {"plan": {"title": "x", "steps": []}}}, "no steps"),
    ({"plan": {"plan": {"title": "x", "steps": [{"id": "1", "op": "rm_rf", "params": {}}]}}}, "rm_rf"),
    ({"restore": {"commit": "ffffffff"}}, "ffffffff"),
    ({"script": {"source": "def run(table):\n    return table.dropp('a')\n"}}, "dropp"),
    ({"script": {"source": "def run(table)\n"}}, "ine 1"),
    ({"command": {"verb": "explode", "args": {}}}, "explode"),
    ({"command": {"verb": "undo", "args": {"steps": 0}}}, "0"),
])  # fmt: skip
def test_what_cannot_run_fails_with_a_sentence_that_names_it(
    service: Any, survey: str, source: dict[str, Any], words: str
) -> None:
    before = service.get(f"{P}/datasets/{survey}").json()["head"]
    task = service.run(survey, source)
    assert task["phase"] == "Failed"
    assert words in task["status"]["failure"]["message"]
    assert service.get(f"{P}/datasets/{survey}").json()["head"] == before


def test_a_base_that_is_not_there_is_refused_before_anything_runs(service: Any, survey: str) -> None:
    task = service.run(survey, drop("备注"), base="nothing")
    assert (task["phase"], task["status"]["failure"]["code"]) == ("Failed", "not-found")
    assert [condition["type"] for condition in task["status"]["conditions"]] == ["Failed"]


def test_an_empty_result_waits_for_a_yes_to_exactly_that_commit(service: Any) -> None:
    service.upload("empty")
    conversation = service.converse("empty")
    task = service.say("empty", conversation, "只保留年龄大于90的行")
    assert (task["phase"], task["status"]["staged"]["code"]) == ("AwaitingInput", "empty-result")
    uid, staged = task["uid"], task["status"]["staged"]["commit"]
    assert service.get(f"{P}/datasets/empty").json()["rows"] == 300
    assert (
        service.get(f"{P}/datasets/empty/commits/{staged}/table").json()["total"] == 0
    )  # it can be looked at

    other = service.http.post(f"{P}/tasks/{uid}/approval", json={"commit": "0" * 64})
    assert (other.status_code, other.json()["details"]["commit"]) == (409, staged)
    reply = service.http.post(f"{P}/tasks/{uid}/approval", json={"commit": staged})
    assert reply.status_code == 200
    assert service.finish(uid)["status"]["result"]["commit"] == staged
    assert service.get(f"{P}/datasets/empty").json()["rows"] == 0
    late = service.http.post(f"{P}/tasks/{uid}/approval", json={"commit": staged})
    assert late.status_code == 409


def test_a_no_leaves_everything_as_it_was(service: Any) -> None:
    service.upload("refused")
    task = service.say("refused", service.converse("refused"), "只保留年龄大于90的行")
    staged = task["status"]["staged"]["commit"]
    service.http.post(f"{P}/tasks/{task['uid']}/approval", json={"commit": staged, "approved": False})
    task = service.finish(task["uid"])
    assert task["status"]["failure"]["code"] == "rejected"
    graph = service.get(f"{P}/datasets/refused/graph").json()
    assert staged not in {commit["id"] for commit in graph["commits"]}


def test_what_a_persons_script_loses_is_measured_and_asked(service: Any) -> None:
    service.upload("person")
    lossy = "import polars as pl\n\ndef run(table):\n    return table.filter(pl.col('年龄') > 20)\n"
    task = service.run("person", {"script": {"source": lossy}})
    assert task["status"]["staged"]["code"] == "rows-beyond-words"
    harmless = (
        "import polars as pl\n\ndef run(table):\n    return table.with_columns(两倍=pl.col('年龄') * 2)\n"
    )
    task = service.run("person", {"script": {"source": harmless, "title": "doubled"}})
    assert (task["phase"], task["status"]["result"]["counts"]["columns_added"]) == ("Complete", 1)


def test_cancelling_a_waiting_task_ends_it_and_cancelling_a_finished_one_says_so(
    service: Any, survey: str
) -> None:
    endless = "def run(table):\n    while True:\n        pass\n"
    reply = service.http.post(
        f"{P}/datasets/{survey}/tasks", json={"source": {"script": {"source": endless}}}
    )
    uid = reply.json()["uid"]
    while service.get(f"{P}/tasks/{uid}").json()["phase"] != "Running":
        pass
    cancelled = service.http.post(f"{P}/tasks/{uid}/cancel").json()
    assert (cancelled["phase"], cancelled["status"]["failure"]["code"]) == ("Failed", "cancelled")
    assert service.http.post(f"{P}/tasks/{uid}/cancel").json()["phase"] == "Failed"
    assert (
        service.run(survey, {"command": {"verb": "history", "args": {}}})["phase"] == "Complete"
    )  # it goes on


def test_a_deadline_stops_an_endless_run(service: Any, survey: str) -> None:
    endless = "def run(table):\n    while True:\n        pass\n"
    task = service.run(survey, {"script": {"source": endless}}, active_deadline_seconds=1)
    assert (task["phase"], task["status"]["failure"]["failure"]) == ("Failed", "Limit")


def test_events_resume_after_the_last_one_heard_and_end_with_the_task(service: Any) -> None:
    service.upload("events")
    uid = service.http.post(f"{P}/datasets/events/tasks", json={"source": drop("备注")}).json()["uid"]
    heard = _events(service, f"{P}/tasks/{uid}/events")
    phases = [event["data"]["phase"] for event in heard if event["kind"] == "task"]
    assert phases[-1] == "Complete"
    sequence = [event["seq"] for event in heard]
    assert sequence == sorted(set(sequence))
    rest = _events(service, f"{P}/tasks/{uid}/events", {"last-event-id": str(sequence[-2])})
    assert [event["seq"] for event in rest] == sequence[-1:]
    assert service.get(f"{P}/tasks/{uid}/events", headers={"last-event-id": "x"}).status_code == 422


def test_the_project_stream_tells_of_moves_as_they_happen(service: Any) -> None:
    service.upload("stream")
    heard: list[dict[str, Any]] = []
    moved = threading.Event()

    def listen() -> None:
        with service.http.stream("GET", f"{P}/events") as reply:
            for line in reply.iter_lines():
                if line.startswith("data:"):
                    event = json.loads(line[5:])
                    heard.append(event)
                    if event["kind"] == "ref" and event["data"]["why"] == "undo":
                        moved.set()
                        return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    service.run("stream", drop("备注"))
    service.run("stream", {"command": {"verb": "undo", "args": {}}})
    assert moved.wait(20)
    listener.join(20)


def test_an_upload_shows_its_first_rows_before_it_is_typed(service: Any) -> None:
    task = service.upload("previewed")
    events = _events(service, f"{P}/tasks/{task['uid']}/events")
    preview = next(event for event in events if event["kind"] == "preview")
    assert preview["data"]["columns"] == ["用户ID", "城市", "年龄", "打分", "备注"]
    assert preview["data"]["rows"][0][:4] == ["1000", "上海", "18", "0"]


def _events(service: Any, path: str, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    with service.http.stream("GET", path, headers=headers or {}) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        return [json.loads(line[5:]) for line in reply.iter_lines() if line.startswith("data:")]
