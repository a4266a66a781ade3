"""Whether stored versions are whole: every object that one needs is there and is what its name says.

Nothing is repaired and no cache is trusted. *Standard*: the manifest gives the root that the commit names, and the store
lists every object it points at. *Deep*: every byte is read again and every digest recomputed from the values.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, cast

from retort_core.errors import Infrastructure, NotFound, Unavailable
from retort_tables.objects.port import ObjectStore
from retort_tables.snapshots.port import Manifest, SnapshotStore


@dataclass(frozen=True, kw_only=True)
class Problem:
    """`where`: commit, ref or object; `code` is stable."""

    code: str
    where: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What one version needs (its manifest among it), and what is wrong with it."""

    objects: frozenset[str]
    problems: tuple[Problem, ...] = ()


class VersionCheck:
    """`stored`: the keys that the store lists, so that thousands of versions cost one listing."""

    def __init__(self, snapshots: SnapshotStore, stored: frozenset[str], *, deep: bool) -> None:
        self._snapshots, self._stored, self._deep = snapshots, stored, deep

    def __call__(self, manifest: str, root: str, where: str) -> Checked:
        if manifest not in self._stored:
            return Checked(objects=frozenset({manifest}), problems=(_missing(where, "manifest", manifest),))
        try:
            found = self._snapshots.manifest(manifest)
        except Unavailable:
            raise
        except (Infrastructure, ValueError) as error:
            told = Problem(code="manifest-damaged", where=where, message=str(error).partition("\n")[0])
            return Checked(objects=frozenset({manifest}), problems=(told,))
        objects = frozenset({manifest, *found.objects.values()})
        return Checked(objects=objects, problems=tuple(self._problems(manifest, found, root, where)))

    def _problems(self, key: str, found: Manifest, root: str, where: str) -> Iterator[Problem]:
        if found.root != root:
            yield Problem(
                code="root-differs",
                where=where,
                message=f"the commit names root {root[:12]}, its manifest {found.root[:12]}",
            )
        absent = {name: object_ for name, object_ in found.objects.items() if object_ not in self._stored}
        for name, object_ in absent.items():
            yield _missing(where, name, object_)
        if absent:
            return
        try:
            self._snapshots.verify(key) if self._deep else self._snapshots.schema(key)
        except Unavailable:
            raise
        except (Infrastructure, NotFound, ValueError) as error:
            yield Problem(code="version-damaged", where=where, message=str(error).partition("\n")[0])


def damaged(objects: ObjectStore, keys: Iterable[str]) -> Iterator[Problem]:
    """Of objects that are no part of a version: uploads and answers. Reads every byte."""
    for key in keys:
        try:
            with objects.open(key) as stream:
                digest = key_of_stream(stream)
        except NotFound:
            yield _missing(key, "object", key)
        except Unavailable:
            raise
        except Infrastructure as error:
            yield Problem(code="object-damaged", where=key, message=error.message)
        else:
            if digest != key:
                yield Problem(
                    code="object-damaged", where=key, message="its bytes are not what its name says"
                )


def key_of_stream(stream: BinaryIO) -> str:
    return hashlib.file_digest(cast("io.BufferedReader", stream), "sha256").hexdigest()


def _missing(where: str, what: str, key: str) -> Problem:
    return Problem(code="object-missing", where=where, message=f"{what} {key[:12]} is not in the store")
