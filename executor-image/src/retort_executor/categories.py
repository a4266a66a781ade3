"""Columns of text that are held as dictionaries: a code a row, each text once."""

from __future__ import annotations

import polars as pl


def is_coded(column: pl.Series) -> bool:
    return isinstance(column.dtype, pl.Categorical)


def size(column: pl.Series) -> int:
    """How many texts the dictionary of a coded column holds at most."""
    last = column.to_physical().max()
    return 0 if last is None else int(str(last)) + 1


def texts(column: pl.Series) -> pl.Series:
    """The dictionary of a coded column, by code."""
    codes = pl.select(pl.int_range(size(column), dtype=pl.UInt32).alias("code"))
    return codes.select(pl.col("code").cat.to(column.dtype).cast(pl.String)).to_series()


def uses(column: pl.Series) -> pl.Series:
    """Rows of each text of the dictionary, by code."""
    counted = column.to_physical().drop_nulls().value_counts().rename({column.name: "code", "count": "rows"})
    every = pl.select(pl.int_range(size(column), dtype=pl.UInt32).alias("code"))
    return every.join(counted, on="code", how="left", maintain_order="left").get_column("rows").fill_null(0)


def plain(table: pl.DataFrame) -> pl.DataFrame:
    """With the texts themselves; for a few rows."""
    return table.with_columns(pl.col(pl.Categorical).cast(pl.String))
