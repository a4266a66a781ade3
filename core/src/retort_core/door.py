"""PID 1 of an executor Pod: walls first, then one proven client over TCP, its jobs, and the end.

    python -I -m retort_core.door --worker MODULE:FUNCTION [--port N] [--health-port N] [--threads N]

The fork server is executed with an empty environment before the session key is read, and a trial worker has put up every
barrier before anybody can connect; a Pod with a missing barrier never becomes ready and says why. Who connects must know
the key (`handshake`); others are dropped and the door stays open. With the first proven client it closes for good: the
process serves that one session, jobs of one attempt in a row, each in a worker of its own, and ends when the client leaves,
and so does the Pod. Standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import signal
import socket
import sys
import threading
from typing import Final, NoReturn

from retort_core import supervision
from retort_core.channel import Channel
from retort_core.errors import RetortError, SessionLost
from retort_core.forkline import ForkLine
from retort_core.handshake import LENGTH, Binding, ExecutorSide

SESSION_PORT: Final = 7070
HEALTH_PORT: Final = 7071
HANDSHAKE_SECONDS: Final = 5.0
PROBE_SECONDS: Final = 1.0  # for a probe to say what it asks
ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
STRANGERS: Final = (
    100  # failed handshakes after which the Pod gives itself up, so that nobody can knock for ever
)


class Door:
    """A listening socket that lets in one client that knows the key."""

    def __init__(self, key: bytes, pod: str, host: str, port: int) -> None:
        self._key, self._pod = key, pod
        self._listener = socket.create_server((host, port), backlog=16)

    @property
    def port(self) -> int:
        found: int = self._listener.getsockname()[1]
        return found

    def let_in(self) -> tuple[socket.socket, Binding]:
        """The first proven client; the door is closed behind it."""
        try:
            for _ in range(STRANGERS):
                stream, _address = self._listener.accept()
                try:
                    return stream, self._proven(stream)
                except (RetortError, OSError) as problem:
                    _say(f"a caller was turned away: {problem}")
                    stream.close()
        finally:
            self._listener.close()
        raise SessionLost(f"{STRANGERS} callers could not prove who they are")

    def _proven(self, stream: socket.socket) -> Binding:
        stream.settimeout(HANDSHAKE_SECONDS)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        side = ExecutorSide(self._key, self._pod)
        stream.sendall(side.greeting)
        length = _exactly(stream, LENGTH.size)
        binding, proof = side.verify(_exactly(stream, side.reply_size(length)))
        stream.sendall(proof)
        return binding


def _exactly(stream: socket.socket, size: int) -> bytes:
    """Never more than asked for: what follows belongs to the session."""
    found = b""
    while len(found) < size:
        piece = stream.recv(size - len(found))
        if not piece:
            raise SessionLost("the caller left in the middle of the handshake")
        found += piece
    return found


class Health:
    """The kubelet's probes. Each is answered once every barrier has been tried, and waits for that: a port that refused until
    then was asked again up to a second late, and every refusal was an event of the Pod (four to five a start on a busy node)."""

    def __init__(self, host: str, port: int) -> None:
        self._listener = socket.create_server((host, port), backlog=16)
        self._ready = threading.Event()
        threading.Thread(target=self._take, daemon=True, name="health").start()

    def ready(self) -> None:
        self._ready.set()

    def _take(self) -> None:
        while True:
            stream, _ = self._listener.accept()
            self._ready.wait()
            answer(stream)


def answer(probe: socket.socket) -> None:
    """Well, whatever was asked."""
    with probe, contextlib.suppress(OSError):
        probe.settimeout(PROBE_SECONDS)
        probe.recv(4096)  # what is closed unread is reset, and the answer with it
        probe.sendall(ANSWER)


def arm(seconds: int) -> None:
    """The Pod's own deadline, from now on: whatever hangs, it ends."""
    signal.signal(signal.SIGALRM, _over)
    signal.alarm(seconds)


def _over(*_: object) -> NoReturn:
    _say("the session took longer than it may")
    os._exit(124)


def _say(text: str) -> None:
    sys.stderr.write(text[:500] + "\n")
    sys.stderr.flush()


def serve(worker: str, threads: int, host: str, port: int, health_port: int) -> bool:
    """Whether the one session ended well."""
    health = Health(host, health_port)
    forks = ForkLine(worker, threads)
    hello = supervision.trial(forks, threads)
    # Only now: the fork server and its children were started from an environment without it.
    key, pod = bytes.fromhex(os.environ.pop("RETORT_SESSION_KEY")), os.environ.pop("RETORT_POD_NAME")
    door = Door(key, pod, host, port)
    health.ready()
    _say("ready: " + ", ".join(hello["enforced"].get("barriers", ())))
    stream, binding = door.let_in()
    # From the proof, and anew with every job: how many there will be is known to nobody when the session begins (a replay is
    # one job per instruction), how long one may take is. All of them together have the task's deadline, which the operator
    # keeps by ending the Pod; only the proven client's jobs move this one, nothing that runs here does.
    arm(binding.seconds)
    claim = supervision.Claim(
        hello=hello,
        attempt=f"{binding.task}-{binding.attempt}",
        at_job=lambda: arm(binding.seconds),
    )
    channel = Channel(stream)
    fit = supervision.Supervisor(channel, forks, threads, claim).serve(once=False)
    linger(channel)
    return fit


def linger(channel: Channel) -> None:
    """After a session that could not go on: stays until the client leaves. It does so once it has settled what it was told,
    and a Pod that has ended before is a lost attempt to whoever watches Pods. What it still says is dropped; the deadline
    holds."""
    while not channel.lost:
        channel.wait()
        for _ in channel.receive():
            pass


def main() -> None:
    parser = argparse.ArgumentParser(prog="retort_core.door")
    parser.add_argument("--worker", required=True, help="MODULE:FUNCTION that does the job")
    parser.add_argument("--host", default="0.0.0.0", help="address to listen on")  # noqa: S104 - a Pod's own network
    parser.add_argument("--port", type=int, default=SESSION_PORT)
    parser.add_argument("--health-port", type=int, default=HEALTH_PORT)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # non-dumpable: same-user processes cannot look into this one
    signal.signal(
        signal.SIGTERM, lambda *_: os._exit(0)
    )  # PID 1 would ignore it, and the Pod's end take its grace
    try:
        fit = serve(given.worker, given.threads, given.host, given.port, given.health_port)
    except RetortError as problem:
        _say(f"not fit for work: {problem.message}")
        fit = False
    sys.exit(0 if fit else 1)


if __name__ == "__main__":
    main()
