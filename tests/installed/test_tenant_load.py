"""One project floods the installation; another one's task ends soon all the same.

RETORT_TEST_FLOOD tasks (300): what a node of two cores starts and ends in a few minutes. 10,000 is the same case for the
product, which takes up 32 tasks of a project at a time; the node gets longer to make and to remove so many objects.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cluster.kube import Program
from tests.installed.conftest import SYSTEM, Installation
from tests.installed.machine import until
from tests.installed.work import DROP

FLOOD = int(os.environ.get("RETORT_TEST_FLOOD", "300"))
MORE = FLOOD // 15  # seconds that a flood takes to be made, and to be removed
pytestmark = pytest.mark.timeout(500 + 2 * MORE)  # the first one follows the page
SECONDS = 45  # of another project's task while the flood is there; without it about one
MEMORY = 200  # MiB
LOUD = "loud"
# A third of a second of processor time, more than all else of a task.
SLOW = {
    "script": {"source": "def run(table):\n    for _ in range(10_000_000):\n        pass\n    return table\n"}
}


@pytest.fixture
def loud(installation: Installation) -> Iterator[Program]:
    """A project of an editor who loads a table and then asks and asks."""
    kubectl = installation.kubectl
    env = installation.editor(LOUD, "lou")
    installation.forward()
    installation.retort("load", "survey.csv", **env)
    yield kubectl.inside(LOUD)
    kubectl("delete", "namespace", LOUD, f"--timeout={150 + MORE}s", seconds=180 + MORE)
    installation.idle(2, seconds=150)


def task(name: str) -> dict[str, Any]:
    requester = f"system:serviceaccount:{LOUD}:lou"
    spec = {
        "requester": requester,
        "datasetName": "survey",
        "source": SLOW,
        "base": "main",
        "branch": name,
        "review": "Auto",
    }
    return {
        "apiVersion": "retort.dev/v1alpha1",
        "kind": "AgentTask",
        "metadata": {"name": name},
        "spec": spec,
    }


def phases(inside: Program) -> Counter[str]:
    """How many tasks are in each; those that nobody has looked at yet are in none."""
    told = "custom-columns=PHASE:.status.phase"
    return Counter(inside("get", "agenttasks", "--no-headers", "-o", told).split())


def waiting(found: Counter[str]) -> int:
    return found.total() - found["Complete"] - found["Failed"]


def test_a_flood_of_tasks_does_not_keep_another_project_waiting(
    installation: Installation, loud: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    as_lou = loud.as_user(f"system:serviceaccount:{LOUD}:lou")
    as_lou("create", "-f", "-", given=[task(f"flood-{n}") for n in range(FLOOD)], seconds=300 + MORE)
    before = phases(loud)
    assert waiting(before) > FLOOD / 2, "the flood was over before it began"
    began = time.monotonic()
    installation.done(DROP, base="main", branch=f"quiet-{uuid.uuid4().hex[:6]}", review="Auto")
    took, after = time.monotonic() - began, phases(loud)
    operator = installation.memory(SYSTEM, "deploy/retort-operator")
    with capsys.disabled():
        sys.stdout.write(
            f"\nbeside {waiting(before)} waiting tasks: {took:.1f} s, operator {operator:.0f} MiB\n"
        )
    assert took < SECONDS
    assert operator < MEMORY
    assert waiting(after) > 20, "by then nobody was in the way"
    assert not after["Failed"]
    until("the flood itself moves", lambda: phases(loud)["Complete"] > after["Complete"])
