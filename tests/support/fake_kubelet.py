"""The kubelet of the cluster in memory: starts Pods, tells what probes found, ends Pods."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fake_cluster import FakeCluster, Raw, Refusal


def reached_nothing(pod: Raw) -> Raw:
    targets = json.loads(pod["spec"]["containers"][0]["command"][-1])
    names = ("tcp", "udp", "unix", "read-file", "fork", "exec", "signal")
    return {
        "reached": dict.fromkeys(targets, "timeout"),
        "walls": {name: ["EPERM", "passed"] for name in names},
        "callers": 0,
    }


@dataclass
class FakeKubelet:
    """Starts Pods after `start` seconds and takes them away after `stop`. `probe`: what probe Pods tell."""

    cluster: FakeCluster
    start: float = 0.02
    stop: float = 0.01
    linger: float = 0.3  # of a probe Pod that is ready
    nodes: tuple[str, ...] = ("node-1",)
    probe: Callable[[Raw], Raw | None] = reached_nothing
    broken: bool = False  # executors end before they are ready
    held: bool = False  # executors do not start
    made: int = 0
    most: int = 0
    ips: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.cluster.on_change.append(self._changed)

    def _changed(self, plural: str, kind: str, body: Raw) -> None:
        if plural != "pods":
            return
        if kind == "ADDED":
            if body["metadata"]["labels"].get("retort.dev/role") == "executor":
                self.made += 1
                alive = [
                    pod
                    for pod in self.executors()
                    if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
                ]
                self.most = max(self.most, len(alive))
            self._spawn(self._run(body))
        elif kind == "MODIFIED" and "deletionTimestamp" in body["metadata"] and not body.get("stopping"):
            self._spawn(self._end(body))

    def executors(self) -> list[Raw]:
        return [
            pod
            for pod in self.cluster.all("pods")
            if pod["metadata"]["labels"].get("retort.dev/role") == "executor"
        ]

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, pod: Raw) -> None:
        meta = pod["metadata"]
        node = self.nodes[self.ips % len(self.nodes)]
        wanted = json.dumps(pod["spec"].get("affinity", {}))
        node = next((one for one in self.nodes if f'"{one}"' in wanted), node)
        self.ips += 1
        ip = f"10.1.{self.ips // 250 % 250}.{self.ips % 250 + 1}"
        await asyncio.sleep(self.start / 2)
        while self.held:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        self._patch(meta, {"spec": {"nodeName": node}})
        if self.broken and meta["labels"]["retort.dev/role"] == "executor":
            self.fail(meta["name"], meta["namespace"], "Error", "exit code 1")
            return
        await asyncio.sleep(self.start / 2)
        ready = [{"type": "Ready", "status": "True"}]
        self._patch(
            meta,
            {"status": {"phase": "Running", "podIP": ip, "hostIP": "10.0.0.9", "conditions": ready}},
            "status",
        )
        if meta["labels"]["retort.dev/role"] == "probe":
            await asyncio.sleep(self.linger)
            told = self.probe(pod)
            if told is not None:
                ended = {"terminated": {"exitCode": 0, "message": json.dumps(told)}}
                done = {
                    "phase": "Succeeded",
                    "containerStatuses": [{"state": ended}],
                    "conditions": [{"type": "Ready", "status": "False"}],
                }
                self._patch(meta, {"status": done}, "status")

    def fail(
        self, name: str, namespace: str, reason: str = "Evicted", message: str = "the node was low on memory"
    ) -> None:
        status = {
            "phase": "Failed",
            "reason": reason,
            "message": message,
            "conditions": [{"type": "Ready", "status": "False"}],
        }
        self.cluster.change("pods", name, namespace, {"status": status}, "status")

    def succeed(self, name: str, namespace: str) -> None:
        status = {"phase": "Succeeded", "conditions": [{"type": "Ready", "status": "False"}]}
        self.cluster.change("pods", name, namespace, {"status": status}, "status")

    def _patch(self, meta: Raw, patch: Raw, sub: str = "") -> None:
        try:
            self.cluster.change("pods", meta["name"], meta["namespace"], patch, sub)
        except Refusal:
            return

    async def _end(self, pod: Raw) -> None:
        await asyncio.sleep(self.stop)
        meta = pod["metadata"]
        if self.cluster.get("pods", meta["name"], meta["namespace"]) is not None:
            self.cluster.finalize("pods", meta["namespace"], meta["name"])
