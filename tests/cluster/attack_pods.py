"""Pods for attacks, in the product's own shape: made by the operator's Maker, under the policy that the chart renders.

`Ground` is a namespace with the chart's account and (where `walled`) network policy. `behind_the_door` gives hostile
code to an executor as the broker does; `without` starts the same Pod with a program of this test in the place of the door,
which is how a wall is taken away: no argument of the door does that.
"""

from __future__ import annotations

import asyncio
import io
import json
import re
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import attacks
import polars as pl

from retort_api.runs.pods import Dialler, networks
from retort_api.runs.session import Listener
from retort_core.handshake import Binding
from retort_core.http.internal import PodAddress
from retort_core.jobs import MIB, End, Job, Limits
from retort_core.resources import labels
from retort_core.resources.v1alpha1 import ExecutorProfileSpec
from retort_core.wire import read_parts
from retort_operator.pods import ACCOUNT, Maker

from .conftest import Pod
from .kube import ROOT, Program, clients

Attempt = tuple[str, str, Sequence[Any]]
K, TASK = b"K" * 32, "c" * 32
Place = TypeVar("Place")
PROGRAM = Path(__file__).with_name("attack_program.py").read_text("utf-8")
LONG = 180  # seconds
MEMORY = "640Mi"  # of a Pod; a run gets what is left beside the supervisor
RUN = Limits(seconds=60.0, memory_bytes=384 * MIB)
DIALLER = Dialler(secret=K, networks=networks("127.0.0.0/8"))

# PID 1 of a Pod without the door. `runs`: [(name, barriers that are left out, attempts)], each in a process of its own.
LAUNCH = """
import ctypes, json, os, subprocess, sys
told, code = json.loads(sys.argv[1]), sys.argv[2]
libc = ctypes.CDLL(None)
if told["dumpable"]:
    libc.prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)  # where Yama asks, anybody may look into this process
else:
    libc.prctl(4, 0, 0, 0, 0)
found = {}
for name, without, wanted in told["runs"]:
    done = subprocess.run([sys.executable, "-I", "-c", code, json.dumps([without, wanted])], env={}, capture_output=True, text=True)
    found[name] = json.loads(done.stdout) if done.stdout else done.stderr
print(json.dumps(found))
"""
CONFINED = (
    PROGRAM
    + """
import json, sys
from retort_core import confinement, forks
for one in forks.PRELOAD: forks._import(one)
without, wanted = json.loads(sys.argv[1])
confinement.confine(confinement.Profile(confinement.readable_paths(), barriers=confinement.ALL - set(without)), {0, 1, 2})
print(json.dumps(attempts(wanted)))
"""
)


@dataclass(frozen=True)
class Ground:
    kubectl: Program  # of its namespace
    namespace: str
    image: str

    def body(self) -> dict[str, Any]:
        spec = ExecutorProfileSpec.model_validate(
            {"image": self.image, "resources": {"cpu": "1", "memory": MEMORY, "scratch": "16Mi"}}
        )
        return Maker(namespace=self.namespace, secret=K).executor("attack", spec)

    def executor(self, change: Callable[[dict[str, Any]], None] = lambda _: None) -> Executor:
        """Started, and ready to be dialled."""
        body = self.body()
        change(body)
        self.kubectl.apply(body)
        found = Executor(Pod(self.kubectl, body["metadata"]["name"]), body)
        found.pod.wait_ready()
        return found

    def without(
        self,
        runs: Sequence[tuple[str, Sequence[str], Sequence[Attempt]]],
        change: Callable[[dict[str, Any]], None] = lambda _: None,
        *,
        dumpable: bool = True,
        secret: str = "",
    ) -> Pod:
        """A Pod that makes attempts without the door; its output is `{name: {attempt: word}}`."""
        body = self.body()
        container = body["spec"]["containers"][0]
        told = json.dumps({"runs": runs, "dumpable": dumpable})
        container["command"] = ["python", "-I", "-c", LAUNCH, told, CONFINED]
        container["env"] = [{"name": "SECRET", "value": secret}]
        for door in ("ports", "readinessProbe"):
            del container[door]
        change(body)
        self.kubectl.apply(body)
        return Pod(self.kubectl, body["metadata"]["name"])


def output_of(pod: Pod) -> Any:
    """What it wrote, once it has ended: several processes after one another, on a machine that has other things to do."""
    ended = "--for=jsonpath={.status.containerStatuses[0].state.terminated}"
    pod.kubectl("wait", f"pod/{pod.name}", ended, f"--timeout={LONG}s", seconds=LONG + 20)
    return json.loads(pod.output())


@contextmanager
def ground(
    kubectl: Program, helm: Program, image: str, *, walled: bool, restricted: bool
) -> Iterator[Ground]:
    name = f"attack-{uuid.uuid4().hex[:8]}"
    marks = {"pod-security.kubernetes.io/enforce": "restricted"} if restricted else {}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": marks}})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}}
    kubectl.inside(name).apply(account)
    if walled:
        chart = ("template", "retort", str(ROOT / "charts" / "retort"), "--namespace", "retort-system")
        only = (
            "--set",
            f"dev.enabled=true,executors.namespace={name}",
            "--show-only",
            "templates/executors/network.yaml",
        )
        kubectl("apply", "-f", "-", given=helm(*chart, *only))
    try:
        yield Ground(kubectl.inside(name), name, image)
    finally:
        kubectl("delete", "namespace", name, "--wait=false")


@dataclass(frozen=True)
class Executor:
    pod: Pod
    body: Mapping[str, Any]

    @property
    def nonce(self) -> str:
        return str(self.body["metadata"]["annotations"][labels.NONCE])

    @property
    def key(self) -> str:
        variables = self.body["spec"]["containers"][0]["env"]
        return str(next(one["value"] for one in variables if one["name"] == labels.SESSION_KEY_VARIABLE))

    def attempts(self, wanted: Sequence[Attempt]) -> dict[str, str]:
        """What came of hostile code in a run of this executor."""
        tail = (
            "def run(table):\n    import polars as pl\n"
            f"    found = attempts({list(wanted)!r})\n"
            "    return pl.DataFrame({'name': list(found), 'word': list(found.values())})\n"
        )
        ended, data, _ = self.run(PROGRAM + "\n" + tail)
        ended.raise_for_error()
        table = pl.read_ipc_stream(read_parts(data)["table"])
        return dict(table.iter_rows())

    def run(
        self, source: str, job_of: Callable[..., Job] = Job, limits: Limits = RUN, seconds: int = 120
    ) -> tuple[End, bytes, int]:
        """How it ended, its result, bytes of its log. `seconds`: of the session, which the door sees to by itself."""
        with self._forwarded() as port:
            return asyncio.run(
                self._run(
                    port, job_of(f"{TASK}-1", "script", {"source": source}, limits, ("table",)), seconds
                )
            )

    async def _run(self, port: int, job: Job, seconds: int) -> tuple[End, bytes, int]:
        name = self.pod.name
        address = PodAddress(name=name, uid="u", ip="127.0.0.1", port=port, nonce=self.nonce)
        sandbox = await DIALLER.dial(address, Binding(pod=name, task=TASK, attempt=1, seconds=seconds))
        chunks: list[bytes] = []
        logged: list[int] = []
        try:
            listener = Listener(chunk=chunks.append, log=lambda text: logged.append(len(text)))
            ended = await sandbox.session.run(job, [_table], listener)
        finally:
            await sandbox.close()
        return ended, b"".join(chunks), sum(logged)

    @contextmanager
    def _forwarded(self) -> Iterator[int]:
        """A port of this machine that leads to the door."""
        command = [
            f"{clients()}/kubectl",
            *self.pod.kubectl.before,
            "port-forward",
            f"pod/{self.pod.name}",
            ":7070",
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        try:
            told = re.search(r":(\d+) -> 7070", process.stdout.readline())
            assert told is not None
            yield int(told.group(1))
        finally:
            process.terminate()
            process.communicate()


def side_by_side(acts: Sequence[Callable[[Place], attacks.Seen]], place: Place) -> attacks.Seen:
    """What came of all of them, three at once, and written down where that is wished for."""
    with ThreadPoolExecutor(3) as pool:
        found = {
            cell: word
            for act in [pool.submit(one, place) for one in acts]
            for cell, word in act.result().items()
        }
    attacks.record(found)
    return found


async def _table() -> AsyncIterator[bytes]:
    out = io.BytesIO()
    pl.DataFrame({"x": [1, 2, 3]}).write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
    yield out.getvalue()
