"""A version as bytes: table and marks as Parquet, the rest as JSON, with the root they give."""

from __future__ import annotations

import io

import polars as pl

from retort_core.cells import ROW_ID
from retort_core.identity import CHUNK_ROWS, root_id, schema_json
from retort_core.profiles import Profile
from retort_core.schema import Schema
from retort_tables.chunks import Known, content
from retort_tables.dictionaries import plain
from retort_tables.diff.render import Compared
from retort_tables.snapshots.port import (
    CELLS,
    CHANGES,
    MARKS,
    PROFILE,
    REMOVED,
    SCHEMA,
    TABLE,
    Digests,
    VersionParts,
)


def parquet(table: pl.DataFrame) -> bytes:
    """`table` as one Parquet file in row groups of 65,536, so that a page reads one or two of them. zstd level 1: on
    survey tables level 3 was no smaller."""
    out = io.BytesIO()
    table.write_parquet(out, compression="zstd", compression_level=1, row_group_size=CHUNK_ROWS)
    return out.getvalue()


def encoded(
    *,
    schema: Schema,
    table: pl.DataFrame,
    marks: pl.DataFrame,
    next_row_id: int,
    profile: Profile | None = None,
    changes: Compared | None = None,
    known: Known | None = None,
) -> VersionParts:
    """A version ready to be stored. `known`: digests of the base that may be reused. Texts may come as dictionaries."""
    table = table.select(ROW_ID, *schema.names)
    found = content(schema, table, marks, next_row_id, known)
    objects = {
        TABLE: parquet(pl.DataFrame([plain(column) for column in table.get_columns()])),
        MARKS: parquet(marks),
        SCHEMA: schema_json(schema),
    }
    if profile is not None:
        objects[PROFILE] = profile.model_dump_json(exclude_defaults=True).encode()
    if changes is not None:
        objects[CHANGES] = changes.changes.model_dump_json(exclude_defaults=True).encode()
        objects[CELLS] = parquet(changes.cells)
        objects[REMOVED] = parquet(changes.removed.to_frame("row_id"))
    return VersionParts(root=root_id(schema, found), digests=Digests.of(found), objects=objects)
