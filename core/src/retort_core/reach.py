"""The program of a probe Pod: tries, from its first millisecond, to reach what an executor must not reach, and tells at its end.

    python -I -m retort_core.reach '{"to-dns": "udp:10.96.0.10:53", "api-server": "tcp:10.96.0.1:443"}'

It runs in the executor's image, under the executor's policies, without the filter: what is tried here is the network's own
barrier. The walls of a worker are tried as well (`probing`), in the same Pod. Then it listens where executors listen, so that
others can try to come in. Its last word goes where the kubelet reads it: there is no network to tell it over.
Standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from retort_core import probing
from retort_core.door import HEALTH_PORT, SESSION_PORT, answer
from retort_core.probing import PASSED

TIMEOUT: Final = 1.5
LISTENS: Final = 4.0  # seconds in which others try to come in
LAST_WORD: Final = Path("/dev/termination-log")
LARGEST: Final = 4000  # the kubelet keeps 4096 bytes
NODE: Final = "$NODE"  # stands for the node's own address, which only the Pod knows in time
# A question for the address of "a.", which every name server answers somehow.
QUESTION: Final = b"\x13\x37\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01"


def reach(target: str) -> str:
    """`PASSED`, or how it failed. `target`: "tcp:HOST:PORT" or "udp:HOST:PORT"; over UDP something must answer.
    A refusal counts as refused: some networks reject instead of dropping, and the control tells whether anybody listens."""
    kind, _, rest = target.partition(":")
    host, _, port = rest.rpartition(":")
    address = host.strip("[]")
    try:
        if kind == "udp":
            return _asked(address, int(port))
        socket.create_connection((address, int(port)), timeout=TIMEOUT).close()
    except TimeoutError:
        return "timeout"
    except OSError as problem:
        return problem.strerror or type(problem).__name__
    return PASSED


def _asked(host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.settimeout(TIMEOUT)
        sender.connect((host, port))
        sender.send(QUESTION)
        sender.recv(512)
    return PASSED


def try_all(targets: Mapping[str, str]) -> dict[str, str]:
    """All at once: what is open is open within the first milliseconds."""
    with ThreadPoolExecutor(max_workers=max(1, len(targets))) as pool:
        return dict(zip(targets, pool.map(reach, targets.values()), strict=True))


def walls() -> dict[str, list[str]]:
    """What a worker and the control beside it were answered; without any of it when no worker could be confined."""
    found = probing.probe()
    if found.problem:
        return {"walls": [found.problem[:200], "not tried"]}
    return {one.name: [one.confined, one.control] for one in found.barriers}


class Listening:
    """Takes whoever comes where executors listen, and counts those at the session's port."""

    def __init__(self, host: str = "", session: int = SESSION_PORT, health: int = HEALTH_PORT) -> None:
        self.callers = 0
        self._sockets = [socket.create_server((host, port), backlog=16) for port in (session, health)]
        for listener, take in zip(self._sockets, (self._count, answer), strict=True):
            threading.Thread(target=_each, args=(listener, take), daemon=True).start()

    def _count(self, caller: socket.socket) -> None:
        self.callers += 1
        caller.close()

    def close(self) -> None:
        for one in self._sockets:
            one.close()


def _each(listener: socket.socket, take: Callable[[socket.socket], None]) -> None:
    with contextlib.suppress(OSError):
        while True:
            take(listener.accept()[0])


def probe(targets: Mapping[str, str], listens: float = LISTENS, **ports: Any) -> dict[str, Any]:
    reached = try_all(
        {name: value.replace(NODE, os.environ.get("RETORT_HOST_IP", "")) for name, value in targets.items()}
    )
    found = walls()
    listening = Listening(**ports)
    time.sleep(listens)
    listening.close()
    return {"reached": reached, "walls": found, "callers": listening.callers}


def main() -> None:
    told = json.dumps(probe(json.loads(sys.argv[1])), separators=(",", ":"))[:LARGEST]
    with contextlib.suppress(OSError):
        LAST_WORD.write_text(told)
    sys.stdout.write(told + "\n")


if __name__ == "__main__":
    main()
