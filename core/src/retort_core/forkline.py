"""The supervisor's end of a fork server: starts it, keeps one worker parked ahead of its job, hears how workers end."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from retort_core.errors import Infrastructure, SessionLost
from retort_core.forks import ENVIRONMENT, MAX_MESSAGE
from retort_core.parked import Parked

START_SECONDS = 60.0  # importing polars and pyarrow takes 0.5 s here, more from a cold disk
MAX_THREADS = 64  # of a worker, besides those of polars: its pool, its readers and what a script may start


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
        self._parked: Parked | None = None
        self._due = False  # the last worker was killed, and how it ended has not been heard
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

    def ahead(self) -> Parked:
        """A worker for the next job, whatever it will be; there is one at a time."""
        self._hear_due()
        if self._parked is not None and not self._parked.alive:
            self._dropped()
        if self._parked is None:
            self._parked = Parked(self, MAX_THREADS + 4 * self._threads)
        return self._parked

    def take(self) -> Parked:
        """The worker that is parked, or else a new one; it is the caller's now."""
        parked = self.ahead()
        self._parked = None
        return parked

    def drop(self, parked: Parked) -> None:
        """Ends a worker whose job was taken back: what it may have seen of one job is not shown to another."""
        kill(parked.pidfd)
        self.exit()
        parked.close()

    def hear_later(self) -> None:
        """Of a worker whose end is certain: it is listened for when the next one is wanted."""
        self._due = True

    def _hear_due(self) -> None:
        if self._due:
            self._due = False
            self.exit()

    def _dropped(self) -> None:
        parked, self._parked = self._parked, None
        if parked is not None:
            self.drop(parked)

    def fork(self, request: dict[str, Any], descriptors: Sequence[int]) -> tuple[int, int]:
        """Process id and pidfd of the new worker, which confines itself before it does anything else."""
        self.start()
        assert self._control is not None
        try:
            socket.send_fds(self._control, [json.dumps(request).encode()], list(descriptors))
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
        parked, self._parked = self._parked, None
        self._due = False
        if parked is not None:
            parked.close()
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
