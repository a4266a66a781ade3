"""A service that is looked at: figures and health on a second port, a line a request, spans at a real collector."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import servers
from collector import Collector, collector
from prometheus_client.parser import text_string_to_metric_families

P = "/api/v1/projects/default"
CSV = b"id,city,age\n" + b"".join(f"{n},Rome,{20 + n}\n".encode() for n in range(40))
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SECRET = "sk-a-secret-of-the-model-0123456789"
NAME = "a-name-of-a-customer"


@dataclass
class Looked:
    """What was done to a service, and what could be seen of it. It has ended by then: everything was sent."""

    collector: Collector
    figures: dict[tuple[str, tuple[tuple[str, str], ...]], float] = field(default_factory=dict)
    text: str = ""
    health: tuple[int, Any, int, Any] = (0, "", 0, "")
    log: str = ""
    task: dict[str, Any] = field(default_factory=dict)
    replies: list[httpx.Response] = field(default_factory=list)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.splitlines()]

    def figure(self, name: str, **labels: str) -> float:
        return sum(
            value for (found, have), value in self.figures.items() if found == name and labels.items() <= dict(have).items()
        )  # fmt: skip


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    home = tmp_path_factory.mktemp("watched")
    port = servers.free_port()
    with collector() as spans:
        looked = Looked(spans)
        env = {
            "RETORT_METRICS_PORT": str(port), "RETORT_LOG_REQUESTS": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": spans.url,
            "RETORT_LLM_URL": "http://user:letmein@127.0.0.1:9/v1", "RETORT_LLM_KEY": SECRET, "RETORT_LLM_MODEL": "m",
        }  # fmt: skip
        with (home / "log").open("w") as log:
            command = [
                sys.executable,
                "-m",
                "retort_api.mains.embedded",
                "--home",
                f"{home}/home",
                "--port",
                "0",
                "--json",
            ]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env={**os.environ, **env})
        with process:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            with httpx.Client(base_url=url, timeout=60) as client:
                _use(client, looked)
            second = f"http://127.0.0.1:{port}"
            live, ready = httpx.get(f"{second}/livez"), httpx.get(f"{second}/readyz")
            looked.health = (live.status_code, live.text, ready.status_code, ready.json())
            looked.text = httpx.get(f"{second}/metrics").text
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        for family in text_string_to_metric_families(looked.text):
            for sample in family.samples:
                looked.figures[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
        looked.log = (home / "log").read_text("utf-8")
        yield looked


def _use(client: httpx.Client, looked: Looked) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "from-the-caller-1"}
    path = f"{P}/datasets/{NAME}/uploads"
    made = client.post(
        path, content=CSV, headers={**headers, "filename": "a.csv", "authorization": f"Bearer {SECRET}"}
    )
    looked.replies.append(made)
    assert made.status_code == 202, made.text
    looked.task = client.get(f"{P}/tasks/{made.json()['uid']}", params={"wait": 30}).json()
    assert looked.task["phase"] == "Complete"
    body = {"source": {"script": {"source": "def run(table):\n    return table.dropp('a')\n"}}}
    failing = client.post(f"{P}/datasets/{NAME}/tasks", json=body).json()
    assert client.get(f"{P}/tasks/{failing['uid']}", params={"wait": 30}).json()["phase"] == "Failed"
    looked.replies.append(
        client.get("/api/v1/nowhere", params={"token": SECRET}, headers={"x-request-id": "a b\tc"})
    )
    looked.replies.append(client.get(f"{P}/datasets/none"))


def test_requests_are_counted_by_template_and_code(looked: Looked) -> None:
    count = "retort_http_request_seconds_count"
    assert looked.figure(count, method="POST", route=f"{_T}/datasets/{{dataset}}/uploads", code="202") == 1
    assert looked.figure(count, method="GET", route=f"{_T}/datasets/{{dataset}}", code="404") == 1
    assert looked.figure(count, route="other", code="404") == 1


_T = "/api/v1/projects/{project}"


def test_tasks_people_and_model_calls_are_counted(looked: Looked) -> None:
    assert looked.figure("retort_service_tasks_total", source="upload", outcome="complete") == 1
    assert looked.figure("retort_service_tasks_total", source="script") == 1
    assert looked.figure("retort_service_tasks_total", source="script", outcome="complete") == 0
    assert looked.figure("retort_service_task_seconds_count", outcome="complete") == 1
    assert looked.figure("retort_service_task_stage_seconds_count", stage="run") >= 1
    assert looked.figure("retort_active_users") == 1
    assert looked.figure("retort_tasks_last_day", outcome="complete") == 1
    assert looked.figure("retort_tasks_last_day", outcome="failed") == 1
    assert looked.figure("retort_task_success_ratio") == 0.5
    assert looked.figure("retort_model_calls_total", outcome="unreachable") >= 1  # the probe at the start


def test_no_label_names_a_tenant_or_a_task(looked: Looked) -> None:
    for word in (NAME, "default", looked.task["uid"], looked.task["project"], "local"):
        assert word not in looked.text


def test_health_is_told_part_by_part(looked: Looked) -> None:
    assert looked.health == (200, "ok", 200, {"database": "ok", "objects": "ok"})


def test_every_request_leaves_one_line_without_path_query_and_body(looked: Looked) -> None:
    lines = [line for line in looked.lines if line["event"] == "request"]
    upload = next(line for line in lines if line["route"].endswith("/uploads"))
    assert (upload["method"], upload["code"], upload["request"]) == ("POST", 202, "from-the-caller-1")
    assert 0 < upload["seconds"] < 60
    assert upload["trace"] == TRACE
    assert [line for line in lines if line["route"] == "other"]


def test_nothing_secret_and_nothing_of_people_is_in_the_log(looked: Looked) -> None:
    for word in (SECRET, "letmein", NAME, "dropp"):
        assert word not in looked.log


def test_a_reply_carries_the_id_of_its_line(looked: Looked) -> None:
    made, nowhere, none = looked.replies
    assert made.headers["x-request-id"] == "from-the-caller-1"
    assert nowhere.headers["x-request-id"] != "a b\tc"
    assert none.headers["x-request-id"] in {line.get("request") for line in looked.lines}


def test_what_is_done_for_a_task_is_a_child_of_the_callers_request(looked: Looked) -> None:
    request = next(span for span in looked.collector.spans if span.name.endswith("/uploads"))
    assert (request.trace, request.parent) == (TRACE, PARENT)
    assert request.service == "retort-service"
    assert request.attributes["http.response.status_code"] == 202
    for name in ("prepare", "run", "promote"):
        (span,) = [one for one in looked.collector.named(name) if one.trace == TRACE]
        assert span.parent == request.id
        assert span.attributes["retort.task"] == looked.task["uid"]
        assert not span.failed


def test_a_request_without_a_trace_begins_one_and_its_failed_task_is_in_it(looked: Looked) -> None:
    request = next(
        span for span in looked.collector.spans if span.name == f"POST {_T}/datasets/{{dataset}}/tasks"
    )
    assert request.trace != TRACE
    assert request.parent == ""
    inside = [span for span in looked.collector.spans if span.parent == request.id]
    assert {"prepare"} <= {span.name for span in inside}
    assert any(span.failed for span in inside)


def test_spans_hold_no_path_query_or_words(looked: Looked) -> None:
    sent = b"".join(looked.collector.bodies)
    for word in (SECRET, NAME, "dropp", "letmein"):
        assert word.encode() not in sent
    assert b"http.route" in sent


def test_without_a_port_and_without_an_endpoint_there_is_nothing(service: Any, tmp_path: Path) -> None:
    reply = service.get("/metrics")
    assert reply.status_code == 404
    assert service.get("/readyz").status_code == 404
