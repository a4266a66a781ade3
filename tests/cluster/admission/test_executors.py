"""The admission policies on a real API server: what of Pods and in the executors' namespace they refuse, with which sentence."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable, Iterator

import pytest
from tests.cluster.admission.policies import AMY, EXECUTORS, IVY, OPERATOR, RBAC, Body, pod, said, until
from tests.cluster.kube import ROOT, helm, kubectl

from retort_core.resources.v1alpha1 import ExecutorProfileSpec
from retort_operator.pods import ACCOUNT, Maker

Change = Callable[[Body], object]


def first(body: Body) -> Body:
    found: Body = body["spec"]["containers"][0]
    return found


def before(body: Body) -> Body:
    """The same container once more, as an init container."""
    found: Body = copy.deepcopy(first(body)) | {"name": "before"}
    body["spec"]["initContainers"] = [found]
    return found


# What a container may say of itself against its Pod, by its security context.
BACK: dict[str, Change] = {
    "as root": lambda own: own.update(runAsNonRoot=False),
    "as root by number": lambda own: own.update(runAsUser=0),
    "without seccomp": lambda own: own.update(seccompProfile={"type": "Unconfined"}),
    "without AppArmor": lambda own: own.update(appArmorProfile={"type": "Unconfined"}),
}
CHANGES: dict[str, tuple[Change, str]] = {
    "a token": (lambda b: b["spec"].update(automountServiceAccountToken=True), "no token"),
    "a token by silence": (lambda b: b["spec"].pop("automountServiceAccountToken"), "no token"),
    "service links": (lambda b: b["spec"].pop("enableServiceLinks"), "no address"),
    "the node's network": (lambda b: b["spec"].update(hostNetwork=True), "shares nothing"),
    "the node's processes": (lambda b: b["spec"].update(hostPID=True), "shares nothing"),
    "the node's messages": (lambda b: b["spec"].update(hostIPC=True), "shares nothing"),
    "one view of processes": (lambda b: b["spec"].update(shareProcessNamespace=True), "shares nothing"),
    "a port of the node": (
        lambda b: first(b).update(ports=[{"containerPort": 7070, "hostPort": 7070}]),
        "shares nothing",
    ),
    "a name server": (lambda b: b["spec"]["dnsConfig"].update(nameservers=["10.0.0.10"]), "no name server"),
    "the cluster's names": (lambda b: b["spec"].update(dnsPolicy="ClusterFirst"), "no name server"),
    "a folder of the node": (
        lambda b: b["spec"]["volumes"].append({"name": "n", "hostPath": {"path": "/"}}),
        "no volume but",
    ),
    "a secret as a volume": (
        lambda b: b["spec"]["volumes"].append({"name": "n", "secret": {"secretName": "s"}}),
        "no volume but",
    ),
    "memory without bounds": (
        lambda b: b["spec"]["volumes"][0]["emptyDir"].pop("sizeLimit"),
        "no volume but",
    ),
    "root": (lambda b: b["spec"]["securityContext"].update(runAsNonRoot=False), "not root"),
    "no seccomp": (
        lambda b: b["spec"]["securityContext"].update(seccompProfile={"type": "Unconfined"}),
        "seccomp",
    ),
    "root by number": (lambda b: b["spec"]["securityContext"].update(runAsUser=0), "not root"),
    **{
        f"{what}, {where}": (
            (lambda b, spoil=spoil, on=on: spoil(on(b)["securityContext"])),
            "take nothing back",
        )
        for where, on in (("a container", first), ("an init container", before))
        for what, spoil in BACK.items()
    },
    "privileged": (
        lambda b: first(b)["securityContext"].update(privileged=True, allowPrivilegeEscalation=True),
        "read-only",
    ),
    "a writable root": (
        lambda b: first(b)["securityContext"].update(readOnlyRootFilesystem=False),
        "read-only",
    ),
    "privileges": (lambda b: first(b)["securityContext"].update(allowPrivilegeEscalation=True), "read-only"),
    "a capability": (
        lambda b: first(b)["securityContext"].update(capabilities={"drop": ["ALL"], "add": ["NET_RAW"]}),
        "read-only",
    ),
    "a disk": (lambda b: b["spec"]["volumes"][0]["emptyDir"].pop("medium"), "no volume but"),
    "no limits": (lambda b: first(b).pop("resources"), "limits"),
    "no limit of memory": (lambda b: first(b)["resources"]["limits"].pop("memory"), "limits"),
    "no limit of cpu": (lambda b: first(b)["resources"]["limits"].pop("cpu"), "limits"),
    "a secret as all variables": (
        lambda b: first(b).update(envFrom=[{"secretRef": {"name": "s"}}]),
        "no Secret",
    ),
    "a map as a variable": (
        lambda b: first(b)["env"].append(
            {"name": "S", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}}
        ),
        "no Secret and no ConfigMap",
    ),
    "a secret as a variable": (
        lambda b: first(b)["env"].append(
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
        ),
        "no Secret",
    ),
    "an init container without bounds": (
        lambda b: b["spec"].update(initContainers=[{"name": "i", "image": "x"}]),
        "read-only",
    ),
}


def test_the_operators_full_shape_is_let_through() -> None:
    body = pod()
    kubectl(*OPERATOR, "create", "-f", "-", given=body)
    kubectl("label", "pod", "-n", EXECUTORS, body["metadata"]["name"], "a=b")
    kubectl("delete", "pod", "-n", EXECUTORS, body["metadata"]["name"], "--wait=false")


@pytest.fixture
def account() -> Iterator[None]:
    """The account without rights that executors are under, as the chart `retort` brings it."""
    kubectl("-n", EXECUTORS, "create", "serviceaccount", ACCOUNT)
    yield
    kubectl("-n", EXECUTORS, "delete", "serviceaccount", ACCOUNT)


@pytest.mark.parametrize("own", [{}, {"userNamespaces": "Own"}], ids=["as usual", "users of its own"])
def test_what_the_operator_makes_is_let_through(account: None, own: Body) -> None:
    spec = ExecutorProfileSpec.model_validate(
        {"image": "localhost/none:1", "resources": {"memory": "64Mi"}, **own}, extra="forbid"
    )
    maker = Maker(namespace=EXECUTORS, secret=b"k" * 32)
    for body in (maker.executor("default", spec), maker.probe("default", spec, "node", {})):
        kubectl(*OPERATOR, "create", "--dry-run=server", "-f", "-", given=body)


def test_a_container_may_repeat_what_its_pod_says() -> None:
    body = pod()
    for one in (first(body), before(body)):
        one["securityContext"] |= {
            "runAsNonRoot": True,
            "runAsUser": 10003,
            "procMount": "Default",
            "seccompProfile": {"type": "RuntimeDefault"},
        }
    kubectl(*OPERATOR, "create", "--dry-run=server", "-f", "-", given=body)


def test_the_kernels_own_view_of_processes_is_refused() -> None:
    """Kubernetes itself lets it through with users of the Pod's own only."""
    body = pod()
    body["spec"]["hostUsers"] = False
    first(body)["securityContext"]["procMount"] = "Unmasked"
    assert "take nothing back" in kubectl.refused(*OPERATOR, "create", "-f", "-", given=body)


@pytest.mark.parametrize("change", CHANGES)
def test_a_pod_of_another_shape_is_refused_also_from_the_operator(change: str) -> None:
    act, words = CHANGES[change]
    body = copy.deepcopy(pod())
    act(body)
    assert words in kubectl.refused(*OPERATOR, "create", "-f", "-", given=body)


def test_a_pod_of_somebody_else_is_refused_even_from_an_administrator() -> None:
    assert "only Retort's operator" in kubectl.refused("create", "-f", "-", given=pod())


# -- the executors' namespace ----------------------------------------------------------------------------------


@pytest.fixture
def executors() -> Iterator[None]:
    """Amy is an administrator of the executors' namespace, as the roles of Kubernetes understand it."""
    kubectl("-n", EXECUTORS, "create", "rolebinding", "amy", "--clusterrole", "admin", "--user", AMY)
    yield
    kubectl("-n", EXECUTORS, "delete", "rolebinding", "amy")


def opening(name: str = "open") -> Body:
    """A NetworkPolicy that lets everything out: policies add up."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": EXECUTORS},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
    }


def may_open(user: str = "") -> bool:
    """Whether he may open the executors' network (a dry run). He is asked again while rights make their way."""
    who = ("--as", user) if user else ()
    for _ in range(20):
        words = said(*who, "create", "--dry-run=server", "-f", "-", given=opening())
        if not words or "namespace is closed" in words:
            return not words
    raise AssertionError(words)


@pytest.mark.parametrize("kind", ["deployment", "job", "cronjob"])
def test_no_other_workload_is_made_in_the_executors_namespace(executors: None, kind: str) -> None:
    often = ("--schedule", "* * * * *") if kind == "cronjob" else ()
    arguments = ("-n", EXECUTORS, "--as", AMY, "create", kind, "x", "--image", "x", *often)
    assert "namespace is closed" in kubectl.refused(*arguments)


_MARKS = {"app": "x"}
_SET = {
    "selector": {"matchLabels": _MARKS},
    "template": {"metadata": {"labels": _MARKS}, "spec": {"containers": [{"name": "x", "image": "x"}]}},
}
OTHERS: dict[str, Body] = {
    "StatefulSet": {"apiVersion": "apps/v1", "spec": {"serviceName": "x", **_SET}},
    "DaemonSet": {"apiVersion": "apps/v1", "spec": _SET},
    "ReplicationController": {"apiVersion": "v1", "spec": {**_SET, "selector": _MARKS}},
    "Endpoints": {"apiVersion": "v1", "subsets": []},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_nothing_else_that_makes_or_finds_pods_is_made_there(executors: None, kind: str) -> None:
    """By an administrator of the cluster's namespace who may make them all."""
    groups = {"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["*"]}
    role = {**RBAC, "kind": "Role", "metadata": {"name": "all", "namespace": EXECUTORS}, "rules": [groups]}
    kubectl("create", "-f", "-", given=role)
    kubectl("-n", EXECUTORS, "create", "rolebinding", "all", "--role", "all", "--user", AMY)
    body = {**OTHERS[kind], "kind": kind, "metadata": {"name": "x", "namespace": EXECUTORS}}
    try:
        words = until(
            lambda: said("--as", AMY, "create", "--dry-run=server", "-f", "-", given=body),
            lambda word: "closed" in word or not word,
        )
        assert "namespace is closed" in words
    finally:
        kubectl("-n", EXECUTORS, "delete", "role,rolebinding", "all")


@pytest.fixture
def closing() -> Iterator[str]:
    """The policy that closes the network, as the chart `retort` brings it; made by an administrator of the cluster."""
    body = opening(f"closing-{uuid.uuid4().hex[:8]}")
    body["spec"]["egress"] = []
    kubectl("create", "-f", "-", given=body)
    yield str(body["metadata"]["name"])
    kubectl("-n", EXECUTORS, "delete", "networkpolicy", body["metadata"]["name"])


def test_what_closes_the_network_is_neither_changed_nor_removed_by_an_administrator_of_the_namespace(
    executors: None, closing: str
) -> None:
    of_amy = ("-n", EXECUTORS, "--as", AMY)
    wider = ("patch", "networkpolicy", closing, "--type=merge", "-p", '{"spec":{"egress":[{}]}}')
    assert "namespace is closed" in kubectl.refused(*of_amy, *wider)
    assert "namespace is closed" in kubectl.refused(*of_amy, "delete", "networkpolicy", closing)
    assert "namespace is closed" in kubectl.refused(*of_amy, "delete", "networkpolicy", "--all")
    kubectl("-n", EXECUTORS, *wider, "--dry-run=server")


def test_no_service_leads_to_executors(executors: None) -> None:
    make = ("-n", EXECUTORS, "create", "service", "clusterip", "x", "--tcp=80:7070", "--dry-run=server")
    assert "namespace is closed" in kubectl.refused(*make, "--as", AMY)


@pytest.fixture
def running() -> Iterator[str]:
    """A Pod of the operator's, by its path. Its image is not there: admission comes first."""
    body = pod()
    kubectl(*OPERATOR, "create", "-f", "-", given=body)
    name = body["metadata"]["name"]
    yield f"/api/v1/namespaces/{EXECUTORS}/pods/{name}"
    kubectl("-n", EXECUTORS, "delete", "pod", name, "--wait=false")


@pytest.mark.parametrize(
    "way",
    ["exec?command=id&stdout=1", "attach?stdout=1", "portforward?ports=7070", "proxy/", "proxy/metrics"],
)
def test_no_way_leads_into_an_executor(executors: None, running: str, way: str) -> None:
    into = ("create", "--raw", f"{running}/{way}", "-f", "-")
    assert "namespace is closed" in kubectl.refused("--as", AMY, *into, given="{}")
    # Refused, if at all, because nothing runs there.
    assert "closed" not in said(*into, given="{}")


@pytest.mark.parametrize(
    "change",
    [
        {"spec": {"activeDeadlineSeconds": 5}},
        {"metadata": {"labels": {"retort.dev/task": "f" * 32}}},
        {"metadata": {"annotations": {"retort.dev/nonce": "f" * 32}}},
    ],
    ids=["its spec", "whose it is", "its key"],
)
def test_an_executor_is_changed_by_the_operator_alone(running: str, change: Body) -> None:
    """Also what is written on it: the operator decides by that."""
    patch = ("-n", EXECUTORS, "patch", "pod", running.rpartition("/")[2], "-p", json.dumps(change))
    assert "only Retort's operator" in kubectl.refused(*patch)
    kubectl(*OPERATOR, *patch)
    kubectl("-n", EXECUTORS, "label", "pod", running.rpartition("/")[2], "mine=yes")


MORE = {"memory": "128Mi"}


@pytest.mark.parametrize(
    ("sub", "patch"),
    [
        ("resize", {"containers": [{"name": "executor", "resources": {"limits": MORE, "requests": MORE}}]}),
        ("ephemeralcontainers", {"ephemeralContainers": [{"name": "more", "image": "localhost/none:1"}]}),
    ],
)
def test_nothing_is_added_to_an_executor(executors: None, running: str, sub: str, patch: Body) -> None:
    """By somebody who has the right that `admin` lacks."""
    name = running.rpartition("/")[2]
    rule = {"apiGroups": [""], "resources": ["pods", f"pods/{sub}"], "verbs": ["get", "patch"]}
    role = {**RBAC, "kind": "Role", "metadata": {"name": "more", "namespace": EXECUTORS}, "rules": [rule]}
    kubectl("create", "-f", "-", given=role)
    kubectl("-n", EXECUTORS, "create", "rolebinding", "more", "--role", "more", "--user", AMY)
    try:
        change = (
            "patch",
            "-n",
            EXECUTORS,
            "pod",
            name,
            "--subresource",
            sub,
            "-p",
            json.dumps({"spec": patch}),
        )
        words = until(lambda: said("--as", AMY, *change), lambda word: "closed" in word or not word)
        assert "namespace is closed" in words
    finally:
        kubectl("-n", EXECUTORS, "delete", "role,rolebinding", "more")


@pytest.fixture
def digests() -> Iterator[None]:
    """The release, with `admission.requireDigest`; put back as it was."""
    chart = str(ROOT / "charts" / "retort-cluster")
    helm("upgrade", "retort-cluster", chart, "--reuse-values", "--set", "admission.requireDigest=true")
    try:
        yield
    finally:
        helm("rollback", "retort-cluster")
        assert not until(lambda: _dry(pod()), lambda word: not word)


def _dry(body: Body) -> str:
    return said(*OPERATOR, "create", "--dry-run=server", "-f", "-", given=body)


def test_an_image_without_a_digest_is_refused_where_that_is_wanted(digests: None) -> None:
    assert "named by digest" in until(lambda: _dry(pod()), bool)
    fixed = pod()
    first(fixed)["image"] = "localhost/none@sha256:" + "a" * 64
    assert not _dry(fixed)
    before(fixed)["image"] = "localhost/none:1"
    assert "named by digest" in _dry(fixed)


def test_an_administrator_of_the_namespace_does_not_open_its_network(executors: None) -> None:
    assert not may_open(AMY)


def test_an_administrator_of_the_cluster_needs_no_group_but_what_a_binding_gives_him(executors: None) -> None:
    """As kubeadm, kind and managed clusters make them: this very program where the node is ours, and a user of his own."""
    user = ("--clusterrole", "cluster-admin", "--user", IVY)
    kubectl("create", "clusterrolebinding", "test-ivy", *user)
    try:
        assert may_open(IVY)
        assert may_open()
    finally:
        kubectl("delete", "clusterrolebinding", "test-ivy")


def test_the_right_is_given_by_its_own_role_and_only_for_the_whole_cluster(executors: None) -> None:
    role = ("--clusterrole", "retort-executors-admin", "--user", AMY)
    kubectl("-n", EXECUTORS, "create", "rolebinding", "test-amy", *role)
    try:
        assert not may_open(AMY)
        kubectl("create", "clusterrolebinding", "test-amy", *role)
        try:
            assert _until_may_open(AMY)
        finally:
            kubectl("delete", "clusterrolebinding", "test-amy")
    finally:
        kubectl("-n", EXECUTORS, "delete", "rolebinding", "test-amy")


def _until_may_open(user: str) -> bool:
    return any(may_open(user) for _ in range(20))
