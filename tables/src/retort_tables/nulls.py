"""Why the null cells of a run's result are null. The worker never says it; it is derived here, column by column.

In this order: a raw text carried beside the cell makes it invalid; a cell that had no value keeps its mark; a value
that the column now declares as a code is missing for that code's reason; anything else was set empty by the run, or
could not be computed when the column is new.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from retort_core.cells import CellState, Reason
from retort_core.schema import Column
from retort_tables.layout import CELL, no_marks
from retort_tables.texts import canonical


@dataclass(frozen=True)
class Before:
    """A column of the base version in the result's row order, with its marks.

    `aligned`: the script never saw companions, so a cell that was invalid and is null still is invalid.
    """

    values: pl.Series
    marks: pl.DataFrame
    aligned: bool


def reasons(
    *, column: Column, ids: pl.Series, values: pl.Series, raw: pl.Series | None, before: Before | None
) -> pl.DataFrame:
    """Marks of one column (row_id, state, reason, raw), by row id.

    `raw`: texts of invalid cells as the script carried them, None when it carries none; `before`: None for a column
    that the run made.
    """
    null = values.is_null()
    if not null.any():
        return no_marks().select(CELL)
    at = null.arg_true()
    carried = pl.Series([None] * len(at), dtype=pl.String) if raw is None else raw.gather(at)
    cells = pl.DataFrame({"row_id": ids.gather(at), "carried": carried})
    if before is None:
        nothing = [pl.lit(None, pl.String).alias(name) for name in ("old", "state", "reason", "raw")]
        return _decided(cells.with_columns(nothing), column, new=True, aligned=False)
    cells = cells.with_columns(old=canonical(before.values.gather(at)))
    cells = cells.join(before.marks, on="row_id", how="left", maintain_order="left")
    return _decided(cells, column, new=False, aligned=before.aligned)


def _decided(cells: pl.DataFrame, column: Column, *, new: bool, aligned: bool) -> pl.DataFrame:
    carried = pl.col("carried").is_not_null()
    kept = pl.col("old").is_null() & pl.col("state").is_not_null()
    if not aligned:
        kept &= pl.col("state") == CellState.missing.value
    same = carried & (pl.col("state") == CellState.invalid.value) & (pl.col("raw") == pl.col("carried"))
    cells = cells.join(_labels(column), on="old", how="left", maintain_order="left")
    coded = pl.col("label").is_not_null()
    state = (
        pl.when(carried)
        .then(_word(CellState.invalid))
        .when(kept)
        .then("state")
        .otherwise(_word(CellState.missing))
    )
    reason = (
        pl.when(same | (kept & ~carried))
        .then("reason")
        .when(carried)
        .then(pl.lit(""))
        .when(coded)
        .then("label")
        .otherwise(_word(Reason.computed if new else Reason.set_empty))
    )
    raw = pl.when(carried).then("carried").when(kept).then("raw").when(coded).then("old")
    return cells.select("row_id", state=state, reason=reason, raw=raw).sort("row_id")


def _labels(column: Column) -> pl.DataFrame:
    """Declared codes and the reason each stands for."""
    codes = {code.value: code.label or Reason.code.value for code in column.missing_codes}
    return pl.DataFrame(
        {"old": list(codes), "label": list(codes.values())}, schema={"old": pl.String, "label": pl.String}
    )


def _word(word: CellState | Reason) -> pl.Expr:
    return pl.lit(word.value)
