"""The admission policies on a real API server: who may ask for what in whose name, and who writes what comes of it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest
from tests.cluster.admission.policies import (
    AMY,
    API,
    BOB,
    CARL,
    CARL_ALONE,
    OPERATOR,
    grant,
    said,
    spec,
    task,
    until,
    waiting,
)
from tests.cluster.kube import kubectl


@pytest.fixture
def tenant() -> Iterator[str]:
    """A namespace where Amy may edit and Bob may look."""
    name = f"tenant-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl("-n", name, "create", "rolebinding", "amy", "--clusterrole", "edit", "--user", AMY)
    kubectl("-n", name, "create", "rolebinding", "bob", "--clusterrole", "view", "--user", BOB)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def test_an_editor_asks_in_their_own_name(tenant: str) -> None:
    kubectl("--as", AMY, "create", "-f", "-", given=task(tenant, AMY))


def test_a_task_in_somebody_elses_name_is_refused(tenant: str) -> None:
    words = kubectl.refused("--as", AMY, "create", "-f", "-", given=task(tenant, BOB))
    assert f"spec.requester must be {AMY}" in words


def test_the_service_may_name_whom_it_asks_for(tenant: str) -> None:
    kubectl(*API, "create", "-f", "-", given=task(tenant, BOB))


def test_a_viewer_makes_no_task(tenant: str) -> None:
    assert "forbidden" in kubectl.refused("--as", BOB, "create", "-f", "-", given=task(tenant, BOB))


def test_a_tenant_does_not_reach_another_ones_namespace(tenant: str) -> None:
    other = f"tenant-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", other)
    try:
        assert "forbidden" in kubectl.refused("--as", AMY, "create", "-f", "-", given=task(other, AMY))
        assert "forbidden" in kubectl.refused("--as", AMY, "-n", other, "get", "agenttasks,datacommits")
    finally:
        kubectl("delete", "namespace", other, "--wait=false")


def test_a_profile_needs_the_right_to_use_it(tenant: str) -> None:
    words = kubectl.refused("--as", AMY, "create", "-f", "-", given=task(tenant, AMY, profileName="huge"))
    assert '"use" on executorprofiles.retort.dev/huge' in words
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "huge", "namespace": tenant},
        "rules": [
            {
                "apiGroups": ["retort.dev"],
                "resources": ["executorprofiles"],
                "resourceNames": ["huge"],
                "verbs": ["use"],
            }
        ],
    }
    kubectl("create", "-f", "-", given=role)
    kubectl("-n", tenant, "create", "rolebinding", "huge", "--role", "huge", "--user", AMY)
    kubectl("--as", AMY, "create", "-f", "-", given=task(tenant, AMY, profileName="huge"))


def test_objects_alone_are_no_right_to_data(tenant: str) -> None:
    """Who may create AgentTasks but not run tasks, read the dataset or move the branch is told which right is missing."""
    rules = [{"apiGroups": ["retort.dev"], "resources": ["agenttasks"], "verbs": ["create", "get", "patch"]}]
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "half", "namespace": tenant}, "rules": rules}  # fmt: skip
    kubectl("create", "-f", "-", given=role)
    kubectl("-n", tenant, "create", "rolebinding", "half", "--role", "half", "--user", CARL)
    missing = (
        ("tasks", "run", '"run" on "tasks.retort.dev"'),
        ("datasets", "get", '"get" on datasets.retort.dev/survey'),
        ("branches", "update", '"update" on branches.retort.dev/main'),
        ("executorprofiles", "use", '"use" on executorprofiles.retort.dev/default'),
    )
    for resource, verb, words in missing:
        assert words in kubectl.refused("--as", CARL, "create", "-f", "-", given=task(tenant, CARL))
        rules.append({"apiGroups": ["retort.dev"], "resources": [resource], "verbs": [verb]})
        kubectl("apply", "-f", "-", given=role)
    kubectl("--as", CARL, "create", "-f", "-", given=task(tenant, CARL))


def half(namespace: str, *verbs: str) -> None:
    """Carl may do with tasks what these say, and everything else that a task needs."""
    rules = [
        {"apiGroups": ["retort.dev"], "resources": ["agenttasks"], "verbs": ["create", "get", "patch"]},
        {"apiGroups": ["retort.dev"], "resources": ["tasks"], "verbs": list(verbs)},
        {"apiGroups": ["retort.dev"], "resources": ["datasets", "branches"], "verbs": ["get", "update"]},
        {"apiGroups": ["retort.dev"], "resources": ["executorprofiles"], "verbs": ["use"]},
    ]
    grant(namespace, "carl", CARL_ALONE, rules)


def test_a_yes_needs_the_right_to_give_it(tenant: str) -> None:
    half(tenant, "run")
    make = ("--as", CARL, "create", "-f", "-", "-o", "name")
    name = kubectl(*make, given=task(tenant, CARL)).strip()
    staged = {"status": {"staged": {"commit": "a" * 64}}}
    forged = ("patch", "-n", tenant, name, "--subresource=status", "--type=merge", "-p", json.dumps(staged))
    kubectl(*OPERATOR, *forged)
    yes = {"approval": {"commit": "a" * 64, "approver": CARL}}
    approve = ("patch", "-n", tenant, name, "--type=merge", "-p", json.dumps({"spec": yes}))
    assert '"approve" on "tasks.retort.dev"' in kubectl.refused("--as", CARL, *approve)
    half(tenant, "run", "approve")
    assert not until(lambda: said("--as", CARL, *approve), lambda word: not word)
    # Once given it is not given again: another change needs no such right.
    half(tenant, "run")
    later = ("--as", CARL, *spec(tenant, name, ttlSecondsAfterFinished=60))
    assert not until(lambda: said(*later), lambda word: not word)


def test_a_yes_is_given_in_ones_own_name_and_by_who_need_not_run_anything(tenant: str) -> None:
    half(tenant, "approve")
    name = waiting(tenant)
    yes = {"commit": "a" * 64}
    for approver in ({}, {"approver": AMY}):
        words = until(
            lambda approver=approver: said("--as", CARL, *spec(tenant, name, approval={**yes, **approver})),
            lambda word: "spec.approval.approver" in word,
        )
        assert f"spec.approval.approver must be {CARL}" in words
    above = {**yes, "approver": CARL, "appliesTo": "ProtectedBranch"}
    words = kubectl.refused("--as", CARL, *spec(tenant, name, approval=above))
    assert '"update" on "branches.retort.dev/protected"' in words
    kubectl("--as", CARL, *spec(tenant, name, approval={**yes, "approver": CARL}))


def test_an_administrator_of_the_project_may_say_yes_for_a_protected_branch(tenant: str) -> None:
    kubectl("-n", tenant, "create", "rolebinding", "carl", "--clusterrole", "admin", "--user", CARL)
    yes = {"commit": "a" * 64, "approver": CARL, "appliesTo": "ProtectedBranch"}
    name = waiting(tenant)
    assert not until(lambda: said("--as", CARL, *spec(tenant, name, approval=yes)), lambda word: not word)


ACTS = {
    "cancel": ({"desiredState": "Cancelled"}, '"cancel" on "tasks.retort.dev"'),
    "answer": ({"answer": {"questionID": "q", "choice": "a"}}, '"run" on "tasks.retort.dev"'),
    "live": ({"ttlSecondsAfterFinished": 60}, '"run" on "tasks.retort.dev"'),
    "remember": (
        {"answer": {"questionID": "q", "choice": "a", "scope": "Always"}},
        '"update" on "conventions.retort.dev"',
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_every_act_needs_the_right_that_the_service_asks_for_it(tenant: str, act: str) -> None:
    """Regression: whoever might run tasks could cancel them, and have answers remembered for the whole project."""
    change, missing = ACTS[act]
    half(tenant, *{"cancel": ("run",), "remember": ("run",)}.get(act, ("approve",)))
    name = waiting(tenant, CARL)
    words = until(lambda: said("--as", CARL, *spec(tenant, name, **change)), lambda word: "verb" in word)
    assert missing in words


def test_others_tasks_are_answered_and_cancelled_by_who_may_speak_for_others(tenant: str) -> None:
    half(tenant, "run", "cancel")
    name = waiting(tenant, BOB)
    for change in ({"desiredState": "Cancelled"}, {"answer": {"questionID": "q", "choice": "a"}}):
        words = until(
            lambda change=change: said("--as", CARL, *spec(tenant, name, **change)),
            lambda word: "verb" in word,
        )
        assert f"this is a task of {BOB}" in words
    kubectl("--as", AMY, *spec(tenant, name, answer={"questionID": "q", "choice": "a", "scope": "Always"}))
    kubectl("--as", AMY, *spec(tenant, name, desiredState="Cancelled"))


def test_a_script_of_ones_own_needs_the_right_to_run_scripts(tenant: str) -> None:
    half(tenant, "run")
    script = {"script": {"source": "def run(table):\n    return table\n"}}
    made = until(
        lambda: said("--as", CARL, "create", "-f", "-", given=task(tenant, CARL, source=script)),
        lambda word: "verb" in word,
    )
    assert '"run" on "scripts.retort.dev"' in made
    kubectl("--as", AMY, "create", "-f", "-", given=task(tenant, AMY, source=script))


@pytest.mark.parametrize("cascade", ["foreground", "orphan", "background"])
def test_a_task_is_deleted_whatever_becomes_of_its_dependents(tenant: str, cascade: str) -> None:
    """Regression: the garbage collector, which has no right to run tasks, could not take its finalizer away."""
    name = kubectl("--as", AMY, "create", "-f", "-", "-o", "name", given=task(tenant, AMY)).strip()
    kubectl("--as", AMY, "-n", tenant, "delete", name, f"--cascade={cascade}", "--timeout=30s")
    assert "NotFound" in kubectl.refused("-n", tenant, "get", name)


def test_a_status_is_the_operators_alone(tenant: str) -> None:
    name = kubectl("--as", AMY, "create", "-f", "-", "-o", "name", given=task(tenant, AMY)).strip()
    forged = (
        "patch",
        "-n",
        tenant,
        name,
        "--subresource=status",
        "--type=merge",
        "-p",
        '{"status":{"message":"done"}}',
    )
    assert "forbidden" in kubectl.refused("--as", AMY, *forged)
    assert "only Retort's operator says" in kubectl.refused(*forged)
    kubectl(*OPERATOR, *forged)


def test_a_version_is_written_by_the_operator_alone(tenant: str) -> None:
    body = {
        "apiVersion": "retort.dev/v1alpha1",
        "kind": "DataCommit",
        "metadata": {"name": "forged", "namespace": tenant},
        "spec": {
            "commit": "a" * 64,
            "sequence": 1,
            "datasetName": "survey",
            "root": "b" * 64,
            "title": "forged",
            "change": "plan",
            "author": AMY,
            "committedAt": "2026-01-01T00:00:00Z",
        },
    }
    assert "only Retort's operator says" in kubectl.refused("create", "-f", "-", given=body)
    kubectl(*OPERATOR, "create", "-f", "-", given=body)
