"""The reference snapshot store: one Parquet file per version, beside marks, schema, profile and manifest.

A page reads one or two row groups of the columns it shows. Any tool opens the file; its one hidden column is
`__row_id`. Objects are put first and the manifest last, so a crash leaves unreferenced objects at worst.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from retort_core.cells import ROW_ID, CellState
from retort_core.changes import Changes
from retort_core.errors import Infrastructure, NotFound
from retort_core.identity import canonical_json, root_id
from retort_core.profiles import Profile
from retort_core.schema import Schema
from retort_tables.chunks import content
from retort_tables.diff.cells import DETAILS_SCHEMA
from retort_tables.objects.port import ObjectStore, read
from retort_tables.snapshots.encoding import encoded
from retort_tables.snapshots.port import (
    CELLS,
    CHANGES,
    FORMAT,
    MARKS,
    PROFILE,
    REMOVED,
    SCHEMA,
    TABLE,
    Digests,
    Manifest,
    Scan,
    Snapshot,
    VersionParts,
    Written,
)


class WholeSnapshots:
    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def publish(self, parts: VersionParts) -> Written:
        stored = self._objects.add_all(list(parts.objects.values()))
        keys = {name: one.key for name, one in zip(parts.objects, stored, strict=True)}
        manifest = canonical_json(
            Manifest(root=parts.root, digests=parts.digests, objects=keys).model_dump(mode="json")
        )
        last = self._objects.add(manifest)
        written = zip((*parts.objects.values(), manifest), (*stored, last), strict=True)
        return Written(
            root=parts.root,
            manifest=last.key,
            objects=keys,
            rows=parts.digests.rows,
            next_row_id=parts.digests.next_row_id,
            added=sum(len(data) for data, one in written if one.new),
        )

    def write(
        self,
        *,
        schema: Schema,
        table: pl.DataFrame,
        marks: pl.DataFrame,
        next_row_id: int,
        profile: Profile | None = None,
    ) -> Written:
        parts = encoded(schema=schema, table=table, marks=marks, next_row_id=next_row_id, profile=profile)
        return self.publish(parts)

    def manifest(self, key: str) -> Manifest:
        """The manifest, of a format this release reads; with the schema it is proven to give its root (see `schema`)."""
        manifest = Manifest.model_validate_json(read(self._objects, key))
        if manifest.format != FORMAT:
            raise Infrastructure(
                f"Version {manifest.root[:12]} is stored as {manifest.format!r}, which this release does not read; "
                f"it reads {FORMAT!r}. Upgrade Retort.",
                format=manifest.format,
            )
        return manifest

    def schema(self, key: str) -> Schema:
        return self._schema(self.manifest(key))

    def profile(self, key: str) -> Profile:
        return Profile.model_validate_json(self._named(self.manifest(key), PROFILE))

    def changes(self, key: str) -> Changes:
        manifest = self.manifest(key)
        if CHANGES not in manifest.objects:
            return Changes()
        return Changes.model_validate_json(self._named(manifest, CHANGES))

    def cells(self, key: str) -> pl.DataFrame:
        manifest = self.manifest(key)
        if CELLS not in manifest.objects:
            return pl.DataFrame(schema=DETAILS_SCHEMA)
        return self._scan(manifest, CELLS).collect()

    def invalid(self, key: str) -> int:
        marks = self._scan(self.manifest(key), MARKS)
        return int(marks.select((pl.col("state") == CellState.invalid.value).sum()).collect().item())

    def sizes(self, key: str) -> dict[str, int]:
        listed = pq.read_metadata(self._source(self.manifest(key), TABLE))
        found: dict[str, int] = {}
        for number in range(listed.num_row_groups):
            group = listed.row_group(number)
            for at in range(group.num_columns):
                column = group.column(at)
                found[column.path_in_schema] = (
                    found.get(column.path_in_schema, 0) + column.total_uncompressed_size
                )
        return found

    def removed(self, key: str) -> pl.Series:
        manifest = self.manifest(key)
        if REMOVED not in manifest.objects:
            return pl.Series("row_id", [], dtype=pl.Int64)
        return self._scan(manifest, REMOVED).collect().to_series()

    def read(
        self, key: str, columns: Sequence[str] | None = None, rows: slice | Sequence[int] | None = None
    ) -> Snapshot:
        manifest = self.manifest(key)
        schema = self._schema(manifest)
        shown = _shown(schema, columns)
        table = _rows(self._scan(manifest, TABLE).select(ROW_ID, *shown), rows, manifest.digests.rows)
        marks = self._marks(
            manifest,
            None if rows is None else table.get_column(ROW_ID),
            None if columns is None else [schema[name].id for name in shown],
        )
        return Snapshot(
            root=manifest.root,
            schema=schema,
            table=table,
            marks=marks,
            next_row_id=manifest.digests.next_row_id,
            total=manifest.digests.rows,
        )

    def scan(self, key: str, columns: Sequence[str] | None = None) -> Scan:
        manifest = self.manifest(key)
        schema = self._schema(manifest)
        shown = _shown(schema, columns)
        if columns is not None:
            schema = Schema(columns=tuple(schema[name] for name in shown))
        ids = None if columns is None else [column.id for column in schema.columns]
        return Scan(
            root=manifest.root,
            schema=schema,
            table=lambda: self._scan(manifest, TABLE).select(ROW_ID, *shown),
            marks=lambda: self._marks_of(manifest, ids),
            next_row_id=manifest.digests.next_row_id,
            total=manifest.digests.rows,
        )

    def verify(self, key: str) -> None:
        manifest = self.manifest(key)
        for name in manifest.objects:
            self._named(manifest, name)  # bytes against keys
        version = self.read(key)
        found = Digests.of(content(version.schema, version.table, version.marks, version.next_row_id))
        if found != manifest.digests:
            raise Infrastructure(
                f"Version {manifest.root[:12]} is damaged: its values no longer give its digests. Restore its objects "
                "from a backup.",
                root=manifest.root,
            )

    def _named(self, manifest: Manifest, name: str) -> bytes:
        return read(self._objects, self._key(manifest, name))

    def _key(self, manifest: Manifest, name: str) -> str:
        if name not in manifest.objects:
            raise NotFound(f"Version {manifest.root[:12]} has no {name}.", root=manifest.root)
        return manifest.objects[name]

    def _schema(self, manifest: Manifest) -> Schema:
        schema = Schema.model_validate_json(self._named(manifest, SCHEMA))
        if root_id(schema, manifest.digests.content()) != manifest.root:
            raise Infrastructure(
                f"Version {manifest.root[:12]} is damaged: its manifest does not give its root.",
                root=manifest.root,
            )
        return schema

    def _scan(self, manifest: Manifest, name: str) -> pl.LazyFrame:
        """Lazily from a file where there is one (only the touched row groups are read), else from the bytes."""
        return pl.scan_parquet(self._source(manifest, name))

    def _source(self, manifest: Manifest, name: str) -> Path | io.BytesIO:
        key = self._key(manifest, name)
        return self._objects.local(key) or io.BytesIO(read(self._objects, key, verify=False))

    def _marks(self, manifest: Manifest, ids: pl.Series | None, columns: list[str] | None) -> pl.DataFrame:
        frame = self._marks_of(manifest, columns)
        if ids is not None:
            frame = frame.filter(pl.col("row_id").is_in(ids.implode()))
        return frame.collect()

    def _marks_of(self, manifest: Manifest, columns: list[str] | None) -> pl.LazyFrame:
        frame = self._scan(manifest, MARKS)
        return frame if columns is None else frame.filter(pl.col("column_id").is_in(columns))


def _shown(schema: Schema, columns: Sequence[str] | None) -> tuple[str, ...]:
    if columns is None:
        return schema.names
    known = frozenset(schema.names)
    for name in columns:
        if name not in known:
            raise NotFound(f"This version has no column {name!r}.", column=name)
    return tuple(columns)


def _rows(frame: pl.LazyFrame, rows: slice | Sequence[int] | None, total: int) -> pl.DataFrame:
    if rows is None:
        return frame.collect()
    if isinstance(rows, slice):
        start, stop, step = rows.indices(total)
        assert step == 1, "pages are contiguous"
        return frame.slice(start, max(0, stop - start)).collect()
    return frame.filter(pl.col(ROW_ID).is_in(list(rows))).collect()
