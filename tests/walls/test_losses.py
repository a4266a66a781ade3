"""Processes that die at the wrong moment, and users that are not root: no orphan, no hang, a clear end."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from retort_core.errors import DataError, Infrastructure, LimitExceeded, SessionLost
from retort_core.jobs import End, Job
from retort_core.probing import Targeting, probe
from retort_core.sessions import Progress, Session

WORKER = "retort_executor.worker:main"
USER = 61999  # below the users that workers of root become
THREADS = (
    "import threading, time\n"
    "def run(table):\n"
    "    while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
)
SLEEP = "import time\ndef run(table):\n    time.sleep(60)\n"


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def sleeping(bench) -> tuple[int, int]:
    """Fork server and worker of a run that has reached its script."""
    bench.start(SLEEP)
    for word in bench.session.frames():
        if word == Progress({"stage": "running"}):
            break
    (server,) = children(bench.session.process_id)
    (worker,) = children(server)
    return server, worker


def ended(pid: int, seconds: float = 20.0) -> bool:
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            return bool(select.select([descriptor], [], [], seconds)[0])
        finally:
            os.close(descriptor)
    return True


def test_a_worker_killed_from_outside(fresh_bench) -> None:
    _, worker = sleeping(fresh_bench)
    os.kill(worker, signal.SIGKILL)
    with pytest.raises(Infrastructure, match="system killed the sandbox"):
        fresh_bench.end().raise_for_error()
    assert fresh_bench.honest() == 6


def test_a_fork_server_killed_takes_its_worker_along_and_is_replaced(fresh_bench) -> None:
    server, worker = sleeping(fresh_bench)
    os.kill(server, signal.SIGKILL)
    with pytest.raises(Infrastructure, match="lost during the run"):
        fresh_bench.end().raise_for_error()
    assert ended(worker)
    assert fresh_bench.honest() == 6


def test_a_supervisor_killed_leaves_no_process(fresh_bench) -> None:
    server, worker = sleeping(fresh_bench)
    os.kill(fresh_bench.session.process_id, signal.SIGKILL)
    assert ended(server)
    assert ended(worker)
    with pytest.raises(SessionLost):
        fresh_bench.end()
    with pytest.raises(SessionLost):
        fresh_bench.honest()


def test_a_client_that_leaves_ends_everything(fresh_bench) -> None:
    supervisor = fresh_bench.session.process_id
    server, worker = sleeping(fresh_bench)
    fresh_bench.session.close()
    assert ended(supervisor)
    assert ended(server)
    assert ended(worker)


def test_once_means_one_job() -> None:
    with Session.start("retort_core.probing:main", once=True) as session, Targeting() as targets:
        session.run(Job("a", "probe", targets), {})
        assert ended(session.process_id)


def test_what_is_no_job_is_told_and_ends_the_session() -> None:
    with Session.start("retort_core.probing:main") as session:
        session._write(b"\x01\x00\x00\x00\x02{}")
        *_, end = session.frames()
        assert isinstance(end, End)
        assert end.error is not None
        assert "without a needed field" in end.error.message
        assert ended(session.process_id)


def test_a_slow_client_makes_the_worker_wait(fresh_bench) -> None:
    fresh_bench.start(BIG)
    words = fresh_bench.session.frames()
    next(words)
    supervisor = fresh_bench.session.process_id
    select.select([], [], [], 0.5)  # long enough for the worker to have written all, were it let
    resident = int(Path(f"/proc/{supervisor}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert resident < 40 << 20  # the supervisor has not stored the 32 MB for the client
    *_, end = words
    assert end.ok


BIG = "import polars as pl\ndef run(table):\n    return pl.DataFrame({'x': pl.repeat(1, 8_000_000, eager=True)})\n"


def test_a_client_that_never_reads_and_leaves_ends_everything(fresh_bench) -> None:
    fresh_bench.start(BIG)
    (server,) = children(fresh_bench.session.process_id)
    select.select([], [], [], 0.3)
    supervisor = fresh_bench.session.process_id
    fresh_bench.session.close()
    assert ended(supervisor)
    assert ended(server)


def test_a_client_that_reads_too_late_is_told_of_the_deadline(fresh_bench, small) -> None:
    fresh_bench.start(BIG, small(seconds=0.5, output_bytes=1 << 30))
    select.select([], [], [], 0.8)
    with pytest.raises(LimitExceeded, match="longer than"):
        fresh_bench.end().raise_for_error()
    assert fresh_bench.honest() == 6


# As a user without rights -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def anyones_python(tmp_path_factory) -> Iterator[str]:
    """An interpreter that every user may run, with the modules of this environment."""
    base = Path("/usr/bin/python3")
    if os.getuid() == 0 and not base.exists():
        pytest.skip("no interpreter that other users may run")
    folder = Path("/var/tmp") / f"retort-python-{os.getpid()}"
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    site.mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(base)
    (folder / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
    places = [sysconfig.get_path("purelib"), *(path for path in sys.path if path.endswith("/src"))]
    (site / "all.pth").write_text("\n".join(places))
    yield str(folder / "bin" / "python")
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def ordinary(anyones_python: str) -> Iterator[Session]:
    with Session.start(WORKER, threads=2, user=USER, python=anyones_python) as session:
        yield session


@pytest.mark.skipif(os.getuid() != 0, reason="the other tests already run as an ordinary user")
class TestAsAnOrdinaryUser:
    def test_the_walls_are_the_same_but_for_the_user(self, ordinary) -> None:
        enforced = ordinary.hello["enforced"]
        assert enforced["uid"] == USER
        assert {"filter", "landlock", "limits", "privileges", "descriptors"} <= set(enforced["barriers"])

    def test_scripts_run_and_limits_hold(self, ordinary, bench_of, small) -> None:
        bench = bench_of(ordinary)
        assert bench.honest() == 6
        with pytest.raises(LimitExceeded, match="256 MiB"):
            bench.run(
                "def run(table):\n    held = []\n    while True: held.append(bytearray(1 << 20))\n", small()
            )
        with pytest.raises(DataError, match="PermissionError"):
            bench.run("def run(table):\n    open('/etc/passwd')\n")
        with pytest.raises((DataError, LimitExceeded), match="thread"):
            bench.run(THREADS, small())
        assert bench.honest() == 6

    def test_the_probe_proves_it(self, anyones_python: str) -> None:
        report = probe(user=USER, python=anyones_python)
        assert report.proven, report.lines()
