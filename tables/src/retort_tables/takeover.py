"""A checked result becomes a version: marks, digests, profile, and what changed against the base.

What a run did not touch keeps its digests and marks: columns that the run left out as unchanged are the base's by
construction, others are recognised by comparison (cheaper than hashing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retort_core.cells import ROW_ID, CellState, Reason
from retort_core.errors import DataError
from retort_core.profiles import ColumnProfile, Profile
from retort_core.schema import Column, Schema
from retort_tables.alignment import Pairing, by_content, by_ids, by_key, by_place, common_columns, infer_key
from retort_tables.changes import changes
from retort_tables.chunks import Known
from retort_tables.layout import MARKS_SCHEMA, by_column, joined
from retort_tables.nulls import Before, reasons
from retort_tables.results import Fitted, fit_aligned, fit_carried
from retort_tables.snapshots.encoding import encoded
from retort_tables.snapshots.port import Manifest, Snapshot, VersionParts


class Profiler(Protocol):
    """Of a table, its marks, its schema; `kept`: profiles of columns that are as they were before."""

    def __call__(
        self,
        table: pl.DataFrame,
        marks: pl.DataFrame,
        schema: Schema,
        *,
        kept: Mapping[str, ColumnProfile] | None = None,
    ) -> Profile: ...


_NONE = pl.DataFrame(
    schema={name: kind for name, kind in MARKS_SCHEMA.items() if name != "column_id"}
)  # no query: threads started by an import would deadlock forked workers


@dataclass(frozen=True, kw_only=True)
class Base:
    """The version a run started from; with its `profile`, columns that did not change are not counted again."""

    snapshot: Snapshot
    manifest: Manifest
    profile: Profile | None = None


def carried_version(
    base: Base,
    result: pl.DataFrame,
    expected: Schema,
    profile: Profiler,
    *,
    same: frozenset[str] = frozenset(),
) -> VersionParts:
    """The result of an emitted script, whose rows carry their ids. `same`: columns that it left out as unchanged."""
    fitted = fit_carried(result, expected, base.snapshot, same)
    return _version(base, fitted, base.snapshot.next_row_id, profile, aligned=False)


def aligned_version(
    whole: Base,
    result: pl.DataFrame,
    *,
    key: Sequence[str],
    salt: str,
    profile: Profiler,
) -> VersionParts:
    """The result of a person's script: rows are found again by key, place or content; the others are new."""
    base = whole.snapshot
    fitted = fit_aligned(result, base.schema, salt)
    rows = _aligned(base, fitted, key)
    ids = np.full(fitted.table.height, -1, np.int64)
    ids[rows.new] = base.table.get_column(ROW_ID).to_numpy()[rows.old]
    fresh = np.flatnonzero(ids < 0)
    ids[fresh] = base.next_row_id + np.arange(len(fresh))
    table = fitted.table.insert_column(0, pl.Series(ROW_ID, ids))
    fitted = Fitted(schema=fitted.schema, table=table, raw={}, broken=fitted.broken)
    return _version(whole, fitted, base.next_row_id + len(fresh), profile, aligned=True)


def _aligned(base: Snapshot, fitted: Fitted, key: Sequence[str]) -> Pairing:
    pairs = common_columns(base.schema, fitted.schema)
    for name in key:
        if name not in {after.name for _, after in pairs}:
            raise DataError(f"The key column {name!r} is not in both the base and the result.", column=name)
    chosen = [pair for pair in pairs if pair[1].name in key] or infer_key(base.table, fitted.table, pairs)
    if chosen:
        return by_key(base.table, fitted.table, chosen)
    return by_place(base.table, fitted.table, pairs) or by_content(base.table, fitted.table, pairs)


def _version(
    whole: Base, fitted: Fitted, next_row_id: int, profile: Profiler, *, aligned: bool
) -> VersionParts:
    base = whole.snapshot
    rows = by_ids(
        base.table.get_column(ROW_ID).to_numpy(), fitted.table.get_column(ROW_ID).to_numpy(), base.next_row_id
    )
    marked = _Marking(base, fitted, rows, aligned=aligned).run()
    result = Snapshot(
        root="",
        schema=fitted.schema,
        table=fitted.table,
        marks=marked.marks,
        next_row_id=next_row_id,
        total=fitted.table.height,
    )
    same_rows = fitted.table.height == base.table.height == len(rows.new)
    same_cells = marked.unchanged & marked.unmarked
    kept = _kept_profiles(whole, fitted.schema, same_cells) if same_rows else {}
    return encoded(
        schema=result.schema,
        table=result.table,
        marks=result.marks,
        next_row_id=next_row_id,
        profile=profile(result.table, result.marks, result.schema, kept=kept),
        changes=changes(base, result, skip=same_cells),
        known=Known(whole.manifest.digests.content(), marked.unchanged, marked.unmarked)
        if same_rows
        else None,
    )


def _kept_profiles(whole: Base, schema: Schema, same_cells: frozenset[str]) -> dict[str, ColumnProfile]:
    """Of columns with the same cells and the same description; a name or a label says nothing about values."""
    kept = {}
    for one in whole.profile.columns if whole.profile is not None else ():
        before, after = whole.snapshot.schema.by_id(one.column), schema.by_id(one.column)
        if one.column in same_cells and before is not None and after is not None:
            described = before.model_copy(
                update={"name": after.name, "label": after.label, "origin": after.origin}
            )
            if described == after:
                kept[one.column] = one
    return kept


@dataclass(frozen=True)
class _Marked:
    """`unchanged`, `unmarked`: ids of columns whose values, or marks, are the base's in every paired row."""

    marks: pl.DataFrame
    unchanged: frozenset[str]
    unmarked: frozenset[str]


class _Marking:
    """Marks of a result, column by column."""

    def __init__(self, base: Snapshot, fitted: Fitted, rows: Pairing, *, aligned: bool) -> None:
        self._base, self._fitted, self._aligned = base, fitted, aligned
        self._ids = fitted.table.get_column(ROW_ID)
        self._in_place = rows.positional and len(rows.old) == base.table.height == fitted.table.height
        self._from = _sources(rows, fitted.table.height)
        marks = base.marks
        if (
            len(rows.old) < base.table.height and not marks.is_empty()
        ):  # those of rows that are gone go with them
            marks = marks.filter(pl.col("row_id").is_in(self._ids.implode()))
        self._marks = by_column(marks)

    def run(self) -> _Marked:
        parts, unchanged, unmarked = {}, set(), set()
        for column in self._fitted.schema.columns:
            part, same_values, same_marks = self._column(column)
            parts[column.id] = part
            if same_values:
                unchanged.add(column.id)
            if same_marks:
                unmarked.add(column.id)
        return _Marked(joined(parts), frozenset(unchanged), frozenset(unmarked))

    def _column(self, column: Column) -> tuple[pl.DataFrame, bool, bool]:
        values = self._fitted.table.get_column(column.name)
        raw = self._fitted.raw.get(column.name)
        before = self._base.schema.by_id(column.id)
        if before is None:
            return self._broken(column, self._reasons(column, values, raw, None)), False, False
        marks = self._marks.get(column.id, _NONE)
        if column.name in self._fitted.same:
            return marks, True, True
        old = self._base.table.get_column(before.name)
        if not self._in_place:
            old = old.gather(self._from)
        same = old.dtype == values.dtype and old.equals(values)
        if same and self._carries(marks, raw):
            return marks, True, True
        part = self._reasons(column, values, raw, Before(old, marks, aligned=self._aligned))
        part = self._broken(column, part)
        return part, same, part.equals(marks)

    def _carries(self, marks: pl.DataFrame, raw: pl.Series | None) -> bool:
        """Whether the texts of invalid cells came back as they were."""
        if self._aligned:
            return True
        invalid = marks.filter(pl.col("state") == CellState.invalid.value).select("row_id", "raw")
        if raw is None:
            return invalid.is_empty()
        came = (
            pl.DataFrame({"row_id": self._ids, "raw": raw.cast(pl.String)}).drop_nulls("raw").sort("row_id")
        )
        return came.equals(invalid)

    def _reasons(
        self, column: Column, values: pl.Series, raw: pl.Series | None, before: Before | None
    ) -> pl.DataFrame:
        texts = None if raw is None else raw.cast(pl.String)
        return reasons(column=column, ids=self._ids, values=values, raw=texts, before=before)

    def _broken(self, column: Column, part: pl.DataFrame) -> pl.DataFrame:
        """Numbers that were not finite are missing because they cannot be computed, whatever stood there."""
        places = self._fitted.broken.get(column.name)
        if places is None:
            return part
        bad = pl.col("row_id").is_in(self._ids.gather(places).implode())
        return part.with_columns(
            state=pl.when(bad).then(pl.lit(CellState.missing.value)).otherwise("state"),
            reason=pl.when(bad).then(pl.lit(Reason.computed.value)).otherwise("reason"),
            raw=pl.when(bad).then(pl.lit(None, pl.String)).otherwise("raw"),
        )


def _sources(rows: Pairing, height: int) -> pl.Series:
    """For each row of the result, where it stood in the base (null = new)."""
    at: NDArray[np.int64] = np.full(height, -1, np.int64)
    at[rows.new] = rows.old
    places = pl.Series(at)
    return places.set(places < 0, None) if len(rows.new) < height else places
