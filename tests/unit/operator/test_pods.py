"""An executor's Pod as it is asked for: restricted in every way, and its key opens one session only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from retort_core.handshake import session_key
from retort_core.resources import labels
from retort_core.resources.v1alpha1 import ExecutorProfileSpec
from retort_operator.pods import Maker, claim_patch, limits_of, template_of, view

SECRET = b"K" * 32
SPEC = ExecutorProfileSpec(image="x@sha256:" + "0" * 64)
MAKER = Maker(namespace="retort-executors", secret=SECRET)


def pods() -> list[dict[str, Any]]:
    return [
        MAKER.executor("default", SPEC),
        MAKER.probe("default", SPEC, "node-1", {"api-server": "tcp:10.0.0.1:443"}),
    ]


@pytest.mark.parametrize("body", pods(), ids=["executor", "probe"])
def test_it_is_restricted_and_holds_nothing(body: dict[str, Any]) -> None:
    spec = body["spec"]
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert (spec["dnsPolicy"], spec["dnsConfig"]) == ("None", {"nameservers": ["127.0.0.1"]})
    assert not any(spec[name] for name in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"))
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] >= 20_000
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    limits = container["resources"]["limits"]
    # Memory is reserved whole; of processor time a fortieth, because a waiting executor uses none.
    assert container["resources"]["requests"] == {"cpu": "25m", "memory": limits["memory"]}
    assert limits["cpu"] == "1"
    assert spec["volumes"] == [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}]
    assert spec["restartPolicy"] == "Never"
    assert "lifecycle" not in container
    assert not [
        one
        for one in container["env"]
        if "secretKeyRef" in json.dumps(one) or "configMapKeyRef" in json.dumps(one)
    ]


def test_the_key_is_of_this_pod_and_nonce_and_the_secret_is_not_in_it() -> None:
    body = MAKER.executor("default", SPEC)
    name, nonce = body["metadata"]["name"], body["metadata"]["annotations"][labels.NONCE]
    values = {one["name"]: one["value"] for one in body["spec"]["containers"][0]["env"]}
    assert values == {
        labels.SESSION_KEY_VARIABLE: session_key(SECRET, name, nonce).hex(),
        labels.POD_NAME_VARIABLE: name,
    }
    assert SECRET.hex() not in json.dumps(body)


def test_health_is_asked_at_another_port_than_the_session() -> None:
    (container,) = MAKER.executor("default", SPEC)["spec"]["containers"]
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    assert container["readinessProbe"]["httpGet"]["port"] == ports["health"] != ports["session"]


def test_users_that_are_taken_are_not_given_out_again() -> None:
    taken = set(range(20_000, 59_000))
    for _ in range(20):
        user = MAKER.executor("default", SPEC, taken)["spec"]["securityContext"]["runAsUser"]
        assert user not in taken or len(taken) > 38_999


def test_a_claim_is_bound_to_the_pod_as_it_was_seen() -> None:
    raw = {**MAKER.executor("default", SPEC), "status": {"phase": "Running", "podIP": "10.0.0.1"}}
    raw["metadata"] |= {"uid": "u", "resourceVersion": "7"}
    patch = claim_patch(view(raw), "f" * 32, 2, "survey")
    assert (patch["metadata"]["uid"], patch["metadata"]["resourceVersion"]) == ("u", "7")
    assert patch["metadata"]["labels"][labels.TASK] == "f" * 32


def test_the_template_changes_with_the_pod_and_not_with_their_number() -> None:
    assert template_of(SPEC) == template_of(SPEC.model_copy(update={"replicas": 9, "capacity": 99}))
    assert template_of(SPEC) != template_of(SPEC.model_copy(update={"image": "y"}))


def test_a_run_gets_what_the_pod_has_less_what_the_supervisor_needs() -> None:
    limits = limits_of(SPEC, 30)
    assert limits.seconds == 30
    assert limits.memory_bytes == (2 << 30) - (256 << 20)
    assert limits_of(SPEC, 86_400).seconds == SPEC.limits.run_seconds
