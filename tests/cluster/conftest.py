"""A real cluster, by KUBECONFIG: programs to speak with it, namespaces that are put away, Pods that run Python.

Everything goes through kubectl and helm, as people do it; `make test-cluster` brings cluster, images and programs.
Without a cluster these tests fail. A Pod here has the shape of an executor unless a test says otherwise.
"""

from __future__ import annotations

import os
import tomllib
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from .kube import PATIENCE, ROOT, Program, Refused

PYTHON = "/opt/retort/bin/python"


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    named = os.environ.get("KUBECONFIG")
    if not named or not Path(named).exists():
        pytest.fail(
            "These tests need a cluster: run `make test-cluster` (or set KUBECONFIG to a test cluster's)."
        )
    return Path(named)


@pytest.fixture(scope="session")
def kubectl(kubeconfig: Path) -> Program:
    return Program("kubectl", kubeconfig)


@pytest.fixture(scope="session")
def helm(kubeconfig: Path) -> Program:
    return Program("helm", kubeconfig)


@pytest.fixture(scope="session")
def image() -> Callable[[str], str]:
    """An image of this version: `image("executor")`. RETORT_TEST_REGISTRY stands in front where it is set."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    registry = os.environ.get("RETORT_TEST_REGISTRY", "")
    return lambda name: f"{registry}/retort-{name}:{version}".lstrip("/")


@pytest.fixture
def namespace_of(kubectl: Program) -> Iterator[Callable[..., str]]:
    """`namespace_of("project", {label: value}, restricted=True)`; deleted with all in it when the test ends."""
    made: list[str] = []

    def make(
        prefix: str = "test", labels: Mapping[str, str] | None = None, *, restricted: bool = False
    ) -> str:
        name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        labelled = {
            **(labels or {}),
            **({"pod-security.kubernetes.io/enforce": "restricted"} if restricted else {}),
        }
        kubectl.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labelled}}
        )
        made.append(name)
        return name

    yield make
    if made:
        # Not waited for: Pods need up to their grace period, and names are never used again.
        kubectl("delete", "namespace", "--wait=false", *made)


@dataclass(frozen=True)
class Pod:
    """A Pod of one container, running Python from an image of ours."""

    kubectl: Program  # of its namespace
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def wait(self, phase: str) -> Pod:
        self.kubectl(
            "wait", f"pod/{self.name}", f"--for=jsonpath={{.status.phase}}={phase}", f"--timeout={PATIENCE}s"
        )
        return self

    def wait_ready(self) -> Pod:
        self.kubectl("wait", f"pod/{self.name}", "--for=condition=Ready", f"--timeout={PATIENCE}s")
        return self

    def output(self) -> str:
        """What it wrote, once it has succeeded."""
        try:
            self.wait("Succeeded")
        except Refused as problem:
            raise AssertionError(
                f"{problem}\n{self.logs()}\n{self.kubectl('describe', 'pod', self.name)}"
            ) from None
        return self.logs()

    def logs(self) -> str:
        try:
            return self.kubectl("logs", self.name)
        except Refused as problem:
            return str(problem)

    def object(self) -> dict[str, Any]:
        found: dict[str, Any] = self.kubectl.json("get", "pod", self.name)
        return found

    @property
    def address(self) -> str:
        return str(self.object()["status"]["podIP"])

    def run(self, code: str) -> str:
        return self.kubectl("exec", self.name, "--", PYTHON, "-I", "-c", code)


def shape(name: str, image: str, code: str, *, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The manifest of a Pod in the secure shape: `code` is run by Python, with a small folder in memory to write to."""
    container = {
        "name": "main", "image": image, "imagePullPolicy": "IfNotPresent", "command": [PYTHON, "-I", "-c", code],
        "securityContext": {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "10m", "memory": "64Mi"}},
    }  # fmt: skip
    spec = {
        "automountServiceAccountToken": False, "enableServiceLinks": False, "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}],
        "containers": [container],
    }  # fmt: skip
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": dict(labels or {})}, "spec": spec,
    }  # fmt: skip


@pytest.fixture
def pod_shape(image: Callable[[str], str]) -> Callable[..., dict[str, Any]]:
    """`pod_shape(name, code, image_name="executor", labels={})`: the manifest alone."""
    return lambda name, code, image_name="executor", **rest: shape(name, image(image_name), code, **rest)


@pytest.fixture
def start_pod(kubectl: Program, pod_shape: Callable[..., dict[str, Any]]) -> Callable[..., Pod]:
    """`start_pod(namespace, code, name="main", image_name="executor", labels={}, change=function(manifest))`."""

    def start(
        namespace: str, code: str, *, name: str = "main", image_name: str = "executor",
        labels: Mapping[str, str] | None = None, change: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> Pod:  # fmt: skip
        manifest = pod_shape(name, code, image_name, labels=labels)
        change(manifest)
        inside = kubectl.inside(namespace)
        inside.apply(manifest)
        return Pod(inside, name)

    return start
