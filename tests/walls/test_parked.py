"""Workers that wait behind their walls for a job: each does one, sees nothing of another, and goes with its supervisor."""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
import select
import signal
import time
from pathlib import Path

import polars as pl
import pytest

from retort_core.errors import Cancelled, Infrastructure, LimitExceeded, SessionLost
from retort_core.jobs import MIB, Job, Limits
from retort_core.wire import FrameType, encode, encode_data, encode_done, encode_json

WHO = "import os\nimport polars as pl\ndef run(table):\n    return pl.DataFrame({'pid': [os.getpid()]})\n"


def stream(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    table.write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
    return out.getvalue()


TABLE = stream(pl.DataFrame({"x": [1, 2, 3]}))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def server_of(bench) -> int:
    (server,) = children(bench.session.process_id)
    return server


def parked(bench, other_than: int = 0) -> int:
    """The worker that waits; the next one is forked right after the end of a job is told."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = [child for child in children(server_of(bench)) if child != other_than]
        if found:
            return found[0]
        os.sched_yield()
    raise AssertionError("no worker was parked")


def ended(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            return bool(select.select([descriptor], [], [], 20)[0])
        finally:
            os.close(descriptor)
    return True


def test_a_worker_waits_before_its_job_and_is_used_for_one(fresh_bench) -> None:
    seen = set()
    for _ in range(3):
        waiting = parked(fresh_bench)
        used = int(fresh_bench.table(WHO)["pid"].item())
        assert used == waiting
        assert ended(used)
        seen.add(used)
        assert parked(fresh_bench, used) != used
    assert len(seen) == 3


def walls(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: fields[name].strip() for name in ("NoNewPrivs", "Seccomp", "Seccomp_filters")}


def test_the_walls_stand_while_no_job_is_known_and_are_closed_with_it(fresh_bench) -> None:
    server, waiting = server_of(fresh_bench), parked(fresh_bench)
    until = time.monotonic() + 20
    while walls(waiting)["Seccomp"] != "2" and time.monotonic() < until:
        os.sched_yield()
    before, outside = walls(waiting), int(walls(server)["Seccomp_filters"])
    assert (before["NoNewPrivs"], before["Seccomp"]) == ("1", "2")
    job = late_job(fresh_bench)  # the same worker, in the middle of its job
    while walls(waiting)["Seccomp_filters"] == before["Seccomp_filters"] and time.monotonic() < until:
        os.sched_yield()
    filters = [outside, int(before["Seccomp_filters"]), int(walls(waiting)["Seccomp_filters"])]
    assert filters == [outside, outside + 1, outside + 2]
    fresh_bench.session.send_late(job, "b", TABLE)
    assert fresh_bench.end().ok
    assert ended(waiting)


def test_a_parked_worker_dies_with_its_supervisor(fresh_bench) -> None:
    server, waiting = server_of(fresh_bench), parked(fresh_bench)
    os.kill(fresh_bench.session.process_id, signal.SIGKILL)
    assert ended(waiting)
    assert ended(server)
    with pytest.raises(SessionLost):
        fresh_bench.honest()


def test_a_parked_worker_dies_with_the_fork_server_and_both_are_replaced(fresh_bench) -> None:
    server, waiting = server_of(fresh_bench), parked(fresh_bench)
    os.kill(server, signal.SIGKILL)
    assert ended(waiting)
    assert fresh_bench.honest() == 6
    assert server_of(fresh_bench) != server


def test_a_parked_worker_that_was_killed_is_replaced_before_the_next_job(fresh_bench) -> None:
    waiting = parked(fresh_bench)
    os.kill(waiting, signal.SIGKILL)
    assert ended(waiting)
    assert int(fresh_bench.table(WHO)["pid"].item()) != waiting


def test_a_worker_whose_job_is_taken_back_before_the_start_is_not_kept(fresh_bench) -> None:
    waiting = parked(fresh_bench)
    job = fresh_bench.job(WHO)
    fresh_bench.session._write(encode_json(FrameType.JOB, job.to_json()))
    fresh_bench.session.cancel()
    with pytest.raises(Cancelled):
        fresh_bench.end().raise_for_error()
    assert ended(waiting)
    assert int(fresh_bench.table(WHO)["pid"].item()) != waiting


@pytest.mark.skipif(os.getuid() != 0, reason="only root may look into a process that is not dumpable")
def test_nothing_of_an_earlier_job_is_in_the_next_worker(fresh_bench) -> None:
    secret = secrets.token_hex(16)
    source = f"def run(table, other):\n    return table.head(1) if {secret!r} else None\n"
    job = Job("attempt", "script", {"source": source}, Limits(seconds=20.0), ("table", "other"))
    used = parked(fresh_bench)  # before it has the job: after that it may be over, and the one found the next
    fresh_bench.session.send(job, {"table": TABLE, "other": stream(pl.DataFrame({"x": [secret] * 1000}))})
    assert fresh_bench.end().ok
    waiting = parked(fresh_bench, used)
    for pid in (waiting, server_of(fresh_bench)):
        assert not holds(pid, secret.encode())
    assert holds(os.getpid(), secret.encode())  # otherwise looking proves nothing
    assert fresh_bench.honest() == 6


def holds(pid: int, what: bytes) -> bool:
    """Whether these bytes are anywhere in the writable memory of a process."""
    pages = re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", Path(f"/proc/{pid}/maps").read_text(), re.MULTILINE)
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end in ((int(a, 16), int(b, 16)) for a, b in pages):
            for at in range(start, end, 1 << 24):
                with contextlib.suppress(OSError, ValueError, OverflowError):
                    memory.seek(at)
                    if what in memory.read(min(1 << 24, end - at)):
                        return True
    return False


# Limits come with the job --------------------------------------------------------------------------------

LIMITS = """
import resource, polars as pl
def run(table):
    names = ("CPU", "DATA", "NOFILE", "FSIZE")
    return pl.DataFrame({name: [resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0]] for name in names})
"""


def test_limits_are_those_of_the_job_whatever_the_one_before_had(fresh_bench) -> None:
    for seconds, memory in ((10.0, 256), (20.0, 512), (5.0, 300)):
        limits = Limits(seconds=seconds, memory_bytes=memory * MIB)
        result = fresh_bench.run(LIMITS, limits)
        found = stream_of(result.parts["table"])
        assert found["CPU"] == seconds * 2 + 1
        assert (memory + 256) * MIB < found["DATA"] < (memory + 3000) * MIB
        assert found["NOFILE"] == 64
        assert found["FSIZE"] == 0


def stream_of(data: bytes) -> dict[str, int]:
    return pl.read_ipc_stream(data).row(0, named=True)


@pytest.mark.parametrize(
    "attempt",
    [
        "resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))",
        "resource.setrlimit(resource.RLIMIT_DATA, (1 << 40, 1 << 40))",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))",
        "check(ctypes.CDLL(None, use_errno=True).prctl(22, 2, 0, 0, 0))",
        "check(ctypes.CDLL(None, use_errno=True).prctl(22, 1, 0, 0, 0))",
    ],
)
def test_no_script_sets_limits_or_loads_a_filter(bench, attempt: str) -> None:
    source = (
        "import ctypes, resource\nimport polars as pl\n"
        "def check(result):\n"
        "    if result: raise OSError(ctypes.get_errno(), 'refused')\n"
        "def run(table):\n"
        f"    try:\n        {attempt}\n"
        "    except (OSError, ValueError) as problem:\n"
        "        return pl.DataFrame({'errno': [getattr(problem, 'errno', 0) or 1]})\n"
        "    return pl.DataFrame({'errno': [0]})\n"
    )
    assert bench.table(source)["errno"].item() == 1  # EPERM; Python says ValueError where it was a limit


def test_the_clock_of_a_job_does_not_run_while_its_worker_is_parked(fresh_bench, small) -> None:
    parked(fresh_bench)
    select.select([], [], [], 1.2)  # longer than the job may take
    assert fresh_bench.run(WHO, small(seconds=1.0)).end.ok


# Inputs that come late -----------------------------------------------------------------------------------


def late_job(bench, seconds: float = 20.0) -> Job:
    source = "import polars as pl\ndef run(a, b):\n    return pl.concat([a, b])\n"
    job = Job("attempt", "script", {"source": source}, Limits(seconds=seconds), ("a", "b"), ("b",))
    bench.session.send(job, {"a": TABLE})
    return job


def test_a_job_begins_before_its_last_input_and_ends_with_it(bench) -> None:
    job = late_job(bench)
    assert not select.select([bench.session._sandbox.stream], [], [], 0.2)[0]  # it waits, and says nothing
    bench.session.send_late(job, "b", TABLE)
    assert bench.end().ok


def test_a_job_that_waits_for_an_input_can_be_taken_back(bench) -> None:
    late_job(bench)
    bench.session.cancel()
    with pytest.raises(Cancelled):
        bench.end().raise_for_error()


def test_an_input_that_never_comes_ends_at_the_deadline(bench) -> None:
    late_job(bench, seconds=0.5)
    with pytest.raises(LimitExceeded, match="longer than"):
        bench.end().raise_for_error()


@pytest.mark.parametrize("words", [encode_done(0), encode(FrameType.START), b"".join(encode_data(7, b"x"))])
def test_only_the_late_input_may_follow_the_start(fresh_bench, words: bytes) -> None:
    late_job(fresh_bench)
    fresh_bench.session._write(words)
    with pytest.raises(Infrastructure):
        fresh_bench.end().raise_for_error()
    assert fresh_bench.honest() == 6
