"""Running programs: a failure says which one and what it said."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class NodeError(Exception):
    """The message is for the person at the keyboard."""


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: IO[bytes] | None = None,
) -> str:
    """What it wrote to standard output; raises NodeError with its last words when it fails."""
    try:
        done = subprocess.run(
            list(map(str, command)), cwd=cwd, env=None if env is None else dict(env), stdin=stdin or subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise NodeError(f"The program {command[0]!s} is not installed.") from None
    if done.returncode != 0:
        last = "\n".join((done.stderr + done.stdout).strip().splitlines()[-15:])
        raise NodeError(f"{' '.join(map(str, command))} failed ({done.returncode}):\n{last}")
    return done.stdout


def beside_each_other(*lanes: Callable[[], object]) -> None:
    """Return when all have ended; the error of the first of them that has one is raised then."""
    with ThreadPoolExecutor(len(lanes)) as threads:
        running = [threads.submit(lane) for lane in lanes]
    for lane in running:
        lane.result()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def wait_until(what: str, ready: Callable[[], bool], *, seconds: float, every: float = 0.1) -> None:
    """Poll; what is awaited (another kernel namespace's daemons) offers no event to wait for."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise NodeError(f"Waited {seconds:.0f} s in vain for {what}.")
        time.sleep(every)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold this file's lock; the kernel frees it when the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
