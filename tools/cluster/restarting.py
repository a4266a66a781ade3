"""Ends a daemon of the node the hard way; the first process starts it again, as it does with any that ends.

Only children of the node's first process are looked at, so no process of the machine or of another node is ever meant.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import daemons
import running
from commands import NodeError, wait_until
from places import Node

PATIENCE: Final = 60.0  # most wait for the API server before they begin


def names() -> tuple[str, ...]:
    return tuple(one.name for one in daemons.all_daemons(""))


def restart(node: Node, name: str) -> None:
    """Kills it (SIGKILL) and returns when its successor runs; whether that one answers already is another question."""
    if running.keeper(node) is None:
        raise NodeError(f"The node {node.name!r} is not up.")
    if name not in names():
        raise NodeError(f"There is no daemon {name!r}; there are {', '.join(names())}.")
    old = process(node, name)
    if old is None:
        raise NodeError(f"{name} of the node {node.name!r} does not run.")
    os.kill(old, signal.SIGKILL)
    wait_until(
        f"{name} to be started again",
        lambda: process(node, name) not in (None, old),
        seconds=PATIENCE,
        every=0.02,
    )


def process(node: Node, name: str) -> int | None:
    """Its id as seen from outside; None while it does not run."""
    (command,) = (one.command for one in daemons.all_daemons(node.name) if one.name == name)
    return next((child for child, words in _children(node) if words[: len(command)] == command), None)


def _children(node: Node) -> Iterator[tuple[int, tuple[str, ...]]]:
    first = node.first_process.read_text().strip()
    for child in Path(f"/proc/{first}/task/{first}/children").read_text().split():
        try:
            words = Path(f"/proc/{child}/cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile
        yield int(child), tuple(word.decode() for word in words)
