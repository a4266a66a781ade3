"""What only somebody at the node can do: end a container's first process, freeze it, end a daemon, cut connections.

By the node of `tools/cluster` that RETORT_NODE names; processes are known by the container they belong to, never by a name.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
from tests.cluster.kube import ROOT, Refused
from tests.installed.apiserver import AWAY

CTR = ("ctr", "-a", "/run/containerd/containerd.sock", "-n", "k8s.io")


@dataclass(frozen=True)
class Container:
    """One start of a Pod's only container."""

    pod: str
    id: str
    address: str
    ready: bool


class Machine:
    """`client`: of the API server. What is to be struck may be over in a second, and a process of kubectl takes half of one."""

    def __init__(self, client: httpx.Client) -> None:
        name = os.environ.get("RETORT_NODE", "")
        assert name, (
            "These tests need a node of tools/cluster: `make test-cluster` brings one, RETORT_NODE names it."
        )
        self._tool = [sys.executable, str(ROOT / "tools" / "cluster")]
        self._name = ["--name", name]
        self._client = client

    def restart(self, daemon: str) -> None:
        """SIGKILL; returns when its successor runs."""
        self._run(["restart", *self._name, daemon])

    def signal(self, container: Container, signal: str) -> None:
        """To the container's first process."""
        self._ctr("kill", "--signal", signal, container.id)

    def freeze(self, container: Container) -> None:
        """Its first process with all its threads, as it stands; it is not told. By signal and not by the freezer of its
        cgroup, which on a busy machine gives up now and then ("unable to freeze")."""
        self.signal(container, "SIGSTOP")

    def thaw(self, container: Container) -> None:
        self.signal(container, "SIGCONT")

    def cut(self, address: str) -> int:
        """Every connection between the API server and this Pod ends with a reset; how many there were."""
        told = self._enter("ss", "-K", "-tnH", "sport", "=", ":6443", "and", "dst", address)
        return len(told.splitlines())

    def containers(self, namespace: str, selector: str) -> list[Container]:
        """Those that run, newest Pods last."""
        try:
            reply = self._client.get(
                f"/api/v1/namespaces/{namespace}/pods", params={"labelSelector": selector}, timeout=10
            )
            reply.raise_for_status()
            found = reply.json()["items"]
        except AWAY as problem:
            raise Refused(str(problem)) from problem
        found.sort(key=lambda pod: pod["metadata"]["creationTimestamp"])
        return [one for pod in found if (one := _container(pod)) is not None]

    def _ctr(self, *arguments: str) -> str:
        return self._enter(*CTR, "tasks", *arguments)

    def _enter(self, *command: str) -> str:
        return self._run(["enter", *self._name, *command])

    def _run(self, arguments: list[str]) -> str:
        done = subprocess.run(
            [*self._tool, *arguments], capture_output=True, text=True, check=False, timeout=120
        )
        if done.returncode != 0:
            raise Refused(done.stderr.strip() or done.stdout.strip())
        return done.stdout


def _container(pod: dict[str, Any]) -> Container | None:
    status = pod["status"]
    (told,) = status.get("containerStatuses") or ({},)
    if "running" not in (told.get("state") or {}) or pod["metadata"].get("deletionTimestamp"):
        return None
    return Container(
        pod["metadata"]["name"],
        told["containerID"].removeprefix("containerd://"),
        status["podIP"],
        bool(told["ready"]),
    )


def until(what: str, found: Callable[[], Any], seconds: float = 90, every: float = 0.1) -> Any:
    """The first thing that is true; while the API server is away there is none."""
    end = time.monotonic() + seconds
    while True:
        with suppress(Refused, subprocess.TimeoutExpired):
            if value := found():
                return value
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(every)
