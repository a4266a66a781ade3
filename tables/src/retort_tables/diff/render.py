"""A difference put together: summary, and details in pages.

The details list cells in displayed order of the newer version. When there are more than may be kept, columns with
few changes keep all of theirs and the rest share what is left evenly; the summary's counts are complete always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retort_core.cells import ROW_ID, CellState
from retort_core.changes import CELLS_KEPT, CellChange, Changes
from retort_tables.alignment import Pairing, Positions
from retort_tables.diff.cells import DETAILS_SCHEMA, ColumnDiff, Rows, Side, compare
from retort_tables.diff.schema import Columns, out_of_order
from retort_tables.layout import MARKS_SCHEMA, by_column
from retort_tables.snapshots.port import Snapshot


@dataclass(frozen=True)
class Compared:
    """`cells`: as `DETAILS_SCHEMA`. `removed` and `added`: row ids in displayed order of their version."""

    changes: Changes
    cells: pl.DataFrame
    removed: pl.Series
    added: pl.Series


def compared(
    old: Snapshot,
    new: Snapshot,
    rows: Pairing,
    columns: Columns,
    *,
    skip: frozenset[str] = frozenset(),
    limit: int | None = CELLS_KEPT,
    invalid: int | None = None,
) -> Compared:
    """Everything that differs. `skip`: ids (newer) of columns known to be equal, which need not be in the tables.
    `invalid`: invalid cells of the newer version, when its marks here are not all of them."""
    ids_old = old.table.get_column(ROW_ID).to_numpy()
    ids_new = new.table.get_column(ROW_ID).to_numpy()
    diffs = dict(_columns(old, new, rows, columns, skip, limit))
    cells = _kept(diffs, limit)
    changes = Changes(
        rows_before=old.table.height,
        rows_after=new.table.height,
        added=new.table.height - len(rows.new),
        removed=old.table.height - len(rows.old),
        kept=len(rows.old),
        modified=_touched(diffs, len(rows.new)),
        moved=0 if _ascends(rows.old) else out_of_order(rows.old.tolist()),
        columns_before=len(old.schema.columns),
        columns_after=len(new.schema.columns),
        columns=columns.lines(old.schema),
        cells={column_id: diff.counts for column_id, diff in diffs.items()},
        pairs={column_id: diff.pairs for column_id, diff in diffs.items()},
        invalid=_invalid(new.marks) if invalid is None else invalid,
        details=cells.height,
        complete=cells.height == sum(diff.counts.changed for diff in diffs.values()),
    )
    return Compared(
        changes,
        _in_order(cells, ids_new),
        pl.Series("row_id", ids_old[rows.removed(len(ids_old))]),
        pl.Series("row_id", ids_new[rows.added(len(ids_new))]),
    )


def _touched(diffs: Mapping[str, ColumnDiff], height: int) -> int:
    """Rows with a changed cell in any column."""
    rows = np.zeros(height, bool)
    for diff in diffs.values():
        rows[diff.changed] = True
    return int(rows.sum())


def _invalid(marks: pl.DataFrame) -> int:
    return int((marks.get_column("state") == CellState.invalid.value).sum())


def _columns(
    old: Snapshot, new: Snapshot, rows: Pairing, columns: Columns, skip: frozenset[str], limit: int | None
) -> Iterator[tuple[str, ColumnDiff]]:
    """One column at a time, so that no more than two are held beyond the tables."""
    paired = Rows(new.table.get_column(ROW_ID).to_numpy()[rows.new])
    marks_old, marks_new = by_column(old.marks), by_column(new.marks)
    renumbered = _renumbering(old, paired, rows)
    straight = _straight(rows.old, old.table.height), _straight(rows.new, new.table.height)
    for before, after in columns.pairs:
        if after.id in skip:
            continue
        a, b = old.table.get_column(before.name), new.table.get_column(after.name)
        a = a if straight[0] else a.gather(rows.old)
        b = b if straight[1] else b.gather(rows.new)
        marks = renumbered(marks_old.get(before.id, _NONE))
        diff = compare(paired, Side(before, a, marks), Side(after, b, marks_new.get(after.id, _NONE)), limit)
        if diff is not None:
            yield after.id, diff


_NONE = pl.DataFrame(
    schema={name: kind for name, kind in MARKS_SCHEMA.items() if name != "column_id"}
)  # no query: threads started by an import would deadlock forked workers


def _straight(places: Positions, height: int) -> bool:
    """Every row, in its own place: nothing to gather."""
    return len(places) == height and _ascends(places)


def _renumbering(old: Snapshot, paired: Rows, rows: Pairing) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """How older marks get the newer row ids. Marks of rows that are gone are dropped, so that what is left is equal,
    byte by byte, wherever nothing changed."""
    ids = old.table.get_column(ROW_ID).to_numpy()
    if np.array_equal(ids[rows.old], paired.ids):
        gone = pl.Series(ids[rows.removed(len(ids))])
        return lambda marks: (
            marks.filter(~pl.col("row_id").is_in(gone.implode())) if len(gone) and marks.height else marks
        )
    to = pl.DataFrame({"row_id": ids[rows.old], "to": paired.ids})
    return lambda marks: marks.join(to, on="row_id", how="inner").select(
        pl.col("to").alias("row_id"), "state", "reason", "raw"
    )


def _ascends(places: Positions) -> bool:
    return bool(np.all(places[1:] > places[:-1]))


def _kept(diffs: Mapping[str, ColumnDiff], limit: int | None) -> pl.DataFrame:
    """The details of all columns, at most `limit`: few-changes columns first, the rest evenly."""
    parts, left = [], limit
    for number, diff in enumerate(sorted(diffs.values(), key=lambda diff: diff.counts.changed)):
        if left is None:
            parts.append(diff.details)
            continue
        part = diff.details.head(left // (len(diffs) - number))
        left -= part.height
        parts.append(part)
    return pl.concat(parts) if parts else pl.DataFrame(schema=DETAILS_SCHEMA)


def _in_order(cells: pl.DataFrame, displayed: NDArray[np.int64]) -> pl.DataFrame:
    """By displayed row, then column."""
    if cells.is_empty():
        return cells
    places = pl.Series("place", Rows(displayed).places(cells.get_column("row_id").to_numpy()))
    return cells.with_columns(places).sort("place", "column_id", maintain_order=True).drop("place")


def page(
    cells: pl.DataFrame, *, start: int = 0, length: int = 100, column: str = "", state: str = ""
) -> tuple[CellChange, ...]:
    """A page of cell changes, of one column (id) or one kind of change (`after_state`) when given."""
    if column:
        cells = cells.filter(pl.col("column_id") == column)
    if state:
        cells = cells.filter(pl.col("after_state") == state)
    part = cells.slice(start, length).rename({"row_id": "row", "column_id": "column"})
    return tuple(CellChange.model_validate(row) for row in part.iter_rows(named=True))
