"""Deletion on a real API server: what ends a task that is not over needs the rights of cancelling, and nothing is ever in its
namespace's way."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from tests.cluster.admission.policies import (
    AMY,
    BOB,
    CARL,
    CARL_ALONE,
    OPERATOR,
    grant,
    said,
    spec,
    until,
    waiting,
)
from tests.cluster.kube import kubectl

OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": str(uuid.UUID(int=1))}
GONE = "NotFound"


@pytest.fixture
def tenant() -> Iterator[str]:
    """A namespace where Amy may edit."""
    name = f"tenant-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    kubectl("-n", name, "create", "rolebinding", "amy", "--clusterrole", "edit", "--user", AMY)
    yield name
    if not said("get", "namespace", name):
        kubectl("delete", "namespace", name, "--wait=false")


def half(namespace: str, *tasks: str, others: bool = False) -> None:
    """Carl may delete and patch objects of tasks, and do with tasks what these say."""
    rules = [
        {"apiGroups": ["retort.dev"], "resources": ["agenttasks"], "verbs": ["get", "list", "patch", "delete", "deletecollection"]},
        {"apiGroups": ["retort.dev"], "resources": ["tasks"], "verbs": [*tasks, "list"]},
        *([{"apiGroups": ["retort.dev"], "resources": ["tasks/others"], "verbs": ["run"]}] if others else []),
    ]  # fmt: skip
    grant(namespace, "carl", CARL_ALONE, rules)


def delete(namespace: str, name: str, *options: str) -> tuple[str, ...]:
    return ("--as", CARL, "-n", namespace, "delete", name, *options)


def owned(namespace: str, name: str) -> tuple[str, ...]:
    given = json.dumps({"metadata": {"ownerReferences": [OWNER]}})
    return ("--as", CARL, "-n", namespace, "patch", name, "--type=merge", "-p", given)


def over(namespace: str, name: str) -> None:
    ended: dict[str, Any] = {
        "type": "Failed",
        "status": "True",
        "reason": "Cancelled",
        "message": "cancelled",
        "lastTransitionTime": "2026-11-20T08:00:00Z",
    }
    status = json.dumps({"status": {"phase": "Failed", "conditions": [ended]}})
    kubectl(*OPERATOR, "patch", "-n", namespace, name, "--subresource=status", "--type=merge", "-p", status)


@pytest.mark.parametrize("act", [delete, owned])
def test_others_open_tasks_are_deleted_by_who_may_cancel_them(tenant: str, act: Any) -> None:
    """Regression: whoever might delete objects ended others' tasks, and so did an owner that is nowhere."""
    half(tenant)
    name = waiting(tenant, BOB)
    words = until(lambda: said(*act(tenant, name)), lambda word: "verb" in word)
    assert '"cancel" on "tasks.retort.dev"' in " ".join(words.split())
    half(tenant, "cancel")
    words = until(lambda: said(*act(tenant, name)), lambda word: "another person" in word)
    assert '"run" on "tasks.retort.dev/others"' in " ".join(words.split())
    assert not said("-n", tenant, "get", name)
    half(tenant, "cancel", others=True)
    assert not until(lambda: said(*act(tenant, name)), lambda word: not word)
    # With an owner that is nowhere, garbage collection deletes it: it passes by its name.
    kubectl("-n", tenant, "wait", name, "--for=delete", "--timeout=60s")


def test_all_at_once_is_looked_at_one_by_one(tenant: str) -> None:
    half(tenant, "cancel")
    mine, theirs = waiting(tenant, CARL), waiting(tenant, BOB)
    every = ("--as", CARL, "delete", "--raw", f"/apis/retort.dev/v1alpha1/namespaces/{tenant}/agenttasks")
    words = until(lambda: said(*every), lambda word: "another person" in word)
    assert "another person" in words
    assert not said("-n", tenant, "get", theirs)
    assert not said(*delete(tenant, mine, "--ignore-not-found"))


def test_ones_own_open_task_is_deleted_by_who_may_cancel(tenant: str) -> None:
    half(tenant)
    name = waiting(tenant, CARL)
    assert '"cancel" on' in until(lambda: said(*delete(tenant, name)), lambda word: "verb" in word)
    half(tenant, "cancel")
    assert not until(lambda: said(*delete(tenant, name)), lambda word: not word)


def test_what_is_over_goes_without_any_right_but_that_on_the_object(tenant: str) -> None:
    half(tenant)
    name = waiting(tenant, BOB)
    over(tenant, name)
    assert not until(lambda: said(*delete(tenant, name)), lambda word: not word)


@pytest.mark.parametrize("cascade", ["foreground", "orphan", "background"])
def test_finalizers_of_an_open_task_are_taken_away_by_who_put_them(tenant: str, cascade: str) -> None:
    name = waiting(tenant, BOB)
    kubectl("--as", AMY, "-n", tenant, "delete", name, f"--cascade={cascade}", "--timeout=30s")
    assert GONE in kubectl.refused("-n", tenant, "get", name)


def test_a_task_on_its_way_out_is_in_nobodys_way(tenant: str) -> None:
    half(tenant)
    name = waiting(tenant, BOB)
    held = json.dumps({"metadata": {"finalizers": ["retort.dev/test"]}})
    kubectl("-n", tenant, "patch", name, "--type=merge", "-p", held)
    kubectl("--as", AMY, "-n", tenant, "delete", name, "--wait=false")
    assert not until(lambda: said(*delete(tenant, name, "--wait=false")), lambda word: not word)
    free = json.dumps({"metadata": {"finalizers": None}})
    kubectl("--as", CARL, "-n", tenant, "patch", name, "--type=merge", "-p", free)
    kubectl("-n", tenant, "wait", name, "--for=delete", "--timeout=30s")


def test_other_metadata_of_an_open_task_is_changed_as_ever(tenant: str) -> None:
    half(tenant)
    name = waiting(tenant, BOB)
    label = ("--as", CARL, "-n", tenant, "label", name, "mine=yes")
    assert not until(lambda: said(*label), lambda word: not word)


def test_a_namespace_goes_with_all_the_open_tasks_in_it(tenant: str) -> None:
    for requester in (AMY, BOB, CARL):
        waiting(tenant, requester)
    half(tenant)
    kubectl("delete", "namespace", tenant, "--timeout=60s", seconds=80)
    assert GONE in kubectl.refused("get", "namespace", tenant)


def test_the_operator_deletes_what_it_has_to(tenant: str) -> None:
    name = waiting(tenant, BOB)
    grants = [{"apiGroups": ["retort.dev"], "resources": ["agenttasks"], "verbs": ["delete"]}]
    account = {"kind": "ServiceAccount", "namespace": "retort-system", "name": "retort-operator"}
    grant(tenant, "operator", account, grants)
    gone = (*OPERATOR, "-n", tenant, "delete", name, "--wait=false")
    assert not until(lambda: said(*gone), lambda word: not word)


def test_a_spec_is_still_looked_at_by_the_other_policy(tenant: str) -> None:
    half(tenant)
    name = waiting(tenant, BOB)
    words = until(
        lambda: said("--as", CARL, *spec(tenant, name, desiredState="Cancelled")), lambda word: "verb" in word
    )
    assert '"cancel" on "tasks.retort.dev"' in words
