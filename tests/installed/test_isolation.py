"""No task is claimed where it is not proven that an executor reaches nothing: on a real node, with real policies.

What counts is the operator's own proof: the policy is taken away, or opened by a second one, by an administrator who may.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from tests.cluster.kube import Program
from tests.installed.conftest import EXECUTORS, Installation
from tests.installed.work import DROP

pytestmark = pytest.mark.timeout(500)  # the first one follows the page
SECONDS = 10  # until nothing is claimed any more
AGAIN = 90  # seconds until a proof is there again, which takes a probe and its control
CLOSED = "retort-executors"
OPEN = {
    "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "test-open"},
    "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
}  # fmt: skip


def removed(executors: Program) -> AbstractContextManager[None]:
    return executors.without("networkpolicy", CLOSED)


@contextmanager
def opened(executors: Program) -> Iterator[None]:
    executors.apply(OPEN)
    try:
        yield
    finally:
        executors("delete", "networkpolicy", "test-open")


@pytest.mark.parametrize(
    ("harm", "barrier"), [(removed, "no network policy"), (opened, "api-server")], ids=["removed", "opened"]
)
def test_tasks_wait_until_the_executors_are_closed_again(
    installation: Installation, harm: Callable[[Program], AbstractContextManager[None]], barrier: str
) -> None:
    """The barrier is named; a task of that time goes on by itself afterwards."""
    installation.idle(2)
    began = time.monotonic()
    with harm(installation.kubectl.inside(EXECUTORS)):
        time.sleep(
            max(0.0, began + SECONDS - time.monotonic())
        )  # the bar itself: what is made from now on is not claimed
        names = [_task(installation) for _ in range(3)]
        for name in names:
            _until_it_says(installation, name, barrier)
        for name in names:
            status = installation.status(name)
            assert status.get("phase") not in ("Running", "Complete", "Failed"), status
            assert not status.get("podName"), status
    for name in names:
        assert installation.until(name, "Complete", "Failed", seconds=AGAIN)["phase"] == "Complete"
    installation.idle(2)


def _task(installation: Installation) -> str:
    branch = f"closed-{uuid.uuid4().hex[:8]}"
    return installation.task(DROP, base="main", branch=branch, review="Auto")


def _until_it_says(installation: Installation, name: str, barrier: str) -> None:
    end = time.monotonic() + AGAIN
    while True:
        status = installation.status(name)
        waits = [one for one in status.get("conditions", ()) if one.get("reason") == "IsolationUnproven"]
        if any(barrier in one["message"] for one in waits):
            return
        assert status.get("phase") not in ("Running", "Complete", "Failed"), status
        assert time.monotonic() < end, status
        time.sleep(0.3)
