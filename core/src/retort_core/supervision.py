"""The first process of a sandbox: takes jobs over one inherited socket and runs each in a confined worker.

    python -I -m retort_core.supervision --fd N --worker MODULE:FUNCTION [--threads N] [--once]

It greets with the barriers that a real worker of its own has put up, and greets not at all when one is missing.
Standard library only; no path, credential or address is known to it. Ends when its client goes away.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import signal
import socket
import sys
import time
from typing import Any

from retort_core import wire
from retort_core.channel import Channel
from retort_core.errors import Infrastructure, PolicyDenied, RetortError
from retort_core.forkline import ForkLine
from retort_core.inputs import Inputs
from retort_core.jobs import End, Failure, Job, Limits, Usage
from retort_core.runs import Run
from retort_core.wire import FrameType

PROTOCOL = 1
TRIAL_LIMITS = Limits(seconds=30.0)


class Supervisor:
    """One client, one job after another."""

    def __init__(
        self,
        channel: Channel,
        forks: ForkLine,
        threads: int,
        hello: dict[str, Any] | None = None,
        attempt: str = "",
    ) -> None:
        """`hello`: of a trial that was made before there was a client. `attempt`: the only one the client may run."""
        self._channel, self._forks, self._threads = channel, forks, threads
        self._hello, self._attempt = hello, attempt

    def serve(self, *, once: bool) -> bool:
        """Whether the sandbox was fit for work."""
        try:
            self._greet()
            while not self._channel.lost:
                if self._one_job() and once:
                    break
        except RetortError as problem:
            self._end(End(Failure.of(problem), Usage()))
            return False
        finally:
            self._forks.stop()
        return True

    def _greet(self) -> None:
        hello = self._hello or trial(self._forks, self._threads)
        self._channel.send(wire.encode_json(FrameType.HELLO, hello))

    def _one_job(self) -> bool:
        job, inputs = None, Inputs(())
        try:
            job, inputs = self._receive()
            if job is None:
                return False
            end = Run(job, inputs, self._forks, self._channel, self._threads).execute()
        except RetortError as problem:
            if job is None:
                raise  # what was sent is no job: the stream cannot be trusted any more
            end = End(Failure.of(problem), Usage())
        finally:
            inputs.close()
        self._end(end)
        return True

    def _receive(self) -> tuple[Job | None, Inputs]:
        """A job with all its inputs; none when the client leaves or takes it back."""
        job, inputs = None, Inputs(())
        while not self._channel.lost:
            self._channel.wait()
            for kind, payload in self._channel.receive():
                if kind is FrameType.JOB and job is None:
                    job = self._admitted(Job.from_json(wire.decode_json(payload)))
                    inputs = Inputs(job.inputs)
                elif kind is FrameType.CANCEL:  # also one that crossed the end of a run
                    inputs.close()
                    if job is not None:
                        self._end(
                            End(Failure("cancelled", "The run was cancelled before it began."), Usage())
                        )
                    job, inputs = None, Inputs(())
                elif kind is FrameType.START and job is not None:
                    inputs.check_complete()
                    return job, inputs
                else:
                    _take(kind, payload, inputs)
        inputs.close()
        return None, inputs

    def _admitted(self, job: Job) -> Job:
        if self._attempt and job.attempt != self._attempt:
            raise PolicyDenied(f"this sandbox was claimed for {self._attempt}, not for {job.attempt[:100]}")
        return job

    def _end(self, end: End) -> None:
        self._channel.send(wire.encode_json(FrameType.END, end.to_json()))
        self._channel.drain()


def trial(forks: ForkLine, threads: int) -> dict[str, Any]:
    """Starts the fork server and has a first worker put up every barrier; raises when one is missing."""
    began = time.monotonic()
    forks.start()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        run = Run(Job("trial", "trial", limits=TRIAL_LIMITS), Inputs(()), forks, Channel(ours), threads)
        run.execute(trial=True).raise_for_error()
    return {
        "protocol": PROTOCOL,
        "python": ".".join(map(str, sys.version_info[:3])),
        "start_seconds": round(time.monotonic() - began, 3),
        "threads": threads,
        "enforced": run.enforced,
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
