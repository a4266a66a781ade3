"""Canonical text of stored values: what profiles list, marks keep, differences show and labels are keyed by.

Integers "1", floats the shortest text that gives them back ("2.5", "3"), decimals with their digits ("12.50"),
"true" and "false", "2024-01-31", "2024-01-31 08:05:00" (with six decimals when there are any), text itself.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from retort_core.numerals import canonical_float

_WHOLE: Final = 1e16  # from here on whole numbers are written with an exponent


def canonical(values: pl.Series) -> pl.Series:
    """Texts of `values`, null where they are."""
    dtype = values.dtype
    if dtype == pl.String:
        return values
    if dtype.is_float():
        return _floats(values.cast(pl.Float64))
    if dtype == pl.Datetime:
        return (
            values.cast(pl.Datetime("us")).dt.to_string("%Y-%m-%d %H:%M:%S%.6f").str.strip_suffix(".000000")
        )
    if dtype == pl.Duration:
        return _floats(values.cast(pl.Duration("us")).cast(pl.Int64) / 1_000_000)
    return values.cast(pl.String)


def _floats(values: pl.Series) -> pl.Series:
    """Polars writes shortest texts too; it differs from Python for whole numbers and below 0.0001."""
    frame = values.to_frame("x").with_columns(whole=_is_whole(), small=_is_small())
    out = frame.select(
        pl.when("whole")
        .then(pl.col("x").cast(pl.Int64, strict=False).cast(pl.String))
        .otherwise(pl.col("x").cast(pl.String))
        .alias(values.name)
    ).to_series()
    small = frame.get_column("small").fill_null(value=False)
    if not small.any():
        return out
    at = small.arg_true()
    return out.scatter(at, [canonical_float(value) for value in values.gather(at)])


def _is_whole() -> pl.Expr:
    return (pl.col("x") == pl.col("x").floor()) & (pl.col("x").abs() < _WHOLE)


def _is_small() -> pl.Expr:
    return (pl.col("x") != 0) & (pl.col("x").abs() < 1e-4)
