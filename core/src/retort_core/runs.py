"""One run under watch: a confined worker, its three pipes, its time, memory and bytes, until it is over.

A single loop without threads. The worker is believed in nothing: output is counted, the log capped, the report
pipe bounded, and memory, processor time and exit status come from the kernel.
"""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from retort_core import forkline, meters, verdicts, wire
from retort_core.channel import Channel
from retort_core.errors import Infrastructure, RetortError
from retort_core.forkline import Exit, ForkLine
from retort_core.inputs import Inputs
from retort_core.jobs import End, Failure, Job, Usage
from retort_core.parked import PIPE_BYTES, Parked
from retort_core.wire import FrameType

POLL_SECONDS: Final = 0.01  # at 5 GB/s of page faults the watch sees 50 MB too much
LOG_BYTES: Final = 1 << 16  # escaped, four times as much: it must fit into a frame
MAX_REPORTS, MAX_REPORT, MAX_STATUS = 1000, 8192, 4 << 20


class Run:
    """Made for one job; `execute` returns how it ended and leaves nothing behind."""

    def __init__(
        self, job: Job, inputs: Inputs, parked: Parked, forks: ForkLine, channel: Channel, cores: int
    ) -> None:
        """`parked`: the worker that waits for this job, `inputs` its files; both are the run's from here on."""
        self._job, self._inputs, self._forks, self._channel = job, inputs, forks, channel
        self._parked, self._pid, self._pidfd = parked, parked.pid, parked.pidfd
        self._cpu_limit = math.ceil(job.limits.seconds * cores) + 1
        self._selector = selectors.DefaultSelector()
        self._open, parked.pipes = parked.pipes, {}
        self._log = meters.Log(job.limits.log_bytes)
        self._decoder = parked.decoder
        self._enforced = parked.enforced
        self._late = inputs.pending(job.late)
        self._told: dict[str, Any] | None = None
        self._exit: Exit | None = None
        self._gone = False
        self._stopped = ""
        self._reports = self._status_bytes = self._output_bytes = self._peak = self._rss = 0
        self._cpu = 0.0  # as last looked at; exact once the worker's end is heard

    def execute(self) -> End:
        started = time.monotonic()
        try:
            self._begin()
            self._loop(started + self._job.limits.seconds)
        except RetortError as problem:
            return End(Failure.of(problem), self._usage(started))
        finally:
            self._close()
        return End(verdicts.verdict(self._facts(), self._job.limits), self._usage(started))

    # Start and end

    def _begin(self) -> None:
        for name, act in (("status", self._on_status), ("output", self._on_output), ("log", self._on_log)):
            self._selector.register(self._open[name], selectors.EVENT_READ, act)
        self._selector.register(self._forks, selectors.EVENT_READ, self._on_exit)
        self._selector.register(self._channel, selectors.EVENT_READ, self._on_client)
        self._parked.start(self._job, self._cpu_limit)

    def _close(self) -> None:
        if not self._gone:
            forkline.kill(self._pidfd)
            if self._left:
                self._forks.hear_later()
            else:  # an error of this process: the child's end will not be heard any more
                self._forks.stop()
        self._parked.close()
        for descriptor in self._open.values():
            os.close(descriptor)
        self._selector.close()

    def _loop(self, deadline: float) -> None:
        self._on_client(self._channel.held())  # a cancellation that came together with the start
        next_look = time.monotonic()
        while self._open or not (self._gone or self._left):
            now = time.monotonic()
            if now >= deadline:
                self._stop("deadline")
            if now >= next_look:
                self._look_at_memory()
                next_look = now + POLL_SECONDS
            self._balance()
            for key, _ in self._selector.select(max(0.0, min(next_look, deadline) - now)):
                act: Callable[[], None] = key.data
                act()

    @property
    def _left(self) -> bool:
        """It has said its end and closed every pipe: whatever it still does, nobody would hear of it. It is killed, and the
        client does not wait until the kernel has taken the process apart."""
        return not self._open and self._told is not None and not self._stopped

    def _stop(self, why: str) -> None:
        if not self._gone and not self._stopped:
            self._stopped = why
            forkline.kill(self._pidfd)

    # Events

    def _read(self, name: str, size: int = PIPE_BYTES) -> bytes:
        """At most so many bytes; an empty answer means that the pipe has ended and is closed."""
        try:
            data = os.read(self._open[name], size)
        except BlockingIOError:
            return b""
        if not data:
            if len(self._open) == 1:
                self._look_at_memory()  # for the last time: now it is still there to be looked at
            descriptor = self._open.pop(name)
            with contextlib.suppress(KeyError):
                self._selector.unregister(descriptor)
            os.close(descriptor)
        return data

    def _on_output(self) -> None:
        data = self._read("output")
        room = self._job.limits.output_bytes - self._output_bytes
        self._output_bytes += len(data)
        if len(data) > room:
            self._stop("output")
        elif data and not self._stopped:
            self._channel.send(wire.encode(FrameType.CHUNK, data))

    def _on_log(self) -> None:
        data = self._read("log", LOG_BYTES)
        text = self._log.feed(data) if data else self._log.flush()
        if text:
            self._channel.send(wire.encode(FrameType.LOG, text.encode()))

    def _on_status(self) -> None:
        data = self._read("status")
        self._status_bytes += len(data)
        try:
            if self._status_bytes > MAX_STATUS:
                self._stop("protocol")
            for kind, payload in self._decoder.feed(data) if not self._stopped else ():
                self._on_word(kind, payload)
        except RetortError:
            self._stop("protocol")

    def _on_word(self, kind: FrameType, payload: bytes) -> None:
        """What the worker says. The first word comes before any unknown code runs; later ones prove nothing."""
        if kind is FrameType.HELLO and not self._enforced:
            self._enforced = wire.decode_json(payload)
        elif kind is FrameType.PROGRESS and self._enforced:
            self._reports += 1
            facts = wire.decode_json(payload)
            if self._reports <= MAX_REPORTS and len(payload) <= MAX_REPORT and verdicts.plain(facts):
                self._channel.send(wire.encode_json(FrameType.PROGRESS, facts))
        elif kind is FrameType.END:
            self._told = self._told or wire.decode_json(payload)
        else:
            self._stop("protocol")

    def _on_exit(self) -> None:
        self._exit = self._forks.exit()
        self._gone = True
        if self._exit is None:  # the fork server is gone: its child may not be
            forkline.kill(self._pidfd)
        else:
            self._selector.unregister(self._forks)

    def _on_client(self, words: Iterable[wire.Frame] | None = None) -> None:
        for kind, payload in self._channel.receive() if words is None else words:
            if kind is FrameType.CANCEL:
                self._stop("cancel")
            elif not self._stopped:
                self._on_late(kind, payload)
        if self._channel.lost:
            self._selector.unregister(self._channel)
            self._stop("cancel")

    def _on_late(self, kind: FrameType, payload: bytes) -> None:
        """An input that the worker was started without."""
        index, data = wire.input_of(payload)
        if index not in self._late or kind not in (FrameType.DATA, FrameType.DONE):
            raise Infrastructure(f"a frame of type {kind.name} has no place in the middle of a run")
        if kind is FrameType.DATA:
            self._inputs.write(index, data)
        else:
            self._inputs.seal(index)
            self._late.remove(index)
            self._parked.arrived(index)

    def _balance(self) -> None:
        """A client that reads slowly makes the worker wait, not this process grow."""
        output = self._open.get("output")
        watched = self._selector.get_map()
        wait = self._channel.full and not self._stopped  # what a stopped worker left is read and dropped
        if output is not None and wait and output in watched:
            self._selector.unregister(output)
        if output is not None and not wait and output not in watched:
            self._selector.register(output, selectors.EVENT_READ, self._on_output)
        if self._channel.pending:
            self._channel.flush()
        self._await_client()

    def _await_client(self) -> None:
        """Wake when a client that was slow takes more; without this every 200 KB would wait for the next look."""
        watched = self._selector.get_map().get(self._channel)
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._channel.pending else 0)
        if watched is not None and watched.events != wanted:
            self._selector.modify(self._channel, wanted, self._on_client)

    def _look_at_memory(self) -> None:
        memory = None if self._gone else meters.memory_of(self._pid)
        if memory is not None:
            self._cpu, self._rss = meters.processor_seconds(self._pid), memory.highest
            charged = memory.charged(self._inputs.size)
            self._peak = max(self._peak, charged)
            if charged > self._job.limits.memory_bytes:
                self._stop("memory")
            elif memory.threads > self._parked.threads:
                self._stop("threads")

    # Facts

    def _facts(self) -> verdicts.Facts:
        return verdicts.Facts(
            stopped=self._stopped,
            confined=bool(self._enforced),
            told=self._told,
            left=self._left and not self._gone,
            status=self._exit.status if self._exit else None,
            cpu_seconds=self._exit.cpu_seconds if self._exit else 0.0,
            cpu_limit=self._cpu_limit,
            out_of_memory=self._log.out_of_memory,
        )

    def _usage(self, started: float) -> Usage:
        return Usage(
            seconds=round(time.monotonic() - started, 6),
            cpu_seconds=round(self._exit.cpu_seconds if self._exit else self._cpu, 6),
            peak_bytes=self._peak,
            rss_bytes=self._exit.rss_bytes if self._exit else self._rss,
            input_bytes=self._inputs.size,
            output_bytes=self._output_bytes,
            log_bytes=self._log.size,
            confine_ms=round(float(self._enforced.get("milliseconds", 0.0)), 3),
        )
