"""A kubelet whose executors are real: it starts the program that a Pod names, as a process with a loopback address of its own.

Probe Pods are not run: what they tell is `FakeKubelet`'s.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field

from fake_cluster import Raw
from fake_kubelet import FakeKubelet

# All executors listen on the same port, so each process of a test run has addresses of its own.
HALF = f"127.{1 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw'))}"
NETWORK = f"{HALF}.0.0/16"


@dataclass
class DoorKubelet(FakeKubelet):
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    async def _run(self, pod: Raw) -> None:
        meta = pod["metadata"]
        if meta["labels"]["retort.dev/role"] != "executor":
            await super()._run(pod)
            return
        self.ips += 1
        ip = f"{HALF}.{self.ips // 250 % 250}.{self.ips % 250 + 1}"
        self._patch(meta, {"spec": {"nodeName": self.nodes[0]}})
        process = await self._started(pod, ip)
        self.processes[meta["name"]] = process
        assert process.stderr is not None
        if not (await process.stderr.readline()).startswith(b"ready"):
            self.fail(meta["name"], meta["namespace"], "Error", "the executor did not get ready")
            return
        running = {"phase": "Running", "podIP": ip, "hostIP": "127.0.0.1", "conditions": _ready("True")}
        self._patch(meta, {"status": running}, "status")
        code = await process.wait()
        over = {"phase": "Failed" if code else "Succeeded", "conditions": _ready("False")}
        self._patch(meta, {"status": over}, "status")

    async def _started(self, pod: Raw, ip: str) -> asyncio.subprocess.Process:
        container = pod["spec"]["containers"][0]
        given = {one["name"]: one["value"] for one in container["env"]}
        _, *arguments = container["command"]
        return await asyncio.create_subprocess_exec(
            *(sys.executable, *arguments, "--host", ip),
            env={"PATH": os.environ["PATH"], **given}, stderr=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    async def _end(self, pod: Raw) -> None:
        await self.kill(pod["metadata"]["name"])
        await super()._end(pod)

    async def kill(self, name: str) -> None:
        process = self.processes.pop(name, None)
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def close(self) -> None:
        await super().close()
        for name in list(self.processes):
            await self.kill(name)


def _ready(value: str) -> list[Raw]:
    return [{"type": "Ready", "status": value}]
