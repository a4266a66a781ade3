"""The process outside the node that starts it, stays as long as it lives and puts away what the kernel does not.

It opens the loopback port, makes the control groups and starts process 1 in new namespaces. Whichever of the two
dies first, the other follows at once; this one removes the control groups before. It is the holder of the node's
lock, so whether a node is up is told by the kernel and not by a file.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import builds
import cgroups
import settings
from places import HERE, LOGS, PLUGINS, PROGRAMS, SETTINGS, Node

LOOPBACK: Final = "127.0.0.1"


def main(name: str) -> None:
    node = Node(name)
    with node.lock.open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            _keep(node)
        finally:
            node.first_process.unlink(missing_ok=True)


def _keep(node: Node) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    cgroups.make(node.cgroup)
    with socket.create_server((LOOPBACK, 0)) as listener:
        settings.write_outer_kubeconfigs(node, listener.getsockname()[1])
        child = _start(node, listener)
    try:
        _note_first_process(node, child)
        child.wait()
    finally:
        child.kill()
        child.wait()
        _remove_groups(node)


def _note_first_process(node: Node, child: subprocess.Popen[bytes]) -> None:
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    while child.poll() is None:
        found = children.read_text().split()
        if found:
            node.first_process.write_text(found[0])
            return
        time.sleep(0.01)


def _remove_groups(node: Node) -> None:
    """The node's processes die by the kernel's hand a moment later than the child; then their groups can go."""
    end = time.monotonic() + 10
    while cgroups.left(node.cgroup) and time.monotonic() < end:
        cgroups.remove(node.cgroup)
        time.sleep(0.02)


def _start(node: Node, listener: socket.socket) -> subprocess.Popen[bytes]:
    orders = json.dumps(_orders(node, listener.fileno()))
    namespaces = ["--pid", "--mount", "--net", "--ipc", "--uts", "--fork", "--kill-child=KILL"]
    command = [sys.executable, str(HERE), "first-process", orders]
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", "unshare", *namespaces, *command],
        pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL,
    )  # fmt: skip


def _orders(node: Node, listener: int) -> dict[str, Any]:
    calico = builds.calico() / "calico"
    return {
        "name": node.name, "cgroup": node.cgroup, "listener": listener,
        "system": str(builds.system() / "root"), "mounts": str(node.mounts),
        "programs": {
            f"{PROGRAMS}/kubernetes": str(builds.kubernetes() / "kubernetes"),
            f"{PROGRAMS}/felix": str(calico), f"{PLUGINS}/calico": str(calico),
        },
        "binds": {
            str(node.settings): SETTINGS, str(node.logs): LOGS, str(node.containerd): "/var/lib/containerd",
            str(node.scratch / "kubelet"): "/var/lib/kubelet", str(node.scratch / "pods"): "/var/log/pods",
            str(node.scratch / "volumes"): "/var/lib/volumes",
        },
    }  # fmt: skip
