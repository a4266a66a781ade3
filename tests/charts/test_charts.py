"""Both charts for the ways people install them: every object is valid, every Pod restricted, every promise of values kept."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable
from typing import Any

import kubernetes_validate
import pytest

from retort_api.access.signing import Ring
from retort_core.resources.v1alpha1 import ExecutorProfileSpec

from .conftest import ROOT, Object, Rendered

Render = Callable[..., Rendered]
EXTERNAL = ("database.existingSecret=db", "objects.existingSecret=s3", "objects.endpoint=s3.example:443")
WAYS: dict[str, tuple[str, ...]] = {
    "dev": ("dev.enabled=true",),
    "external": EXTERNAL,
    "ha": (
        *EXTERNAL,
        "operator.replicas=3",
        "broker.replicas=3",
        "api.autoscaling.enabled=true",
        "api.autoscaling.minReplicas=3",
    ),
    "everything": (
        *EXTERNAL,
        "api.autoscaling.enabled=true",
        "ingress.enabled=true",
        "ingress.tlsSecret=tls",
        "api.hosts[0]=retort.example",
        "vllm.enabled=true",
        "llm.model=small",
        "tracing.endpoint=http://otel:4318",
        "global.imagePullSecrets[0]=pull",
        "objects.customCA=true",
        "serviceMonitor.enabled=true",
        "serviceMonitor.labels.release=prometheus",
    ),
    "namespaced": (*EXTERNAL, "scope.namespaces[0]=research", "scope.namespaces[1]=sales"),
    "air-gapped": (
        *EXTERNAL,
        "global.imageRegistry=registry.local:5000",
        "operator.image.digest=sha256:" + "a" * 64,
        "api.image.digest=sha256:" + "b" * 64,
        "executors.image.digest=sha256:" + "c" * 64,
    ),
}
OURS, OTHERS = (
    "retort.dev/",
    "monitoring.coreos.com/",
)  # our own schemas know the first, nobody's here the second


def check(objects: Iterable[Object]) -> None:
    """Against the schemas of Kubernetes, and our own model, of which the custom resource is made."""
    for one in objects:
        if one["kind"] == "ExecutorProfile":
            ExecutorProfileSpec.model_validate(one["spec"], extra="forbid")
        elif not one["apiVersion"].startswith(OTHERS):
            kubernetes_validate.validate(one, "1.36", strict=True)


def test_values_for_a_small_node_are_restricted_and_fit_the_schemas_too(render: Render) -> None:
    found = render("retort", files=("charts/retort/values-dev.yaml",))
    assert not found.error
    check(found.objects)
    assert not [wrong for _, spec in found.pods() for wrong in restricted(spec)]


@pytest.mark.parametrize("way", WAYS)
def test_every_object_fits_the_schemas_of_kubernetes_and_our_own(render: Render, way: str) -> None:
    found = render("retort", *WAYS[way])
    assert not found.error
    check(found.objects)


@pytest.mark.parametrize("values", [(), ("admission.requireDigest=true", "roles.aggregate=false")])
def test_every_object_of_the_clusters_chart_fits_them_too(render: Render, values: tuple[str, ...]) -> None:
    found = render("retort-cluster", *values)
    kinds = {one["kind"] for one in found.objects}
    assert {"CustomResourceDefinition", "ClusterRole", "ValidatingAdmissionPolicy"} <= kinds
    check(found.objects)


def restricted(spec: Object) -> list[str]:
    """What Pod Security `restricted` would refuse, in words."""
    wrong = [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    pod = spec.get("securityContext", {})
    if pod.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        wrong.append("seccompProfile")
    if pod.get("sysctls"):
        wrong.append("sysctls")
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        own = container.get("securityContext", {})
        if not own.get("runAsNonRoot", pod.get("runAsNonRoot")):
            wrong.append(f"{container['name']}: runAsNonRoot")
        if own.get("allowPrivilegeEscalation") is not False:
            wrong.append(f"{container['name']}: allowPrivilegeEscalation")
        if own.get("capabilities") != {"drop": ["ALL"]}:
            wrong.append(f"{container['name']}: capabilities")
        if own.get("runAsUser", pod.get("runAsUser")) == 0:
            wrong.append(f"{container['name']}: runAsUser")
        if own.get("privileged") or own.get("procMount", "Default") != "Default":
            wrong.append(f"{container['name']}: privileged or procMount")
        if own.get("seccompProfile", {}).get("type", "RuntimeDefault") != "RuntimeDefault":
            wrong.append(f"{container['name']}: seccompProfile")
        if any(port.get("hostPort") for port in container.get("ports", ())):
            wrong.append(f"{container['name']}: hostPort")
    kinds = {kind for volume in spec.get("volumes", []) for kind in volume if kind != "name"}
    allowed = {
        "configMap",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
        "csi",
    }
    return [*wrong, *sorted(kinds - allowed)]


@pytest.mark.parametrize("way", WAYS)
def test_every_pod_is_restricted_and_our_own_have_a_read_only_root(render: Render, way: str) -> None:
    for name, spec in render("retort", *WAYS[way]).pods():
        assert not restricted(spec), name
        assert spec["enableServiceLinks"] is False
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            if container["name"] != "vllm":
                assert container["securityContext"]["readOnlyRootFilesystem"], name


def test_only_operator_and_api_have_a_token(render: Render) -> None:
    found = {
        name: spec.get("automountServiceAccountToken")
        for name, spec in render("retort", *WAYS["everything"]).pods()
    }
    assert {name for name, mounted in found.items() if mounted} == {"retort-operator", "retort-api"}
    assert False in found.values()


def test_the_executors_network_is_closed_before_any_pod(render: Render) -> None:
    found = render("retort", *EXTERNAL)
    policy = found.one("NetworkPolicy", "retort-executors")["spec"]
    assert policy["podSelector"] == {}
    assert policy["egress"] == []
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    namespace = found.one("Namespace", "retort-executors")["metadata"]["labels"]
    assert namespace["pod-security.kubernetes.io/enforce"] == "restricted"
    # Helm installs by kind, in this order; the operator makes executors only after it runs itself.
    order = [one["kind"] for one in found.objects]
    assert order.index("NetworkPolicy") < order.index("Deployment")


def test_two_of_everything_by_default_and_a_budget_for_each(render: Render) -> None:
    found = render("retort", *EXTERNAL)
    for name in ("operator", "api", "broker"):
        assert found.one("Deployment", f"retort-{name}")["spec"]["replicas"] == 2
        budget = found.one("PodDisruptionBudget", f"retort-{name}")["spec"]
        labels = found.one("Deployment", f"retort-{name}")["spec"]["selector"]["matchLabels"]
        assert budget["selector"]["matchLabels"] == labels


def test_an_installation_without_stores_says_which_value_is_missing(render: Render) -> None:
    assert "database.existingSecret" in render("retort").error
    assert "objects.e" in render("retort", "database.existingSecret=db").error


@pytest.mark.parametrize(
    "value", ["api.replica=3", "operator.replicas=two", "api.image.digest=latest", "nonsense=1"]
)
def test_a_value_that_does_not_exist_or_fit_is_refused(render: Render, value: str) -> None:
    assert render("retort", *EXTERNAL, value).error


def test_namespaced_mode_has_no_right_beyond_its_namespaces_but_to_ask_who_somebody_is(
    render: Render,
) -> None:
    found = render("retort", *WAYS["namespaced"])
    (role,) = found.of("ClusterRole")
    asked = {resource for rule in role["rules"] for resource in rule["resources"]}
    assert asked == {"tokenreviews", "subjectaccessreviews"}
    assert {one["metadata"].get("namespace") for one in found.of("Role", "retort-operator")} == {
        None,
        "retort-executors",
        "research",
        "sales",
    }


def test_no_role_may_read_secrets_or_enter_pods(render: Render) -> None:
    for way in WAYS.values():
        found = render("retort", *way)
        for role in [*found.of("Role"), *found.of("ClusterRole")]:
            for rule in role["rules"]:
                assert not {"secrets", "pods/exec", "pods/attach", "*"} & set(rule["resources"]), role[
                    "metadata"
                ]
                assert "*" not in rule["verbs"]


def images(found: Rendered) -> set[str]:
    return {
        container["image"]
        for _, spec in found.pods()
        for container in [*spec.get("initContainers", []), *spec["containers"]]
    } | {one["spec"]["image"] for one in found.of("ExecutorProfile")}


def test_an_air_gapped_registry_and_digests_reach_every_image(render: Render) -> None:
    found = images(render("retort", *WAYS["air-gapped"]))
    assert len(found) == 3
    assert all(image.startswith("registry.local:5000/retort-") and "@sha256:" in image for image in found)


def test_secrets_made_here_are_long_and_kept_and_others_at_every_rendering_without_a_cluster(
    render: Render,
) -> None:
    """An upgrade finds the old ones in the cluster (`lookup`), which `helm template` cannot: see `tests/installed`."""
    import base64

    first, second = (render("retort", *EXTERNAL).one("Secret", "retort-secrets") for _ in range(2))
    assert first["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    for name in ("session-key", "internal-token", "audit.key", "signing.json"):
        assert len(base64.b64decode(first["data"][name])) >= 64
        assert first["data"][name] != second["data"][name]
    Ring.model_validate_json(base64.b64decode(first["data"]["signing.json"]))  # as the service reads it
    assert not render("retort", *EXTERNAL, "secrets.existingSecret=mine").of("Secret")


def test_a_service_monitor_finds_the_metrics_of_operator_api_and_broker(render: Render) -> None:
    found = render("retort", *WAYS["everything"])
    monitor = found.one("ServiceMonitor", "retort")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    (endpoint,) = monitor["spec"]["endpoints"]
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    scraped = set()
    for service in found.of("Service"):
        ports = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
        if wanted <= service["metadata"]["labels"].items() and endpoint["port"] in ports:
            scraped |= set(_behind(found, service, ports[endpoint["port"]]))
    assert sorted(scraped) == ["retort-api", "retort-broker", "retort-operator"]
    for kind, name in (("ServiceMonitor", ""), ("Service", "retort-operator-metrics")):
        assert not render("retort", *EXTERNAL).of(kind, name)


def _behind(found: Rendered, service: Object, port: str) -> list[str]:
    """Deployments whose Pods a Service leads to, at a port that they have."""
    chosen = service["spec"]["selector"].items()
    return [
        one["metadata"]["name"]
        for one in found.of("Deployment")
        if chosen <= one["spec"]["template"]["metadata"]["labels"].items()
        and any(
            own["name"] == port
            for container in one["spec"]["template"]["spec"]["containers"]
            for own in container.get("ports", ())
        )
    ]


def test_an_authority_of_ones_own_reaches_everything_that_speaks_to_the_object_store(render: Render) -> None:
    with_it = render("retort", *EXTERNAL, "objects.customCA=true")
    speaking = [
        (spec, container)
        for _, spec in with_it.pods()
        for container in [*spec.get("initContainers", []), *spec["containers"]]
        if any(one["name"] == "RETORT_S3_ENDPOINT" for one in container.get("env", ()))
    ]
    assert len(speaking) == 4  # API and broker, each with the migration before it
    for spec, container in speaking:
        (file,) = (one["value"] for one in container["env"] if one["name"] == "RETORT_S3_CA")
        (mount,) = (one for one in container["volumeMounts"] if file.startswith(one["mountPath"] + "/"))
        (volume,) = (one for one in spec["volumes"] if one["name"] == mount["name"])
        assert volume["secret"]["secretName"] == "s3"
        assert f"{mount['mountPath']}/{volume['secret']['items'][0]['path']}" == file
    plain = render("retort", *EXTERNAL)
    assert not any(volume["name"] == "objects-ca" for _, spec in plain.pods() for volume in spec["volumes"])


def test_a_namespace_of_ones_own_is_used_and_not_made(render: Render) -> None:
    ours, theirs = (
        render("retort", *EXTERNAL, "executors.namespace=runs", *more)
        for more in ((), ("executors.createNamespace=false",))
    )
    assert not theirs.of("Namespace")
    assert [one["metadata"]["name"] for one in ours.of("Namespace")] == ["runs"]
    left = [one for one in ours.objects if one["kind"] not in ("Namespace", "Secret")]
    assert [one for one in theirs.objects if one["kind"] != "Secret"] == left
    closing = theirs.one("NetworkPolicy", "retort-executors")
    assert closing["metadata"]["namespace"] == "runs"


def test_no_secret_is_a_plain_value_of_a_container(render: Render) -> None:
    for _, spec in render("retort", *WAYS["dev"]).pods():
        for container in spec["containers"]:
            for variable in container.get("env", []):
                if any(word in variable["name"] for word in ("PASSWORD", "SECRET", "_KEY", "DATABASE_URL")):
                    file = variable.get("value", "").startswith("/var/run/retort")
                    assert "value" not in variable or file, variable


def test_the_operator_may_write_status_and_never_the_spec_of_a_task(render: Render) -> None:
    rules = render("retort", *EXTERNAL).one("ClusterRole", "retort-operator")["rules"]
    verbs = {resource: set(rule["verbs"]) for rule in rules for resource in rule["resources"]}
    assert "patch" in verbs["agenttasks/status"]
    assert not {"patch", "update", "create"} & verbs["agenttasks"]


# -- the cluster's part ----------------------------------------------------------------------------------------


def test_the_cluster_chart_installs_and_keeps_the_custom_resources(render: Render) -> None:
    found = render("retort-cluster")
    names = {
        one["metadata"]["name"]: one["metadata"]["annotations"]
        for one in found.of("CustomResourceDefinition")
    }
    assert set(names) == {"agenttasks.retort.dev", "datacommits.retort.dev", "executorprofiles.retort.dev"}
    assert all(annotations["helm.sh/resource-policy"] == "keep" for annotations in names.values())
    assert not render("retort-cluster", "crds.enabled=false").of("CustomResourceDefinition")
    left = render("retort-cluster", "crds.keep=false").of("CustomResourceDefinition")
    assert not any("helm.sh/resource-policy" in one["metadata"].get("annotations", {}) for one in left)


def test_the_copies_of_the_custom_resources_are_the_originals(render: Render) -> None:
    for path in (ROOT / "crds").glob("*.yaml"):
        assert (ROOT / "charts/retort-cluster/files/crds" / path.name).read_text() == path.read_text()


def test_roles_are_added_to_those_of_kubernetes_unless_told_not_to(render: Render) -> None:
    roles = {
        one["metadata"]["name"]: one["metadata"]["labels"]
        for one in render("retort-cluster").of("ClusterRole")
    }
    for name, builtin in (("retort-viewer", "view"), ("retort-editor", "edit"), ("retort-admin", "admin")):
        assert roles[name][f"rbac.authorization.k8s.io/aggregate-to-{builtin}"] == "true"
    plain = render("retort-cluster", "roles.aggregate=false").of("ClusterRole")
    assert not any(label.startswith("rbac") for one in plain for label in one["metadata"]["labels"])


def grants(role: Object, group: str, resource: str, verb: str) -> bool:
    """As the authorizer reads rules, names aside."""
    wanted = {"apiGroups": group, "resources": resource, "verbs": verb}
    return any(
        all({"*", value} & set(rule.get(key, ())) for key, value in wanted.items())
        for rule in role.get("rules") or ()
    )


def test_only_a_role_of_its_own_lets_the_executors_namespace_be_changed(render: Render) -> None:
    roles = [
        role
        for chart, values in (
            ("retort-cluster", ()),
            ("retort", WAYS["external"]),
            ("retort", WAYS["namespaced"]),
        )
        for kind in ("Role", "ClusterRole")
        for role in render(chart, *values).of(kind)
    ]
    holders = [one for one in roles if grants(one, "retort.dev", "executornamespaces", "administer")]
    assert [one["metadata"]["name"] for one in holders] == ["retort-executors-admin"]
    assert not any("aggregate-to" in label for label in holders[0]["metadata"]["labels"])
    assert len(roles) > 8  # of people, of the operator, of the API


def test_the_executors_namespace_is_asked_for_by_the_name_it_has(render: Render) -> None:
    found = render("retort-cluster", "executorsNamespace=runs")
    (rule,) = found.one("ClusterRole", "retort-executors-admin")["rules"]
    assert rule["resourceNames"] == ["runs"]
    binding = found.one("ValidatingAdmissionPolicyBinding", "retort-executor-namespace")["spec"]
    assert binding["matchResources"]["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": "runs"
    }


def test_every_policy_has_a_binding_that_denies(render: Render) -> None:
    found = render("retort-cluster")
    policies = {one["metadata"]["name"] for one in found.of("ValidatingAdmissionPolicy")}
    bindings = found.of("ValidatingAdmissionPolicyBinding")
    assert {one["spec"]["policyName"] for one in bindings} == policies
    assert all(one["spec"]["validationActions"] == ["Deny"] for one in bindings)
    assert not render("retort-cluster", "admission.enabled=false").of("ValidatingAdmissionPolicy")


def test_no_policy_stands_in_the_way_of_what_kubernetes_puts_away(render: Render) -> None:
    """A namespace goes only when all in it has gone. Match conditions do not know the namespace; an object is none on DELETE."""
    found = render("retort-cluster")
    deleting = [
        one
        for one in found.of("ValidatingAdmissionPolicy")
        if any(
            "DELETE" in rule["operations"] and "agenttasks" in rule["resources"]
            for rule in one["spec"]["matchConstraints"]["resourceRules"]
        )
    ]
    assert [one["metadata"]["name"] for one in deleting] == ["retort-agenttask-deletions"]
    spec = deleting[0]["spec"]
    conditions = {one["name"]: one["expression"] for one in spec["matchConditions"]}
    for controller in ("namespace-controller", "generic-garbage-collector"):
        assert f'"system:serviceaccount:kube-system:{controller}"' in conditions["not-a-controller"]
    assert "system:serviceaccount:retort-system:retort-operator" in conditions["not-the-operator"]
    assert "namespaceObject" not in str(conditions)
    assert all(one["expression"].startswith("variables.passing || ") for one in spec["validations"])
    assert {"name": "passing", "expression": "has(namespaceObject.metadata.deletionTimestamp)"} in spec[
        "variables"
    ]
    assert not re.search(r"\bobject\.", str([spec["variables"], spec["validations"]]))


def test_viewers_change_nothing(render: Render) -> None:
    (viewer,) = render("retort-cluster").of("ClusterRole", "retort-viewer")
    assert {verb for rule in viewer["rules"] for verb in rule["verbs"]} <= {"get", "list", "watch"}


@pytest.mark.parametrize(("chart", "values"), [("retort", ("dev.enabled=true",)), ("retort-cluster", ())])
def test_helm_finds_nothing_to_object_to(helm: str, chart: str, values: Any) -> None:
    options = [part for value in values for part in ("--set", value)]
    command = [helm, "lint", "--strict", str(ROOT / "charts" / chart), *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
