"""The node's own root: a Debian tree below a layer in memory, with the few folders that must outlive a run.

Called by the node's first process, in its own mount namespace: whatever is mounted here, the machine never sees,
and the kernel undoes it when the node's last process is gone.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from places import NETWORKS, PLUGINS

# The kubelet sets these for the whole machine. It finds them as it wants them, in files of the node's own.
KERNEL_SETTINGS: Final[Mapping[str, str]] = {
    "vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
}  # fmt: skip
OLD: Final = "/old"
PLUGINS_OF_DEBIAN: Final = ("host-local", "loopback", "portmap")


def enter(system: Path, place: Path, binds: Mapping[Path, str], programs: Mapping[str, Path]) -> None:
    """Make the root at `place` (an empty folder) and move into it. `binds`: folder outside -> path inside."""
    _mount("--make-rprivate", "/")
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", place)
    upper, work, root = (place / name for name in ("upper", "work", "root"))
    for folder in (upper, work, root):
        folder.mkdir()
    _mount("-t", "overlay", "-o", f"lowerdir={system},upperdir={upper},workdir={work}", "overlay", root)
    for outside, inside in binds.items():
        _bind(outside, root, inside)
    for inside, program in programs.items():
        target = root / inside.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
        _mount("--bind", program, target)
    _kernel_folders(root)
    (root / OLD.strip("/")).mkdir()
    subprocess.run(["pivot_root", root, root / OLD.strip("/")], check=True)
    os.chdir("/")
    _finish()


def _kernel_folders(root: Path) -> None:
    _mount("-t", "proc", "proc", root / "proc")
    for name in ("sys", "dev"):
        _mount("--rbind", f"/{name}", root / name)
    for name in ("run", "tmp"):
        _mount("-t", "tmpfs", "-o", "mode=755" if name == "run" else "mode=1777", "tmpfs", root / name)


def _finish() -> None:
    _mount("--make-rprivate", OLD)
    subprocess.run(["/usr/bin/umount", "-l", OLD], check=True)
    Path(OLD).rmdir()
    _mount("--make-rshared", "/")  # what the kubelet mounts must appear in containers that ask for it
    for name, value in KERNEL_SETTINGS.items():
        stand_in = Path("/run/kernel-settings") / name.replace("/", ".")
        stand_in.parent.mkdir(exist_ok=True)
        stand_in.write_text(f"{value}\n")
        if (Path("/proc/sys") / name).exists():
            _mount("--bind", stand_in, f"/proc/sys/{name}")
    for folder in ("/run/netns", "/run/calico/endpoint-status", "/var/lib/cni", "/var/lib/calico", NETWORKS):
        Path(folder).mkdir(parents=True, exist_ok=True)
    for name in PLUGINS_OF_DEBIAN:
        (Path(PLUGINS) / name).symlink_to(f"/usr/lib/cni/{name}")


def _bind(outside: Path, root: Path, inside: str) -> None:
    target = root / inside.lstrip("/")
    target.mkdir(parents=True, exist_ok=True)
    _mount("--bind", outside, target)


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True)
