"""Rows that come twice: as a whole, as a whole without the id columns, and by each id column.

Equal rows have equal hashes, so only rows with a repeated hash are compared cell by cell; the counts are exact. Columns are
hashed from the most varied one on, and only in rows that are still alike: where no row comes twice, two or three columns
tell (of 850,000 x 20 that is a seventh of the work). Cells are equal when they differ in nothing but spaces and width; missing equals missing within a row, but a missing
key is never a duplicate. Of the surplus rows of an id, those equal to another row are identical, the others conflict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count, repeat
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retort_core.cells import CellState
from retort_core.profiles import Duplicates
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.columns.tallies import Tally, repeated_hashes
from retort_tables.dictionaries import by_code, is_coded, plain

THREADS: Final = 2  # columns hashed at a time
_NO_ROWS: Final = pl.DataFrame(schema={"group": pl.UInt32(), "\0row": pl.Int64()})
_RAW: Final = "\0raw"  # of invalid cells, beside their column
_ROW: Final = "\0row"


def duplicates(
    table: pl.DataFrame,
    marks: pl.DataFrame,
    schema: Schema,
    tallies: Mapping[str, Tally],
    distinct: Mapping[str, int],
    row_ids: pl.Series,
) -> tuple[Duplicates, ...]:
    """What repeats; nothing is listed that does not. `distinct`: how many values each column has, by its id."""
    if table.height < 2 or not schema.columns:
        return ()
    ids = [column for column in schema.columns if column.kind is Kind.id]
    others = [column for column in schema.columns if column.kind is not Kind.id]
    found = []
    first = others or ids
    varied = sorted(first, key=lambda column: -distinct[column.id])
    candidates = _alike(table, varied, tallies)
    loose = _equal_rows(table, first, marks, row_ids, candidates)
    within = loose.get_column(_ROW).to_numpy()
    whole = loose if first is ids or not ids else _equal_rows(table, schema.columns, marks, row_ids, within)
    found.append(_counted([c.id for c in schema.columns], whole))
    if ids and others:
        found.append(_counted([c.id for c in others], loose))
    found += [_by_id(column, tallies[column.id], table, whole) for column in ids]
    return tuple(item for item in found if item.groups)


def _by_id(column: Column, tally: Tally, table: pl.DataFrame, whole: pl.DataFrame) -> Duplicates:
    surplus = tally.rows - tally.distinct
    identical = 0
    if whole.height:
        filled = table.get_column(column.name).is_not_null().gather(whole.get_column(_ROW))
        kept = whole.filter(filled)
        identical = kept.height - kept.get_column("group").n_unique()
    return Duplicates(
        columns=(column.id,), groups=tally.repeated, identical=identical, conflicting=surplus - identical
    )


def _counted(ids: Sequence[str], rows: pl.DataFrame) -> Duplicates:
    groups = rows.get_column("group").n_unique() if rows.height else 0
    return Duplicates(columns=tuple(ids), groups=groups, identical=rows.height - groups, conflicting=0)


def _equal_rows(
    table: pl.DataFrame,
    columns: Sequence[Column],
    marks: pl.DataFrame,
    row_ids: pl.Series,
    candidates: NDArray[np.int64],
) -> pl.DataFrame:
    """Rows (position, group) among the candidates that equal another row in `columns`."""
    if not candidates.size:
        return _NO_ROWS
    cells = pl.DataFrame(
        {column.name: plain(table.get_column(column.name).gather(candidates)) for column in columns}
    )
    texts = [column.name for column in columns if column.dtype is DType.text]
    cells = cells.with_columns(fold_text(pl.col(texts))) if texts else cells
    cells = _with_raw(cells.with_columns(pl.Series(_ROW, candidates)), columns, marks, row_ids)
    keys = [name for name in cells.columns if name != _ROW]
    grouped = cells.group_by(keys).agg(_ROW).filter(pl.col(_ROW).list.len() > 1)
    return grouped.select(_ROW).with_row_index("group").explode(_ROW)


def _alike(table: pl.DataFrame, varied: Sequence[Column], tallies: Mapping[str, Tally]) -> NDArray[np.int64]:
    """Rows that may equal another one: at least all that do. `varied`: columns, those of most values first."""
    rows: NDArray[np.int64] | None = None  # all of them
    hashes = np.zeros(table.height, dtype=np.uint64)
    with ThreadPoolExecutor(THREADS) as pool:
        for start in range(0, len(varied), THREADS):
            pair = varied[start : start + THREADS]
            for found in pool.map(_hashed, repeat(table), pair, repeat(tallies), count(start), repeat(rows)):
                hashes ^= found
            kept = repeated_hashes(hashes)
            rows, hashes = kept if rows is None else rows[kept], hashes[kept]
            if not rows.size:
                break
    return rows if rows is not None else np.arange(table.height)


def _hashed(
    table: pl.DataFrame,
    column: Column,
    tallies: Mapping[str, Tally],
    seed: int,
    rows: NDArray[np.int64] | None,
) -> NDArray[np.uint64]:
    """Each column with a seed of its own, so that equal values in two of them do not cancel out."""
    values = table.get_column(column.name)
    if rows is not None:
        values = values.gather(rows)
    if is_coded(values):
        return by_code(values, lambda texts: folded(texts).hash(seed))
    return _folded(values, tallies[column.id], column).hash(seed).to_numpy()


def _with_raw(
    cells: pl.DataFrame, columns: Sequence[Column], marks: pl.DataFrame, row_ids: pl.Series
) -> pl.DataFrame:
    """The cells with the raw texts of invalid ones, which make rows differ."""
    if not cells.height:
        return cells
    invalid = marks.filter(pl.col("state") == CellState.invalid.value)
    cells = cells.with_columns(row_ids.gather(cells.get_column(_ROW)).alias("\0id"))
    for column in columns:
        raws = invalid.filter(pl.col("column_id") == column.id).select(
            pl.col("row_id").alias("\0id"), fold_text(pl.col("raw")).alias(column.name + _RAW)
        )
        if raws.height:
            cells = cells.join(raws, on="\0id", how="left")
    return cells.drop("\0id")


def _folded(values: pl.Series, tally: Tally, column: Column) -> pl.Series:
    """Text without regard to spaces and width; untouched where that changes nothing."""
    if column.dtype is not DType.text or tally.width:
        return values
    if tally.complete and tally.texts is not None:
        frame = tally.texts.to_frame("t").with_columns(folded(tally.texts).alias("f"))
        if frame.get_column("f").n_unique() == frame.height:
            return values
        changed = frame.filter(pl.col("t") != pl.col("f"))
        return values.replace(changed.get_column("t"), changed.get_column("f"))
    if not values.str.contains(r"\s|[^\x00-\x7f]").any():
        return values
    return folded(values)


def folded(texts: pl.Series) -> pl.Series:
    return texts.to_frame("t").select(fold_text(pl.col("t"))).to_series()


def fold_text(text: pl.Expr) -> pl.Expr:
    """As `retort_core.cells.fold`, but letter case counts."""
    return text.str.normalize("NFKC").str.replace_all(r"\s+", "")
