"""The operator and the API may do what their code asks for and nothing else: rendered rules against the code itself."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import pytest
import yaml

from retort_api.access.roles import READ, RIGHTS
from retort_core.http.access import Role
from retort_core.resources import labels
from retort_operator import cluster, lease

from .conftest import ROOT, Object, Rendered
from .test_charts import WAYS

Render = Callable[..., Rendered]
Right = tuple[str, str, str]  # group, resource or resource/subresource, verb
OPERATOR = ROOT / "operator" / "src" / "retort_operator"
# Methods of `retort_operator.cluster.Cluster`, through which the operator says everything but its watches.
VERBS = {
    "get": "get", "create": "create", "patch": "patch", "replace": "update", "delete": "delete",
    "delete_all": "deletecollection", "pages": "list",
}  # fmt: skip
# Where each kind is; everything else is in the namespaces of projects, themselves included.
IN_ITS_OWN = {"leases"}
AT_THE_EXECUTORS = {"pods", "networkpolicies", "executorprofiles", "executorprofiles/status"}
# The API sends paths, in which no code reads a resource: each with the module that sends it.
API: dict[Right, str] = {
    ("authentication.k8s.io", "tokenreviews", "create"): "access/cluster.py: who somebody is",
    ("authorization.k8s.io", "subjectaccessreviews", "create"): "access/cluster.py: what he may",
    ("", "namespaces", "get"): "cluster/namespaces.py: which life of a project's namespace this is",
    ("", "namespaces", "list"): "cluster/namespaces.py: those with the label; named ones are read one by one",
    (labels.GROUP, "agenttasks", "create"): "cluster/objects.py: tasks on behalf of people",
    (
        labels.GROUP,
        "agenttasks",
        "get",
    ): "cluster/objects.py: the task of an earlier request with the same key",
}


# The cluster's roles and those of the service (access/roles.py). Whoever may only view a namespace makes nothing in it.
ROLES: dict[Role, str] = {"member": "retort-viewer", "analyst": "retort-editor", "admin": "retort-admin"}
MAKES = {("create", "conversations"), ("run", "tasks"), ("cancel", "tasks")}
# What no route asks for, so that it may be granted; an administrator of a namespace grants what he has.
_SPARE = {("update", "datasets"), ("update", "conversations"), ("update", "templates"), ("create", "tasks")}
BEYOND: dict[Role, set[tuple[str, str]]] = {
    "member": set(),
    "analyst": _SPARE,
    "admin": {("*", resource) for _, resource in RIGHTS["admin"]} - {("*", "quotas")},
}


def asked() -> set[Right]:
    """What the operator's code asks of the API server. kopf lists and watches what there is a handler for; it looks for
    nothing else (`scanning.disabled`, `standalone`) and writes nothing (raw events, no diffs, no posting)."""
    calls = [
        node
        for path in sorted(OPERATOR.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    found = {right for call in calls for right in [*_said(call), *_watched(call)]}
    assert len(found) > 15
    return found


def _said(call: ast.Call) -> Iterator[Right]:
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr not in VERBS or ast.unparse(call.func.value).rpartition(".")[2] not in (
        "cluster",
        "_cluster",
    ):
        return
    resource = getattr(
        cluster, ast.unparse(call.args[0])
    )  # a name of that module, so that it can be read here
    group = resource.prefix.removeprefix("/apis/").rpartition("/")[0] if "/apis/" in resource.prefix else ""
    sub = "".join(f"/{ast.literal_eval(one.value)}" for one in call.keywords if one.arg == "sub")
    yield group, resource.plural + sub, VERBS[call.func.attr]


def _watched(call: ast.Call) -> Iterator[Right]:
    if ast.unparse(call.func) != "kopf.on.event":
        return
    *group, _, plural = (ast.unparse(one).strip("'") for one in call.args)
    where = {"labels.GROUP": labels.GROUP}.get(group[0], group[0]) if group else ""
    yield from ((where, plural, verb) for verb in ("list", "watch"))


def granted(role: Object) -> set[Right]:
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def rights(found: Rendered, account: str, kind: str, namespace: str | None) -> set[Right]:
    """What an account may there, by every binding that names it."""
    given: set[Right] = set()
    for binding in found.of(f"{kind}Binding"):
        meta, subjects = binding["metadata"], [one["name"] for one in binding["subjects"]]
        if account in subjects and meta.get("namespace") == namespace:
            roles = found.of(kind, binding["roleRef"]["name"])
            (role,) = (one for one in roles if one["metadata"].get("namespace") == namespace)
            given |= granted(role)
    return given


@pytest.mark.parametrize("way", ["external", "namespaced"])
def test_the_operator_may_do_what_its_code_asks_for_and_nothing_else(render: Render, way: str) -> None:
    found, wanted = render("retort", *WAYS[way]), asked()
    own = {right for right in wanted if right[1] in IN_ITS_OWN}
    executors = {right for right in wanted if right[1] in AT_THE_EXECUTORS}
    projects = wanted - own - executors
    assert rights(found, "retort-operator", "Role", None) == own
    assert rights(found, "retort-operator", "Role", "retort-executors") == executors
    if way == "external":
        assert rights(found, "retort-operator", "ClusterRole", None) == projects
    else:
        assert rights(found, "retort-operator", "ClusterRole", None) == set()
        for namespace in ("research", "sales"):
            assert rights(found, "retort-operator", "Role", namespace) == projects


@pytest.mark.parametrize("way", ["external", "namespaced"])
def test_the_api_may_do_what_its_modules_send_and_nothing_else(render: Render, way: str) -> None:
    found = render("retort", *WAYS[way])
    everywhere = {right for right in API if right[1].endswith("reviews")}
    if way == "external":
        assert rights(found, "retort-api", "ClusterRole", None) == set(API)
    else:
        inside = set(API) - everywhere - {("", "namespaces", "list")}
        assert rights(found, "retort-api", "ClusterRole", None) == everywhere
        for namespace in ("research", "sales"):
            assert rights(found, "retort-api", "Role", namespace) == inside


@pytest.mark.parametrize("role", ROLES)
def test_people_with_a_role_of_the_cluster_may_what_the_services_own_role_lets_them(
    render: Render, role: Role
) -> None:
    """Regression: nobody but a cluster's administrator could export a table or run a script, and none protect a branch."""
    may = granted(render("retort-cluster").one("ClusterRole", ROLES[role]))
    wanted = RIGHTS[role] - (MAKES if role == "member" else set())
    missing = {
        (verb, resource)
        for verb, resource in wanted
        if not may & {(labels.GROUP, resource, one) for one in (verb, "*")}
    }
    assert not missing
    virtual = {
        (verb, resource) for group, resource, verb in may if resource in {what for _, what in RIGHTS["admin"]}
    }
    beyond = {(verb, resource) for verb, resource in virtual - RIGHTS[role] if verb not in READ}
    assert beyond <= BEYOND[role], "a right that the service's own role does not have"


@pytest.mark.parametrize("role", ROLES)
def test_who_may_see_a_tasks_object_may_read_the_data_that_its_sentences_quote(
    render: Render, role: Role
) -> None:
    may = granted(render("retort-cluster").one("ClusterRole", ROLES[role]))
    assert (labels.GROUP, "agenttasks", "get") in may or (labels.GROUP, "agenttasks", "*") in may
    for resource in ("datasets", "commits", "tables", "exports", "results"):
        assert {(labels.GROUP, resource, "get"), (labels.GROUP, resource, "*")} & may, resource


def test_of_leases_only_the_operators_own_is_read_and_changed(render: Render) -> None:
    rules = render("retort", *WAYS["external"]).of("Role", "retort-operator")[0]["rules"]
    for rule in rules:
        if rule["verbs"] != ["create"]:
            assert rule["resourceNames"] == [lease.NAME]


def test_no_role_and_no_policy_names_a_subresource_that_is_not_there(render: Render) -> None:
    there = {
        f"{crd['spec']['names']['plural']}/{sub}"
        for path in (ROOT / "crds").glob("*.yaml")
        for crd in [yaml.safe_load(path.read_text())]
        for version in crd["spec"]["versions"]
        for sub in version.get("subresources", ())
    }
    assert {"agenttasks/status", "executorprofiles/status"} <= there
    named = {
        resource
        for chart, values in (("retort-cluster", ()), ("retort", WAYS["external"]))
        for one in render(chart, *values).objects
        for rule in one.get("rules")
        or one.get("spec", {}).get("matchConstraints", {}).get("resourceRules", ())
        if labels.GROUP in rule["apiGroups"]
        for resource in rule["resources"]
    }
    # These are virtual resources, as `branches` and `tasks` are.
    assert {one for one in named if "/" in one} - {"branches/protected", "tasks/others"} <= there
    assert "agenttasks/status" in named
