"""ValidatingAdmissionPolicies are in force on this cluster: what a policy forbids is refused with its sentence."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

import pytest

SENTENCE = "data stays below a hundred bytes"


@pytest.fixture
def policy(kubectl) -> Iterator[Callable[[str], str]]:
    """Installs a policy for the namespaces with a label of its own; gives the label's value."""
    name = f"retort-test-{uuid.uuid4().hex[:8]}"
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE"],
        "resources": ["configmaps"],
    }
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": name}}
    spec = {
        "failurePolicy": "Fail", "matchConstraints": {"resourceRules": [rule]},
        "validations": [{"expression": "object.data.all(k, size(object.data[k]) < 100)", "message": SENTENCE}],
    }  # fmt: skip
    selector = {"namespaceSelector": {"matchLabels": {"guarded-by": name}}}
    binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": selector}
    kubectl.apply(
        {**kind, "kind": "ValidatingAdmissionPolicy", "spec": spec},
        {**kind, "kind": "ValidatingAdmissionPolicyBinding", "spec": binding},
    )
    yield name
    for one in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        kubectl("delete", one, name)


def test_a_policy_refuses_what_it_forbids_and_nothing_else(policy, kubectl, namespace_of) -> None:
    inside = kubectl.inside(namespace_of(labels={"guarded-by": policy}))
    large = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "large"}, "data": {"k": "x" * 200}}
    end = time.monotonic() + 20
    while True:  # the API server takes a new policy up within a second or two and tells nobody
        try:
            said = inside.refused("create", "-f", "-", given=large)
            break
        except AssertionError:
            assert time.monotonic() < end, "the policy never came into force"
            inside("delete", "configmap", "large")
    assert SENTENCE in said
    inside.apply({**large, "metadata": {"name": "small"}, "data": {"k": "x"}})
    elsewhere = kubectl.inside(namespace_of())
    elsewhere.apply(large)
