"""The service as a process of its own, for tests and benchmarks: started, killed, started again on what it left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import servers

from retort_tables.objects.s3 import Bucket

P = "/api/v1/projects/default"
EMBEDDED, ON_SERVERS = "retort_api.mains.embedded", "retort_api.mains.api"


def environment(database: str, bucket: Bucket) -> dict[str, str]:
    """What `retort serve`, `migrate` and `fsck` read."""
    return {
        "RETORT_DATABASE_URL": database,
        "RETORT_S3_ENDPOINT": f"http://{bucket.endpoint}",
        "RETORT_S3_BUCKET": bucket.name,
        "RETORT_S3_PREFIX": bucket.prefix,
        "RETORT_S3_ACCESS_KEY": servers.ACCESS_KEY,
        "RETORT_S3_SECRET_KEY": servers.SECRET_KEY,
    }


def command(
    main: str, *arguments: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`retort migrate`, `retort fsck`: to their end."""
    return subprocess.run(
        [sys.executable, "-m", f"retort_api.mains.{main}", *arguments],
        env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@dataclass
class Service:
    home: Path
    env: dict[str, str] = field(default_factory=dict)
    main: str = EMBEDDED
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    url: str = ""
    up: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.main, "--home", str(self.home), "--port", "0", "--json", *self.arguments],
            env={**os.environ, **self.env}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the service does not start"
        self.url = json.loads(line)["url"]
        self.up.set()

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        assert self._end(signal.SIGTERM) == 0

    def _end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.up.clear()
        self.process.send_signal(how)
        with self.process as process:
            return process.wait(30)

    @contextmanager
    def running(self) -> Iterator[httpx.Client]:
        """From a start to a stop, whatever happens between; `kill` and `start` may be called meanwhile."""
        self.start()
        try:
            with self.client() as client:
                yield client
        finally:
            if self.process is not None and self.process.returncode is None:
                self.stop()

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, timeout=60, verify=False
        )  # no TLS: reading all authorities takes 40 ms


def on_servers(home: Path, env: Mapping[str, str]) -> Service:
    return Service(home, dict(env), ON_SERVERS, ("--no-accounts",))


def upload(client: httpx.Client, dataset: str, data: bytes, name: str = "a.csv") -> dict[str, Any]:
    reply = client.post(f"{P}/datasets/{dataset}/uploads", content=data, headers={"filename": name})
    assert reply.status_code == 202, reply.text
    return finished(client, reply.json()["uid"])


def run(client: httpx.Client, dataset: str, source: dict[str, Any], **rest: Any) -> dict[str, Any]:
    reply = client.post(f"{P}/datasets/{dataset}/tasks", json={"source": source, **rest})
    assert reply.status_code == 202, reply.text
    return finished(client, reply.json()["uid"])


def finished(client: httpx.Client, uid: str) -> dict[str, Any]:
    """The task once it is over or asks."""
    while True:
        task: dict[str, Any] = client.get(f"{P}/tasks/{uid}", params={"wait": 20}).json()
        if task["phase"] in ("Complete", "Failed", "AwaitingInput"):
            return task


def step(op: str, **params: Any) -> dict[str, Any]:
    """A source of one step."""
    return {"plan": {"plan": {"title": op, "steps": [{"id": "s1", "op": op, "params": params}]}}}


def flag(name: str, below: int = 30) -> dict[str, Any]:
    """A step that adds a column of its own and reads `age`."""
    return step("flag_rows", where={"column": "age", "op": "lt", "value": below}, new_name=name, value="1")
