"""Objects in a dictionary: for tests and for what need not outlive the process."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from retort_tables.objects.port import Added, absent, checked, key_of


class MemoryObjects:
    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def put(self, data: bytes | memoryview) -> str:
        return self.add(data).key

    def add(self, data: bytes | memoryview) -> Added:
        key, before = key_of(data), len(self._objects)
        self._objects.setdefault(key, bytes(data))
        return Added(key, new=len(self._objects) > before)

    def add_all(self, parts: Sequence[bytes | memoryview]) -> list[Added]:
        return [self.add(data) for data in parts]

    def add_file(self, file: BinaryIO) -> Added:
        file.seek(0)
        return self.add(file.read())

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        data = self._data(key)
        return io.BytesIO(data[start:] if length is None else data[start : start + length])

    def size(self, key: str) -> int:
        return len(self._data(key))

    def exists(self, key: str) -> bool:
        return checked(key) in self._objects

    def delete(self, key: str) -> None:
        self._objects.pop(checked(key), None)

    def keys(self) -> Iterator[str]:
        return iter(sorted(self._objects))

    def local(self, key: str) -> Path | None:
        self._data(key)
        return None

    def _data(self, key: str) -> bytes:
        try:
            return self._objects[checked(key)]
        except KeyError:
            raise absent(key) from None
