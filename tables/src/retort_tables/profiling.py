"""The profile of a version: exact figures per column, repeated rows, and the findings of the quality report.

Everything comes from tallies of distinct values (`columns.tallies`) and from counts of marks; columns are computed
on two threads. After `detect` its readings spare counting again; for a later version the tallies are made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from retort_core.cells import ROW_ID
from retort_core.dateforms import vote
from retort_core.profiles import VALUES_KEPT, ColumnProfile, DateForms, Profile, ValueCount, listed
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.columns.codes import proposed_codes
from retort_tables.columns.figures import histogram, numbers_of
from retort_tables.columns.multi import codes_of
from retort_tables.columns.oddities import mojibake, spaces
from retort_tables.columns.reading import MarkCounts, Reading, count
from retort_tables.columns.repeats import duplicates
from retort_tables.columns.tallies import Tally, tally
from retort_tables.detection import THREADS
from retort_tables.quality import findings
from retort_tables.texts import canonical

INVALID_KEPT: Final = 50
_UNMARKED: Final = MarkCounts({}, ())


@dataclass(frozen=True)
class _Seen:
    """What is known of one column before its profile is written."""

    column: Column
    values: pl.Series
    tally: Tally
    counts: MarkCounts
    dates: DateForms | None


class _Tallies(Mapping[str, Tally]):
    """By column id; of a column whose profile is known already, counted only if somebody asks."""

    def __init__(self, table: pl.DataFrame, schema: Schema, known: Mapping[str, Tally]) -> None:
        self._table, self._names = table, {column.id: column.name for column in schema.columns}
        self._known = dict(known)

    def __getitem__(self, column_id: str) -> Tally:
        if column_id not in self._known:
            self._known[column_id] = tally(self._table.get_column(self._names[column_id]))
        return self._known[column_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def profile(
    table: pl.DataFrame,
    marks: pl.DataFrame,
    schema: Schema,
    readings: Mapping[str, Reading] | None = None,
    *,
    kept: Mapping[str, ColumnProfile] | None = None,
) -> Profile:
    """Profile of a typed table (with or without `__row_id`) and its marks.

    `readings` are those that `detect` gave for this very table; otherwise everything is counted here. `kept`: column
    id -> its profile in the version before, of columns that hold the same cells in the same rows as there.
    """
    counted = count(marks) if readings is None else {}
    unchanged = kept or {}

    def seen(column: Column) -> _Seen:
        values, reading = table.get_column(column.name), (readings or {}).get(column.id)
        if reading is not None:
            return _Seen(column, values, reading.tally, reading.counts, reading.dates)
        own = tally(values)
        return _Seen(column, values, own, counted.get(column.id, _UNMARKED), _dates(column, own))

    def both(column: Column) -> tuple[Tally, ColumnProfile]:
        known = seen(column)
        return known.tally, _column(known)

    new = [column for column in schema.columns if column.id not in unchanged]
    with ThreadPoolExecutor(THREADS) as pool:
        made = dict(zip((column.id for column in new), pool.map(both, new), strict=True))
    tallies = _Tallies(table, schema, {column_id: own for column_id, (own, _) in made.items()})
    columns = tuple(
        made[column.id][1] if column.id in made else unchanged[column.id] for column in schema.columns
    )
    distinct = {column.column: column.distinct for column in columns}
    repeats = duplicates(table, marks, schema, tallies, distinct, _row_ids(table))
    return Profile(
        rows=table.height,
        columns=columns,
        duplicates=repeats,
        findings=findings(schema, columns, repeats, tallies),
    )


def _row_ids(table: pl.DataFrame) -> pl.Series:
    if ROW_ID in table.columns:
        return table.get_column(ROW_ID)
    return pl.select(pl.int_range(table.height, dtype=pl.Int64)).to_series()


def _column(seen: _Seen) -> ColumnProfile:
    column, own, counts = seen.column, seen.tally, seen.counts
    unmarked = seen.values.len() - own.rows - counts.missing - counts.invalid
    missing_by = counts.missing_by | ({"": unmarked} if unmarked > 0 else {})
    low, high = _ends(own)
    return ColumnProfile(
        column=column.id,
        rows=seen.values.len(),
        valid=own.rows,
        missing=counts.missing + max(0, unmarked),
        invalid=counts.invalid,
        missing_by=missing_by,
        invalid_values=listed(counts.invalid_values[:INVALID_KEPT]),
        distinct=own.distinct,
        values=listed(own.top(VALUES_KEPT)),
        complete=own.distinct <= VALUES_KEPT,
        numbers=numbers_of(own) if column.dtype.numeric or column.dtype is DType.duration else None,
        histogram=histogram(own) if column.dtype.numeric or column.dtype is DType.duration else (),
        min_text=low,
        max_text=high,
        dates=seen.dates,
        codes=_codes(seen),
        proposed_codes=proposed_codes(
            own, column.kind, column.scale, integers=column.dtype is DType.integer, declared=_declared(column)
        ),
        spaces=spaces(own, seen.values),
        mojibake=mojibake(own, seen.values),
    )


def _declared(column: Column) -> frozenset[str]:
    return frozenset(code.value for code in column.missing_codes)


def _ends(own: Tally) -> tuple[str, str]:
    """First and last value in order, as canonical text (of text: by code point)."""
    if not own.rows:
        return "", ""
    if own.keys is None or own.width:
        return own.low, own.high
    ends = canonical(own.values(np.array([0, own.keys.size - 1])))
    return ends[0], ends[1]


def _dates(column: Column, own: Tally) -> DateForms | None:
    """Forms of a text column of dates that wait for an order."""
    if column.dtype is not DType.text or column.kind is not Kind.date or own.texts is None:
        return None
    votes = vote(dict(zip(own.texts.to_list(), own.counts.tolist(), strict=True)))
    if votes.read + votes.yearless < own.rows / 2:
        return None
    return DateForms(forms=dict(votes.forms), order=votes.order, ambiguous=votes.ambiguous)


def _codes(seen: _Seen) -> tuple[ValueCount, ...]:
    column, own = seen.column, seen.tally
    if column.kind is not Kind.multi or not column.separator or not own.rows:
        return ()
    if own.complete and own.texts is not None:
        codes = codes_of(zip(own.texts.to_list(), own.counts.tolist(), strict=True), column.separator)
        pairs = list(codes.items())
    else:
        parts = (
            seen.values.drop_nulls()
            .to_frame("t")
            .with_row_index("row")
            .select("row", pl.col("t").str.split(column.separator))
            .explode("t")
        )
        parts = parts.with_columns(pl.col("t").str.strip_chars()).filter(pl.col("t") != "").unique()
        pairs = [(str(code), int(rows)) for code, rows in parts.get_column("t").value_counts().rows()]
    return listed(sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:VALUES_KEPT])
