"""Which row of one table is which row of another: by row id, by key, or by content.

By row id is exact and free of guesses; it holds within one dataset. By key serves unrelated uploads and scripts that
a person wrote (they never see row ids): a key is a set of columns without missing values and without repetition.
By content is the last resort: rows that are equal in all common columns; then, among the rest, rows that are equal in
the columns whose values did not change as a whole (a script that edits one column leaves the others alone).

Repeated rows are paired by occurrence: the first with the first, and so on. All of it works on 64-bit hashes of
whole columns; a pair found by key is checked against the real values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.texts import canonical

Positions: TypeAlias = NDArray[np.int64]

KEY_OVERLAP: Final = 0.5  # of the smaller side: below this, equal-looking keys are two different things
CONTENT_LIMIT: Final = 5_000_000  # leftovers above this are reported as added and removed only


@dataclass(frozen=True)
class Pairing:
    """Positions of the rows that both tables have: `old[i]` is `new[i]`; `new` ascends."""

    old: Positions
    new: Positions
    repeated: tuple[int, int] = (0, 0)  # rows on each side whose key or content repeats an earlier one
    key: tuple[str, ...] = field(default=())

    @property
    def positional(self) -> bool:
        """Nothing to gather: both sides are the same rows in the same places, as far as they are paired."""
        return bool(np.array_equal(self.old, self.new)) and (
            not len(self.old) or int(self.old[-1]) == len(self.old) - 1
        )

    def removed(self, height: int) -> Positions:
        return _others(self.old, height)

    def added(self, height: int) -> Positions:
        return _others(self.new, height)


def by_ids(old: NDArray[np.int64], new: NDArray[np.int64], common: int | None = None) -> Pairing:
    """Rows of equal id. Ids of `common` and above were minted apart on both sides and never match."""
    if np.array_equal(old, new) and (common is None or not len(old) or int(old.max()) < common):
        every = np.arange(len(old), dtype=np.int64)
        return Pairing(every, every)
    found = places(old, new)
    hit = found >= 0
    if common is not None:
        hit &= new < common
    return Pairing(found[hit], np.flatnonzero(hit))


def places(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> Positions:
    """Where each wanted id stands among `ids` (which do not repeat), -1 where it does not. Row ids are minted one after
    another, so a table over all of them is small and much faster than searching; far-apart ids are searched."""
    if not len(ids) or not len(wanted):
        return np.full(len(wanted), -1, np.int64)
    top = int(max(ids.max(), wanted.max())) + 1
    if min(int(ids.min()), int(wanted.min())) >= 0 and top <= 8 * (len(ids) + len(wanted)):
        table = np.full(top, -1, np.int64)
        table[ids] = np.arange(len(ids), dtype=np.int64)
        return table[wanted]
    sorter = np.argsort(ids, kind="stable")
    found: Positions = sorter[np.minimum(np.searchsorted(ids, wanted, sorter=sorter), len(ids) - 1)]
    found[ids[found] != wanted] = -1
    return found


def by_key(old: pl.DataFrame, new: pl.DataFrame, pairs: Sequence[tuple[Column, Column]]) -> Pairing:
    """Rows of equal key. A row with a missing key has no partner."""
    left, right = _comparable(old, new, pairs)
    names = tuple(after.name for _, after in pairs)
    if left.equals(right) and not any(values.null_count() for values in left):
        every, surplus = np.arange(left.height, dtype=np.int64), left.height - left.n_unique()
        return Pairing(every, every, (surplus, surplus), names)
    whole_old, whole_new = _complete(left), _complete(right)
    h_old, n_old = _hashes(left.filter(whole_old))
    h_new, n_new = _hashes(right.filter(whole_new))
    at_old, at_new = _match(h_old, h_new)
    at_old, at_new = np.flatnonzero(whole_old)[at_old], np.flatnonzero(whole_new)[at_new]
    same = left[at_old].equals(right[at_new])
    if not same:  # a collision of hashes: keep the pairs that hold
        true = np.logical_and.reduce(
            [
                left[name].gather(at_old).eq_missing(right[name].gather(at_new)).to_numpy()
                for name in left.columns
            ]
        )
        at_old, at_new = at_old[true], at_new[true]
    return Pairing(at_old, at_new, (n_old, n_new), names)


def by_content(old: pl.DataFrame, new: pl.DataFrame, pairs: Sequence[tuple[Column, Column]]) -> Pairing:
    """Rows of equal content; then, among the rest, rows equal in the columns that kept their values."""
    if not pairs:
        none = np.zeros(0, np.int64)
        return Pairing(none, none)
    left, right = _comparable(old, new, pairs)
    h_old, n_old = _hashes(left)
    h_new, n_new = _hashes(right)
    at_old, at_new = _match(h_old, h_new)
    rest_old, rest_new = _others(np.sort(at_old), old.height), _others(at_new, new.height)
    if len(rest_old) and len(rest_new) and max(len(rest_old), len(rest_new)) <= CONTENT_LIMIT:
        more_old, more_new = _by_kept_columns(left[rest_old], right[rest_new])
        at_old = np.concatenate([at_old, rest_old[more_old]])
        at_new = np.concatenate([at_new, rest_new[more_new]])
    order = np.argsort(at_new, kind="stable")
    return Pairing(at_old[order], at_new[order], (n_old, n_new))


def by_place(old: pl.DataFrame, new: pl.DataFrame, pairs: Sequence[tuple[Column, Column]]) -> Pairing | None:
    """Row i is row i, when the tables are equally long and at least half of the common columns are equal in every
    cell, one of them with more than a few values: what a script leaves that only edits or adds columns."""
    if old.height != new.height or not pairs:
        return None
    left, right = _comparable(old, new, pairs)
    equal = [name for name in left.columns if left[name].equals(right[name])]
    if 2 * len(equal) < len(pairs) or not any(left[name].n_unique() * 2 > old.height for name in equal):
        return None
    every = np.arange(old.height, dtype=np.int64)
    return Pairing(every, every)


def infer_key(
    old: pl.DataFrame, new: pl.DataFrame, pairs: Sequence[tuple[Column, Column]]
) -> tuple[tuple[Column, Column], ...]:
    """One column that identifies rows on both sides; columns of kind id first. Empty when there is none."""
    for pair in sorted(pairs, key=lambda pair: pair[1].kind is not Kind.id):
        if _may_be_key(pair[1]) and _identifies(old[pair[0].name], new[pair[1].name]):
            return (pair,)
    return ()


def common_columns(old: Schema, new: Schema) -> list[tuple[Column, Column]]:
    """Columns of both, by id, else by name."""
    pairs, taken = [], set()
    for column in new.columns:
        before = old.by_id(column.id) or old.find(column.name)
        if before is not None and before.id not in taken:
            taken.add(before.id)
            pairs.append((before, column))
    return pairs


def _may_be_key(column: Column) -> bool:
    """Measurements may be unique by chance; an id, a text or a whole number may be a name."""
    return column.kind is Kind.id or (
        column.dtype in (DType.text, DType.integer) and column.kind in (Kind.text, Kind.numeric)
    )


def _identifies(old: pl.Series, new: pl.Series) -> bool:
    if old.dtype != new.dtype or old.null_count() or new.null_count() or not len(old) or not len(new):
        return False
    if old.n_unique() < len(old) or new.n_unique() < len(new):
        return False
    overlap = int(new.is_in(old.implode()).sum())
    return overlap > KEY_OVERLAP * min(len(old), len(new))


def _comparable(
    old: pl.DataFrame, new: pl.DataFrame, pairs: Sequence[tuple[Column, Column]]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Both sides of each pair in one type: numbers as floats, all else that differs as text; -0.0 as 0.0."""
    left, right = [], []
    for number, (before, after) in enumerate(pairs):
        a, b = old.get_column(before.name), new.get_column(after.name)
        if a.dtype != b.dtype:
            both = a.dtype.is_numeric() and b.dtype.is_numeric()
            a, b = (x.cast(pl.Float64) if both else canonical(x) for x in (a, b))
        if a.dtype.is_float():
            a, b = a + 0.0, b + 0.0
        left.append(a.alias(str(number)))
        right.append(b.alias(str(number)))
    return pl.DataFrame(left), pl.DataFrame(right)


def _complete(frame: pl.DataFrame) -> NDArray[np.bool_]:
    return frame.select(pl.all_horizontal(pl.all().is_not_null())).to_series().to_numpy()


def _hashes(frame: pl.DataFrame) -> tuple[NDArray[np.uint64], int]:
    """A hash per row that also counts occurrences, and how many rows repeat an earlier one."""
    hashes = frame.hash_rows(seed=0).to_numpy().astype(np.uint64)
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    same = np.zeros(len(hashes), bool)
    same[1:] = ordered[1:] == ordered[:-1]
    if not same.any():
        return hashes, 0
    index = np.arange(len(hashes))
    start = np.maximum.accumulate(np.where(same, 0, index))
    occurrence = np.empty(len(hashes), np.uint64)
    occurrence[order] = (index - start).astype(np.uint64)
    return hashes + occurrence * np.uint64(0x9E3779B97F4A7C15), int(same.sum())


def _match(old: NDArray[np.uint64], new: NDArray[np.uint64]) -> tuple[Positions, Positions]:
    """Positions of equal hashes; the second ascends."""
    left = pl.DataFrame({"h": old}).with_row_index("old")
    right = pl.DataFrame({"h": new}).with_row_index("new")
    both = right.join(left, on="h", how="inner").unique("new", keep="any").sort("new")
    return both["old"].to_numpy().astype(np.int64), both["new"].to_numpy().astype(np.int64)


def _by_kept_columns(old: pl.DataFrame, new: pl.DataFrame) -> tuple[Positions, Positions]:
    """Pairs equal in every column whose values on the new side all were there before, as often at least."""
    kept = [name for name in old.columns if _contained(new[name], old[name])]
    if not kept:
        none = np.zeros(0, np.int64)
        return none, none
    left, right = old.select(kept), new.select(kept)
    if 2 * right.n_unique() < right.height:  # these columns tell too few rows apart to be believed
        none = np.zeros(0, np.int64)
        return none, none
    return _match(_hashes(left)[0], _hashes(right)[0])


def _contained(part: pl.Series, whole: pl.Series) -> bool:
    counts = part.alias("v").value_counts(name="n")
    before = whole.alias("v").value_counts(name="m")
    joined = counts.join(before, on="v", how="left", nulls_equal=True)
    return bool((joined["n"] <= joined["m"].fill_null(0)).all())


def _others(positions: Positions, height: int) -> Positions:
    left = np.ones(height, bool)
    left[positions] = False
    return np.flatnonzero(left)
