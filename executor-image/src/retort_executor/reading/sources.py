"""Source: the bytes of one uploaded file, mapped from a sealed descriptor; nothing is ever written to a path."""

from __future__ import annotations

import io
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Source:
    """A readable file descriptor with its whole content mapped. The descriptor stays the caller's to close."""

    fd: int
    name: str
    size: int
    view: mmap.mmap | bytes

    def head(self, count: int) -> bytes:
        return bytes(self.view[:count])

    def forget(self) -> None:
        """Let go of the mapped pages after a pass over all of them; the kernel keeps the file itself."""
        if isinstance(self.view, mmap.mmap):
            self.view.madvise(mmap.MADV_DONTNEED)

    def copy(self) -> bytes:
        """A copy in memory, for parsers that take nothing else."""
        return bytes(self.view[:])

    def chunks(self, size: int) -> Iterator[bytes]:
        for start in range(0, self.size, size):
            yield os.pread(self.fd, size, start)

    def stream(self) -> BinaryIO:
        """A stream from the start of the file. All streams have one position: one at a time."""
        duplicate = os.dup(self.fd)
        os.lseek(duplicate, 0, os.SEEK_SET)
        return io.BufferedReader(io.FileIO(duplicate, "rb"), buffer_size=1 << 20)


def open_source(fd: int, name: str) -> Source:
    """Map the file behind `fd`. An empty file cannot be mapped and is empty bytes."""
    size = os.fstat(fd).st_size
    # private: a shared mapping of a write-sealed memfd is refused before Linux 6.7
    view = mmap.mmap(fd, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) if size else b""
    return Source(fd, name, size, view)
