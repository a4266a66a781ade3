"""The snapshot store: data of versions, never refs. Two layouts may stand behind it; both give the same roots.

A version at rest is a table (typed, with hidden `__row_id`, rows in displayed order), its marks, its schema, its
profile and a *manifest*: the digests its root is made of and the keys of the objects that hold it. A commit names
its version by root (what it is) and manifest key (where it lies); the second may change, the first never does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from retort_core.cells import ROW_ID
from retort_core.changes import Changes
from retort_core.identity import Content
from retort_core.models import Model
from retort_core.profiles import Profile
from retort_core.schema import Schema

FORMAT = "retort-version/1"

# Parts of a version as they travel; each becomes an object, but the digests, which go into the manifest.
# Changes, cells and removed rows are absent after an import.
TABLE, MARKS, SCHEMA, PROFILE = "table.parquet", "marks.parquet", "schema.json", "profile.json"
CHANGES, CELLS, REMOVED = "changes.json", "cells.parquet", "removed.parquet"
DIGESTS = "digests.json"
PARTS = (TABLE, MARKS, SCHEMA, PROFILE, CHANGES, CELLS, REMOVED, DIGESTS)


class Digests(Model):
    """`Content` as JSON: what the manifest stores and `root_id` hashes."""

    rows: int
    next_row_id: int
    order: str
    ids: dict[int, str]
    columns: dict[str, dict[int, str]]
    marks: dict[str, dict[int, str]]

    @classmethod
    def of(cls, content: Content) -> Digests:
        return cls.model_validate(vars(content))

    def content(self) -> Content:
        return Content(**dict(self))


class Manifest(Model):
    """What a stored version is and where it lies. `objects`: part name -> key."""

    format: str = FORMAT
    root: str
    digests: Digests
    objects: dict[str, str]


class Identified(Model):
    """The part `DIGESTS`: a root and what it is made of."""

    root: str
    digests: Digests


@dataclass(frozen=True, kw_only=True)
class VersionParts:
    """A finished version as bytes: what the intake hands over and a store only hashes and puts."""

    root: str
    digests: Digests
    objects: Mapping[str, bytes]

    @classmethod
    def of(cls, parts: Mapping[str, bytes]) -> VersionParts:
        """From the parts of the intake's output."""
        found = Identified.model_validate_json(bytes(parts[DIGESTS]))
        objects = {name: parts[name] for name in PARTS if name in parts and name != DIGESTS}
        return cls(root=found.root, digests=found.digests, objects=objects)

    def parts(self) -> dict[str, bytes]:
        """As they travel."""
        found = Identified(root=self.root, digests=self.digests)
        return {**self.objects, DIGESTS: found.model_dump_json().encode()}


@dataclass(frozen=True, kw_only=True)
class Written:
    """`added`: bytes of objects the store did not have yet."""

    root: str
    manifest: str
    objects: Mapping[str, str]
    rows: int
    next_row_id: int
    added: int


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All or part of a version. `table` has `__row_id` first; `marks` are those of its rows and columns."""

    root: str
    schema: Schema
    table: pl.DataFrame
    marks: pl.DataFrame
    next_row_id: int
    total: int  # rows of the whole version

    def scan(self) -> Scan:
        """The same for who reads it in pieces."""
        return Scan(
            root=self.root,
            schema=self.schema,
            table=self.table.lazy,
            marks=self.marks.lazy,
            next_row_id=self.next_row_id,
            total=self.table.height,
        )


@dataclass(frozen=True, kw_only=True)
class Scan:
    """A version, or some of its columns, of which no more is read than the piece that is asked for. `schema`: of these
    columns; `table` and `marks`: as in a snapshot, looked up anew each time, because a cached file may go in between."""

    root: str
    schema: Schema
    table: Callable[[], pl.LazyFrame]
    marks: Callable[[], pl.LazyFrame]
    next_row_id: int
    total: int

    def piece(self, start: int, length: int) -> Snapshot:
        """Rows of the displayed order, with their marks."""
        table = self.table().slice(start, length).collect()
        ids = table.get_column(ROW_ID)
        return Snapshot(
            root=self.root,
            schema=self.schema,
            table=table,
            marks=self.marks().filter(pl.col("row_id").is_in(ids.implode())).collect(),
            next_row_id=self.next_row_id,
            total=self.total,
        )


class SnapshotStore(Protocol):
    def publish(self, parts: VersionParts) -> Written:
        """Store what the intake made; objects first, the manifest last."""

    def write(
        self,
        *,
        schema: Schema,
        table: pl.DataFrame,
        marks: pl.DataFrame,
        next_row_id: int,
        profile: Profile | None = None,
    ) -> Written:
        """Encode and publish a table that is trusted already (tests, tools)."""

    def manifest(self, key: str) -> Manifest: ...

    def schema(self, key: str) -> Schema: ...

    def profile(self, key: str) -> Profile: ...

    def changes(self, key: str) -> Changes:
        """What the version changed against the version it was made from; empty after an import."""

    def cells(self, key: str) -> pl.DataFrame:
        """The changed cells that were kept with it (`retort_tables.diff.cells.DETAILS_SCHEMA`)."""

    def invalid(self, key: str) -> int:
        """How many cells of the version are invalid."""

    def sizes(self, key: str) -> dict[str, int]:
        """Bytes of values by column name, as reading unpacks them; by the file's own lists, no value is read."""

    def removed(self, key: str) -> pl.Series:
        """Row ids that it removed, in the order of the version before."""

    def read(
        self, key: str, columns: Sequence[str] | None = None, rows: slice | Sequence[int] | None = None
    ) -> Snapshot:
        """A version, or only some columns (names) and rows (a slice of the displayed order, or row ids)."""

    def scan(self, key: str, columns: Sequence[str] | None = None) -> Scan:
        """The same, read as far as it is asked for: for tables that are larger than memory."""

    def verify(self, key: str) -> None:
        """Read everything and recompute every digest; raises `Infrastructure` naming what is damaged."""
