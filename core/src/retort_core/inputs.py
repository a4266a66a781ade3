"""Inputs of a run: anonymous files that are filled once, sealed, and handed to the worker as descriptors.

A sealed file can neither grow, shrink nor be written by anyone, so the worker needs no path and no copy. An input may
still be on its way when the worker starts ("late"): it is sealed when it is whole, and the worker waits for it by name.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
from collections.abc import Collection, Iterator, Mapping, Sequence

from retort_core.errors import Infrastructure, SessionLost

MAX_INPUTS = 64


def anonymous_file(name: str) -> int:
    return os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)


class Inputs:
    """The inputs of one job, by their order."""

    def __init__(self, names: Sequence[str], files: Sequence[int] | None = None) -> None:
        """`files`: anonymous ones that the worker has already; those that are not needed are closed."""
        given = list(files) if files is not None else []
        if len(names) > MAX_INPUTS or len(set(names)) != len(names):
            _close(given)
            raise Infrastructure(f"a job has at most {MAX_INPUTS} inputs, each with its own name")
        if files is None:
            given = [anonymous_file(f"input-{number}") for number in range(len(names))]
        self._names, self._files = tuple(names), given[: len(names)]
        _close(given[len(names) :])
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

    def check_complete(self, late: Collection[str] = ()) -> None:
        """Whether all have ended, but for those that may come `late`."""
        for index, (name, sealed) in enumerate(zip(self._names, self._sealed, strict=True)):
            if not sealed and name not in late:
                raise Infrastructure(f"input {index} was not ended before the start")

    def pending(self, late: Collection[str]) -> list[int]:
        """Places of the late ones that are still on their way."""
        names = zip(self._names, self._sealed, strict=True)
        return [index for index, (name, sealed) in enumerate(names) if name in late and not sealed]

    def close(self) -> None:
        _close(self._files)
        self._files = []

    def _open(self, index: int) -> int:
        if index >= len(self._files) or self._sealed[index]:
            raise Infrastructure(f"input {index} is not announced, or has ended already")
        return self._files[index]


def _close(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


class Arrivals(Mapping[str, int]):
    """A worker's inputs by name, as descriptors. One that is late is waited for when it is asked for; `calls` brings the
    place of each that has become whole."""

    def __init__(self, names: Sequence[str], files: Sequence[int], late: Collection[str], calls: int) -> None:
        self._files = dict(zip(names, files, strict=True))
        self._names, self._calls = tuple(names), calls
        self._missing = {name for name in names if name in late}

    def __getitem__(self, name: str) -> int:
        descriptor = self._files[name]
        while name in self._missing:
            called = os.read(self._calls, 1)
            if not called:
                raise SessionLost("the supervisor went away before the last input came")
            self._missing.discard(self._names[called[0]])
        return descriptor

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def view(descriptor: int) -> memoryview:
    """A worker's input without a copy; also where the kernel refuses shared mappings of sealed files (< 6.7)."""
    size = os.fstat(descriptor).st_size
    if size == 0:
        return memoryview(b"")
    return memoryview(mmap.mmap(descriptor, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ))
