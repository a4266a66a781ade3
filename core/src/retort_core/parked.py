"""A parked worker: forked, confined and warmed up before its job is known; it waits, does that one job, and is gone.

What a job needs lies ready in descriptors that the worker got at its fork: an anonymous file for the job itself and one
for each input there may be. The supervisor fills them, and a word on a pipe says "go"; so nothing has to pass through the
walls that was not there when they were put up, and no byte of any job is in the process before they stand. With that
word come the limits that depend on the job: they stand, and nothing can change them, before the job is looked at.

It ends with its supervisor like every worker: the fork server kills it when the line closes, the kernel when the fork
server dies. One that was meant for a job that never came is killed, never kept for the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

from retort_core import wire
from retort_core.errors import Infrastructure, SessionLost
from retort_core.inputs import MAX_INPUTS, Inputs, anonymous_file
from retort_core.jobs import End, Failure, Job, Usage
from retort_core.wire import FrameType

PIPE_BYTES: Final = 1 << 18  # four times the default; a mebibyte falls out of the cache and is slower
GO: Final = struct.Struct(
    ">cQQ"
)  # on the pipe of calls: this byte, bytes of memory, seconds of processor time
GO_BYTE: Final = b"\xff"  # smaller ones name an input that has become complete
READY_SECONDS: Final = 30.0


class Line(Protocol):
    """Of `forkline.ForkLine`."""

    def fork(self, request: dict[str, Any], descriptors: Sequence[int]) -> tuple[int, int]: ...


class Parked:
    """Owned by the run that takes it; until then by the fork line."""

    def __init__(self, line: Line, threads: int) -> None:
        """`threads`: how many the worker may have."""
        self.threads = threads
        self.decoder = wire.FrameDecoder()
        self.enforced: dict[str, Any] = {}
        self._job = anonymous_file("job")
        self._slots = [anonymous_file(f"input-{number}") for number in range(MAX_INPUTS)]
        called, self._calls = os.pipe()
        pipes = {name: os.pipe() for name in ("status", "output", "log")}
        self.pipes = {name: ends[0] for name, ends in pipes.items()}
        theirs = [called, *(ends[1] for ends in pipes.values())]
        try:
            self.pid, self.pidfd = line.fork({"threads": threads}, [self._job, *theirs, *self._slots])
        except BaseException:
            self.pid = self.pidfd = -1
            self.close()
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        for descriptor in self.pipes.values():
            os.set_blocking(descriptor, False)
            with contextlib.suppress(OSError):  # a smaller pipe only costs more turns of the loop
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    @property
    def alive(self) -> bool:
        return not select.select([self.pidfd], [], [], 0)[0]

    def greet(self) -> dict[str, Any]:
        """What it has put up around itself, once it is ready; raises what it could not."""
        until = time.monotonic() + READY_SECONDS
        while (left := until - time.monotonic()) > 0:
            if not select.select([self.pipes["status"]], [], [], left)[0]:
                break
            data = os.read(self.pipes["status"], wire.MAX_PAYLOAD)
            for kind, payload in self.decoder.feed(data):
                if kind is FrameType.HELLO:
                    self.enforced = wire.decode_json(payload)
                    return self.enforced
                raise _refusal(wire.decode_json(payload))
            if not data:
                break
        raise Infrastructure("a worker ended before its walls stood, or was not ready in time")

    def inputs(self, names: Sequence[str]) -> Inputs:
        """Its own files, to be filled; there is no second job to ask for them."""
        slots, self._slots = self._slots, []
        return Inputs(names, slots)

    def start(self, job: Job, cpu_seconds: int) -> None:
        os.pwrite(self._job, wire.encode_json(FrameType.JOB, job.to_json())[wire.HEADER_BYTES :], 0)
        self._call(GO.pack(GO_BYTE, job.limits.memory_bytes, cpu_seconds))

    def arrived(self, index: int) -> None:
        """An input that the job was started without is complete."""
        self._call(bytes([index]))

    def close(self) -> None:
        """Everything but the process, whose end the fork line hears."""
        for descriptor in (self._job, self._calls, self.pidfd, *self._slots, *self.pipes.values()):
            if descriptor >= 0:
                os.close(descriptor)
        self._job = self._calls = self.pidfd = -1
        self._slots, self.pipes = [], {}

    def _call(self, word: bytes) -> None:
        try:
            os.write(self._calls, word)
        except BrokenPipeError:
            raise SessionLost("the worker was lost before it had its job") from None


def _refusal(end: dict[str, Any]) -> Exception:
    """A barrier that could not be put up, or a worker that could not be warmed up; told before any job."""
    error = end.get("error") or {}
    failure = Failure(str(error.get("code")), str(error.get("message")), dict(error.get("details") or {}))
    return End(failure, Usage()).error.to_error()  # type: ignore[union-attr]
