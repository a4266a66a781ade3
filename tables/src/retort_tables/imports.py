"""A table as read from a file becomes a first version: typed, marked, described, profiled; rows get their ids.

Ids of rows continue where the dataset stands, so a corrected file never shares a row id with an earlier one. Columns
keep the ids that columns of the same name had in the earlier import, so that what follows can be replayed on them
and compared; only the ids are taken over, never types or labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from retort_core.cells import ROW_ID
from retort_core.errors import DataError
from retort_core.schema import Schema
from retort_tables.detection import detect
from retort_tables.profiling import profile
from retort_tables.snapshots.encoding import encoded
from retort_tables.snapshots.port import VersionParts


@dataclass(frozen=True, kw_only=True)
class Import:
    """`labels`, `groups`: by column name, what the file itself says. `like`: schema of the import before, if any."""

    next_row_id: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    like: Schema | None = None


def first_version(table: pl.DataFrame, ask: Import) -> VersionParts:
    """Version 1 of what a file held. Takes the columns out of `table`, whose memory is free as they are typed."""
    if not table.width:
        raise DataError("The file has no columns. Nothing was imported; check the sheet and the delimiter.")
    typed = detect(
        table, labels=ask.labels, groups=ask.groups, first_row_id=ask.next_row_id, drain=True, coded=True
    )
    ids = np.arange(ask.next_row_id, ask.next_row_id + table.height, dtype=np.int64)
    whole = typed.table.insert_column(0, pl.Series(ROW_ID, ids))
    renamed = _ids(typed.schema, ask.like)
    schema = Schema(columns=tuple(c.with_(id=renamed[c.id]) for c in typed.schema.columns))
    marks = typed.marks.with_columns(pl.col("column_id").replace_strict(renamed, return_dtype=pl.String))
    readings = {renamed[column_id]: seen for column_id, seen in typed.readings.items()}
    made = profile(whole, marks, schema, readings)
    return encoded(
        schema=schema,
        table=whole,
        marks=marks,
        next_row_id=ask.next_row_id + table.height,
        profile=made,
    )


def _ids(schema: Schema, like: Schema | None) -> dict[str, str]:
    """Detected id -> id to keep: that of the same name before, else one that was never used there."""
    if like is None:
        return {column.id: column.id for column in schema.columns}
    before = {column.name: column.id for column in like.columns}
    fresh = _fresh(set(before.values()))
    return {column.id: before.get(column.name) or next(fresh) for column in schema.columns}


def _fresh(taken: set[str]) -> Iterator[str]:
    number = len(taken)
    while True:
        number += 1
        if f"c{number}" not in taken:
            yield f"c{number}"
