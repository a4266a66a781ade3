"""`helm upgrade` while tasks run: every part is rolled, executors of two templates serve side by side, and no task is lost."""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cluster.kube import ROOT, Program
from tests.installed.conftest import EXECUTORS, SYSTEM, Installation
from tests.installed.machine import until
from tests.installed.work import DROP, LONG

pytestmark = pytest.mark.timeout(600)  # the first one follows the page
CHART = ROOT / "charts" / "retort"
TEMPLATE = "retort.dev/template"
PARTS = ("operator", "api", "broker")


def changed() -> dict[str, Any]:
    """Another annotation on every Pod of the service, a little more memory for every executor."""
    values = yaml.safe_load((CHART / "values-dev.yaml").read_text("utf-8"))
    (profile,) = values["executors"]["profiles"]
    mark = {"podAnnotations": {"example.org/rolled": uuid.uuid4().hex}}
    return {**dict.fromkeys(PARTS, mark), "executors": {"profiles": [{**profile, "memory": "1040Mi"}]}}


def templates(installation: Installation, *selectors: str) -> set[str]:
    chosen = ",".join(("retort.dev/role=executor", *selectors))
    pods = installation.kubectl.inside(EXECUTORS).json("get", "pods", "-l", chosen)["items"]
    return {one["metadata"]["labels"][TEMPLATE] for one in pods if "deletionTimestamp" not in one["metadata"]}


def uids(installation: Installation) -> set[str]:
    return {one["metadata"]["uid"] for part in PARTS for one in installation.pods(part)}


def test_an_upgrade_under_work_loses_no_task(installation: Installation) -> None:
    helm = Program("helm", Path(os.environ["KUBECONFIG"]))
    installation.idle(2)
    (old,), before = templates(installation, "retort.dev/state=idle"), uids(installation)
    secrets = _secrets(installation)
    more = installation.folder / "more.yaml"
    more.write_text(json.dumps(changed()), "utf-8")
    # The broker is rolled under it, and executors of the next template are at work beside it.
    made = [_task(installation, LONG) for _ in range(2)]
    for name in made:
        installation.until(name, "Running")
    made += [_task(installation, DROP) for _ in range(4)]
    values = ("--values", str(CHART / "values-dev.yaml"), "--values", str(more))
    helm("upgrade", "retort", str(CHART), "-n", SYSTEM, *values, seconds=120)
    made += [_task(installation, source) for source in (LONG, DROP, DROP, DROP)]
    both = until("two templates serve side by side", lambda: _at_work(installation, old))
    for part in PARTS:
        installation.ready(f"retort-{part}")
    installation.forward()  # to the API that there is now
    made += [_task(installation, DROP) for _ in range(4)]
    for name in made:
        status = installation.until(name, "Complete", "Failed", seconds=150)
        assert status["phase"] == "Complete", status
    assert not before & uids(installation), "every part was rolled"
    assert secrets == _secrets(installation), "what was made at first is kept"
    assert both <= {installation.status(name)["podName"] for name in made}, "each of the two did its task"
    _until_renewed(installation, old)


def _secrets(installation: Installation) -> dict[str, str]:
    """A digest of each."""
    found = installation.kubectl.inside(SYSTEM).json(
        "get", "secrets", "-l", "app.kubernetes.io/part-of=retort"
    )
    made = {one["metadata"]["name"]: one["data"] for one in found["items"]}
    assert "retort-secrets" in made
    return {
        name: hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
        for name, data in made.items()
    }


def _task(installation: Installation, source: dict[str, Any]) -> str:
    return installation.task(
        source, base="main", branch=f"rolled-{uuid.uuid4().hex[:8]}", review="Auto", infrastructureRetries=5
    )


def _at_work(installation: Installation, old: str) -> set[str]:
    """Pods with a task: one of the older template and one of a newer, or none as long as there are not both."""
    pods = installation.kubectl.inside(EXECUTORS).json("get", "pods", "-l", "retort.dev/role=executor")[
        "items"
    ]
    busy = [one["metadata"] for one in pods if "retort.dev/task" in one["metadata"]["labels"]]
    older = [one["name"] for one in busy if one["labels"][TEMPLATE] == old]
    newer = [one["name"] for one in busy if one["labels"][TEMPLATE] != old]
    return {older[0], newer[0]} if older and newer else set()


def _until_renewed(installation: Installation, old: str) -> None:
    """Idle executors of the older template are replaced, by as many as before."""
    end = time.monotonic() + 90
    while old in templates(installation):
        assert time.monotonic() < end, "executors of the older template stay"
        time.sleep(0.5)
    installation.idle(2)
    assert len(templates(installation, "retort.dev/state=idle")) == 1
