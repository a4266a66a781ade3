"""Where two changes meet: what both would write. Changes that meet nowhere may follow one another in either order.

Of the same version, they meet in a cell that both give another content, in a row that one removes while the other
changes a cell of it, in a column that one removes, retypes or describes otherwise while the other works on it, in a new
name that both give, in an order that both change. The same edit on both sides is no meeting. Of changes one after the
other, the later also meets the earlier in rows it removes and columns it works on that the earlier had added.

Where there is too much to compare cell by cell, the answer is that they meet: nobody's work is lost by a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import polars as pl

from retort_core.changes import ColumnChange
from retort_core.schema import Column, Schema
from retort_tables.diff.tiers import Found

CELLS_COMPARED: Final = 1_000_000  # changed cells of one side, about 100 MB of texts
_CONTENT: Final = ("after", "after_state", "after_reason", "after_raw")
Why: TypeAlias = Literal["cells", "rows", "columns", "order", "too-many", "unrelated"]


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """Where two changes meet; `columns`: their names."""

    why: Why
    columns: tuple[str, ...] = ()
    cells: int = 0
    rows: int = 0


@dataclass(frozen=True, kw_only=True)
class Touched:
    """What a change writes. Column ids are those of `schema`, the version in which it meets another change.

    `cells`: changed cells by column. `described`: columns that are gone (None) or described otherwise. `rewritten`:
    columns that are gone or of another type.
    """

    schema: Schema
    shared: bool
    cells: Mapping[str, int]
    details: pl.DataFrame
    complete: bool
    described: Mapping[str, Column | None]
    rewritten: frozenset[str]
    names: frozenset[str]
    added_columns: frozenset[str]
    removed: pl.Series
    added: pl.Series
    reordered: bool
    columns_moved: bool

    @property
    def worked_on(self) -> frozenset[str]:
        return frozenset(self.cells) | frozenset(self.described)


def touched(found: Found, older: Schema, newer: Schema, *, seen_from: Literal["older", "newer"]) -> Touched:
    """`older`, `newer`: of the two versions; `seen_from`: where it meets the other change."""
    ids = _ids(found.difference.changes.columns, older, newer)
    ids = ids if seen_from == "older" else {column.id: column.id for column in newer.columns}
    changes, lines = found.difference.changes, found.difference.changes.columns
    described = {
        _place(line, seen_from): line.after
        for line in lines
        if line.change in ("removed", "renamed", "retyped", "annotated")
    }
    return Touched(
        schema=older if seen_from == "older" else newer,
        shared=found.difference.tier in ("same", "rows"),
        cells={ids[column]: counts.changed for column, counts in changes.cells.items()},
        details=found.compared.cells.with_columns(pl.col("column_id").replace(ids)),
        complete=changes.complete,
        described=described,
        rewritten=frozenset(_place(one, seen_from) for one in lines if one.change in ("removed", "retyped")),
        names=frozenset(one.after.name for one in lines if one.change in ("added", "renamed") and one.after),
        added_columns=frozenset(one.column for one in lines if one.change == "added"),
        removed=found.compared.removed,
        added=found.compared.added,
        reordered=changes.moved > 0,
        columns_moved=any(line.change == "moved" for line in lines),
    )


def overlap(first: Touched, then: Touched) -> Overlap | None:
    """None when they meet nowhere. Both are seen from the same version: the one both are made from, or, when `then`
    came after `first`, the one between them."""
    if not (first.shared and then.shared):
        return Overlap(why="unrelated")
    names = _columns(first, then)
    if names:
        return Overlap(why="columns", columns=tuple(sorted(names)))
    if (first.reordered and then.reordered) or (first.columns_moved and then.columns_moved):
        return Overlap(why="order")
    return _rows(first, then) or _cells(first, then)


def _ids(lines: Iterable[ColumnChange], older: Schema, newer: Schema) -> dict[str, str]:
    """Ids of the newer version as those of the older one, where it has such a column."""
    paired = {line.column: line.before.id for line in lines if line.before is not None}
    found = {}
    for column in newer.columns:
        before = older.by_id(column.id) or older.find(column.name)
        found[column.id] = paired.get(column.id, before.id if before is not None else column.id)
    return found


def _place(line: ColumnChange, seen_from: Literal["older", "newer"]) -> str:
    return line.before.id if seen_from == "older" and line.before is not None else line.column


def _columns(first: Touched, then: Touched) -> set[str]:
    both = [one for one in first.described if one in then.described]
    meeting = {one for one in both if first.described[one] != then.described[one]}
    meeting |= first.rewritten & frozenset(then.cells) | then.rewritten & frozenset(first.cells)
    meeting |= first.added_columns & then.worked_on
    named = {column.id: column.name for column in first.schema.columns}
    taken = first.names & then.names - {_name(first.described[one]) for one in both if one not in meeting}
    return {named.get(one, one) for one in meeting} | taken


def _name(column: Column | None) -> str:
    return column.name if column is not None else ""


def _rows(first: Touched, then: Touched) -> Overlap | None:
    lost = first.added.filter(first.added.is_in(then.removed.implode())).len()
    for gone, other in ((first.removed, then), (then.removed, first)):
        if gone.is_empty() or not other.cells:
            continue
        if not other.complete:
            return Overlap(why="too-many")
        changed = other.details.get_column("row_id").unique()
        lost += changed.filter(changed.is_in(gone.implode())).len()
    return Overlap(why="rows", rows=lost) if lost else None


def _cells(first: Touched, then: Touched) -> Overlap | None:
    common = [one for one in first.cells if one in then.cells]
    if not common:
        return None
    if not (first.complete and then.complete):
        return Overlap(why="too-many", columns=_names(first.schema, common))
    place = ["row_id", "column_id"]
    both = first.details.join(then.details.select(*place, *_CONTENT), on=place, suffix="_then")
    differ = pl.any_horizontal(pl.col(one).ne_missing(pl.col(f"{one}_then")) for one in _CONTENT)
    meeting = both.filter(differ)
    if meeting.is_empty():
        return None
    columns = _names(first.schema, meeting.get_column("column_id").unique().to_list())
    return Overlap(why="cells", columns=columns, cells=meeting.height)


def _names(schema: Schema, ids: Iterable[str]) -> tuple[str, ...]:
    wanted = set(ids)
    return tuple(column.name for column in schema.columns if column.id in wanted)
