"""Bringing a node up: build what is missing, start it, wait until Pods can run behind enforced policies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import archives
import builds
import certificates
import cgroups
import running
import settings
import tooling
from commands import NodeError, alone, run, say, wait_until
from places import HERE, Node

MANIFESTS: Final = HERE / "manifests"
PATIENCE: Final = 120.0  # seconds for each step; 5 are usual, other work on the machine may take the cores


def up(node: Node) -> None:
    """Idempotent; when it returns, Pods run. A node that does not get there is taken down again."""
    if os.geteuid() != 0:
        raise NodeError("A node needs root: it makes namespaces, mounts and control groups.")
    with alone(node.folder / "starting"):  # two at once: the second waits and finds it up
        if running.keeper(node) is not None:
            say(f"the node {node.name!r} is up already")
            return
        _build()
        began = time.monotonic()
        _prepare(node)
        _launch(node)
        try:
            _settle(node, began)
        except NodeError as problem:
            running.stop(node)
            raise NodeError(f"{problem}\nThe daemons' logs are in {node.logs}.") from None


def _build() -> None:
    tooling.need("openssl", "mmdebstrap")
    for build in (builds.system, builds.pause, builds.clients, builds.calico, builds.kubernetes):
        build()


def _prepare(node: Node) -> None:
    cgroups.remove(node.cgroup)
    for folder in (node.scratch, node.logs):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (node.logs, node.containerd, node.mounts, node.scratch / "kubelet", node.scratch / "pods"):
        folder.mkdir(parents=True, exist_ok=True)
    node.first_process.unlink(missing_ok=True)
    node.kubeconfig.unlink(missing_ok=True)
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
    kubectl = Kubectl(node)
    times: dict[str, float] = {}

    def done(step: str) -> None:
        times[step] = time.monotonic() - began

    _load_pause(node)
    wait_until("the API server", lambda: kubectl.succeeds("get", "--raw=/readyz"), seconds=PATIENCE)
    done("API ready")
    kubectl.apply(MANIFESTS / "rbac.yaml", builds.calico() / "crds")
    wait_until(
        "Calico's types", lambda: kubectl.succeeds(*APPLY, str(MANIFESTS / "calico.yaml")), seconds=PATIENCE
    )
    wait_until("the node to be Ready", lambda: kubectl.node_ready(node.name), seconds=PATIENCE)
    done("node Ready")
    wait_until(
        "the default service account",
        lambda: kubectl.succeeds("get", "serviceaccount", "default", "-o", "name"),
        seconds=PATIENCE,
    )
    done("usable")
    say(f"{node.name}: " + ", ".join(f"{step} after {seconds:.1f} s" for step, seconds in times.items()))


def _load_pause(node: Node) -> None:
    archive = builds.pause() / "pause.tar"
    if not archive.exists():
        program = builds.pause() / "pause"
        archives.write(
            archive, settings.PAUSE_IMAGE, {"pause": program}, {"Entrypoint": ["/pause"], "User": "65535"}
        )
    wait_until(
        "containerd", lambda: _answers(running.inside(node, *running.CTR, "version")), seconds=PATIENCE
    )
    running.load(node, archive, settings.PAUSE_IMAGE)


def _answers(command: Sequence[str | Path]) -> bool:
    try:
        run(command)
    except NodeError:
        return False
    return True


APPLY: Final = ("apply", "--server-side", "-f")


class Kubectl:
    """As the node's administrator."""

    def __init__(self, node: Node) -> None:
        self._program: list[str | Path] = [builds.clients() / "kubectl", f"--kubeconfig={node.kubeconfig}"]

    def __call__(self, *arguments: str | Path) -> str:
        return run([*self._program, *arguments])

    def succeeds(self, *arguments: str) -> bool:
        return _answers([*self._program, *arguments])

    def apply(self, *paths: Path) -> None:
        for path in paths:
            self(*APPLY, path)

    def node_ready(self, name: str) -> bool:
        wanted = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
        try:
            return self("get", "node", name, "-o", wanted) == "True"
        except NodeError:
            return False
