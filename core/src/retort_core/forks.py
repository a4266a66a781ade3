"""The fork server: imports what a worker needs once, then makes one confined process per job.

Executed afresh (`python -I`) with an empty environment, so nothing of the service is in its memory. It imports
polars but never runs a query: a parent that has started polars' threads deadlocks its children. Requests and
descriptors come over one socket; when it closes, the child is killed and the server ends.

A child is forked before its job is known. It puts up its walls, warms up (the worker module's `warm`, on data of its own:
pages, threads and tables that the first use of a library costs), says that it is ready, and waits to be called.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, BinaryIO, Final, TypeAlias

from retort_core import wire
from retort_core.confinement import STATM, Enforced, Profile, complete, confine, readable_paths
from retort_core.errors import Infrastructure, LimitExceeded, RetortError
from retort_core.inputs import Arrivals
from retort_core.jobs import Failure, Job
from retort_core.parked import GO

Worker: TypeAlias = Callable[[Job, Mapping[str, int], BinaryIO, Callable[[dict[str, Any]], None]], None]
Warm: TypeAlias = Callable[[], None]
MAX_MESSAGE = 1 << 16
MAX_DESCRIPTORS: Final = 80
# Started by `import polars` for spilled files; it sleeps on an empty queue and holds no lock.
IDLE_THREADS: Final = frozenset({"polars-ooc-clea"})
# Found late by any code: codecs by name, the parts of a traceback, numbers and dates.
PRELOAD: Final = (
    "encodings.*", "ctypes", "datetime", "decimal", "fractions", "inspect", "linecache", "math", "mmap", "random",
    "re", "statistics", "string", "textwrap", "traceback", "unicodedata", "uuid", "zoneinfo",
)  # fmt: skip
# Each of these libraries would start threads on import. Polars' allocator would also keep freed pages for seconds, per
# core, and then only offer them to the system, which counts them as used: a quarter more at the peak of a large table.
ENVIRONMENT: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "_RJEM_MALLOC_CONF": "background_thread:false,narenas:1,dirty_decay_ms:100,muzzy_decay_ms:0",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "TZ": "UTC",
}


def load(worker: str) -> tuple[Worker, Warm]:
    """`MODULE:FUNCTION`; the module's PRELOAD names what else to import before the walls make it unreadable, its `warm`
    (if any) is called behind them, in a child that has no job yet."""
    module_name, _, function = worker.partition(":")
    module = importlib.import_module(module_name)
    for name in (*PRELOAD, *getattr(module, "PRELOAD", ())):
        _import(name)
    return getattr(module, function), getattr(module, "warm", lambda: None)


def _import(name: str) -> None:
    """A module, or with `.*` all that its package holds; those made for other systems are left out."""
    package = importlib.import_module(name.removesuffix(".*"))
    if name.endswith(".*"):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            with contextlib.suppress(ImportError):
                importlib.import_module(found.name)


def busy_threads() -> list[str]:
    """Names of threads besides this one that could hold a lock during a fork."""
    found = []
    for thread in os.listdir("/proc/self/task"):  # noqa: PTH208
        if int(thread) == os.getpid():
            continue
        with open(f"/proc/self/task/{thread}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            name, _, rest = file.read().partition("(")[2].rpartition(")")
        if not (name in IDLE_THREADS and rest.split()[0] == "S"):
            found.append(name)
    return found


def lasting_threads() -> list[str]:
    """Those that are still busy after a moment: a thread just started has yet to reach its sleep."""
    for _ in range(200):
        if not busy_threads():
            return []
        time.sleep(0.005)
    return busy_threads()


class Absent:
    """Makes pandas look as if it were not installed, as it is not beside a worker: pyarrow imports it at its first
    conversion where it can, which costs every single job 0.2 s."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


class ForkServer:
    """One child at a time: a supervisor's jobs come one after another."""

    def __init__(self, control: socket.socket, worker: Worker, warm: Warm) -> None:
        self._control = control
        self._worker, self._warm = worker, warm
        self._readable = readable_paths()

    def serve(self) -> None:
        while True:
            try:
                message, descriptors, _, _ = socket.recv_fds(self._control, MAX_MESSAGE, MAX_DESCRIPTORS)
            except ConnectionResetError:  # killed before it had read what was said last
                return
            if not message:
                return
            request = json.loads(message)
            try:
                pid = self._fork(request, descriptors)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)
            pidfd = os.pidfd_open(pid)
            try:
                socket.send_fds(self._control, [json.dumps({"pid": pid}).encode()], [pidfd])
                if not self._wait(pid, pidfd):
                    return
            finally:
                os.close(pidfd)

    def _fork(self, request: dict[str, Any], descriptors: list[int]) -> int:
        if busy := lasting_threads():
            raise Infrastructure(
                f"the fork server has threads that may hold locks: {busy}; it must only import"
            )
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                os.setsid()  # no terminal, and no group to be signalled with
                _Child(parent, request, descriptors, self._readable).run(self._worker, self._warm)
            finally:
                os._exit(70)  # never back into the server's loop
        return pid

    def _wait(self, pid: int, pidfd: int) -> bool:
        """Whether the supervisor is still there once the child has ended."""
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.register(self._control, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll()}
        alive = pidfd in ready
        if not alive:  # while a job runs, the supervisor has nothing to say: this is its end
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        if alive:
            facts = {"status": status, "cpu": usage.ru_utime + usage.ru_stime, "rss": usage.ru_maxrss * 1024}
            try:
                self._control.send(json.dumps(facts).encode())
            except OSError:  # the supervisor left at the same moment
                return False
        return alive


class _Child:
    """Everything between fork and the worker's code, in the new process."""

    def __init__(
        self, parent: int, request: dict[str, Any], descriptors: list[int], readable: tuple[str, ...]
    ) -> None:
        self._parent = parent
        self._job_file, self._calls, self._status, self._output, log, *self._slots = descriptors
        self._profile = Profile(readable, memory_bytes=None, threads=int(request["threads"]))
        self._statm = os.open(STATM, os.O_RDONLY | os.O_CLOEXEC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)

    def run(self, worker: Worker, warm: Warm) -> None:
        end = None
        try:
            self._guarded(worker, warm)
        except BaseException as problem:  # noqa: BLE001 - whatever unknown code raises must be reported
            end = failure(problem)
        value = {"ok": end is None, "error": asdict(end) if end else None}
        self._say(wire.encode_json(wire.FrameType.END, value))
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        # All is said: nobody need wait until the kernel has taken this process apart, which takes 4 to 8 ms.
        for descriptor in (1, 2, self._status):
            os.close(descriptor)
        os._exit(0)

    def _guarded(self, worker: Worker, warm: Warm) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        enforced = self._confine()
        if not self._is_called():  # a job that is there already is not made to wait
            warm()
            gc.freeze()  # what is there by now need not be looked through while somebody waits
        self._announce(enforced)
        job = self._called()
        with os.fdopen(self._output, "wb", buffering=1 << 16) as output:
            worker(job, self._arrivals(job), output, self._report)

    def _is_called(self) -> bool:
        poll = select.poll()
        poll.register(self._calls, select.POLLIN)
        return bool(poll.poll(0))

    def _called(self) -> Job:
        """The job, once its inputs are there and the limits that go with it stand."""
        word = os.read(self._calls, GO.size)
        if len(word) != GO.size:
            os._exit(0)  # nobody needs this worker any more
        _, memory_bytes, cpu_seconds = GO.unpack(word)
        complete(replace(self._profile, memory_bytes=memory_bytes, cpu_seconds=cpu_seconds), self._statm)
        os.close(self._statm)
        job = Job.from_json(json.loads(os.pread(self._job_file, wire.MAX_PAYLOAD, 0)))
        os.close(self._job_file)
        return job

    def _arrivals(self, job: Job) -> Mapping[str, int]:
        """The job's inputs; descriptors that were there for others are closed."""
        files, others = self._slots[: len(job.inputs)], self._slots[len(job.inputs) :]
        for descriptor in others if job.late else [*others, self._calls]:
            os.close(descriptor)
        return Arrivals(job.inputs, files, job.late, self._calls)

    def _confine(self) -> Enforced:
        own = (self._statm, self._job_file, self._calls, self._status, self._output)
        enforced = confine(self._profile, {0, 1, 2, *own, *self._slots})
        if os.getppid() != self._parent:  # died before the kernel was told to take this child along
            os._exit(71)
        return enforced

    def _announce(self, enforced: Enforced) -> None:
        self._say(wire.encode_json(wire.FrameType.HELLO, asdict(enforced)))

    def _report(self, value: dict[str, Any]) -> None:
        self._say(wire.encode_json(wire.FrameType.PROGRESS, value))

    def _say(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._status, view) :]


def failure(problem: BaseException) -> Failure:
    """An exception as it travels; the supervisor trims it and holds it to a closed list of codes."""
    if isinstance(problem, RetortError):
        return Failure.of(problem)
    if isinstance(problem, MemoryError):
        return Failure.of(LimitExceeded("The run needed more memory than it may have.", limit="memory"))
    if isinstance(problem, BrokenPipeError):
        return Failure.of(LimitExceeded("The result was no longer read.", limit="output"))
    return Failure("data-error", f"{type(problem).__name__}: {problem}"[:4000])


def main() -> None:
    parser = argparse.ArgumentParser(prog="retort_core.forks")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--worker", required=True)
    arguments = parser.parse_args()
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # non-dumpable: nobody looks into this process
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's ^C is the supervisor's to handle
    control = socket.socket(fileno=arguments.fd)
    sys.meta_path.insert(0, Absent())
    try:
        worker, warm = load(arguments.worker)
    except Exception as problem:  # noqa: BLE001 - a module may raise anything on import
        control.send(json.dumps({"problem": f"{type(problem).__name__}: {problem}"[:2000]}).encode())
        return
    gc.collect()
    gc.freeze()  # children share these pages for longer
    control.send(json.dumps({"ready": True, "threads": lasting_threads()}).encode())
    ForkServer(control, worker, warm).serve()


if __name__ == "__main__":
    main()
