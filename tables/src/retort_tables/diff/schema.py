"""Schema first: which column of the older version is which of the newer one, and what happened to it.

Columns are the same by id, else by name, else (a suggestion only) by at least 95 % equal values in the rows that
both versions have. A rename, a move, a new type or label is a line about the column and never a change of rows.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from retort_core.changes import ColumnChange
from retort_core.schema import Column, Schema

RENAME_AT: Final = 0.95  # equal values from which a rename is suggested
# The kind stands first: it follows from a new type and is no line of its own then.
_ANNOTATIONS: Final = ("kind", "label", "scale", "separator", "value_labels", "missing_codes", "group")


@dataclass(frozen=True, kw_only=True)
class Columns:
    """`pairs`: (older, newer), in the newer order. `suggested`: ids (newer) that were paired by values only."""

    pairs: tuple[tuple[Column, Column], ...]
    added: tuple[Column, ...]
    removed: tuple[Column, ...]
    suggested: frozenset[str] = frozenset()

    def lines(self, old: Schema) -> tuple[ColumnChange, ...]:
        """What happened to columns: removed, added, then changes in the newer order."""
        gone = [ColumnChange(column=c.id, change="removed", before=c) for c in self.removed]
        fresh = [ColumnChange(column=c.id, change="added", after=c) for c in self.added]
        return (*gone, *fresh, *self._changed(old))

    def _changed(self, old: Schema) -> Iterator[ColumnChange]:
        place = {column.id: number for number, column in enumerate(old.columns)}
        stayed = increasing([place[before.id] for before, _ in self.pairs])
        for number, (before, after) in enumerate(self.pairs):
            for change in _differences(before, after, moved=number not in stayed):
                yield ColumnChange(
                    column=after.id,
                    change=change,
                    before=before,
                    after=after,
                    suggested=after.id in self.suggested,
                )


def _differences(before: Column, after: Column, *, moved: bool) -> Iterator[str]:
    if before.name != after.name:
        yield "renamed"
    retyped = (before.dtype, before.digits) != (after.dtype, after.digits)
    if retyped:
        yield "retyped"
    if any(getattr(before, name) != getattr(after, name) for name in _ANNOTATIONS[retyped:]):
        yield "annotated"
    if moved:
        yield "moved"


def match(old: Schema, new: Schema, *, lineage: bool) -> Columns:
    """By id where both versions share a history, then by name."""
    partner: dict[str, Column] = {}
    if lineage:
        partner = {c.id: before for c in new.columns if (before := old.by_id(c.id)) is not None}
    taken = {column.id for column in partner.values()}
    for column in new.columns:
        before = old.find(column.name)
        if column.id not in partner and before is not None and before.id not in taken:
            partner[column.id] = before
            taken.add(before.id)
    return Columns(
        pairs=tuple((partner[c.id], c) for c in new.columns if c.id in partner),
        added=tuple(c for c in new.columns if c.id not in partner),
        removed=tuple(c for c in old.columns if c.id not in taken),
    )


def with_renames(columns: Columns, old: pl.DataFrame, new: pl.DataFrame, order: Schema) -> Columns:
    """Pairs an added with a removed column when their values say so. The tables hold the same rows in the same order.

    At most as many comparisons as added times removed columns, each stopped by the type; columns of one value match
    nothing, because they match everything.
    """
    found: dict[str, Column] = {}
    for after in columns.added:
        values = new.get_column(after.name)
        if values.n_unique() < 2:
            continue
        for before in columns.removed:
            other = old.get_column(before.name)
            if before.id not in {c.id for c in found.values()} and other.dtype == values.dtype:
                equal = other.eq_missing(values).sum()
                if equal >= RENAME_AT * len(values):
                    found[after.id] = before
                    break
    if not found:
        return columns
    partner = {after.id: before for before, after in columns.pairs} | found
    return Columns(
        pairs=tuple((partner[c.id], c) for c in order.columns if c.id in partner),
        added=tuple(c for c in columns.added if c.id not in found),
        removed=tuple(c for c in columns.removed if c.id not in {b.id for b in found.values()}),
        suggested=columns.suggested | frozenset(found),
    )


def increasing(places: Sequence[int]) -> frozenset[int]:
    """Indexes of one longest increasing run: what did not move while the others did."""
    tails: list[int] = []
    at: list[int] = []
    previous: list[int] = []
    for index, place in enumerate(places):
        length = bisect.bisect_left(tails, place)
        previous.append(at[length - 1] if length else -1)
        if length == len(tails):
            tails.append(place)
            at.append(index)
        else:
            tails[length] = place
            at[length] = index
    kept = []
    index = at[-1] if at else -1
    while index >= 0:
        kept.append(index)
        index = previous[index]
    return frozenset(kept)


def out_of_order(places: Sequence[int]) -> int:
    """How many must have moved at least: all but a longest increasing run."""
    tails: list[int] = []
    for place in places:
        length = bisect.bisect_left(tails, place)
        if length == len(tails):
            tails.append(place)
        else:
            tails[length] = place
    return len(places) - len(tails)
