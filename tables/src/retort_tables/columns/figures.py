"""Figures of a numeric column from its tally. Exact: whole numbers and decimals are summed as integers.

Quantiles are linear (type 7), the standard deviation has n-1, the histogram 20 equal bins between the ends.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retort_core.profiles import Numbers
from retort_tables.columns.tallies import Counts, Keys, Tally

BINS: Final = 20
_SAFE: Final = 1 << 62  # sums of whole numbers below fit the machine's integers


def numbers_of(tally: Tally) -> Numbers | None:
    """Figures of the valid cells, None without any."""
    if tally.keys is None or not tally.rows or tally.width:
        return None
    unit = unit_of(tally.dtype)
    keys, counts, n = tally.keys, tally.counts, tally.rows
    total = _total(keys, counts)
    q1, median, q3 = (quantile(keys, counts, p) * unit for p in (0.25, 0.5, 0.75))
    mean = total / n
    return Numbers(
        min=_scaled(keys[0], unit),
        max=_scaled(keys[-1], unit),
        mean=mean * unit,
        sd=_sd(keys, counts, n, mean) * unit if n > 1 else None,
        median=median,
        q1=q1,
        q3=q3,
        sum=float(total * unit),
    )


def histogram(tally: Tally) -> tuple[int, ...]:
    """Cells in `BINS` equal bins; the last one holds its upper end."""
    if tally.keys is None or not tally.rows or tally.width:
        return ()
    keys = tally.keys.astype(np.float64)
    low, high = keys[0], keys[-1]
    if low == high:
        return (tally.rows, *([0] * (BINS - 1)))
    places = np.minimum(((keys / (high - low) - low / (high - low)) * BINS).astype(np.int64), BINS - 1)
    return tuple(np.bincount(places, weights=tally.counts, minlength=BINS).astype(np.int64).tolist())


def quantile(keys: Keys, counts: Counts, share: float) -> float:
    """Linear quantile of sorted `keys` that stand `counts` times each."""
    ends = np.cumsum(counts)
    position = (int(ends[-1]) - 1) * share
    below = math.floor(position)
    low = float(keys[np.searchsorted(ends, below, side="right")])
    high = float(keys[np.searchsorted(ends, min(below + 1, int(ends[-1]) - 1), side="right")])
    return low + (high - low) * (position - below)


def unit_of(dtype: pl.DataType) -> float:
    """What one of the numbers behind a column is worth: decimals count last digits, durations microseconds."""
    if isinstance(dtype, pl.Decimal):
        return 10.0**-dtype.scale
    return 1e-6 if dtype == pl.Duration else 1.0


def _total(keys: Keys, counts: Counts) -> float:
    if keys.dtype.kind == "f":
        return float(np.sum(keys * counts))
    largest = max(abs(int(keys[0])), abs(int(keys[-1])))
    if largest * int(counts.sum()) < _SAFE:
        return int(np.dot(keys, counts))
    return sum(int(key) * int(count) for key, count in zip(keys, counts, strict=True))


def _sd(keys: Keys, counts: Counts, n: int, mean: float) -> float:
    away: NDArray[np.float64] = keys.astype(np.float64) - mean
    return math.sqrt(float(np.sum(away * away * counts)) / (n - 1))


def _scaled(key: float, unit: float) -> float:
    return float(key) if unit == 1.0 else float(key) * unit
