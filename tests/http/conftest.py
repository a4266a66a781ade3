"""One real service per test process: a home of its own, a free port, the ready line as the only signal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2 as httpx
import pytest

P = "/api/v1/projects/default"
CSV = "用户ID,城市,年龄,打分,备注\n" + "".join(
    f"{1000 + n},{'北京' if n % 3 else '上海'},{18 + n % 40},{n % 11},\n" for n in range(300)
)


@dataclass
class Service:
    """The service and the few things every test does with it."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]
    http: httpx.Client

    def get(self, path: str, **rest: Any) -> httpx.Response:
        return self.http.get(path, **rest)

    def upload(
        self, dataset: str, data: bytes = CSV.encode(), name: str = "a.csv", **query: Any
    ) -> dict[str, Any]:
        reply = self.http.post(
            f"{P}/datasets/{dataset}/uploads", content=data, headers={"filename": quote(name)}, params=query
        )
        assert reply.status_code == 202, reply.text
        return self.finish(reply.json()["uid"])

    def finish(self, uid: str) -> dict[str, Any]:
        """The task once it is over or asks."""
        while True:
            task = self.get(f"{P}/tasks/{uid}", params={"wait": 20}).json()
            if task["phase"] in ("Complete", "Failed", "AwaitingInput"):
                return task  # type: ignore[no-any-return]

    def converse(self, dataset: str) -> str:
        reply = self.http.post(f"{P}/datasets/{dataset}/conversations", json={})
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])

    def say(self, dataset: str, conversation: str, text: str) -> dict[str, Any]:
        path = f"{P}/datasets/{dataset}/conversations/{conversation}/messages"
        reply = self.http.post(path, json={"text": text})
        assert reply.status_code == 202, reply.text
        return self.finish(reply.json()["uid"])

    def run(self, dataset: str, source: dict[str, Any], **rest: Any) -> dict[str, Any]:
        reply = self.http.post(f"{P}/datasets/{dataset}/tasks", json={"source": source, **rest})
        assert reply.status_code == 202, reply.text
        return self.finish(reply.json()["uid"])


def launch(
    home: Path, main: tuple[str, ...] = ("-m", "retort_api.mains.embedded"), **environment: str
) -> Service:
    process = subprocess.Popen(
        [sys.executable, *main, "--home", str(home), "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the service did not start; its reason stands on stderr"
    url = json.loads(line)["url"]
    return Service(url, home, process, httpx.Client(base_url=url, timeout=60))


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = launch(tmp_path_factory.mktemp("home"))
    yield service
    service.http.close()
    with service.process as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.fixture(scope="session")
def start_service() -> Callable[..., Service]:
    """Another service on a home of its own; the test stops it."""
    return launch


@pytest.fixture(scope="session")
def survey(service: Service) -> str:
    """A dataset that tests read and never change."""
    task = service.upload("survey")
    assert task["phase"] == "Complete", task["status"]
    return "survey"
