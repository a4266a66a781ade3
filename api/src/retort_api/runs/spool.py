"""The spool: results on their way from a worker to the intake, and from the intake to the object store, as files.

The bytes are hostile until the intake has read them; here they are only counted (by the session) and written down.
"""

from __future__ import annotations

import asyncio
import mmap
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from retort_api.runs.session import Input
from retort_tables.objects.port import ObjectStore

BLOCK: Final = 1 << 20


class Spool:
    """A folder that is gone when the block is left; parts by name (which never becomes a path)."""

    def __init__(self, root: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(dir=root, prefix="run-", ignore_cleanup_errors=True)
        self._parts: dict[str, BinaryIO] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        for part in self._parts.values():
            part.close()
        self._folder.cleanup()

    def open(self, name: str) -> BinaryIO:
        """A sink for `PartReader`; what an earlier part of the same name held is gone."""
        path = Path(self._folder.name) / str(len(self._parts))
        self._parts[name] = path.open("w+b", buffering=BLOCK)
        return self._parts[name]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._parts)

    def size(self, name: str) -> int:
        part = self._parts[name]
        part.flush()
        return part.seek(0, 2)

    def content(self, name: str) -> bytes:
        """For parts known to be small (schema, profile, counts)."""
        part = self._parts[name]
        part.seek(0)
        return part.read()

    def view(self, name: str) -> bytes | memoryview:
        """The part without a copy in memory."""
        if self.size(name) == 0:
            return b""
        return memoryview(mmap.mmap(self._parts[name].fileno(), 0, access=mmap.ACCESS_READ))

    def input(self, name: str) -> Input:
        assert name in self._parts
        return self.later(name)

    def later(self, name: str) -> Input:
        """A part that need not be there before it is asked for."""

        async def blocks() -> AsyncIterator[bytes]:
            part = self._parts[name]
            part.seek(0)
            while block := part.read(BLOCK):
                yield block

        return blocks


def object_input(store: ObjectStore, key: str) -> Input:
    """An object, read in blocks beside the event loop; one of a single block costs one visit to a thread."""

    async def blocks() -> AsyncIterator[bytes]:
        stream, block = await asyncio.to_thread(_opened, store, key)
        with stream:
            while block:
                yield block
                block = await asyncio.to_thread(stream.read, BLOCK) if len(block) == BLOCK else b""

    return blocks


def _opened(store: ObjectStore, key: str) -> tuple[BinaryIO, bytes]:
    stream = store.open(key)
    return stream, stream.read(BLOCK)
