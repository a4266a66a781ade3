"""Proof that the walls stand: a worker tries to get out, and so does a control that nothing confines.

A barrier stands only if the worker was refused *and* the control got through; where the control failed too,
the attempt proves nothing and the answer is "unknown". The worker takes exactly the path that scripts take.
Everything aimed at lies on this machine: listeners that `probe` opens itself, on the loopback address.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TypeAlias

from retort_core.errors import RetortError
from retort_core.jobs import Job, Limits
from retort_core.sessions import Session
from retort_core.wire import PartWriter

WORKER: Final = "retort_core.probing:main"
PASSED: Final = "passed"
State: TypeAlias = Literal["stands", "open", "unknown"]
Targets: TypeAlias = Mapping[str, Any]

# What a person reads; the order is that of the report.
TITLES: Final[Mapping[str, tuple[str, str]]] = {
    "tcp": ("网络连接（TCP）", "network connections (TCP)"),
    "udp": ("网络报文（UDP）", "network datagrams (UDP)"),
    "unix": ("本机套接字", "local sockets"),
    "read-file": ("读取系统文件", "reading system files"),
    "write-tmp": ("写入临时目录", "writing to the temporary folder"),
    "write-shm": ("写入共享内存", "writing to shared memory"),
    "fork": ("创建进程", "starting processes"),
    "exec": ("执行程序", "running programs"),
    "signal": ("向其他进程发送信号", "signalling other processes"),
    "memory": ("读取其他进程的内存", "reading other processes' memory"),
}
WORDS: Final[Mapping[State, tuple[str, str]]] = {
    "stands": ("已阻断", "blocked"),
    "open": ("未阻断", "NOT blocked"),
    "unknown": ("无法验证", "unknown"),
}
# Where there is no such folder, there is nothing to protect either.
OPTIONAL: Final = frozenset({"write-tmp", "write-shm", "memory"})


@dataclass(frozen=True)
class Barrier:
    """What the confined worker and the free control were answered."""

    name: str
    confined: str
    control: str

    @property
    def state(self) -> State:
        if self.confined == PASSED:
            return "open"
        return "stands" if self.control == PASSED else "unknown"

    def line(self, lang: str = "en") -> str:
        at = 0 if lang == "zh" else 1
        return f"{TITLES[self.name][at]}: {WORDS[self.state][at]} ({self.confined})"


@dataclass(frozen=True)
class ProbeReport:
    """`problem` is set when no worker could be confined at all; then `barriers` is empty."""

    barriers: tuple[Barrier, ...]
    enforced: Mapping[str, Any]
    problem: str = ""

    @property
    def proven(self) -> bool:
        return not self.problem and not self.missing

    @property
    def missing(self) -> tuple[str, ...]:
        """Barriers without which nothing may run."""
        return tuple(
            one.name
            for one in self.barriers
            if one.state == "open" or (one.state == "unknown" and one.name not in OPTIONAL)
        )

    def lines(self, lang: str = "en") -> tuple[str, ...]:
        if self.problem:
            return (self.problem,)
        return tuple(one.line(lang) for one in self.barriers)


def probe(worker: str = WORKER, **options: Any) -> ProbeReport:
    """Try everything once, confined and free; takes about a quarter of a second. `options` as Session.start."""
    with Targeting() as targets:
        try:
            with Session.start(worker, **options) as session:
                job = Job("probe", "probe", targets, Limits(seconds=20.0))
                confined = json.loads(session.run(job, {}).parts["attempts"])
                enforced = dict(session.hello["enforced"])
        except RetortError as problem:
            return ProbeReport((), {}, problem.message)
        control = _control(targets)
    barriers = tuple(Barrier(name, confined[name], control.get(name, "not tried")) for name in TITLES)
    return ProbeReport(barriers, enforced)


class Targeting:
    """Listeners on the loopback address, a local socket and a sleeping process to aim at."""

    def __enter__(self) -> Targets:
        with contextlib.ExitStack() as stack:
            tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            udp.bind(("127.0.0.1", 0))
            unix = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            unix.bind(f"\0retort-probe-{os.getpid()}-{id(self):x}")
            unix.listen(8)
            process = subprocess.Popen([sys.executable, "-I", "-c", "input()"], stdin=subprocess.PIPE, env={})
            stack.enter_context(process)
            stack.callback(process.kill)
            self._stack = stack.pop_all()
        return {
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "unix": unix.getsockname().decode("latin-1"),
            "pid": process.pid,
            "folder": tempfile.gettempdir(),
        }

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def _control(targets: Targets) -> dict[str, str]:
    """The same attempts in a process that differs from the worker only in that nothing confines it."""
    command = [sys.executable, "-I", "-m", "retort_core.probing", json.dumps(dict(targets))]
    done = subprocess.run(command, env={}, capture_output=True, timeout=30, check=False)  # noqa: S603
    try:
        found: dict[str, str] = json.loads(done.stdout)
    except ValueError:
        return {}
    return found


# Inside --------------------------------------------------------------------------------------------------


def main(
    job: Job, inputs: Mapping[str, int], output: BinaryIO, report: Callable[[dict[str, Any]], None]
) -> None:
    """The worker: tries, and tells."""
    assert not inputs
    report({"stage": "trying"})
    parts = PartWriter(output)
    parts.add("attempts", json.dumps(attempts(job.params)).encode())
    parts.close()


def attempts(targets: Targets) -> dict[str, str]:
    tried: Mapping[str, Callable[[Targets], object]] = {
        "tcp": _tcp, "udp": _udp, "unix": _unix, "read-file": _read_file, "write-tmp": _write_tmp,
        "write-shm": _write_shm, "fork": _fork, "exec": _exec, "signal": _signal, "memory": _memory,
    }  # fmt: skip
    return {name: _outcome(attempt, targets) for name, attempt in tried.items()}


def _outcome(attempt: Callable[[Targets], object], targets: Targets) -> str:
    try:
        attempt(targets)
    except OSError as problem:
        return errno.errorcode.get(problem.errno or 0, str(problem))
    return PASSED


def _tcp(targets: Targets) -> None:
    socket.create_connection(("127.0.0.1", targets["tcp"]), timeout=2).close()


def _udp(targets: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"probe", ("127.0.0.1", targets["udp"]))


def _unix(targets: Targets) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(2)
        caller.connect(targets["unix"].encode("latin-1"))


def _read_file(_: Targets) -> None:
    Path("/etc/passwd").read_bytes()


def _write_tmp(targets: Targets) -> None:
    _write(Path(targets["folder"]) / f"retort-probe-{os.getpid()}")


def _write_shm(_: Targets) -> None:
    _write(Path("/dev/shm") / f"retort-probe-{os.getpid()}")  # noqa: S108 - that it cannot is what is proven


def _write(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, b"probe")
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)


def _fork(_: Targets) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _exec(_: Targets) -> None:
    """A program that does not exist: reaching the file system at all is what counts."""
    try:
        os.execv("/nonexistent/retort-probe", ["retort-probe"])  # noqa: S606
    except FileNotFoundError:
        return


def _signal(targets: Targets) -> None:
    os.kill(targets["pid"], signal.SIGURG)  # ignored by who gets it


def _memory(targets: Targets) -> None:
    os.close(os.open(f"/proc/{targets['pid']}/mem", os.O_RDONLY))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(attempts(json.loads(sys.argv[1]))))
