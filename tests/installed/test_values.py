"""Other values than the page's, on the same installation: two of everything, Roles instead of ClusterRoles, traces."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from collector import SENT_BY, Seen
from tests.cluster.kube import ROOT, Program
from tests.installed.conftest import PROJECT, SYSTEM, Installation
from tests.installed.machine import until
from tests.installed.spans import Spans, spans
from tests.installed.work import DROP

pytestmark = pytest.mark.timeout(600)  # the first one follows the page
CHART = ROOT / "charts" / "retort"
DEV = ("--values", str(CHART / "values-dev.yaml"))
PARTS = ("operator", "api", "broker")
OPERATOR = f"system:serviceaccount:{SYSTEM}:retort-operator"
ELSEWHERE = "elsewhere"


class Values:
    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self._helm = Program("helm", Path(os.environ["KUBECONFIG"]))

    def set(self, values: dict[str, Any]) -> str:
        """What the release is told on top of the page's values; returns its notes once everything runs."""
        more = self.installation.folder / "values.yaml"
        more.write_text(json.dumps(values), "utf-8")
        told = self._helm(
            "upgrade",
            "retort",
            str(CHART),
            "-n",
            SYSTEM,
            *DEV,
            "--values",
            str(more),
            "--force-conflicts",
            seconds=120,
        )  # whoever scaled a Deployment by hand owns the number since
        for part in PARTS:
            self.installation.ready(f"retort-{part}")
        self.installation.forward()
        self.installation.idle(2)
        return told


@pytest.fixture
def values(installation: Installation) -> Iterator[Values]:
    found = Values(installation)
    yield found
    found.set({})


def drop(installation: Installation) -> None:
    installation.done(DROP, base="main", branch=f"values-{uuid.uuid4().hex[:8]}", review="Auto")


def test_two_of_everything(installation: Installation, values: Values) -> None:
    """The default of the chart: one of each may go at any time, and an administrator's drain leaves one."""
    values.set({**{part: {"replicas": 2} for part in PARTS}, "podDisruptionBudget": {"enabled": True}})
    system = installation.kubectl.inside(SYSTEM)
    budgets = {
        one["metadata"]["name"]: one["status"]["disruptionsAllowed"]
        for one in system.json("get", "poddisruptionbudgets")["items"]
    }
    assert budgets == {f"retort-{part}": 1 for part in PARTS}
    drop(installation)
    for part in PARTS:
        (first, second) = (one["metadata"]["name"] for one in installation.pods(part))
        for one in (first, second):
            system("delete", "pod", one, "--wait=false")
            drop(installation)
            installation.ready(f"retort-{part}")


def test_named_projects_need_roles_only(installation: Installation, values: Values) -> None:
    """The operator may then do nothing outside of them; what that costs is said."""
    marks = {"retort.dev/project": "enabled"}
    kubectl = installation.kubectl
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ELSEWHERE, "labels": marks}})
    try:
        notes = values.set({"scope": {"namespaces": [PROJECT]}})
        assert "namespaced mode (research). Lost against cluster-wide mode" in notes
        bindings = kubectl.json("get", "clusterrolebindings")["items"]
        bound = [
            one for one in bindings for who in one.get("subjects") or () if who["name"] == "retort-operator"
        ]
        assert not bound
        as_operator = kubectl.as_user(OPERATOR)
        status = ("agenttasks.retort.dev", "--subresource=status", "-n", PROJECT)
        assert as_operator("auth", "can-i", "patch", *status).strip() == "yes"
        for where in (("-n", ELSEWHERE), ("-A",)):
            assert as_operator.refused("auth", "can-i", "list", "agenttasks.retort.dev", *where) is not None
        drop(installation)
        me = kubectl.json("auth", "whoami")["status"]["userInfo"]["username"]
        task = {
            "apiVersion": "retort.dev/v1alpha1", "kind": "AgentTask", "metadata": {"name": "unseen"},
            "spec": {"requester": me, "datasetName": "survey", "source": DROP},
        }  # fmt: skip
        kubectl.inside(ELSEWHERE).apply(task)
        drop(installation)
        assert not kubectl.inside(ELSEWHERE).json("get", "agenttask", "unseen").get("status")
    finally:
        kubectl("delete", "namespace", ELSEWHERE, "--timeout=60s", seconds=80)


TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_one_trace_leads_from_the_request_to_the_pod(installation: Installation, values: Values) -> None:
    system = installation.kubectl.inside(SYSTEM)
    image = system("get", "deployment/retort-api", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    with spans(system, image) as collected:
        values.set({"tracing": {"endpoint": collected.url}})
        headers = {
            "Authorization": f"Bearer {installation.env['RETORT_TOKEN']}", "traceparent": f"00-{TRACE}-{PARENT}-01",
        }  # fmt: skip
        asked = httpx.post(
            f"{installation.env['RETORT_URL']}/api/v1/projects/{PROJECT}/datasets/survey/tasks",
            json={
                "source": {"instruction": {"text": "drop the score column"}},
                "base": "main",
                "branch": f"traced-{uuid.uuid4().hex[:8]}",
                "review": "Auto",
            },
            headers=headers,
            timeout=30,
            trust_env=False,
        )
        assert asked.is_success, asked.text
        uid = asked.json()["uid"]
        found = until("all of the task's spans are told", lambda: _of_task(collected, uid))
        assert {one.trace for one in found.values()} == {TRACE}
        assert {name: one.service for name, one in found.items()} == SENT_BY
        (request,) = until("the request's span is told", lambda: _below(collected, PARENT))
        assert found["task"].parent == found["session"].parent == request.id
        assert found["run"].parent == found["session"].id
        pods = [one["status"]["podName"] for one in _tasks(installation) if _uid(one) == uid]
        assert pods == [found["session"].attributes["retort.executor"]]
    assert not any(one.failed for one in found.values())


def _below(collected: Spans, parent: str) -> list[Seen]:
    return [one for one in collected.seen().spans if (one.trace, one.parent) == (TRACE, parent)]


def _of_task(collected: Spans, uid: str) -> dict[str, Seen] | None:
    """By name, once all are there, each of them once."""
    found = [one for one in collected.seen().spans if one.attributes.get("retort.task") == uid]
    if len({one.name for one in found}) < len(SENT_BY):
        return None
    assert {one.name for one in found} == SENT_BY.keys()
    assert len(found) == len(SENT_BY)
    return {one.name: one for one in found}


def _tasks(installation: Installation) -> list[dict[str, Any]]:
    return list(installation.project.json("get", "agenttasks")["items"])


def _uid(task: dict[str, Any]) -> str:
    return str(task["metadata"]["uid"]).replace("-", "")
