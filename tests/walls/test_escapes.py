"""Hostile scripts that try to get out by what Python offers: each is refused by name, and the next job succeeds."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path

import pytest

from retort_core.errors import DataError

IN_RUN = "import os, socket, signal, subprocess, ctypes, mmap, resource, sys\ndef run(table):\n    {}\n    return table\n"


def attempt(bench, line: str) -> str:
    """The refusal of one line of hostile code; it did not get through if there is one."""
    with pytest.raises(DataError) as caught:
        bench.run(IN_RUN.format(line))
    return caught.value.message


@pytest.fixture
def listener():
    """A TCP listener that must not hear anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_tcp(bench, listener: int) -> None:
    message = attempt(bench, f"socket.create_connection(('127.0.0.1', {listener}), 2)")
    assert "PermissionError: [Errno 1]" in message


def test_tcp_over_ipv6(bench) -> None:
    assert "PermissionError: [Errno 1]" in attempt(
        bench, "socket.socket(socket.AF_INET6, socket.SOCK_STREAM)"
    )


def test_listening(bench) -> None:
    assert "PermissionError: [Errno 1]" in attempt(bench, "socket.create_server(('127.0.0.1', 0))")


def test_udp(bench) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.setblocking(False)
        port = receiver.getsockname()[1]
        line = f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port}))"
        assert "PermissionError: [Errno 1]" in attempt(bench, line)
        with pytest.raises(BlockingIOError):
            receiver.recv(1)


def test_dns(bench) -> None:
    assert "gaierror" in attempt(bench, "socket.getaddrinfo('localhost.invalid', 80)")


def test_unix_socket(bench) -> None:
    name = f"\0retort-wall-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(name)
        server.listen(1)
        line = f"socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect({name!r})"
        assert "PermissionError: [Errno 1]" in attempt(bench, line)


@pytest.mark.parametrize(
    "line",
    [
        "socket.socketpair()",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "socket.socket(40, socket.SOCK_STREAM)",  # AF_VSOCK
    ],
)
def test_other_sockets(bench, line: str) -> None:
    assert "PermissionError: [Errno 1]" in attempt(bench, line)


@pytest.mark.parametrize(
    "line",
    [
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "subprocess.run(['/bin/true'])",
        "os.system('true') and os.fork()",
        "os.popen('true').read()",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os.kill(os.getppid(), signal.SIGKILL)",
        "os.kill(-1, signal.SIGKILL)",
        "os.killpg(0, signal.SIGKILL)",
        "signal.raise_signal(signal.SIGKILL)",
        "os.pidfd_open(os.getppid())",
        "os.setuid(0)",
        "os.nice(-5)",
        "os.memfd_create('x')",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))",
        "resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
        "os.unshare(0x10000000)" if hasattr(os, "unshare") else "os.chroot('/')",
        "os.sched_setaffinity(0, {0})",
        "mmap.mmap(-1, 4096)",
        "mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)",
    ],
)
def test_processes_signals_and_privileges(bench, line: str) -> None:
    message = attempt(bench, line)
    assert "[Errno 1]" in message or "not allowed" in message, message


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/self/maps", "/proc/self/mem", "/proc/self/status",
     "/proc/1/environ", "/proc/meminfo", "/proc/net/tcp", "/sys/kernel/mm/transparent_hugepage/enabled", "/dev/null",
     "/dev/zero", "/dev/urandom", "/dev/shm", "/tmp", "/", "/root", "/home", "/var/log", "/run"],
)  # fmt: skip
def test_reading(bench, path: str) -> None:
    if not Path(path).exists():
        pytest.skip("this system has none")
    assert "PermissionError: [Errno 13]" in attempt(bench, f"os.open({path!r}, os.O_RDONLY)")


def test_reading_a_siblings_memory(bench) -> None:
    # The test's own process stands for a sibling: it runs as the service does.
    for name in ("mem", "environ", "maps", "fd"):
        assert "PermissionError: [Errno 13]" in attempt(
            bench, f"os.open('/proc/{os.getpid()}/{name}', os.O_RDONLY)"
        )
    supervisor = bench.session.process_id
    assert "PermissionError: [Errno 13]" in attempt(bench, f"os.open('/proc/{supervisor}/mem', os.O_RDWR)")


@pytest.mark.parametrize("folder", ["/dev/shm", "/tmp", "/var/tmp", ".", "/"])
def test_writing(bench, folder: str) -> None:
    name = f"{folder}/retort-wall-{os.getpid()}"
    try:
        message = attempt(bench, f"os.open({name!r}, os.O_WRONLY | os.O_CREAT, 0o600)")
        assert "PermissionError: [Errno 13]" in message or "[Errno 2]" in message
        assert not Path(name).exists()
    finally:
        Path(name).unlink(missing_ok=True)


def test_writing_into_the_interpreter(bench) -> None:
    module = Path(socket.__file__)
    assert "[Errno 13]" in attempt(bench, f"os.open({str(module)!r}, os.O_RDWR)")


def test_no_terminal(bench) -> None:
    assert "[Errno 13]" in attempt(bench, "os.forkpty()")


def test_the_environment_is_empty(bench) -> None:
    source = "import os\nimport polars as pl\ndef run(table):\n    return pl.DataFrame({'name': sorted(os.environ)})\n"
    names = set(bench.table(source)["name"])
    assert names <= {
        "OPENBLAS_NUM_THREADS", "_RJEM_MALLOC_CONF", "JE_ARROW_MALLOC_CONF", "TZ", "POLARS_MAX_THREADS",
        "ARROW_IO_THREADS", "LC_CTYPE",
    }  # fmt: skip


def test_no_descriptor_leads_out(bench) -> None:
    source = (
        "import os, stat\nimport polars as pl\n"
        "def facts(fd):\n"
        "    try: found = os.fstat(fd); return stat.S_IFMT(found.st_mode), found.st_ino\n"
        "    except OSError: return 0, 0\n"
        "def run(table):\n"
        "    return pl.DataFrame([facts(fd) for fd in range(64)], schema=['kind', 'inode'], orient='row')\n"
    )
    kinds = [kind for kind, inode in set(bench.table(source).iter_rows()) if inode]
    assert kinds.count(0o140000) == 0  # sockets
    assert kinds.count(0o040000) == 0  # folders
    assert kinds.count(0o010000) == 3  # log, report, result
    assert kinds.count(0o100000) == 1  # the sealed input
    assert kinds.count(0o020000) == 1  # /dev/null
    assert set(kinds) <= {0o010000, 0o100000, 0o020000, 0}  # and at most an eventfd of polars


def test_the_input_cannot_be_changed(bench) -> None:
    source = (
        "import os\nimport polars as pl\n"
        "def attempt(act, *arguments):\n"
        "    try: act(*arguments); return 0\n"
        "    except OSError as problem: return problem.errno\n"
        "def run(table):\n"
        "    fd = next(fd for fd in range(64) if attempt(os.fstat, fd) == 0 and (os.fstat(fd).st_mode & 0o170000) == 0o100000)\n"
        "    return pl.DataFrame({'errno': [attempt(os.pwrite, fd, b'x', 0), attempt(os.ftruncate, fd, 0)]})\n"
    )
    assert bench.table(source)["errno"].to_list() == [27, 1]  # the limit on files, then the seal


def test_another_worker_cannot_be_seen_or_signalled(bench, fresh_bench) -> None:
    fresh_bench.start("import time\ndef run(table):\n    time.sleep(20)\n    return table\n")
    children = _descendants(fresh_bench.session.process_id)
    for child in children:
        assert "[Errno 13]" in attempt(bench, f"os.open('/proc/{child}/mem', os.O_RDONLY)")
        assert "[Errno 1]" in attempt(bench, f"os.kill({child}, 0)")
    assert len(children) == 2
    fresh_bench.session.cancel()
    assert fresh_bench.end().error.code == "cancelled"


def _descendants(pid: int) -> list[int]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found: list[int] = []
        waiting = [pid]
        while waiting:
            current = waiting.pop()
            with contextlib.suppress(OSError):
                children = Path(f"/proc/{current}/task/{current}/children").read_text().split()
                found += map(int, children)
                waiting += map(int, children)
        if len(found) >= 2:  # the fork server and its worker
            return found
    return found
