"""A store behind a network with a folder of this machine in front: what was read or written lately is a file here.

Tables are read by memory mapping, a page touches one or two row groups, and versions never change: so an object is
fetched whole, once, proven to be what its key says, and mapped from then on. The store stays the truth: whether an object
exists is asked there, writes go there first. The folder may be deleted at any time; above its size the files that were
used longest ago go. A file that was used a moment ago stays, because somebody may be about to open it.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Self

from retort_core.errors import Infrastructure
from retort_tables.objects.port import Added, ObjectStore, checked

BLOCK: Final = 1 << 20
YOUNG_SECONDS: Final = 60.0
_PARTIAL: Final = ".partial-"


class CachedObjects:
    def __init__(
        self, store: ObjectStore, folder: Path, size: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        """`size`: of the folder in bytes; it may be exceeded by what was used within the last minute."""
        self._store, self._folder, self._size, self._now = store, folder, size, now
        self._lock = threading.Lock()
        self._fetching: dict[str, threading.Lock] = {}
        self._used: OrderedDict[str, tuple[int, float]] = OrderedDict()  # key -> size, last use; oldest first
        self._total = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._take_stock()

    # -- the store ---------------------------------------------------------------------------------------

    def put(self, data: bytes | memoryview) -> str:
        return self.add(data).key

    def add(self, data: bytes | memoryview) -> Added:
        found = self._store.add(data)
        self._keep(found.key, data)
        return found

    def add_all(self, parts: Sequence[bytes | memoryview]) -> list[Added]:
        found = self._store.add_all(parts)
        for one, data in zip(found, parts, strict=True):
            self._keep(one.key, data)
        return found

    def add_file(self, file: BinaryIO) -> Added:
        """Not kept here: what was sent is read once, and is as large as nothing else."""
        return self._store.add_file(file)

    def size(self, key: str) -> int:
        """Of the file where there is one: an object's bytes never change, so neither does their number."""
        if self._touch(checked(key)):
            with suppress(FileNotFoundError):
                return self._path(key).stat().st_size
        return self._store.size(key)

    def exists(self, key: str) -> bool:
        return self._store.exists(key)

    def delete(self, key: str) -> None:
        self._store.delete(key)
        self._drop(checked(key))

    def keys(self) -> Iterator[str]:
        return self._store.keys()

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """From the file where there is one; a stream that is not whole is not worth one."""
        if not self._touch(checked(key)):
            return self._store.open(key, start, length)
        try:
            stream = self._path(key).open("rb")
        except FileNotFoundError:  # swept a moment ago, or deleted by hand
            self._drop(key)
            return self._store.open(key, start, length)
        stream.seek(start)
        if length is None:
            return stream
        with stream:
            return io.BytesIO(stream.read(length))

    def local(self, key: str) -> Path | None:
        """None when the folder cannot take it: then it is read into memory."""
        path = self._path(checked(key))
        with self._lock_of(key):
            if not (self._touch(key) and path.exists()):
                try:
                    self._fetch(key)
                except OSError:
                    return None
        return path

    # -- the folder --------------------------------------------------------------------------------------

    def _path(self, key: str) -> Path:
        return self._folder / key

    def _fetch(self, key: str) -> None:
        digest = hashlib.sha256()
        with self._store.open(key) as stream, self._partial() as file:
            while block := stream.read(BLOCK):
                digest.update(block)
                file.write(block)
            if digest.hexdigest() != key:
                raise Infrastructure(
                    f"Object {key[:12]} is damaged: its bytes no longer match its name. Restore it from a backup.",
                    key=key,
                )
            self._install(file, key)

    def _keep(self, key: str, data: bytes | memoryview) -> None:
        """What was just written is what is looked at next. That it could not be kept is no failure."""
        if self._touch(key):
            return
        with suppress(OSError), self._partial() as file:
            file.write(data)
            self._install(file, key)

    def _partial(self) -> _Partial:
        return _Partial(self._folder)

    def _install(self, file: _Partial, key: str) -> None:
        size = file.install(self._path(key))
        with self._lock:
            self._total += size - self._used.pop(key, (0, 0.0))[0]
            self._used[key] = (size, self._now())
        self._sweep()

    def _touch(self, key: str) -> bool:
        with self._lock:
            known = self._used.get(key)
            if known is None:
                return False
            self._used[key] = (known[0], self._now())
            self._used.move_to_end(key)
            return True

    def _drop(self, key: str) -> None:
        with self._lock:
            self._total -= self._used.pop(key, (0, 0.0))[0]
        self._path(key).unlink(missing_ok=True)

    def _sweep(self) -> None:
        while (key := self._oldest()) is not None:
            self._drop(key)

    def _oldest(self) -> str | None:
        """The next to go, if any must and may."""
        with self._lock:
            if self._total <= self._size or not self._used:
                return None
            key, (_, last) = next(iter(self._used.items()))
            return key if self._now() - last > YOUNG_SECONDS else None

    def _take_stock(self) -> None:
        """What an earlier process left: files by age, halves away. Files were proven before they got their names."""
        entries = [(entry.stat(), entry) for entry in os.scandir(self._folder) if entry.is_file()]
        for stat, entry in sorted(entries, key=lambda pair: pair[0].st_mtime):
            if entry.name.startswith(_PARTIAL):
                Path(entry.path).unlink(missing_ok=True)
            else:
                self._used[entry.name] = (stat.st_size, -YOUNG_SECONDS)
                self._total += stat.st_size

    def _lock_of(self, key: str) -> threading.Lock:
        """Two readers of one object fetch it once."""
        with self._lock:
            if len(self._fetching) > 1000:
                self._fetching = {name: lock for name, lock in self._fetching.items() if lock.locked()}
            return self._fetching.setdefault(key, threading.Lock())


class _Partial:
    """A file that has no name yet."""

    def __init__(self, folder: Path) -> None:
        handle, name = tempfile.mkstemp(dir=folder, prefix=_PARTIAL)
        self._file, self._path = os.fdopen(handle, "wb", BLOCK), Path(name)

    def write(self, data: bytes | memoryview) -> None:
        self._file.write(data)

    def install(self, target: Path) -> int:
        self._file.flush()
        size = self._file.tell()
        os.fchmod(self._file.fileno(), 0o400)
        self._path.rename(target)
        return size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        with suppress(FileNotFoundError):
            self._path.unlink()
