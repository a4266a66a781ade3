"""Which columns of a result are those of the table it was made from, cell by cell, so that they need not travel.

Rows are known by their hidden ids. Nobody has to believe what is found here: a column that is said to be the same is taken
from the stored version by whoever takes the result in, so the worst that a lie can do is to leave a column as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

# As in retort_core.cells, which loads pydantic.
ROW_ID: Final = "__row_id"
INVALID: Final = "__invalid"


def unchanged(result: pl.DataFrame, table: pl.DataFrame, same: Mapping[str, str]) -> list[str]:
    """Names of the result's columns that equal the column of `table` that `same` gives for them, companions included."""
    asked = {
        name: before for name, before in same.items() if name in result.columns and before in table.columns
    }
    rows = _same_rows(result, table, [*asked.values()])
    if rows is None:
        return []
    return [name for name, before in asked.items() if _equal(result, name, rows, before)]


def _same_rows(result: pl.DataFrame, table: pl.DataFrame, columns: list[str]) -> pl.DataFrame | None:
    """These columns and their companions of `table`, in the rows of the result; None when there are rows it has not."""
    if ROW_ID not in result.columns or ROW_ID not in table.columns:
        return None
    ids, own = result.get_column(ROW_ID), table.get_column(ROW_ID)
    if ids.equals(own, check_dtypes=True):
        return table
    if ids.dtype != own.dtype or ids.null_count():
        return None
    places = pl.DataFrame([ids]).join(
        pl.DataFrame([own]).with_row_index("\0at"), on=ROW_ID, how="left", maintain_order="left"
    )
    at = places.get_column("\0at")
    if at.null_count() or at.len() != ids.len():
        return None
    hidden = [name + INVALID for name in columns if name + INVALID in table.columns]
    return table.select(pl.col(dict.fromkeys([*columns, *hidden])).gather(at))


def _equal(result: pl.DataFrame, name: str, rows: pl.DataFrame, before: str) -> bool:
    now, then = name + INVALID, before + INVALID
    if (now in result.columns) != (then in rows.columns):
        return False
    pairs = [(name, before), *([(now, then)] if now in result.columns else [])]
    return all(result.get_column(a).equals(rows.get_column(b), check_dtypes=True) for a, b in pairs)
