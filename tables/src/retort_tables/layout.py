"""How a version lies in memory: the types of its columns, and its marks (why cells without a value have none).

Marks are sparse, keyed by (row id, column id). `reason` is a word of `retort_core.cells.Reason` or the label of a
declared code; `raw` is the text that stood there. They are kept grouped by column and sorted by row id within one;
who builds them may deliver any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import polars as pl

from retort_core.schema import Column, DType

PHYSICAL: Final[Mapping[DType, pl.DataType]] = {
    DType.text: pl.String(),
    DType.integer: pl.Int64(),
    DType.number: pl.Float64(),
    DType.boolean: pl.Boolean(),
    DType.date: pl.Date(),
    DType.datetime: pl.Datetime("us"),
    DType.duration: pl.Duration("us"),
}
MARKS_SCHEMA: Final[Mapping[str, pl.DataType]] = {
    "row_id": pl.Int64(),
    "column_id": pl.String(),
    "state": pl.String(),
    "reason": pl.String(),
    "raw": pl.String(),
}
CELL: Final = ("row_id", "state", "reason", "raw")  # a mark within its column


def physical(column: Column) -> pl.DataType:
    """The Polars type that stores valid cells of `column`."""
    return pl.Decimal(38, column.digits) if column.dtype is DType.decimal else PHYSICAL[column.dtype]


def no_marks() -> pl.DataFrame:
    return pl.DataFrame(schema=MARKS_SCHEMA)


def by_column(marks: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Marks of each column (row_id, state, reason, raw), by row id. Slices when they are grouped already."""
    if marks.is_empty():
        return {}
    runs = marks.get_column("column_id").rle().struct.unnest()
    if runs.get_column("value").is_unique().all():
        starts = runs.get_column("len").cum_sum() - runs.get_column("len")
        cut = zip(runs["value"], starts, runs["len"], strict=True)
        parts = {column_id: marks.slice(start, length) for column_id, start, length in cut}
    else:
        parts = {str(key[0]): part for key, part in marks.partition_by("column_id", as_dict=True).items()}
    # Put together from columns: a query for each would cost half a millisecond each, of which a table has many.
    return {column_id: _sorted(_of(part, CELL)) for column_id, part in parts.items()}


def joined(parts: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The marks table of parts as `by_column` gives them."""
    tables = [_named(column_id, part) for column_id, part in parts.items() if part.height]
    return pl.concat(tables) if tables else no_marks()


def _named(column_id: str, part: pl.DataFrame) -> pl.DataFrame:
    names = pl.Series("column_id", [column_id]).new_from_index(0, part.height)
    return _of(pl.DataFrame([*part.iter_columns(), names]), MARKS_SCHEMA)


def _of(part: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    return pl.DataFrame([part.get_column(name) for name in names])


def _sorted(part: pl.DataFrame) -> pl.DataFrame:
    ids = part.get_column("row_id").to_numpy()
    return part if bool(np.all(ids[1:] > ids[:-1])) else part.sort("row_id")
