"""The supervisor's end of a fork server: starts it, hands it jobs with their descriptors, hears how children end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from retort_core.errors import Infrastructure, SessionLost
from retort_core.forks import ENVIRONMENT, MAX_MESSAGE

START_SECONDS = 60.0  # importing polars and pyarrow takes 0.5 s here, more from a cold disk


@dataclass(frozen=True)
class Exit:
    status: int
    cpu_seconds: float
    rss_bytes: int


class ForkLine:
    """Starts lazily and anew when it is lost. Not for threads."""

    def __init__(self, worker: str, threads: int) -> None:
        self._worker = worker
        self._threads = threads
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self._control is not None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = ["--fd", str(theirs.fileno()), "--worker", self._worker]
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and a worker named on our command line
            [sys.executable, "-I", "-X", "utf8", "-m", "retort_core.forks", *arguments],
            env={**ENVIRONMENT, "POLARS_MAX_THREADS": str(self._threads), "ARROW_IO_THREADS": "1"},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        ours.settimeout(START_SECONDS)
        self._control = ours
        greeting = self._hear()
        if greeting.get("threads") or greeting.get("problem"):
            self.stop()
            why = (
                greeting.get("problem")
                or f"it starts threads, its children could deadlock: {greeting['threads']}"
            )
            raise Infrastructure(f"the worker {self._worker} could not be loaded: {why}")

    def fork(self, request: dict[str, Any], descriptors: list[int]) -> tuple[int, int]:
        """Process id and pidfd of the new worker, which confines itself before it does anything else."""
        self.start()
        assert self._control is not None
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], descriptors)
            message, received, _, _ = socket.recv_fds(self._control, MAX_MESSAGE, 1)
        except OSError as problem:
            raise self._lost(problem) from None
        if not message or not received:
            raise self._lost("it ended")
        return int(json.loads(message)["pid"]), received[0]

    def fileno(self) -> int:
        assert self._control is not None
        return self._control.fileno()

    def exit(self) -> Exit | None:
        """How the child ended, once `fileno()` is readable; None when the fork server itself is gone."""
        try:
            facts = self._hear()
        except SessionLost:
            return None
        return Exit(int(facts["status"]), float(facts["cpu"]), int(facts["rss"]))

    def stop(self) -> None:
        """Closing the line kills the child, if any, and ends the server."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
            self._process.kill()
            self._process.wait()
        self._control = self._process = None

    def _hear(self) -> dict[str, Any]:
        assert self._control is not None
        try:
            message = self._control.recv(MAX_MESSAGE)
        except OSError as problem:
            raise self._lost(problem) from None
        if not message:
            raise self._lost("it ended")
        value: dict[str, Any] = json.loads(message)
        return value

    def _lost(self, why: object) -> SessionLost:
        self.stop()
        return SessionLost(f"the fork server for {self._worker} was lost: {why}")


def kill(pidfd: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def job_file(data: bytes) -> int:
    descriptor = os.memfd_create("job", os.MFD_CLOEXEC)
    os.write(descriptor, data)
    return descriptor
