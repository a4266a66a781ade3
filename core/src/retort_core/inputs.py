"""Inputs of a run: anonymous files that are filled once, sealed, and handed to the worker as descriptors.

A sealed file can neither grow, shrink nor be written by anyone, so the worker needs no path and no copy.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
from collections.abc import Sequence

from retort_core.errors import Infrastructure

MAX_INPUTS = 64


class Inputs:
    """The inputs of one job, by their order."""

    def __init__(self, names: Sequence[str]) -> None:
        if len(names) > MAX_INPUTS or len(set(names)) != len(names):
            raise Infrastructure(f"a job has at most {MAX_INPUTS} inputs, each with its own name")
        self._files = [
            os.memfd_create(f"input-{i}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING) for i in range(len(names))
        ]
        self._sealed = [False] * len(names)
        self.size = 0

    @property
    def descriptors(self) -> list[int]:
        return list(self._files)

    def write(self, index: int, data: memoryview) -> None:
        descriptor = self._open(index)
        self.size += len(data)
        while data:
            data = data[os.write(descriptor, data) :]

    def seal(self, index: int) -> None:
        descriptor = self._open(index)
        os.lseek(descriptor, 0, os.SEEK_SET)
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        self._sealed[index] = True

    def check_complete(self) -> None:
        if not all(self._sealed):
            raise Infrastructure(f"input {self._sealed.index(False)} was not ended before the start")

    def close(self) -> None:
        for descriptor in self._files:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._files = []

    def _open(self, index: int) -> int:
        if index >= len(self._files) or self._sealed[index]:
            raise Infrastructure(f"input {index} is not announced, or has ended already")
        return self._files[index]


def view(descriptor: int) -> memoryview:
    """A worker's input without a copy; also where the kernel refuses shared mappings of sealed files (< 6.7)."""
    size = os.fstat(descriptor).st_size
    if size == 0:
        return memoryview(b"")
    return memoryview(mmap.mmap(descriptor, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ))
