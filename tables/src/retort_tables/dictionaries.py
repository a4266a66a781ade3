"""Dictionaries: the distinct texts of a column once, with counts, and for every row which of them it holds.

Survey columns have few distinct texts, so all thinking (missing or not, which number, which date) happens once per
text, in plain Python that is the reference semantics, and rows get the result by a lookup.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retort_tables.columns.tallies import SAMPLE, sample

LIMIT: Final = 5_000  # distinct texts up to which a column is read text by text


@dataclass(frozen=True)
class Dictionary:
    """`codes` index into `texts` row by row (null where the cell is null)."""

    texts: pl.Series
    counts: NDArray[np.int64]
    codes: pl.Series
    nulls: int

    def items(self) -> list[tuple[str, int]]:
        return list(zip(self.texts.to_list(), self.counts.tolist(), strict=True))

    def spread(self, values: pl.Series) -> pl.Series:
        """One value per row from one per text."""
        return values.gather(self.codes)


def encode(column: pl.Series, limit: int = LIMIT) -> Dictionary | None:
    """Dictionary of a text column, or None when it has more than `limit` distinct texts."""
    if column.len() > limit and limit <= LIMIT and sample(column).n_unique() > min(limit, 0.6 * SAMPLE):
        return None
    coded = column.cast(pl.Categorical(pl.Categories.random()))
    codes = coded.to_physical()
    nulls = codes.null_count()
    counts = np.bincount(codes.drop_nulls().to_numpy()) if nulls < codes.len() else np.empty(0, np.int64)
    if counts.size > limit:
        return None
    order = pl.Series("at", np.arange(counts.size, dtype=np.uint32))
    texts = order.to_frame().select(pl.col("at").cat.to(coded.dtype).cast(pl.String)).to_series()
    return Dictionary(texts, counts.astype(np.int64), codes, nulls)
