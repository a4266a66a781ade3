"""A node that runs: whether it does, programs inside it, images into it, its end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path

import archives
import cgroups
from commands import NodeError, run
from places import CONTAINERD, Node

CTR = ("ctr", "-a", CONTAINERD, "-n", "k8s.io")


def keeper(node: Node) -> int | None:
    """The process that holds the node's lock; the kernel lets go of it when that process dies."""
    if not node.lock.exists():
        return None
    with node.lock.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(lock.read() or 0)
    return None


def inside(node: Node, *command: str) -> list[str]:
    """The command line that runs a program in the node: its root, its network, its processes."""
    if keeper(node) is None:
        raise NodeError(f"The node {node.name!r} is not up.")
    kinds = ("--mount", "--net", "--pid", "--ipc", "--uts", "--root", "--wd")
    return ["nsenter", "--target", node.first_process.read_text(), *kinds, *command]


def load(node: Node, archive: Path, image: str) -> None:
    """Import an image unless these very contents are there; to be called by name and by digest."""
    repository = image.rpartition(":")[0]
    fixed = f"{repository}@{archives.digest(archive)}"
    if fixed not in run(inside(node, *CTR, "images", "list", "-q")).split():
        with archive.open("rb") as data:
            command = inside(node, *CTR, "images", "import", "--digests", "--base-name", repository, "-")
            run(command, stdin=data)
    run(inside(node, *CTR, "images", "tag", "--force", fixed, image))


def stop(node: Node) -> None:
    """Kill it; the kernel and the keeper put everything away. Also puts away what a killed keeper left."""
    holder = keeper(node)
    if holder is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(holder, signal.SIGTERM)
        end = time.monotonic() + 30
        while keeper(node) is not None:
            if time.monotonic() > end:
                os.kill(holder, signal.SIGKILL)
            time.sleep(0.02)
    end = time.monotonic() + 10
    while cgroups.left(node.cgroup) and time.monotonic() < end:
        cgroups.remove(node.cgroup)
        time.sleep(0.02)
    node.first_process.unlink(missing_ok=True)
