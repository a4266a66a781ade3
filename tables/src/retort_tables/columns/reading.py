"""Reading: a column of a file on its way to a typed one. What was found stays beside the values, so that nothing is
computed twice: the tally for the profile, the vote on its dates, the marks before ids are known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retort_core.cells import CellState
from retort_core.profiles import DateForms
from retort_tables.columns.tallies import Tally
from retort_tables.conversions import Target
from retort_tables.layout import MARKS_SCHEMA


@dataclass(frozen=True)
class Marked:
    """Marks of one column before row and column ids are known: positions of rows, and what is said of each."""

    rows: NDArray[np.int64]
    states: pl.Series
    reasons: pl.Series
    raws: pl.Series

    def frame(self, column_id: str, row_ids: pl.Series) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "row_id": row_ids.gather(self.rows),
                "column_id": pl.repeat(column_id, len(self.rows), dtype=pl.String, eager=True),
                "state": self.states,
                "reason": self.reasons,
                "raw": self.raws,
            },
            schema=dict(MARKS_SCHEMA),
        )


@dataclass(frozen=True)
class MarkCounts:
    """Marks of one column, counted."""

    missing_by: dict[str, int]
    invalid_values: tuple[tuple[str, int], ...]  # most frequent first, ties by text

    @property
    def missing(self) -> int:
        return sum(self.missing_by.values())

    @property
    def invalid(self) -> int:
        return sum(rows for _, rows in self.invalid_values)


@dataclass(frozen=True)
class Reading:
    """One typed column (null = not valid)."""

    values: pl.Series
    target: Target
    tally: Tally
    counts: MarkCounts
    marked: Marked | None = None
    dates: DateForms | None = None
    id_like: bool = False

    def renamed(self, name: str) -> Reading:
        return replace(self, values=self.values.alias(name))


def count(marks: pl.DataFrame) -> dict[str, MarkCounts]:
    """Counts by column id, of a marks table."""
    by = ["column_id", "state", "reason", "raw"]
    invalid = pl.col("state") == CellState.invalid.value
    counted = marks.group_by("column_id", "state", "reason", raw=pl.when(invalid).then("raw")).len(
        name="rows"
    )
    found: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
    for column, state, reason, raw, rows in counted.select(*by, "rows").rows():
        missing, unread = found.setdefault(column, ({}, {}))
        into, key = (missing, reason) if state == CellState.missing.value else (unread, raw)
        into[key or ""] = into.get(key or "", 0) + rows
    return {column: mark_counts(missing, unread) for column, (missing, unread) in found.items()}


def mark_counts(missing: dict[str, int], invalid: dict[str, int]) -> MarkCounts:
    ranked = sorted(invalid.items(), key=lambda item: (-item[1], item[0]))
    return MarkCounts(dict(sorted(missing.items())), tuple(ranked))
