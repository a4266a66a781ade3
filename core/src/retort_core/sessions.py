"""The client's end of a sandbox, blocking: start one, send it a job, read its frames.

For the probe, command lines, benchmarks and tests; the service speaks the same frames over asyncio.

>>> with Session.start("retort_executor.worker:main") as session:          # doctest: +SKIP
...     result = session.run(Job("a1", "script", {...}, inputs=("table",)), {"table": arrow_bytes})
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from retort_core import wire
from retort_core.errors import DataError, SessionLost
from retort_core.jobs import End, Job
from retort_core.wire import FrameType, PartReader, Sink

READ = 1 << 18
Data: TypeAlias = bytes | memoryview | Iterable[bytes]


@dataclass(frozen=True)
class Progress:
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Log:
    text: str


@dataclass(frozen=True)
class Chunk:
    data: bytes


Said: TypeAlias = Progress | Log | Chunk | End


@dataclass(frozen=True)
class Result:
    """Everything of a finished, successful run."""

    parts: Mapping[str, bytes]
    log: str
    progress: tuple[Mapping[str, Any], ...]
    end: End


@dataclass(frozen=True)
class Sandbox:
    """A started supervisor and the socket to it."""

    process: subprocess.Popen[bytes]
    stream: socket.socket

    @classmethod
    def start(
        cls,
        worker: str,
        *,
        threads: int | None = None,
        once: bool = False,
        user: int | None = None,
        python: str = sys.executable,
    ) -> Sandbox:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        options = [*(["--threads", str(threads)] if threads else []), *(["--once"] if once else [])]
        isolated = [python, "-I", "-X", "utf8", "-m", "retort_core.supervision"]
        process = subprocess.Popen(  # noqa: S603 - this interpreter and our own module
            [*isolated, "--fd", str(theirs.fileno()), "--worker", worker, *options],
            env={},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            user=user,
            group=user,
            extra_groups=[] if user is not None else None,
        )
        theirs.close()
        return cls(process, ours)

    def stop(self) -> None:
        """The supervisor ends when its client leaves; it is waited for, and killed if it hangs."""
        self.stream.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()
        self.process.wait()


def said(kind: FrameType, payload: bytes) -> Said:
    if kind is FrameType.PROGRESS:
        return Progress(wire.decode_json(payload))
    if kind is FrameType.LOG:
        return Log(payload.decode("utf-8", "replace"))
    if kind is FrameType.CHUNK:
        return Chunk(payload)
    if kind is FrameType.END:
        return End.from_json(wire.decode_json(payload))
    raise SessionLost(f"the sandbox sent a frame of type {kind.name}, which has no place here")


def greeting(kind: FrameType, payload: bytes) -> Mapping[str, Any]:
    """The HELLO, or the error for which there is none (raised)."""
    if kind is FrameType.HELLO:
        return wire.decode_json(payload)
    first = said(kind, payload)
    if isinstance(first, End):
        first.raise_for_error()
    raise SessionLost("the sandbox did not greet")


def opening(job: Job) -> bytes:
    return wire.encode_json(FrameType.JOB, job.to_json())


class Session:
    """Blocking; for threads, tests and command lines. One job at a time, many in a row."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._decoder = wire.FrameDecoder()
        self._frames = self._receive()
        self.hello = greeting(*next(self._frames))

    @classmethod
    def start(cls, worker: str, **options: Any) -> Session:
        sandbox = Sandbox.start(worker, **options)
        try:
            return cls(sandbox)
        except BaseException:
            sandbox.stop()
            raise

    @property
    def process_id(self) -> int:
        return self._sandbox.process.pid

    def send(self, job: Job, inputs: Mapping[str, Data]) -> None:
        """Starts the job; late inputs that are not there yet follow one by one (`send_late`)."""
        self._write(opening(job))
        for name in job.inputs:
            if name in inputs or name not in job.late:
                self.send_late(job, name, inputs[name])
        self._write(wire.encode(FrameType.START))

    def send_late(self, job: Job, name: str, data: Data) -> None:
        index = job.inputs.index(name)
        for piece in [data] if isinstance(data, bytes | memoryview) else data:
            for frame in wire.encode_data(index, piece):
                self._write(frame)
        self._write(wire.encode_done(index))

    def cancel(self) -> None:
        self._write(wire.encode(FrameType.CANCEL))

    def frames(self) -> Iterator[Said]:
        """Until and with the End of the current job; raises SessionLost when the sandbox dies before it."""
        for kind, payload in self._frames:
            word = said(kind, payload)
            yield word
            if isinstance(word, End):
                return

    def run(self, job: Job, inputs: Mapping[str, Data], names: Iterable[str] = ("",)) -> Result:
        """Send, collect, and raise the run's error if it has one. For results that fit into memory."""
        self.send(job, inputs)
        collector = Collector(names)
        for word in self.frames():
            collector.take(word)
        return collector.result()

    def close(self) -> None:
        self._sandbox.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, data: bytes) -> None:
        try:
            self._sandbox.stream.sendall(data)
        except OSError as problem:
            raise SessionLost(f"the sandbox went away: {problem}") from None

    def _receive(self) -> Iterator[wire.Frame]:
        while True:
            try:
                data = self._sandbox.stream.recv(READ)
            except OSError:
                data = b""
            if not data:
                self._decoder.finish()
                raise SessionLost("the sandbox went away")
            yield from self._decoder.feed(data)


class Collector:
    """Gathers a run's words; parts go to `open_part` if given, else into memory."""

    def __init__(self, names: Iterable[str] = ("",), open_part: Callable[[str], Sink] | None = None) -> None:
        self.parts: dict[str, bytearray] = {}
        self._reader = PartReader(open_part or self._buffer, tuple(names))
        self._log: list[str] = []
        self._progress: list[Mapping[str, Any]] = []
        self._end: End | None = None
        self._problem: DataError | None = None

    def take(self, word: Said) -> None:
        if isinstance(word, Chunk):
            self._feed(word.data)
        elif isinstance(word, Log):
            self._log.append(word.text)
        elif isinstance(word, Progress):
            self._progress.append(word.facts)
        else:
            self._end = word

    def result(self) -> Result:
        if self._end is None:
            raise SessionLost("the run has not ended")
        self._end.raise_for_error()
        if self._problem is not None:
            raise self._problem
        self._reader.finish()
        parts = {name: bytes(value) for name, value in self.parts.items()}
        return Result(parts, "".join(self._log), tuple(self._progress), self._end)

    def _feed(self, data: bytes) -> None:
        """A malformed result is kept for the end, because the run's own error explains more."""
        if self._problem is None:
            try:
                self._reader.feed(data)
            except DataError as problem:
                self._problem = problem

    def _buffer(self, name: str) -> Sink:
        target = self.parts.setdefault(name, bytearray())

        class Buffer:
            def write(self, data: memoryview, /) -> None:
                target.extend(data)

        return Buffer()
