"""What an installation leaves on a cluster: every object of any kind that is called or labelled as the product's."""

from __future__ import annotations

import time
from collections.abc import Collection

from tests.cluster.kube import Program

# Kinds that tell of others, or go by themselves soon after what they belong to; and what belongs to the projects.
PASSING = ("events", "endpointslices", "endpoints", "componentstatuses", "agenttasks", "datacommits")
OF_A_NAMESPACE = ("ConfigMap/kube-root-ca.crt", "ServiceAccount/default")
# As the page says, section "Remove".
KEPT = frozenset(
    {
        "APIService/v1alpha1.retort.dev",
        "CustomResourceDefinition/agenttasks.retort.dev",
        "CustomResourceDefinition/datacommits.retort.dev",
        "CustomResourceDefinition/executorprofiles.retort.dev",
        "Namespace/retort-system",
        "retort-system: Secret/retort-secrets",
        "retort-system: Lease/retort-operator",
    }
)
COLUMNS = (
    "custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,"
    "PART:.metadata.labels.app\\.kubernetes\\.io/part-of,KIND:.kind"
)


def of_the_product(kubectl: Program) -> set[str]:
    """`Kind/name` of cluster objects, `namespace: Kind/name` of others."""
    kinds = kubectl("api-resources", "--verbs=list", "-o", "name").split()
    asked = ",".join(one for one in kinds if one.partition(".")[0] not in PASSING)
    lines = kubectl("get", asked, "-A", "--ignore-not-found", "--no-headers", "-o", COLUMNS).splitlines()
    return {one for line in lines if (one := _named(*line.split()))}


def _named(namespace: str, name: str, part: str, kind: str) -> str:
    if part != "retort" and "retort" not in name and not namespace.startswith("retort-"):
        return ""
    if f"{kind}/{name}" in OF_A_NAMESPACE:
        return ""
    return f"{kind}/{name}" if namespace == "<none>" else f"{namespace}: {kind}/{name}"


def left_behind(kubectl: Program, before: Collection[str], seconds: float = 60) -> set[str]:
    """What was not there before, and does not go within so many seconds: Pods and namespaces take a moment."""
    end = time.monotonic() + seconds
    while (found := of_the_product(kubectl) - set(before) - KEPT) and time.monotonic() < end:
        time.sleep(2)
    return found
