"""Bringing a node up: build what is missing, start it, wait until Pods can run behind enforced policies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import archives
import builds
import certificates
import cgroups
import running
import settings
import tooling
from commands import NodeError, alone, beside_each_other, run, say, wait_until
from places import HERE, Node

MANIFESTS: Final = HERE / "manifests"
VOLUMES: Final = 40
SCRATCH: Final = ("kubelet", "pods", "volumes")
PATIENCE: Final = 120.0  # seconds for each step; 5 are usual, other work on the machine may take the cores


def up(node: Node) -> None:
    """Idempotent; when it returns, Pods run. A node that does not get there is taken down again."""
    if os.geteuid() != 0:
        raise NodeError("A node needs root: it makes namespaces, mounts and control groups.")
    with alone(node.folder / "starting"):  # two at once: the second waits and finds it up
        if running.keeper(node) is not None:
            say(f"the node {node.name!r} is up already")
            return
        build()
        began = time.monotonic()
        _prepare(node)
        _launch(node)
        try:
            _settle(node, began)
        except NodeError as problem:
            running.stop(node)
            raise NodeError(f"{problem}\nThe daemons' logs are in {node.logs}.") from None


def build() -> None:
    """What a node is made of. Compilers use every core: they come in turn, and downloads go on beside them."""
    tooling.need("openssl", "mmdebstrap")
    beside_each_other(
        lambda: [make() for make in (builds.calico, builds.coredns, builds.kubernetes)],
        lambda: [make() for make in (builds.pause, builds.system, builds.clients)],
    )


def _prepare(node: Node) -> None:
    cgroups.remove(node.cgroup)
    for folder in (node.scratch, node.logs):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (node.logs, node.containerd, node.mounts, *(node.scratch / name for name in SCRATCH)):
        folder.mkdir(parents=True, exist_ok=True)
    node.first_process.unlink(missing_ok=True)
    for kubeconfig in (node.kubeconfig, node.super_kubeconfig):
        kubeconfig.unlink(missing_ok=True)
    node.lock.touch()
    certificates.make(node)
    settings.write(node)


def _launch(node: Node) -> None:
    with (node.logs / "keeper.log").open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, str(HERE), "keep", "--name", node.name],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
        )  # fmt: skip

    def started() -> bool:
        if keeper.poll() is not None:
            raise NodeError(f"The node did not start: {(node.logs / 'keeper.log').read_text()[-2000:]}")
        return node.first_process.exists() and bool(node.first_process.read_text())

    wait_until("the node's first process", started, seconds=PATIENCE, every=0.02)


def _settle(node: Node, began: float) -> None:
    kubectl, first = Kubectl(node.kubeconfig), Kubectl(node.super_kubeconfig)
    times: dict[str, float] = {}

    def reached(step: str, ready: Callable[[], bool]) -> None:
        wait_until(step, ready, seconds=PATIENCE)
        times[step] = time.monotonic() - began

    reached("containerd", lambda: _answers(running.inside(node, *running.CTR, "version")))
    for image, archive in system_images().items():
        running.load(node, archive, image)
    reached("API", lambda: first.succeeds("get", "--raw=/readyz"))
    first(*APPLY, MANIFESTS / "administrators.yaml")
    reached("administrators", lambda: kubectl.succeeds("auth", "can-i", "*", "*", "--all-namespaces"))
    for path in (MANIFESTS / "rbac.yaml", builds.calico() / "crds", MANIFESTS / "dns.yaml"):
        kubectl(*APPLY, path)
    kubectl(*APPLY, _volumes(node))
    wait_until(
        "Calico's types", lambda: kubectl.succeeds(*APPLY, MANIFESTS / "calico.yaml"), seconds=PATIENCE
    )
    reached("node", lambda: kubectl.node_ready(node.name))
    reached("service account", lambda: kubectl.succeeds("get", "serviceaccount", "default"))
    reached("DNS", lambda: kubectl.succeeds(*AVAILABLE, "deployment/coredns"))
    say(
        f"{node.name} is up: " + ", ".join(f"{step} after {seconds:.1f} s" for step, seconds in times.items())
    )


def system_images() -> dict[str, Path]:
    """What the node itself runs as Pods."""
    found = {}
    for image, folder, path, entry in (
        (settings.PAUSE_IMAGE, builds.pause(), "pause", ["/pause"]),
        ("localhost/coredns:1", builds.coredns(), "coredns", ["/coredns"]),
    ):
        archive = folder / "image.tar"
        if not archive.exists():
            archives.write(archive, image, {path: folder / path}, {"Entrypoint": entry, "User": "65534"})
        found[image] = archive
    return found


def _volumes(node: Node) -> Path:
    """A default class of storage and folders to claim, each once: what a cluster has from a provisioner."""
    meta = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}, "name": "local"}
    items: list[dict[str, Any]] = [
        {
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": meta,
            "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
        }
    ]  # fmt: skip
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node.name]}
    for number in range(VOLUMES):
        (node.scratch / "volumes" / str(number)).mkdir(parents=True, exist_ok=True)
        spec = {
            "capacity": {"storage": "100Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "local",
            "persistentVolumeReclaimPolicy": "Retain", "local": {"path": f"/var/lib/volumes/{number}"},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        }  # fmt: skip
        volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"local-{number}"}}
        items.append({**volume, "spec": spec})
    path = node.folder / "volumes.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return path


def _answers(command: Sequence[str | Path]) -> bool:
    try:
        run(command)
    except NodeError:
        return False
    return True


APPLY: Final = ("apply", "--server-side", "-f")
AVAILABLE: Final = ("wait", "--for=condition=Available", "--timeout=5s", "-n", "kube-system")


class Kubectl:
    """As one of the node's administrators."""

    def __init__(self, kubeconfig: Path) -> None:
        self._program: list[str | Path] = [builds.clients() / "kubectl", f"--kubeconfig={kubeconfig}"]

    def __call__(self, *arguments: str | Path) -> str:
        return run([*self._program, *arguments])

    def succeeds(self, *arguments: str | Path) -> bool:
        return _answers([*self._program, *arguments])

    def node_ready(self, name: str) -> bool:
        wanted = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
        try:
            return self("get", "node", name, "-o", wanted) == "True"
        except NodeError:
            return False
