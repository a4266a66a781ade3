"""One session with a supervisor: a job and its inputs go in, frames come out, one job at a time.

Raises `SessionLost` when the other end goes away and `LimitExceeded` when it sends more than the job may. Works on
any stream (an inherited socketpair here, TCP in a cluster). Sending and receiving run side by side, so that a
supervisor that reports while it is being fed can never block both. Inputs of a job that are late are sent after its
start, as they come.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from retort_core.errors import Infrastructure, LimitExceeded, SessionLost
from retort_core.jobs import End, Job
from retort_core.wire import (
    FrameDecoder,
    FrameType,
    decode_json,
    encode,
    encode_data,
    encode_done,
    encode_json,
)

READ_SIZE: Final = 1 << 18
GRACE_SECONDS: Final = 10.0  # beyond the job's own limit, which the supervisor enforces
FEED_SECONDS: Final = 110.0  # at least, for what a job needs before it starts: its own limit begins there

Input = Callable[[], AsyncIterator[bytes]]


class Abandoned(Exception):
    """Of an input that will never come: the job is taken back, and the session goes on."""


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Where the frames of a run go; called in the order of arrival."""

    chunk: Callable[[bytes], None]
    progress: Callable[[dict[str, Any]], None] = lambda _: None
    log: Callable[[str], None] = lambda _: None


@dataclass(kw_only=True)
class Session:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    hello: dict[str, Any] = field(default_factory=dict)
    decoder: FrameDecoder = field(default_factory=FrameDecoder)

    async def greet(self, seconds: float) -> dict[str, Any]:
        """The supervisor's first word: what it enforces. Nothing is sent before it."""
        with _lost_on_timeout(seconds):
            async with asyncio.timeout(seconds):
                async for kind, payload in self._frames():
                    if kind is FrameType.HELLO:
                        self.hello = decode_json(payload)
                        return self.hello
                    if kind is FrameType.END:  # a barrier is missing, or the worker cannot be loaded
                        End.from_json(decode_json(payload)).raise_for_error()
        raise SessionLost("the sandbox ended before it said what it enforces")

    async def run(self, job: Job, inputs: Sequence[Input], listener: Listener) -> End:
        """Feeds the job and collects its frames until END. An input that fails on its way fails the run at once: the
        other side waits for it and would say nothing until its time is up."""
        seconds, loop = job.limits.seconds + GRACE_SECONDS, asyncio.get_running_loop()
        clock = asyncio.timeout(max(seconds, FEED_SECONDS + GRACE_SECONDS))
        sending = asyncio.create_task(
            self._send(job, inputs, lambda: clock.reschedule(loop.time() + seconds))
        )
        receiving = asyncio.create_task(self._receive(job, listener))
        try:
            with _lost_on_timeout(seconds):
                async with clock:
                    await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
                    if not receiving.done():
                        await sending
                    return await receiving
        finally:
            for one in (sending, receiving):
                one.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)

    async def _send(self, job: Job, inputs: Sequence[Input], started: Callable[[], None]) -> None:
        """A supervisor that refuses early closes its ears; its END, not the broken pipe, is the answer."""
        with suppress(ConnectionError):
            try:
                self.writer.write(encode_json(FrameType.JOB, job.to_json()))
                await self._feed([one for one in enumerate(inputs) if job.inputs[one[0]] not in job.late])
                self.writer.write(encode(FrameType.START))
                started()
                await self._feed([one for one in enumerate(inputs) if job.inputs[one[0]] in job.late])
            except Abandoned:
                self.writer.write(encode(FrameType.CANCEL))
            await self.writer.drain()

    async def _feed(self, sources: Sequence[tuple[int, Input]]) -> None:
        for index, source in sources:
            async for block in source():
                self.writer.writelines(encode_data(index, block))
                await self.writer.drain()
            self.writer.write(encode_done(index))

    async def _receive(self, job: Job, listener: Listener) -> End:
        received = 0
        async for kind, payload in self._frames():
            match kind:
                case FrameType.CHUNK:
                    received += len(payload)
                    if received > job.limits.output_bytes:
                        raise LimitExceeded(
                            f"the result is larger than {job.limits.output_bytes >> 20} MiB",
                            limit=job.limits.output_bytes,
                        )
                    listener.chunk(payload)
                case FrameType.PROGRESS:
                    listener.progress(decode_json(payload))
                case FrameType.LOG:
                    listener.log(payload.decode("utf-8", "replace"))
                case FrameType.END:
                    return End.from_json(decode_json(payload))
                case _:
                    raise Infrastructure(f"the sandbox sent {kind.name} in the middle of a run")
        raise SessionLost("the sandbox went away in the middle of the run")

    async def _frames(self) -> AsyncIterator[tuple[FrameType, bytes]]:
        while True:
            try:
                data = await self.reader.read(READ_SIZE)
            except ConnectionError as error:
                raise SessionLost("the sandbox went away in the middle of the run") from error
            if not data:
                return
            for frame in self.decoder.feed(data):
                yield frame

    def close(self) -> None:
        self.writer.close()


@contextmanager
def _lost_on_timeout(seconds: float) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise SessionLost(f"the sandbox did not answer within {seconds:.0f} s") from error
