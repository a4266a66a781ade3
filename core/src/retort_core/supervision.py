"""The first process of a sandbox: takes jobs over one inherited socket and runs each in a confined worker of its own,
forked and walled in before the job came.

    python -I -m retort_core.supervision --fd N --worker MODULE:FUNCTION [--threads N] [--once]

It greets with the barriers that its first worker has put up, and greets not at all when one is missing.
Standard library only; no path, credential or address is known to it. Ends when its client goes away.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from retort_core import wire
from retort_core.channel import Channel
from retort_core.errors import Infrastructure, PolicyDenied, RetortError
from retort_core.forkline import ForkLine
from retort_core.inputs import Inputs
from retort_core.jobs import End, Failure, Job, Usage
from retort_core.parked import Parked
from retort_core.runs import Run
from retort_core.wire import FrameType

PROTOCOL = 1


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sandbox that was tried before there was a client and is that of one attempt. `hello`: of the trial; its worker does
    the first job. Whether there will be another nobody knows, and mostly there is none: a worker for it is forked when it is
    announced, not ahead. `at_job` is called with every job that is let in."""

    hello: dict[str, Any]
    attempt: str
    at_job: Callable[[], None]


class Supervisor:
    """One client, one job after another."""

    def __init__(self, channel: Channel, forks: ForkLine, threads: int, claim: Claim | None = None) -> None:
        self._channel, self._forks, self._threads, self._claim = channel, forks, threads, claim
        self._taken: Parked | None = None  # for the job that is being received
        self._inputs = Inputs(())

    def serve(self, *, once: bool) -> bool:
        """Whether the sandbox was fit for work."""
        try:
            self._greet()
            while not self._channel.lost:
                if self._one_job(once=once) and once:
                    break
        except RetortError as problem:
            self._end(End(Failure.of(problem), Usage()))
            return False
        finally:
            self._forks.stop()
        return True

    def _greet(self) -> None:
        hello = self._claim.hello if self._claim is not None else trial(self._forks, self._threads)
        self._channel.send(wire.encode_json(FrameType.HELLO, hello))

    def _one_job(self, *, once: bool) -> bool:
        job = None
        try:
            job = self._receive()
            if job is None:
                return False
            end = self._run(job)
        except RetortError as problem:
            if job is None:
                raise  # what was sent is no job: the stream cannot be trusted any more
            end = End(Failure.of(problem), Usage())
        finally:
            self._leave()
        self._end(end)
        if not once:
            self._park()
        return True

    def _run(self, job: Job) -> End:
        """The worker and its inputs pass to the run, which leaves nothing of them."""
        parked, self._taken = self._taken, None
        assert parked is not None
        return Run(job, self._inputs, parked, self._forks, self._channel, self._threads).execute()

    def _park(self) -> None:
        """The next worker, while nobody waits for it; what goes wrong is told to the next job."""
        if self._claim is None:
            with contextlib.suppress(RetortError):
                self._forks.ahead()

    def _receive(self) -> Job | None:
        """A job with all its inputs but the late ones; none when the client leaves or takes it back."""
        job = None
        while not self._channel.lost:
            self._channel.wait()
            for kind, payload in self._channel.receive():
                if kind is FrameType.JOB and job is None:
                    job = self._admitted(Job.from_json(wire.decode_json(payload)))
                    self._taken = self._forks.take()
                    self._inputs = self._taken.inputs(job.inputs)
                elif kind is FrameType.CANCEL:  # also one that crossed the end of a run
                    self._leave()
                    if job is not None:
                        self._end(
                            End(Failure("cancelled", "The run was cancelled before it began."), Usage())
                        )
                        self._park()
                    job = None
                elif kind is FrameType.START and job is not None:
                    self._inputs.check_complete(job.late)
                    return job
                else:
                    _take(kind, payload, self._inputs)
        return None

    def _leave(self) -> None:
        """No input of this job stays, and no worker that was meant for it."""
        self._inputs.close()
        self._inputs = Inputs(())
        parked, self._taken = self._taken, None
        if parked is not None:
            self._forks.drop(parked)

    def _admitted(self, job: Job) -> Job:
        if self._claim is not None:
            if job.attempt != self._claim.attempt:
                raise PolicyDenied(
                    f"this sandbox was claimed for {self._claim.attempt}, not for {job.attempt[:100]}"
                )
            self._claim.at_job()
        return job

    def _end(self, end: End) -> None:
        self._channel.send(wire.encode_json(FrameType.END, end.to_json()))
        self._channel.drain()


def trial(forks: ForkLine, threads: int) -> dict[str, Any]:
    """Starts the fork server and has a first worker put up every barrier; raises when one is missing. That worker stays
    parked for the first job."""
    began = time.monotonic()
    forks.start()
    enforced = forks.ahead().greet()
    return {
        "protocol": PROTOCOL,
        "python": ".".join(map(str, sys.version_info[:3])),
        "start_seconds": round(time.monotonic() - began, 3),
        "threads": threads,
        "enforced": enforced,
    }


def _take(kind: FrameType, payload: bytes, inputs: Inputs) -> None:
    if kind is FrameType.DATA:
        index, data = wire.input_of(payload)
        inputs.write(index, data)
    elif kind is FrameType.DONE:
        inputs.seal(wire.input_of(payload)[0])
    else:
        raise Infrastructure(f"a frame of type {kind.name} has no place before the start of a job")


def main() -> None:
    parser = argparse.ArgumentParser(prog="retort_core.supervision")
    parser.add_argument("--fd", type=int, required=True, help="inherited stream socket to the client")
    parser.add_argument("--worker", required=True, help="MODULE:FUNCTION that does the jobs")
    parser.add_argument(
        "--threads", type=int, default=len(os.sched_getaffinity(0)), help="of polars, per worker"
    )
    parser.add_argument("--once", action="store_true", help="end after one job")
    arguments = parser.parse_args()
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # non-dumpable: same-user processes cannot look into this one
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C is the client's; when it leaves, so does this
    channel = Channel(socket.socket(fileno=arguments.fd))
    supervisor = Supervisor(channel, ForkLine(arguments.worker, arguments.threads), arguments.threads)
    sys.exit(0 if supervisor.serve(once=arguments.once) else 1)


if __name__ == "__main__":
    main()
