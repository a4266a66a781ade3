"""What differs within one column, in rows that both versions have: values, and the marks of cells without one.

null = null, NaN = NaN, 0.0 = -0.0. Where the type changed, values are compared after a lossless conversion to a
common one (5 = 5.0 = "5"); only cells that then differ are changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retort_core.changes import CellCounts, Pair
from retort_core.schema import Column
from retort_tables.alignment import places
from retort_tables.texts import canonical

PAIRS_KEPT: Final = 5
DETAILS_SCHEMA: Final = {
    "row_id": pl.Int64(),
    "column_id": pl.String(),
    "before": pl.String(),
    "after": pl.String(),
    "before_state": pl.String(),
    "after_state": pl.String(),
    "before_reason": pl.String(),
    "after_reason": pl.String(),
    "before_raw": pl.String(),
    "after_raw": pl.String(),
}


@dataclass(frozen=True)
class Side:
    """One column in one version, only the paired rows, in the newer order; marks carry the newer row ids."""

    column: Column
    values: pl.Series
    marks: pl.DataFrame


@dataclass(frozen=True)
class Rows:
    """Row ids of the paired rows, in the newer displayed order."""

    ids: NDArray[np.int64]

    def places(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where these row ids stand; ids that are not there are left out."""
        found = places(self.ids, ids)
        return found[found >= 0]


@dataclass(frozen=True)
class ColumnDiff:
    """`details`: the first changed cells in displayed order; `changed`: all changed places."""

    counts: CellCounts
    pairs: tuple[Pair, ...]
    details: pl.DataFrame
    changed: NDArray[np.int64]


def compare(rows: Rows, old: Side, new: Side, limit: int | None) -> ColumnDiff | None:
    """None when nothing differs."""
    at = np.flatnonzero(differs(old.values, new.values).to_numpy())
    marked = _remarked(old.marks, new.marks)
    if len(marked):
        at = np.union1d(at, rows.places(marked))
    if not len(at):
        return None
    cells = _described(rows, old, new, at)
    return ColumnDiff(_counts(cells), _pairs(cells), cells if limit is None else cells.head(limit), at)


def differs(old: pl.Series, new: pl.Series) -> pl.Series:
    """Where two columns of equal length differ, whatever their types."""
    if old.dtype != new.dtype:
        old, new = _common(old, new)
    return old.ne_missing(new)


def _common(old: pl.Series, new: pl.Series) -> tuple[pl.Series, pl.Series]:
    kinds = (old.dtype, new.dtype)
    if all(kind.is_numeric() for kind in kinds):
        target: pl.DataType | type[pl.DataType] = pl.Float64
        if all(kind.is_decimal() or kind.is_integer() for kind in kinds):
            target = pl.Decimal(38, max(getattr(kind, "scale", 0) for kind in kinds))
        return old.cast(target), new.cast(target)
    if all(kind in (pl.Date, pl.Datetime) for kind in kinds):
        return old.cast(pl.Datetime("us")), new.cast(pl.Datetime("us"))
    return _as_text(old, new.dtype), _as_text(new, old.dtype)


def _as_text(values: pl.Series, other: pl.DataType) -> pl.Series:
    """Text as it is beside text; beside numbers as the number it spells, when it spells one ("05" does not)."""
    text = canonical(values)
    if values.dtype != pl.String or not other.is_numeric():
        return _short_number(text) if values.dtype.is_decimal() else text
    number = canonical(text.str.strip_chars().cast(pl.Float64, strict=False))
    spelled = text.str.contains(r"^\s*-?(?:0|[1-9]\d*)(?:\.\d+)?\s*$")
    return pl.select(pl.when(spelled & number.is_not_null()).then(number).otherwise(text)).to_series()


def _short_number(text: pl.Series) -> pl.Series:
    """A decimal without zeros at its end: 12.50 as 12.5."""
    return text.str.replace(r"\.?0+$", "") if text.str.contains(r"\.", literal=False).any() else text


def _remarked(old: pl.DataFrame, new: pl.DataFrame) -> NDArray[np.int64]:
    """Row ids whose mark differs, or stands on one side only."""
    if old.height == new.height and old.equals(new):
        return np.zeros(0, np.int64)
    on = ["row_id", "state", "reason", "raw"]
    gone = old.join(new, on=on, how="anti", nulls_equal=True).get_column("row_id")
    come = new.join(old, on=on, how="anti", nulls_equal=True).get_column("row_id")
    return np.union1d(gone.to_numpy(), come.to_numpy())


def _described(rows: Rows, old: Side, new: Side, at: NDArray[np.int64]) -> pl.DataFrame:
    cells = pl.DataFrame(
        {
            "row_id": rows.ids[at],
            "before": canonical(old.values.gather(at)),
            "after": canonical(new.values.gather(at)),
        }
    )
    for name, marks in (("before", old.marks), ("after", new.marks)):
        cells = cells.join(
            marks.rename({part: f"{name}_{part}" for part in ("state", "reason", "raw")}),
            on="row_id",
            how="left",
            maintain_order="left",
        )
    valid = [
        pl.when(pl.col(name).is_not_null())
        .then(pl.lit("valid"))
        .otherwise(pl.col(f"{name}_state").fill_null("missing"))
        .alias(f"{name}_state")
        for name in ("before", "after")
    ]
    reasons = [pl.col(f"{name}_reason").fill_null("") for name in ("before", "after")]
    return cells.with_columns(*valid, *reasons, column_id=pl.lit(new.column.id)).select(list(DETAILS_SCHEMA))


def _counts(cells: pl.DataFrame) -> CellCounts:
    table = cells.group_by("before_state", "after_state").len()
    found = {(before, after): count for before, after, count in table.iter_rows()}
    edited = found.get(("valid", "valid"), 0)
    to_missing, to_invalid = found.get(("valid", "missing"), 0), found.get(("valid", "invalid"), 0)
    filled, repaired = found.get(("missing", "valid"), 0), found.get(("invalid", "valid"), 0)
    return CellCounts(
        changed=cells.height,
        edited=edited,
        set_missing=to_missing,
        set_invalid=to_invalid,
        filled=filled,
        repaired=repaired,
        remarked=cells.height - edited - to_missing - to_invalid - filled - repaired,
    )


def _pairs(cells: pl.DataFrame) -> tuple[Pair, ...]:
    top = (
        cells.lazy()
        .group_by("before", "after")
        .len()
        .sort("len", "before", "after", descending=[True, False, False])
        .head(PAIRS_KEPT)
        .collect()
    )
    return tuple(Pair(before=before, after=after, count=count) for before, after, count in top.iter_rows())
