"""The cluster's chart and two namespaces, for the tests of admission; the chart of the product itself is not installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.cluster.admission.policies import EXECUTORS, RBAC, SYSTEM, Body, pod
from tests.cluster.kube import ROOT, Refused, helm, kubectl


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    """The cluster's chart, if this cluster has it not yet; and the two namespaces."""
    already = "retort-cluster" in helm("list", "-q")
    if not already:
        helm("install", "retort-cluster", str(ROOT / "charts" / "retort-cluster"))
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (SYSTEM, EXECUTORS)
    ]
    kubectl.apply(*namespaces, *_parts())
    _until_policies_hold()
    yield
    kubectl("delete", "-f", "-", given=_parts())
    if not already:
        helm("uninstall", "retort-cluster")
        kubectl("delete", "namespace", SYSTEM, EXECUTORS, "--timeout=60s")


def _parts() -> list[Body]:
    """Rights for what operator and API are let do here; the chart that gives them theirs is not installed."""
    rules = [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "get", "patch", "delete"]},
        {"apiGroups": ["retort.dev"], "resources": ["agenttasks", "datacommits"], "verbs": ["create", "get"]},
        {"apiGroups": ["retort.dev"], "resources": ["agenttasks/status"], "verbs": ["get", "patch"]},
    ]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "test-parts"}
    subjects = [
        {"kind": "ServiceAccount", "namespace": SYSTEM, "name": name}
        for name in ("retort-operator", "retort-api")
    ]
    named = {"metadata": {"name": "test-parts"}}
    return [
        {**RBAC, **named, "kind": "ClusterRole", "rules": rules},
        {**RBAC, **named, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": subjects},
    ]


def _until_policies_hold() -> None:
    """Policies are compiled by the API server a moment after they are stored: asked for until one refuses."""
    for _ in range(100):
        try:
            kubectl("create", "--dry-run=server", "-f", "-", given=pod())
        except Refused as problem:
            if "ValidatingAdmissionPolicy" in str(problem):
                return
    raise AssertionError("the admission policies do not hold")
