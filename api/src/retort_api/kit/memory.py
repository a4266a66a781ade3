"""How much memory there is for this process: the machine's, or what its container may have of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

# Of the container's own group, as one sees it from inside: version 2 of the tree, then version 1.
LIMITS: Final = ("memory.max", "memory/memory.limit_in_bytes")


def memory(groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(machine, *(_limit(groups / name, machine) for name in LIMITS))


def _limit(file: Path, otherwise: int) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # none, or `max`
        return otherwise
