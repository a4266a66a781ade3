"""Columns that a file holds in native types (Parquet, Excel): mapped to the types of a version, nothing parsed.

Excel stores every number as a double, so doubles that are all whole are integers. Dates keep their day: a column of
midnights is a date. A time zone is dropped and the wall clock kept. Not-a-number is missing, infinity is invalid.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from retort_core.cells import CellState, Reason
from retort_core.schema import DType
from retort_tables.columns.coded import NOT_READ, read_coded
from retort_tables.columns.identity import COUNTER_ROWS, judged
from retort_tables.columns.reading import Marked, Reading, mark_counts
from retort_tables.columns.tallies import SAMPLE, Tally, tally
from retort_tables.columns.wide import read_wide
from retort_tables.conversions import Target
from retort_tables.dictionaries import encode
from retort_tables.layout import PHYSICAL

_WHOLE: Final = float(1 << 53)  # whole numbers above are not all doubles
_DAY: Final = 86_400_000_000


def read_native(column: pl.Series) -> Reading:
    """A typed column from a native one; types that a version does not have become text."""
    dtype = column.dtype
    if dtype.is_integer():
        return _integers(column)
    mapped = _mapped(column)
    return _as_text(column) if mapped is None else _marked(*mapped, column)


def _mapped(column: pl.Series) -> tuple[pl.Series, Target] | None:
    dtype = column.dtype
    if isinstance(dtype, pl.Decimal):
        return column.cast(pl.Decimal(38, dtype.scale)), Target(DType.decimal, dtype.scale)
    if dtype.is_float():
        return _floats(column)
    if dtype == pl.Datetime:
        return _moments(column)
    same = {pl.Date: DType.date, pl.Boolean: DType.boolean, pl.Duration: DType.duration}
    target = same.get(dtype.base_type())
    return (column.cast(PHYSICAL[target]), Target(target)) if target else None


def _as_text(column: pl.Series) -> Reading:
    if column.dtype.is_nested():
        texts = pl.Series(
            column.name, [None if cell is None else str(cell) for cell in column.to_list()], dtype=pl.String
        )
    elif column.dtype in (pl.Binary, pl.Object):
        texts = pl.Series(column.name, [_shown(cell) for cell in column], dtype=pl.String)
    else:
        texts = column.cast(pl.String)
    dictionary = encode(texts)
    return read_coded(dictionary, column.name) if dictionary else read_wide(texts, column.name)


def _shown(cell: object) -> str | None:
    if cell is None:
        return None
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def _integers(column: pl.Series) -> Reading:
    whole = column.cast(pl.Int64, strict=False)
    if whole.null_count() > column.null_count():
        return _as_text(column)  # beyond 64 bits with sign: a name, not an amount
    return _marked(whole, Target(DType.integer), column)


def _floats(column: pl.Series) -> tuple[pl.Series, Target]:
    values = column.cast(pl.Float64)
    finite = values.set(~values.is_finite().fill_null(value=False), None)
    numbers = finite.drop_nulls().to_numpy()
    whole = numbers.size > 0 and bool(np.all(numbers == np.floor(numbers)) and np.abs(numbers).max() < _WHOLE)
    return (finite.cast(pl.Int64), Target(DType.integer)) if whole else (finite, Target(DType.number))


def _moments(column: pl.Series) -> tuple[pl.Series, Target]:
    naive = column.dt.replace_time_zone(None).cast(pl.Datetime("us"))
    midnight = not bool((naive.cast(pl.Int64) % _DAY != 0).any())
    if midnight and naive.null_count() < naive.len():
        return naive.cast(pl.Date), Target(DType.date)
    return naive, Target(DType.datetime)


def _marked(values: pl.Series, target: Target, source: pl.Series) -> Reading:
    counted = tally(values)
    marks = _marks(values, source)
    grouped = marks.group_by("state", "reason", "raw").len(name="rows").rows()
    missing: dict[str, int] = {}
    for state, reason, _raw, rows in grouped:
        if state == CellState.missing.value:
            missing[reason] = missing.get(reason, 0) + rows
    invalid = {raw: rows for state, _reason, raw, rows in grouped if state == CellState.invalid.value}
    at = marks.get_column("at").to_numpy()
    return Reading(
        values=values.alias(source.name),
        target=target,
        tally=counted,
        counts=mark_counts(missing, invalid),
        marked=Marked(at, marks["state"], marks["reason"], marks["raw"]) if at.size else None,
        id_like=target.dtype is DType.integer and _is_id(source.name, counted, values.len()),
    )


def _marks(values: pl.Series, source: pl.Series) -> pl.DataFrame:
    """Rows without a value: empty, not-a-number (missing) or infinite (invalid, its text kept)."""
    at = values.is_null().arg_true()
    cells = source.gather(at)
    odd = cells.is_not_null()
    endless = cells.is_infinite().fill_null(value=False) if cells.dtype.is_float() else odd & ~odd
    frame = pl.DataFrame(
        {"at": at.cast(pl.Int64), "odd": odd, "endless": endless, "cell": cells.cast(pl.String)}
    )
    return frame.select(
        "at",
        pl.when("endless").then(pl.lit(CellState.invalid.value)).otherwise(pl.lit(CellState.missing.value)).alias("state"),
        pl.when("endless").then(pl.lit(NOT_READ)).when("odd").then(pl.lit(Reason.token.value))
        .otherwise(pl.lit(Reason.empty.value)).alias("reason"),
        pl.when("odd").then("cell").alias("raw"),
    )  # fmt: skip


def _is_id(name: str, counted: Tally, rows: int) -> bool:
    """Native numbers stay numbers; the kind alone says that they name something."""
    if counted.keys is None or not counted.distinct:
        return False
    low, high = int(counted.keys[0]), int(counted.keys[-1])
    counter = low in (0, 1) and counted.distinct == rows and high - low == rows - 1 and rows >= COUNTER_ROWS
    texts = [str(key) for key in counted.keys[:SAMPLE].tolist()]
    return judged(name, filled=counted.rows, distinct=counted.distinct, sample=texts, counter=counter)
