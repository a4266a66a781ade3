"""Objects as files of one folder: `ab/abcdef…`, each written aside, forced to disk, then renamed into place.

The order is: bytes, fsync of the file, rename, fsync of the folder. A reader sees an object whole or not at all,
and a crash leaves at worst a file in `.partial/`, which the next start may remove. Files are read-only afterwards.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from retort_core.errors import Infrastructure
from retort_tables.objects.port import Added, absent, checked, key_of

_PARTIAL: Final = ".partial"


class FolderObjects:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._partial = root / _PARTIAL
        self._partial.mkdir(parents=True, exist_ok=True)
        for number in range(256):
            (root / f"{number:02x}").mkdir(exist_ok=True)
        _sync_folder(root)

    def put(self, data: bytes | memoryview) -> str:
        return self.add(data).key

    def add(self, data: bytes | memoryview) -> Added:
        key = key_of(data)
        target = self._path(key)
        with _explained(key):
            new = not target.exists()
            if new:
                self._write(target, data)
            _sync_folder(
                target.parent
            )  # also when another writer has just put it: its name must be on disk too
        return Added(key, new)

    def add_all(self, parts: Sequence[bytes | memoryview]) -> list[Added]:
        return [self.add(data) for data in parts]

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        try:
            stream = self._path(key).open("rb")
        except FileNotFoundError:
            raise absent(key) from None
        if length is None:
            stream.seek(start)
            return stream
        with stream:
            stream.seek(start)
            return io.BytesIO(stream.read(length))

    def size(self, key: str) -> int:
        try:
            return self._path(key).stat().st_size
        except FileNotFoundError:
            raise absent(key) from None

    def exists(self, key: str) -> bool:
        return self._path(key).exists()

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def keys(self) -> Iterator[str]:
        for number in range(256):
            yield from sorted(path.name for path in (self._root / f"{number:02x}").iterdir())

    def local(self, key: str) -> Path | None:
        path = self._path(key)
        if not path.exists():
            raise absent(key)
        return path

    def sweep(self) -> int:
        """Remove what a crash left half-written; only while nothing else writes. How many files."""
        left = list(self._partial.iterdir())
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _path(self, key: str) -> Path:
        return self._root / checked(key)[:2] / key

    def _write(self, target: Path, data: bytes | memoryview) -> None:
        handle, name = tempfile.mkstemp(dir=self._partial)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fchmod(stream.fileno(), 0o444)
                os.fsync(stream.fileno())
            Path(name).rename(target)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(name).unlink()
            raise


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _explained(key: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Infrastructure(
            f"Object {key[:12]} could not be written ({error.strerror}). Nothing was changed; "
            "make room on the disk or check the folder's rights, then try again.",
            key=key,
        ) from error
