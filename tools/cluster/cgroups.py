"""The node's branch of the control group tree: made before it starts, gone when it has ended.

Both layouts of the kernel: one tree per controller (v1), one tree for all (v2).
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

ROOT: Final = Path("/sys/fs/cgroup")


def make(name: str) -> None:
    if (ROOT / "cgroup.controllers").exists():
        _make_v2(name)
        return
    for tree in _trees():
        if (tree / "cgroup.controllers").exists():
            continue
        branch = tree / name
        branch.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):  # empty in a new branch: nothing could run in it
            if (tree / setting).exists():
                (branch / setting).write_text((tree / setting).read_text())


def _make_v2(name: str) -> None:
    branch = ROOT / name
    branch.mkdir(exist_ok=True)
    enable = " ".join(f"+{controller}" for controller in (ROOT / "cgroup.controllers").read_text().split())
    for folder in (ROOT, branch):
        (folder / "cgroup.subtree_control").write_text(enable)


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
