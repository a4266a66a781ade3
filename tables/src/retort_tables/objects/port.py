"""The object store as Retort needs it: write-once bytes named by their own SHA-256. No refs, no listing by folder.

What an adapter owes, held by one suite of tests over all of them:

- `put` is all or nothing: after a crash the object is there whole, or not at all. Putting the same bytes again
  changes nothing and costs no second copy.
- `open` reads a range without loading the rest; an object that is not there is `NotFound`.
- `delete` of an absent object is no error (a sweep may be repeated).
- Keys are 64 lower-case hex characters; anything else is refused before it reaches a path or a URL.

Calls block; the service makes them in one bounded pool of threads.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from retort_core.errors import Infrastructure, NotFound

_KEY: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Added:
    """What became of bytes: their key, and whether the store did not have them yet."""

    key: str
    new: bool


class ObjectStore(Protocol):
    def put(self, data: bytes | memoryview) -> str:
        """Store `data` durably; its key."""

    def add(self, data: bytes | memoryview) -> Added:
        """As `put`."""

    def add_all(self, parts: Sequence[bytes | memoryview]) -> list[Added]:
        """As `add`, one after the other or at once, as the store likes it."""

    def add_file(self, file: BinaryIO) -> Added:
        """As `add`, of a whole file that is read in blocks: for what is larger than memory."""

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        """A stream of `length` bytes from `start` (to the end when None; short at the end)."""

    def size(self, key: str) -> int: ...

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None: ...

    def keys(self) -> Iterator[str]:
        """Every key, in order."""

    def local(self, key: str) -> Path | None:
        """The object as a file of this machine, where it is one: for memory-mapped reading, never for writing."""


def key_of(data: bytes | memoryview) -> str:
    """The only key `data` can have."""
    return hashlib.sha256(data).hexdigest()


def key_of_file(file: BinaryIO) -> str:
    """The same for a whole file; it stands at its beginning afterwards."""
    file.seek(0)
    key = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # a BinaryIO is enough
    file.seek(0)
    return key


def checked(key: str) -> str:
    """`key`, if it is one."""
    if not _KEY.fullmatch(key):
        raise NotFound(f"{key[:80]!r} is no object key: 64 characters of 0-9 and a-f are expected.")
    return key


def absent(key: str) -> NotFound:
    return NotFound(f"Object {key[:12]} is not in the store.", key=key)


def read(store: ObjectStore, key: str, *, verify: bool = True) -> bytes:
    """The whole object; with `verify`, only if it still is what its name says."""
    with store.open(key) as stream:
        data = stream.read()
    if verify and key_of(data) != key:
        raise Infrastructure(
            f"Object {key[:12]} is damaged: its bytes no longer match its name. Restore it from a backup.",
            key=key,
        )
    return data
