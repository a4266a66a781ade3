"""The executor Pod's first process on loopback: who gets in, who does not, and that it serves one client and ends."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2 as httpx
import polars as pl
import pytest
import servers

from retort_api.runs.pods import Dialler, networks
from retort_api.runs.session import Listener, Session
from retort_core.door import HANDSHAKE_SECONDS, Health
from retort_core.errors import DataError, PolicyDenied, SessionLost
from retort_core.handshake import GREETING, Binding, session_key
from retort_core.http.internal import PodAddress
from retort_core.jobs import End, Job, Limits
from retort_core.wire import read_parts

K, NONCE, NAME = b"K" * 32, "ab" * 16, "executor-1"
TASK = "c" * 32
HONEST = "import polars as pl\ndef run(table):\n    return table.select(total=pl.col('x').sum())\n"


def stream(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    table.write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
    return out.getvalue()


TABLE = stream(pl.DataFrame({"x": [1, 2, 3]}))


class Pod:
    def __init__(self) -> None:
        self.port, self.health = servers.free_ports(2)
        environment = {
            "RETORT_SESSION_KEY": session_key(K, NAME, NONCE).hex(),
            "RETORT_POD_NAME": NAME,
        }
        command = [sys.executable, "-I", "-m", "retort_core.door", "--worker", "retort_executor.worker:main"]
        ports = ["--host", "127.0.0.1", "--port", str(self.port), "--health-port", str(self.health)]
        self.process = subprocess.Popen(
            [*command, *ports, "--threads", "1"], env=environment, stderr=subprocess.PIPE
        )
        assert self.process.stderr is not None
        self.first = self.process.stderr.readline().decode()

    def address(self, **changes: Any) -> PodAddress:
        given = {"name": NAME, "uid": "u", "ip": "127.0.0.1", "port": self.port, "nonce": NONCE, **changes}
        return PodAddress(**given)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture
def pod() -> Iterator[Pod]:
    made = Pod()
    yield made
    made.stop()


DIALLER = Dialler(secret=K, networks=networks("127.0.0.0/8"))


def binding(seconds: int = 60, **changes: Any) -> Binding:
    return Binding(**{"pod": NAME, "task": TASK, "attempt": 1, "seconds": seconds, **changes})


async def run(
    pod: Pod, source: str = HONEST, attempt: str = f"{TASK}-1", seconds: int = 60
) -> tuple[End, bytes]:
    sandbox = await DIALLER.dial(pod.address(), binding(seconds))
    chunks: list[bytes] = []
    job = Job(attempt, "script", {"source": source}, Limits(seconds=20), ("table",))

    async def table() -> AsyncIterator[bytes]:
        yield TABLE

    try:
        return await sandbox.session.run(job, [table], Listener(chunk=chunks.append)), b"".join(chunks)
    finally:
        await sandbox.close()


def test_a_pod_is_ready_only_with_every_barrier_up(pod: Pod) -> None:
    assert pod.first.startswith("ready: ")
    assert "filter" in pod.first
    assert "landlock" in pod.first
    assert asked_of_health(pod.health) == 200


def asked_of_health(port: int) -> int:
    return httpx.get(f"http://127.0.0.1:{port}", timeout=10, trust_env=False).status_code


def test_a_probe_is_answered_when_every_barrier_was_tried_and_waits_for_that() -> None:
    """Regression: the port refused until then; each refusal was an event, and readiness was seen up to a second late."""
    (port,) = servers.free_ports(1)
    health = Health("127.0.0.1", port)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(asked_of_health, port)
        assert not wait([asked], 0.3).done
        health.ready()
        assert asked.result(10) == 200
    assert asked_of_health(port) == 200


def test_a_caller_that_says_nothing_keeps_nobody_from_being_answered() -> None:
    (port,) = servers.free_ports(1)
    Health("127.0.0.1", port).ready()
    with socket.create_connection(("127.0.0.1", port), 5), socket.create_connection(("127.0.0.1", port), 5):
        assert asked_of_health(port) == 200


def test_a_proven_client_gets_one_run_and_the_pod_ends(pod: Pod) -> None:
    end, data = asyncio.run(run(pod))
    assert end.ok
    assert pl.read_ipc_stream(read_parts(data)["table"]).item() == 6
    assert pod.process.wait(10) == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", pod.port), 5)


LEAVES = """
import builtins, math, os
import polars as pl
def run(table):
    found = [hasattr(math, "left"), hasattr(builtins, "left"), "LEFT" in os.environ, os.path.exists("/tmp/left")]
    math.left = builtins.left = table
    os.environ["LEFT"] = "1"
    try:
        with open("/tmp/left", "w") as file:
            file.write("1")
    except OSError:
        pass
    return pl.DataFrame({"found": [any(found)], "pid": [os.getpid()], "rows": [table.height]})
"""


async def table_of(rows: int) -> AsyncIterator[bytes]:
    yield stream(pl.DataFrame({"x": range(rows)}))


async def asked(session: Session, source: str, rows: int = 3, attempt: str = f"{TASK}-1") -> dict[str, Any]:
    chunks: list[bytes] = []
    job = Job(attempt, "script", {"source": source}, Limits(seconds=20), ("table",))
    end = await session.run(job, [lambda: table_of(rows)], Listener(chunk=chunks.append))
    end.raise_for_error()
    return pl.read_ipc_stream(read_parts(b"".join(chunks))["table"]).row(0, named=True)


def test_a_client_gives_one_job_after_another_and_none_sees_anything_of_those_before(pod: Pod) -> None:
    async def three() -> list[dict[str, Any]]:
        sandbox = await DIALLER.dial(pod.address(), binding())
        try:
            return [await asked(sandbox.session, LEAVES, rows) for rows in (3, 5, 7)]
        finally:
            await sandbox.close()

    told = asyncio.run(three())
    assert [(one["found"], one["rows"]) for one in told] == [(False, 3), (False, 5), (False, 7)]
    assert len({one["pid"] for one in told}) == 3
    assert pod.process.wait(10) == 0


def test_a_job_that_fails_takes_nothing_from_the_next(pod: Pod) -> None:
    async def two() -> dict[str, Any]:
        sandbox = await DIALLER.dial(pod.address(), binding())
        try:
            with pytest.raises(DataError):
                await asked(sandbox.session, "def run(table):\n    raise ValueError('no')\n")
            return await asked(sandbox.session, HONEST)
        finally:
            await sandbox.close()

    assert asyncio.run(two()) == {"total": 3}
    assert pod.process.wait(10) == 0


def test_a_second_client_is_not_let_in_between_two_jobs_nor_after_the_first_has_left(pod: Pod) -> None:
    async def both() -> None:
        first = await DIALLER.dial(pod.address(), binding())
        try:
            await asked(first.session, HONEST)
            with pytest.raises(SessionLost):
                await DIALLER.dial(pod.address(), binding())
            await asked(first.session, HONEST)
        finally:
            await first.close()
        with pytest.raises(SessionLost):
            await DIALLER.dial(pod.address(), binding())

    asyncio.run(both())
    assert pod.process.wait(10) == 0
    with pytest.raises(SessionLost):
        asyncio.run(DIALLER.dial(pod.address(), binding()))


def test_a_second_job_of_another_attempt_is_refused(pod: Pod) -> None:
    async def both() -> None:
        sandbox = await DIALLER.dial(pod.address(), binding())
        try:
            await asked(sandbox.session, HONEST)
            with pytest.raises(PolicyDenied):
                await asked(sandbox.session, HONEST, attempt=f"{TASK}-2")
        finally:
            await sandbox.close()

    asyncio.run(both())
    assert pod.process.wait(10) == 1


def test_while_a_client_gives_no_further_job_no_worker_waits_for_one(pod: Pod) -> None:
    """Most runs are of one job: after it nothing is warmed up that would take time from others of the node."""

    async def one() -> list[int]:
        sandbox = await DIALLER.dial(pod.address(), binding())
        try:
            used = (await asked(sandbox.session, LEAVES))["pid"]
            return await asyncio.to_thread(_those_after, pod, used)
        finally:
            await sandbox.close()

    assert asyncio.run(one()) == []


def _those_after(pod: Pod, used: int) -> list[int]:
    """Workers that are there a while after the one of a job has ended."""
    (server,) = _children(pod.process.pid)
    until = time.monotonic() + 20
    while used in _children(server) and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.3)
    return _children(server)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_client_without_the_key_is_turned_away_and_the_door_stays_open(pod: Pod) -> None:
    stranger = Dialler(secret=b"X" * 32, networks=DIALLER.networks)
    with pytest.raises((SessionLost, PolicyDenied)):
        asyncio.run(stranger.dial(pod.address(), binding()))
    end, _ = asyncio.run(run(pod))
    assert end.ok


def test_a_client_that_means_another_pod_is_turned_away(pod: Pod) -> None:
    with pytest.raises((SessionLost, PolicyDenied)):
        asyncio.run(DIALLER.dial(pod.address(), binding(pod="executor-2")))
    assert asyncio.run(run(pod))[0].ok


def test_a_client_that_says_nothing_does_not_hold_the_door(pod: Pod) -> None:
    """Who comes meanwhile hears nothing until the silent one is shown out, and then is greeted."""
    here, patience = ("127.0.0.1", pod.port), 5 * HANDSHAKE_SECONDS
    with socket.create_connection(here, patience) as silent:
        assert len(silent.recv(GREETING)) == GREETING
        with socket.create_connection(here, 1) as second:
            with pytest.raises(TimeoutError):
                second.recv(1)
            assert silent.recv(1) == b""
            second.settimeout(patience)
            assert len(second.recv(GREETING)) == GREETING
    assert asyncio.run(run(pod))[0].ok


def test_a_second_client_finds_the_door_closed_while_a_run_goes_on(pod: Pod) -> None:
    async def both() -> End:
        first = await DIALLER.dial(pod.address(), binding())
        with pytest.raises(SessionLost):
            await DIALLER.dial(pod.address(), binding())
        job = Job(f"{TASK}-1", "script", {"source": HONEST}, Limits(seconds=20), ("table",))

        async def table() -> AsyncIterator[bytes]:
            yield TABLE

        try:
            return await first.session.run(job, [table], Listener(chunk=lambda _: None))
        finally:
            await first.close()

    assert asyncio.run(both()).ok


def test_a_job_of_another_attempt_is_refused(pod: Pod) -> None:
    """The claim was for attempt 1; the same broker may not run anything else here."""
    with pytest.raises((SessionLost, PolicyDenied)):
        asyncio.run(run(pod, attempt=f"{TASK}-2"))[0].raise_for_error()
    assert pod.process.wait(10) != 0


def test_the_session_has_its_own_deadline(pod: Pod) -> None:
    with pytest.raises(SessionLost):
        asyncio.run(run(pod, "while True: pass", seconds=1))
    assert pod.process.wait(10) == 124


def test_the_deadline_is_that_of_each_job_and_of_the_wait_for_it(pod: Pod) -> None:
    """Jobs that take longer together than one may; then a client that gives none and stays."""

    async def slow() -> None:
        sandbox = await DIALLER.dial(pod.address(), binding(seconds=5))
        try:
            for _ in range(3):
                await asked(
                    sandbox.session, "import time\n" + HONEST.replace("    ", "    time.sleep(2)\n    ")
                )
            assert await sandbox.session.reader.read(1) == b""
        finally:
            await sandbox.close()

    asyncio.run(slow())
    assert pod.process.wait(10) == 124


def test_a_client_that_leaves_ends_the_pod(pod: Pod) -> None:
    async def leave() -> None:
        await (await DIALLER.dial(pod.address(), binding())).close()

    asyncio.run(leave())
    assert pod.process.wait(10) is not None


def test_the_pod_ends_at_once_when_told_to(pod: Pod) -> None:
    pod.process.send_signal(signal.SIGTERM)
    assert pod.process.wait(2) == 0


@pytest.mark.parametrize("ip", ["10.0.0.1", "169.254.169.254", "::1", "nonsense"])
def test_an_address_outside_the_pods_networks_is_not_dialled(ip: str) -> None:
    """Refused before a socket exists, so no packet leaves."""
    address = PodAddress(name=NAME, uid="u", ip=ip, port=1, nonce=NONCE)
    with pytest.raises(PolicyDenied):
        asyncio.run(DIALLER.dial(address, binding()))


def test_the_key_is_in_no_environment_below_the_first_process(pod: Pod) -> None:
    children = _below(pod.process.pid)
    assert children
    for child in children:
        assert b"SESSION_KEY" not in Path(f"/proc/{child}/environ").read_bytes()


def _below(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                found.append(int(entry.name))
    return [*found, *(below for child in found for below in _below(child))] if os.geteuid() == 0 else found
