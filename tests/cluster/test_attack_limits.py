"""Runs without end inside real executor Pods: the hard limit answers with its sentence, and where it is out of reach the
backstop ends the run or refuses more. Afterwards an executor of the same namespace does an honest run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import attacks
import pytest
from attacks import BOTH, NO_FIRST, Attack, Seen

from retort_core.errors import RetortError
from retort_core.jobs import MIB, Job

from .attack_pods import RUN, Executor, Ground, ground, output_of, side_by_side
from .kube import PATIENCE, Program

pytestmark = pytest.mark.timeout(400)
CELLS = list(attacks.cells("resources"))
GIB = 1 << 30
ALL = ("filter", "landlock", "user", "limits", "privileges", "descriptors")
MEMORY = "def run(table):\n    held = []\n    while True: held.append(bytearray(1 << 20))\n"
ENDLESS = "def run(table):\n    while True: pass\n"
THREADS = """
import threading, time
def run(table):
    while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
"""
FLOOD = """
import os, stat
def run(table):
    pipes = [fd for fd in range(3, 64) if is_pipe(fd)]
    while True:
        for fd in pipes[1:]: os.write(fd, b"z" * 65536)
def is_pipe(fd):
    try: return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError: return False
"""
TALK = "def run(table):\n    for _ in range(2000): print('x' * 10_000)\n    return table\n"
TALK_ON = "def run(table):\n    while True: print('x' * 10_000)\n"
MOST = 1000  # processes; a Pod is to be stopped long before
FILL = [
    ("disk-tmp", "fill", ["/tmp/full", 1 << 28]),
    ("disk-root", "fill", ["/full", 1 << 28]),
    ("disk-shm", "fill", ["/dev/shm/full", 1 << 28]),
]
FORK = [("fork-bomb", "processes", [MOST])]


class Unlimited(Job):
    """What the executor is told has no limits; whoever reads its answer keeps to those of the job."""

    def to_json(self) -> dict[str, Any]:
        told = super().to_json()
        return {**told, "limits": {**told["limits"], "output_bytes": 1 << 40}}


@pytest.fixture(scope="module")
def place(kubectl: Program, helm: Program, image: Callable[[str], str]) -> Iterator[Ground]:
    with ground(kubectl, helm, image("executor"), walled=True, restricted=True) as found:
        yield found


@pytest.fixture(scope="module")
def seen(place: Ground) -> Seen:
    acts = (_memory, _endless, _threads, _results, _logs, _disks_and_processes, _without_walls)
    return side_by_side(acts, place)


def ended(executor: Executor, source: str, *, of: type[Job] = Job, session: int = 120, **limits: Any) -> str:
    """The sentence with which it ended; OUT when it did not."""
    try:
        end, _, _ = executor.run(source, of, replace(RUN, **limits), session)
    except RetortError as problem:
        return problem.message.partition(";")[0]
    return attacks.OUT if end.error is None else end.error.message.partition(";")[0]


def last_word(executor: Executor) -> str:
    """How the Pod itself ended."""
    pod = executor.pod
    pod.kubectl("wait", f"pod/{pod.name}", "--for=jsonpath={.status.phase}=Failed", f"--timeout={PATIENCE}s")
    state = pod.object()["status"]["containerStatuses"][0]["state"]["terminated"]
    return f"{state['reason']}, exit code {state['exitCode']}"


def _memory(place: Ground) -> Seen:
    stopped = ended(place.executor(), MEMORY, memory_bytes=256 * MIB)
    lost = ended(place.executor(), MEMORY, memory_bytes=64 * GIB)
    return {("memory-bomb", BOTH): stopped, ("memory-bomb", NO_FIRST): lost}


def _endless(place: Ground) -> Seen:
    stopped = ended(place.executor(), ENDLESS, seconds=1)
    executor = place.executor()
    ended(executor, ENDLESS, session=3, seconds=1e6)
    return {("endless", BOTH): stopped, ("endless", NO_FIRST): last_word(executor)}


def _threads(place: Ground) -> Seen:
    return {("thread-bomb", BOTH): ended(place.executor(), THREADS)}


def _results(place: Ground) -> Seen:
    few = {"output_bytes": 8 * MIB}
    return {
        ("result-flood", BOTH): ended(place.executor(), FLOOD, **few),
        ("result-flood", NO_FIRST): ended(place.executor(), FLOOD, of=Unlimited, **few),
    }


def _logs(place: Ground) -> Seen:
    end, _, logged = place.executor().run(TALK, limits=replace(RUN, log_bytes=4096))
    end.raise_for_error()
    cut = f"cut after 4096 of {end.usage.log_bytes} bytes" if logged < 4500 else attacks.OUT
    return {
        ("log-flood", BOTH): cut,
        ("log-flood", NO_FIRST): ended(place.executor(), TALK_ON, seconds=3, log_bytes=1 << 40),
    }


def _disks_and_processes(place: Ground) -> Seen:
    found = place.executor().attempts([*FILL, *FORK])
    return {(name, BOTH): word for name, word in found.items()}


def _without_walls(place: Ground) -> Seen:
    """Each in a process of its own: what one has made is gone before the next begins."""
    runs = [
        (name, ALL, [(name, how, given)])
        for name, how, given in (*FILL, *FORK, ("thread-bomb", "threads", [MOST]))
    ]
    told = output_of(place.without(runs))
    return {(name, NO_FIRST): found[name] for name, found in told.items()}


@pytest.mark.parametrize(("attack", "cell"), CELLS, ids=[f"{one.key}, {cell}" for one, cell in CELLS])
def test_cell(seen: Seen, attack: Attack, cell: str) -> None:
    assert (attack.key, cell) in seen, "declared and not tried"
    assert not attacks.stands(attack, cell, seen[attack.key, cell])


SENTENCES = {
    "memory-bomb": "256 MiB of memory",
    "endless": "longer than 1 s",
    "thread-bomb": "too many threads",
    "result-flood": "larger than 8 MiB",
    "log-flood": "cut after 4096",
}


@pytest.mark.parametrize("key", SENTENCES)
def test_a_hard_limit_says_which_it_is(seen: Seen, key: str) -> None:
    assert SENTENCES[key] in seen[key, BOTH]


@pytest.mark.parametrize("key", ["fork-bomb", "thread-bomb"])
def test_the_pods_limit_of_processes_stops_what_the_filter_would_not(seen: Seen, key: str) -> None:
    assert seen[key, NO_FIRST] in {"EAGAIN", "can't start new thread"}


def test_the_service_goes_on(seen: Seen, place: Ground) -> None:
    end, _, _ = place.executor().run("def run(table):\n    return table\n")
    assert end.ok
