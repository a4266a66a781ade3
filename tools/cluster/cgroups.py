"""The node's branch of the control group tree: made before it starts, gone when it has ended.

Both layouts of the kernel: one tree per controller (v1), one tree for all (v2).

The daemons have groups of their own below it, beside the Pods' that the kubelet makes. In no group each thread of a daemon would
weigh as much as all Pods of the node together, which no real one does: there systemd has them in a slice, and the control plane,
where it is on the node at all, has Pods.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

ROOT: Final = Path("/sys/fs/cgroup")
SYSTEM: Final = "system"  # as systemd's slice of that name: the default weight, that of one core's Pods
CONTROL_PLANE: Final = "control-plane"  # as kubeadm's Pods, which ask for 0.9 of a core together
WEIGHT: Final = 4  # of the node, in defaults: both groups and the Pods of two cores; the clients beside it weigh one a thread


def make(name: str) -> None:
    if (ROOT / "cgroup.controllers").exists():
        _make_v2(name)
        return
    for tree in _trees():
        if (tree / "cgroup.controllers").exists():
            continue
        for branch in (tree / name, tree / name / SYSTEM, tree / name / CONTROL_PLANE):
            branch.mkdir(exist_ok=True)
            for setting in ("cpuset.cpus", "cpuset.mems"):  # empty in a new branch: nothing could run in it
                if (tree / setting).exists():
                    (branch / setting).write_text((tree / setting).read_text())
        _weigh(tree / name / "cpu.shares", 1024)


def _make_v2(name: str) -> None:
    branch = ROOT / name
    branch.mkdir(exist_ok=True)
    enable = " ".join(f"+{controller}" for controller in (ROOT / "cgroup.controllers").read_text().split())
    for folder in (ROOT, branch):
        (folder / "cgroup.subtree_control").write_text(enable)
    for group in (SYSTEM, CONTROL_PLANE):
        (branch / group).mkdir(exist_ok=True)
    _weigh(branch / "cpu.weight", 100)


def _weigh(setting: Path, default: int) -> None:
    if setting.exists():
        setting.write_text(str(WEIGHT * default))


def enter(name: str) -> None:
    """Moves the process that asks, and what it starts from now on."""
    for tree in _trees():
        members = tree / name / "cgroup.procs"
        if members.exists():
            members.write_text("0")  # whoever writes it


def remove(name: str) -> None:
    """Every group below as well; what still holds a process stays."""
    for tree in _trees():
        branch = tree / name
        groups = [path for path in branch.rglob("*") if path.is_dir()] if branch.exists() else []
        for group in [*sorted(groups, key=lambda path: -len(path.parts)), branch]:
            with contextlib.suppress(OSError):
                group.rmdir()


def left(name: str) -> list[Path]:
    return [tree / name for tree in _trees() if (tree / name).exists()]


def _trees() -> list[Path]:
    """Every mounted tree; containerd makes a group in the v2 tree even where that one controls nothing."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return [path for path in ROOT.iterdir() if not path.is_symlink() and path.is_mount()]
