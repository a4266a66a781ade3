"""Both charts agree on names: whatever a release is called, the policies know its operator and its API."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Callable

import pytest

from retort_core.resources import labels

from .conftest import Rendered
from .test_charts import EXTERNAL

Render = Callable[..., Rendered]
Notes = Callable[..., str]
ACCOUNT = re.compile(r"system:serviceaccount:[a-z0-9-]+:[a-z0-9-]+")
OTHERS = {
    "the one of the pages": ("retort", ()),
    "longer": ("my-retort", ()),
    "without the word": ("cleaning", ()),
    "overridden": ("retort", ("nameOverride=cleaning",)),
}
ELSEWHERE = (
    "systemNamespace=tools", "executorsNamespace=runs", "serviceAccounts.operator=op", "serviceAccounts.api=front",
)  # fmt: skip


def known(found: Rendered) -> set[str]:
    """Accounts that policies of the cluster's chart name, those of Kubernetes aside."""
    return {
        account
        for policy in found.of("ValidatingAdmissionPolicy")
        for account in ACCOUNT.findall(str(policy["spec"]))
        if ":kube-system:" not in account
    }


def accounts(found: Rendered, namespace: str) -> set[str]:
    """Accounts with a token, which Pods run as."""
    made = {one["metadata"]["name"] for one in found.of("ServiceAccount")}
    used = {
        spec["serviceAccountName"] for _, spec in found.pods() if spec.get("automountServiceAccountToken")
    }
    assert used <= made
    bound = {who["name"] for one in found.of("ClusterRoleBinding") for who in one["subjects"]}
    assert bound == used
    return {f"system:serviceaccount:{namespace}:{name}" for name in used}


@pytest.mark.parametrize("way", OTHERS)
def test_whatever_the_release_is_called_the_policies_know_its_operator_and_its_api(
    render: Render, way: str
) -> None:
    release, values = OTHERS[way]
    found = render("retort", *EXTERNAL, *values, release=release)
    assert accounts(found, "retort-system") == known(render("retort-cluster"))


def commands(said: str) -> list[str]:
    return [line.partition(". ")[2] for line in said.splitlines() if re.match(r"  \d\. ", line)]


@pytest.mark.parametrize("values", [(), ELSEWHERE], ids=["as they are", "other names"])
def test_the_next_step_after_the_clusters_chart_is_an_installation_that_its_policies_know(
    render: Render, notes: Notes, values: tuple[str, ...]
) -> None:
    install = shlex.split(commands(notes("retort-cluster", *values))[0])
    assert install[:4] == ["helm", "install", "retort", "charts/retort"]
    namespace = install[install.index("--namespace") + 1]
    set_there = [value for option, value in itertools.pairwise(install) if option == "--set"]
    found = render("retort", *set_there, namespace=namespace)
    assert not found.error
    cluster = render("retort-cluster", *values)
    assert accounts(found, namespace) == known(cluster)
    (executors,) = (one["metadata"]["name"] for one in found.of("Namespace"))
    guarded = cluster.one("ValidatingAdmissionPolicyBinding", "retort-executor-pods")["spec"][
        "matchResources"
    ]
    assert guarded["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": executors}


def test_the_other_next_steps_name_what_there_is(render: Render, notes: Notes) -> None:
    _, project, look = commands(notes("retort-cluster"))
    make, mark = project.split(" && ")
    assert make.split()[-1] == mark.split()[3]  # one that is there by then
    assert mark.endswith(f"{labels.PROJECT}={labels.ENABLED}")
    kind = look.split()[2].removesuffix(".spec")
    names = [one["spec"]["names"] for one in render("retort-cluster").of("CustomResourceDefinition")]
    assert kind in {name["singular"] for name in names}


def test_the_role_that_the_notes_name_is_there(render: Render, notes: Notes) -> None:
    said = re.search(r"--clusterrole (\S+)", notes("retort-cluster"))
    assert said
    assert render("retort-cluster").of("ClusterRole", said[1])


def test_the_next_steps_after_an_installation_name_what_was_installed(render: Render, notes: Notes) -> None:
    values = ("dev.enabled=true", "nameOverride=cleaning", "api.service.port=8080")
    project, forward, _ = commands(notes("retort", *values))
    assert project.endswith(f"{labels.PROJECT}={labels.ENABLED}")
    name, ports = re.search(r"service/(\S+) (\S+)", forward).groups()  # type: ignore[union-attr]
    (service,) = render("retort", *values).of("Service", name)
    assert [port["port"] for port in service["spec"]["ports"]] == [int(ports.partition(":")[2])]


def test_what_named_projects_lose_is_said(notes: Notes) -> None:
    said = notes("retort", *EXTERNAL, "scope.namespaces[0]=research")
    assert "namespaced mode (research). Lost against cluster-wide mode" in said
    assert "ClusterRole stays" in said
    assert "namespaced mode" not in notes("retort", *EXTERNAL)
