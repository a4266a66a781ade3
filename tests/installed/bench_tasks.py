"""`make bench-cluster`: how long tasks take on a real node, from the object's creation to its Complete, as a client sees it.

Open loop: tasks arrive at a fixed rate whatever the earlier ones do. Times are of this process: before the request that
makes the object, and when the watch tells of the condition. RETORT_BENCH_TASKS: tasks of each kind (200).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
import pytest
from tests.installed.apiserver import api_server, tasks_of
from tests.installed.conftest import AMY, EXECUTORS, PROJECT, SYSTEM, Installation

COUNT = int(os.environ.get("RETORT_BENCH_TASKS", "200"))
SECONDS = 2.0  # between arrivals
BURST = 40
TASKS = tasks_of(PROJECT)
STEPS = [{"id": "s1", "op": "drop_columns", "params": {"columns": ["score"]}}]
PLAN = {"plan": {"json": json.dumps({"title": "Drop", "steps": STEPS})}}
WORDS = {"instruction": {"text": "drop the score column"}}


@dataclass
class Watch:
    """Ends of tasks as an API server's watch tells them."""

    client: httpx.Client
    ended: dict[str, tuple[float, str]] = field(default_factory=dict)
    told: threading.Condition = field(default_factory=threading.Condition)

    def run(self, version: str) -> None:
        query = {"watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true"}
        with self.client.stream("GET", TASKS, params=query, timeout=None) as reply:
            for line in reply.iter_lines():
                now, event = time.perf_counter(), json.loads(line)
                conditions = (event["object"].get("status") or {}).get("conditions", ())
                for one in conditions:
                    if one["type"] in ("Complete", "Failed") and one["status"] == "True":
                        with self.told:
                            self.ended.setdefault(event["object"]["metadata"]["name"], (now, one["type"]))
                            self.told.notify_all()

    def all(self, names: list[str], seconds: float) -> None:
        with self.told:
            done = self.told.wait_for(lambda: all(name in self.ended for name in names), seconds)
        missing = [name for name in names if name not in self.ended]
        assert done, f"{len(missing)} tasks did not end: {missing[:3]}"


@pytest.fixture(scope="module")
def watch(installation: Installation) -> Iterator[Watch]:
    with api_server() as client:
        found = Watch(client)
        version = client.get(TASKS, params={"limit": "1"}).json()["metadata"]["resourceVersion"]
        threading.Thread(target=found.run, args=(version,), daemon=True).start()
        yield found


def made(client: httpx.Client, source: dict[str, Any]) -> tuple[str, float]:
    name = f"bench-{uuid.uuid4().hex[:10]}"
    spec = {
        "requester": AMY,
        "datasetName": "survey",
        "source": source,
        "base": "main",
        "branch": name,
        "review": "Auto",
    }
    body = {
        "apiVersion": "retort.dev/v1alpha1",
        "kind": "AgentTask",
        "metadata": {"name": name},
        "spec": spec,
    }
    began = time.perf_counter()
    reply = client.post(TASKS, json=body, headers={"Impersonate-User": AMY})
    assert reply.status_code == 201, reply.text
    return name, began


def arrivals(watch: Watch, source: dict[str, Any], count: int) -> list[float]:
    """Milliseconds of each, sorted."""
    started: dict[str, float] = {}
    first = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, first + number * SECONDS - time.perf_counter()))
        name, began = made(watch.client, source)
        started[name] = began
    watch.all(list(started), 60)
    assert {watch.ended[name][1] for name in started} == {"Complete"}
    return sorted((watch.ended[name][0] - began) * 1000 for name, began in started.items())


def told(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")


def percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


@pytest.mark.parametrize(
    ("kind", "source", "p50", "p99"), [("plan", PLAN, 300, 1000), ("words", WORDS, 350, None)]
)
def test_warm(
    watch: Watch,
    installation: Installation,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    source: dict[str, Any],
    p50: int,
    p99: int | None,
) -> None:
    installation.idle(2)
    arrivals(watch, source, 5)
    took = arrivals(watch, source, COUNT)
    middle, late = statistics.median(took), percentile(took, 0.99)
    told(
        capsys,
        f"warm, {kind}: n={len(took)} p50={middle:.0f} ms p99={late:.0f} ms max={took[-1]:.0f} ms (bars {p50}, {p99})",
    )
    assert middle <= p50
    assert p99 is None or late <= p99


def test_cold(watch: Watch, installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    executors = installation.kubectl.inside(EXECUTORS)
    executors("scale", "executorprofile/default", "--replicas=0")
    took = []
    try:
        for _ in range(8):
            executors("wait", "--for=delete", "pod", "-l", "retort.dev/role=executor", "--timeout=60s")
            name, began = made(watch.client, PLAN)
            watch.all([name], 60)
            took.append((watch.ended[name][0] - began) * 1000)
    finally:
        executors("scale", "executorprofile/default", "--replicas=2")
    told(
        capsys, f"cold: n={len(took)} p50={statistics.median(took):.0f} ms max={max(took):.0f} ms (bar 4000)"
    )
    assert statistics.median(took) <= 4000


def test_burst(watch: Watch, installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    installation.idle(2)
    began = time.perf_counter()
    names = [made(watch.client, PLAN)[0] for _ in range(BURST)]
    watch.all(names, 300)
    seconds = max(watch.ended[name][0] for name in names) - began
    assert {watch.ended[name][1] for name in names} == {"Complete"}
    installation.idle(2)
    told(
        capsys,
        f"burst of {BURST} on a pool of 2, at most 5: {BURST / seconds:.1f} tasks/s with refill, 0 lost",
    )


def test_memory(installation: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    installation.idle(2)
    executors = installation.kubectl.inside(EXECUTORS)
    (pod, *_) = executors("get", "pods", "-l", "retort.dev/state=idle", "-o", "name").split()
    executor = installation.memory(EXECUTORS, pod)
    operator = installation.memory(SYSTEM, "deploy/retort-operator")
    told(capsys, f"idle: operator {operator:.0f} MiB (bar 100), executor Pod {executor:.0f} MiB (bar 120)")
    assert operator <= 100
    assert executor <= 120
