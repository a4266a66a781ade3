"""A service that comes back after months: what is over its time goes, what people look at as history is all there."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import services
from services import P

# Each of five numbers comes a second time with another score: which one to keep is asked.
CSV = "编号,打分\n" + "".join(f"{n % 60},{n % 11}\n" for n in range(65))


def column(home: Path, query: str) -> list[Any]:
    with sqlite3.connect(home / "retort.db") as database:
        return [value for (value,) in database.execute(query)]


def aged(home: Path) -> None:
    """As if everything had happened 40 days ago."""
    with sqlite3.connect(home / "retort.db") as database:
        for table in ("events", "idempotency"):
            database.execute(f"UPDATE {table} SET at = strftime('%Y-%m-%d %H:%M:%f', at, '-40 days')")


def history(client: Any, conversation: str) -> Any:
    at = f"{P}/datasets/survey"
    paths = ("commits", "reflog", "tasks", "branches", f"conversations/{conversation}/messages")
    return [client.get(f"{at}/{path}").json()["items"] for path in paths]


def listened(client: Any, uid: str, after: int) -> Any:
    return client.get(f"{P}/tasks/{uid}/events", headers={"last-event-id": str(after)} if after else {})


def test_what_is_over_its_time_goes_and_history_stays(tmp_path: Path) -> None:
    """Regression: nothing of it ever went, and who asks for more than there is must hear that, not silence."""
    service = services.Service(tmp_path / "home")
    with service.running() as client:
        assert services.upload(client, "survey", CSV.encode())["phase"] == "Complete"
        created = client.post(f"{P}/datasets/survey/conversations", json={}).json()["id"]
        said = {"text": "按编号去重"}
        asked = client.post(f"{P}/datasets/survey/conversations/{created}/messages", json=said).json()["uid"]
        assert services.finished(client, asked)["phase"] == "AwaitingInput"
        client.post(f"{P}/tasks/{asked}/answer", json={"choice": "q1b"})
        assert services.finished(client, asked)["phase"] == "Complete"
        before = history(client, created)
        first = json.loads(listened(client, asked, 0).text.partition("data: ")[2].partition("\n")[0])["seq"]
        assert listened(client, asked, first).status_code == 200
    aged(service.home)
    with service.running() as client:
        while (reply := listened(client, asked, first)).status_code != 410:
            assert reply.status_code == 200
        assert reply.json()["code"] == "gone"
        assert "without Last-Event-ID" in reply.json()["detail"]
        assert listened(client, asked, 0).status_code == 200
        assert history(client, created) == before
        assert services.upload(client, "another", CSV.encode())["phase"] == "Complete"
    assert column(service.home, "SELECT min(seq) FROM events") > [first]


def test_a_task_that_is_over_keeps_the_answer_and_no_plan(tmp_path: Path) -> None:
    """Regression: scripts, plans and the plans behind every button were kept a second time with each task, for ever."""
    service = services.Service(tmp_path / "home")
    with service.running() as client:
        assert services.upload(client, "survey", CSV.encode())["phase"] == "Complete"
        path = f"{P}/datasets/survey/conversations"
        messages = f"{path}/{client.post(path, json={}).json()['id']}/messages"
        asked = client.post(messages, json={"text": "按编号去重"}).json()["uid"]
        assert services.finished(client, asked)["phase"] == "AwaitingInput"
        (work,) = map(json.loads, column(service.home, f"SELECT work FROM tasks WHERE uid = '{asked}'"))
        assert len(work["question"]["candidates"]) > 1
        client.post(f"{P}/tasks/{asked}/answer", json={"choice": "q1b"})
        assert services.finished(client, asked)["phase"] == "Complete"
        works = list(map(json.loads, column(service.home, "SELECT work FROM tasks ORDER BY seq")))
        assert works[0] == {"kind": "none"}
        assert set(works[1]) == {"kind", "question", "choice"}
        assert "candidates" not in works[1]["question"]
        told = client.post(messages, json={"text": "以后都这样"}).json()["uid"]
        assert services.finished(client, told)["phase"] == "Complete"
        (known,) = client.get(f"{P}/conventions").json()["items"]
        assert (known["rule"], known["label"]) == ("last", "保留最后一条")
