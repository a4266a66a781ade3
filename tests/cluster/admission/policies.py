"""What the tests of admission share: names, a Pod as the policies want it, tasks, and asking until the policies hold."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from tests.cluster.kube import Refused, kubectl

SYSTEM, EXECUTORS = "retort-system", "retort-executors"
OPERATOR = ("--as", f"system:serviceaccount:{SYSTEM}:retort-operator")
API = ("--as", f"system:serviceaccount:{SYSTEM}:retort-api")
AMY, BOB, CARL, IVY = "amy@example", "bob@example", "carl@example", "ivy@example"
RBAC = {"apiVersion": "rbac.authorization.k8s.io/v1"}
CARL_ALONE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": CARL}
Body = dict[str, Any]


def pod() -> Body:
    container = {
        "name": "executor",
        "image": "localhost/none:1",
        "imagePullPolicy": "Never",
        "env": [{"name": "A", "value": "b"}],
        "securityContext": {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {"limits": {"cpu": "1", "memory": "64Mi"}},
    }
    spec = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "dnsPolicy": "None",
        "dnsConfig": {"nameservers": ["127.0.0.1"]},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10002,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}],
    }
    name = f"e-{uuid.uuid4().hex[:8]}"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": EXECUTORS},
        "spec": spec,
    }


def task(namespace: str, requester: str, **spec: Any) -> str:
    return json.dumps(
        {
            "apiVersion": "retort.dev/v1alpha1",
            "kind": "AgentTask",
            "metadata": {"generateName": "t-", "namespace": namespace},
            "spec": {
                "requester": requester,
                "datasetName": "survey",
                "source": {"instruction": {"text": "remove duplicates"}},
                **spec,
            },
        }
    )


def grant(namespace: str, name: str, subject: Body, rules: list[Body]) -> None:
    """A Role of that name with these rules, bound to the subject alone."""
    named = {"metadata": {"name": name, "namespace": namespace}}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
    kubectl.apply(
        {**RBAC, **named, "kind": "Role", "rules": rules},
        {**RBAC, **named, "kind": "RoleBinding", "roleRef": role, "subjects": [subject]},
    )


def spec(namespace: str, name: str, **change: Any) -> tuple[str, ...]:
    return ("patch", "-n", namespace, name, "--type=merge", "-p", json.dumps({"spec": change}))


def waiting(namespace: str, requester: str = AMY) -> str:
    """A task that asks something and has a version to agree to, as the operator would say."""
    name = kubectl(*API, "create", "-f", "-", "-o", "name", given=task(namespace, requester)).strip()
    status = {"staged": {"commit": "a" * 64}, "question": {"id": "q", "text": "which?"}}
    forged = ("patch", "-n", namespace, name, "--subresource=status", "--type=merge", "-p")
    kubectl(*OPERATOR, *forged, json.dumps({"status": status}))
    return name


def said(*arguments: str, **options: Any) -> str:
    """What kubectl says against it; "" when it does it."""
    try:
        kubectl(*arguments, **options)
    except Refused as problem:
        return str(problem)
    return ""


def until(look: Callable[[], str], found: Callable[[str], bool]) -> str:
    """What is seen at last; rights and policies make their way within a second or two."""
    for _ in range(50):
        seen = look()
        if found(seen):
            return seen
    return seen
