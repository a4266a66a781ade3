"""Barriers taken away one at a time: what each holds alone, and which attempts two of them hold together."""

from __future__ import annotations

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from retort_core import confinement, landlock
from retort_core.errors import IsolationMissing
from retort_core.probing import Targeting, probe
from retort_core.sessions import Sandbox, Session

ROOT = os.getuid() == 0
CODE = """
import json, os, sys
from retort_core import confinement, probing, forks
without, targets = set(sys.argv[1].split(",")), json.loads(sys.argv[2])
for name in forks.PRELOAD: forks._import(name)
profile = confinement.Profile(confinement.readable_paths(), barriers=confinement.ALL - without)
enforced = confinement.confine(profile, {0, 1, 2})
os.write(1, json.dumps({"attempts": probing.attempts(targets), "barriers": enforced.barriers}).encode())
"""


@pytest.fixture
def targets() -> Iterator[dict]:
    folder = tempfile.mkdtemp(prefix="retort-walls-")
    Path(folder).chmod(0o777)
    try:
        with Targeting() as found:
            yield {**found, "folder": folder}
    finally:
        shutil.rmtree(folder)
        for left in Path("/dev/shm").glob("retort-probe-*"):
            left.unlink()


def attempts(targets: dict, *without: str) -> dict[str, str]:
    command = [sys.executable, "-I", "-c", CODE, ",".join(without), json.dumps(targets)]
    done = subprocess.run(command, env={}, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert not set(without) & set(found["barriers"])
    return found["attempts"]


def test_nothing_taken_away(targets) -> None:
    found = attempts(targets)
    assert set(found.values()) <= {"EPERM", "EACCES"}
    assert (found["tcp"], found["read-file"], found["write-tmp"]) == ("EPERM", "EACCES", "EACCES")


def test_everything_taken_away_lets_all_through(targets) -> None:
    # Otherwise the other tests of this module would prove nothing.
    assert set(attempts(targets, *confinement.ALL).values()) == {"passed"}


def test_without_the_filter_landlock_still_refuses_tcp_files_and_signals(targets) -> None:
    found = attempts(targets, "filter")
    assert found["read-file"] == "EACCES"
    assert found["write-tmp"] == "EACCES"
    assert found["write-shm"] == "EACCES"
    assert found["memory"] in {"EACCES", "EPERM"}
    if landlock.version() >= 4:
        assert found["tcp"] == "EACCES"
    if landlock.version() >= 6:
        assert found["unix"] == "EPERM"
        assert found["signal"] == "EPERM"
    assert found["udp"] == "passed"  # only the filter knows datagrams
    assert found["fork"] == "passed"


def test_without_landlock_the_filter_still_refuses_network_and_processes(targets) -> None:
    found = attempts(targets, "landlock")
    for name in ("tcp", "udp", "unix", "fork", "exec", "signal"):
        assert found[name] == "EPERM", name
    assert found["read-file"] == "passed"  # only Landlock knows paths


def test_without_landlock_no_byte_reaches_a_disk(targets) -> None:
    # A file can be made in a folder that anyone may write, but the limit on file sizes keeps it empty.
    attempts(targets, "landlock")
    sizes = [path.stat().st_size for path in Path(targets["folder"]).iterdir()]
    assert sizes == [0]


def test_without_landlock_and_filter_the_limit_on_files_holds_alone(targets) -> None:
    assert attempts(targets, "landlock", "filter")["write-tmp"] == "EFBIG"


@pytest.mark.skipif(not ROOT, reason="only root changes its user")
def test_without_landlock_filter_and_privileges_another_user_still_cannot_signal(targets) -> None:
    found = attempts(targets, "landlock", "filter", "privileges", "limits")
    assert found["signal"] == "EPERM"
    assert found["memory"] == "EACCES"


INT80 = """
import ctypes, mmap, os, sys
from retort_core import confinement
profile = confinement.Profile(confinement.readable_paths(), executable_mappings=True)
confinement.confine(profile, {0, 1, 2})
page = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
page.write(bytes.fromhex(sys.argv[1]))
os.write(1, b"mapped")
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
ctypes.cast(address, ctypes.PYFUNCTYPE(ctypes.c_int))()
os.write(1, b" returned")
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="machine code of x86-64")
@pytest.mark.parametrize(
    ("code", "status", "output"),
    [
        ("b814000000cd80c3", -31, b"mapped"),  # mov eax, 20 (getpid); int 0x80; ret
        ("b8270000400f05c3", -31, b"mapped"),  # mov eax, 0x40000027 (x32 getpid); syscall; ret
        ("b8270000000f05c3", 0, b"mapped returned"),  # the same by the right door
    ],
    ids=["int80", "x32", "control"],
)
def test_with_executable_mappings_allowed_foreign_calls_still_kill(
    code: str, status: int, output: bytes
) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", INT80, code], env={}, capture_output=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout) == (status, output), done.stderr


def test_a_barrier_that_cannot_be_put_up_is_an_error(monkeypatch) -> None:
    # In this process nothing may be confined, so each step is replaced by one that fails as the kernel would.
    def refuse(*_: object) -> int:
        raise OSError(38, "Function not implemented")

    for barrier, place, name in (
        ("landlock", confinement.landlock, "restrict"),
        ("filter", confinement.seccomp, "load"),
        ("privileges", confinement, "give_up_privileges"),
        ("user", confinement, "drop_user"),
        ("limits", confinement, "set_limits"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, refuse)
            profile = confinement.Profile(barriers=frozenset({barrier}))
            with pytest.raises(IsolationMissing, match=f"'{barrier}' could not be put up") as caught:
                confinement.confine(profile, {0, 1, 2})
            assert caught.value.details == {"barrier": barrier}


OLD_KERNEL = """
import ctypes, os, sys
from retort_core import seccomp
number, first = int(sys.argv[1]), int(sys.argv[2])
refuse = (0x06, 0, 0, 0x00050000 | 38)
program = [(0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 16), (0x15, 0, 1, first), refuse, (0x06, 0, 0, seccomp.ALLOW)]
if first < 0:
    program = [(0x20, 0, 0, 0), (0x15, 0, 1, number), refuse, (0x06, 0, 0, seccomp.ALLOW)]
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
seccomp.load(program)
worker = ["--worker", "retort_core.probing:main", "--fd", sys.argv[3]]
os.execve(sys.executable, [sys.executable, "-I", "-m", "retort_core.supervision", *worker], {})
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86-64")
@pytest.mark.parametrize(
    ("number", "first", "barrier"),
    [(444, -1, "landlock"), (157, 22, "filter"), (157, 38, "privileges"), (302, -1, "limits")],
)
def test_on_a_kernel_without_it_nothing_runs_and_the_barrier_is_named(
    number: int, first: int, barrier: str
) -> None:
    # A filter of its own makes this kernel look like one that lacks the barrier; the supervisor is the real one.
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-I", "-c", OLD_KERNEL, str(number), str(first), str(theirs.fileno())]
        process = subprocess.Popen(command, env={}, pass_fds=[theirs.fileno()])
    sandbox = Sandbox(process, ours)
    try:
        with pytest.raises(IsolationMissing, match=f"{barrier!r} could not be put up") as caught:
            Session(sandbox)
        assert caught.value.details["barrier"] == barrier
        assert process.wait(20) == 1
    finally:
        sandbox.stop()


def test_the_probe_proves_every_barrier() -> None:
    report = probe()
    assert report.proven, report.lines()
    assert {one.state for one in report.barriers} == {"stands"}
    assert {"filter", "landlock", "limits", "privileges"} <= set(report.enforced["barriers"])


def test_a_worker_that_cannot_start_proves_nothing() -> None:
    report = probe("retort_core.nothing:main")
    assert not report.proven
    assert "could not be loaded" in report.problem
