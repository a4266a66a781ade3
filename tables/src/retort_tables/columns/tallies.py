"""Tallies: the distinct valid values of a column with their counts. Every figure of a profile comes from one.

Numbers, dates and durations are sorted as NumPy arrays (its vectorised sort beats any hashing) and run-length
encoded, so a tally of them is always complete. Text is counted by hash; where nearly every text is different only the
repeated ones are grouped, and just the most frequent values are kept. Both are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from retort_core.profiles import VALUES_KEPT
from retort_tables.texts import canonical

Counts: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[Any]  # int64 or float64, sorted

SAMPLE: Final = 4096  # rows looked at, evenly spread, before a way of counting is chosen
MANY: Final = 20_000  # distinct texts up to which all are sorted
_INT64_DIGITS: Final = 18
_BUCKETS: Final = 1 << 22


@dataclass(frozen=True)
class Tally:
    """Distinct values that are not null, with `counts`, in order of value: `texts` of text and booleans, else `keys`,
    the sorted numbers behind a column of type `dtype` (microseconds, days, unscaled decimals).

    `complete`: every distinct value is here; otherwise the most frequent ones, ties by value.
    """

    dtype: pl.DataType
    counts: Counts
    distinct: int
    rows: int
    texts: pl.Series | None = None
    keys: Keys | None = None
    complete: bool = True
    low: str = ""  # of text: first and last by code point
    high: str = ""
    groups: int | None = None  # distinct values in more than one row; None: count them here
    width: int = 0  # of texts that are all digits and equally long: kept as numbers in `keys`

    @property
    def repeated(self) -> int:
        """Distinct values that stand in more than one row."""
        return int((self.counts > 1).sum()) if self.groups is None else self.groups

    def top(self, limit: int = VALUES_KEPT) -> list[tuple[str, int]]:
        """Canonical texts with counts: most frequent first, ties by value."""
        if not self.counts.size:
            return []
        at = _most_frequent(self.counts, limit)
        return list(zip(canonical(self.values(at)).to_list(), self.counts[at].tolist(), strict=True))

    def values(self, at: NDArray[np.int64]) -> pl.Series:
        """The typed values at these places."""
        if self.texts is not None:
            return self.texts.gather(at)
        if self.keys is None:
            return pl.Series(dtype=self.dtype)
        if self.width:
            return pl.Series(self.keys[at]).cast(pl.String).str.zfill(self.width)
        return _from_keys(self.keys[at], self.dtype)


def tally(values: pl.Series) -> Tally:
    """Tally of a typed column."""
    valid = values.drop_nulls()
    if valid.dtype in (pl.String, pl.Boolean):
        return _texts(valid)
    return of_numbers(valid, None)


def of_numbers(values: pl.Series, counts: Counts | None) -> Tally:
    """From numbers, dates or durations without nulls; `counts` when they are distinct texts read already."""
    keys = physical_keys(values)
    if counts is None:
        ordered = np.sort(keys)
        starts = _starts(ordered)
        grouped, totals = ordered[starts], np.diff(np.append(starts, ordered.size))
    else:
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        starts = _starts(ordered)
        grouped = ordered[starts]
        totals = np.add.reduceat(counts[order], starts) if starts.size else counts[:0]
    return Tally(
        dtype=values.dtype,
        counts=totals.astype(np.int64),
        distinct=int(grouped.size),
        rows=int(totals.sum()),
        keys=grouped,
    )


def of_texts(values: pl.Series, counts: Counts) -> Tally:
    """From distinct texts (or booleans) with counts, sorted by value so that ties come by value."""
    order = values.arg_sort()
    ordered = values.gather(order)
    low, high = (canonical(ordered.gather([0, ordered.len() - 1])).to_list()) if ordered.len() else ("", "")
    return Tally(
        dtype=values.dtype,
        counts=counts[order.to_numpy()],
        distinct=ordered.len(),
        rows=int(counts.sum()),
        texts=ordered,
        low=low,
        high=high,
    )


def physical_keys(values: pl.Series) -> Keys:
    """The numbers behind `values`: microseconds, days, unscaled decimals."""
    if values.dtype.is_float():
        return values.cast(pl.Float64).to_numpy()
    if values.dtype.is_decimal():
        return values.to_physical().cast(pl.Int64).to_numpy()
    return values.to_physical().cast(pl.Int64).to_numpy()


def looks_wide(values: pl.Series) -> bool:
    """Whether nearly every cell is different, judged by a sample; decides the way of counting, not the result."""
    return values.len() > SAMPLE and sample(values).n_unique() > 0.6 * SAMPLE


def sample(values: pl.Series) -> pl.Series:
    """`SAMPLE` cells, the same ones every time."""
    return values.sample(min(SAMPLE, values.len()), seed=11)


def _texts(valid: pl.Series) -> Tally:
    if valid.dtype == pl.String and looks_wide(valid):
        if ids := digits_of(valid):
            return of_digits(valid, ids)
        return _wide(valid) or _many(valid)
    counted = valid.value_counts(name="rows__")
    if counted.height > MANY:
        return _many(valid, counted)
    return of_texts(counted.to_series(0), counted.to_series(1).cast(pl.Int64).to_numpy())


@dataclass(frozen=True)
class Digits:
    """Texts of equally many digits, as the numbers they are."""

    width: int
    numbers: Keys


def digits_of(texts: pl.Series) -> Digits | None:
    """The numbers, when every text is equally many digits and nothing else."""
    lengths = texts.str.len_bytes()
    width = int(lengths.max() or 0)  # type: ignore[arg-type]
    if not 0 < width <= _INT64_DIGITS or lengths.min() != width or str(texts.min()) < "0":
        return None  # a sign sorts before the digits
    numbers = texts.cast(pl.Int64, strict=False)
    return None if numbers.null_count() else Digits(width, numbers.to_numpy())


def of_digits(valid: pl.Series, ids: Digits) -> Tally:
    """Ids of equally many digits are counted as the numbers they are, without any hashing."""
    width, ordered = ids.width, np.sort(ids.numbers)
    starts = _starts(ordered)
    counts = np.diff(np.append(starts, ordered.size))
    grouped = ordered[starts]
    return Tally(
        dtype=valid.dtype,
        counts=counts,
        distinct=grouped.size,
        rows=valid.len(),
        keys=grouped,
        low=f"{grouped[0]:0{width}d}",
        high=f"{grouped[-1]:0{width}d}",
        width=width,
    )


def _many(valid: pl.Series, counted: pl.DataFrame | None = None) -> Tally:
    """Too many texts to sort them all: the most frequent are picked by count, ties by value."""
    groups = counted if counted is not None else valid.value_counts(name="rows__")
    groups = groups.select(pl.nth(0).alias("value"), pl.nth(1).cast(pl.Int64).alias("rows"))
    counts = groups.get_column("rows").to_numpy()
    least = _least_kept(counts, VALUES_KEPT)
    above = groups.filter(pl.col("rows") > least)
    level = groups.filter(pl.col("rows") == least).bottom_k(VALUES_KEPT - above.height, by="value")
    kept = pl.concat([above, level]).sort("value")
    return Tally(
        dtype=valid.dtype,
        texts=kept.get_column("value"),
        counts=kept.get_column("rows").to_numpy(),
        distinct=groups.height,
        rows=valid.len(),
        groups=int((counts > 1).sum()),
        complete=False,
        low=str(valid.min()),
        high=str(valid.max()),
    )


def _wide(valid: pl.Series) -> Tally | None:
    """Texts of which most stand alone: equal texts have equal hashes, so only repeated hashes need grouping."""
    mask = _repeated(valid.hash().to_numpy())
    if mask.sum() > 0.5 * mask.size:
        return None
    flags = pl.Series(mask)
    groups = valid.filter(flags).value_counts(name="rows__")
    alone = valid.filter(~flags)
    kept = pl.concat(
        [
            groups.select(pl.first().alias("value"), pl.last().cast(pl.Int64).alias("rows")),
            alone.bottom_k(VALUES_KEPT).alias("value").to_frame().with_columns(rows=pl.lit(1, pl.Int64)),
        ]
    )
    kept = kept.sort(["rows", "value"], descending=[True, False]).head(VALUES_KEPT).sort("value")
    distinct = groups.height + alone.len()
    return Tally(
        dtype=valid.dtype,
        texts=kept.get_column("value"),
        counts=kept.get_column("rows").to_numpy(),
        distinct=distinct,
        rows=valid.len(),
        groups=groups.height,
        complete=distinct == kept.height,
        low=str(valid.min()),
        high=str(valid.max()),
    )


def repeated_hashes(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Positions whose hash stands more than once."""
    return np.flatnonzero(_repeated(hashes))


def _repeated(hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    ordered = np.sort(hashes)
    return _among(hashes, np.unique(ordered[1:][ordered[1:] == ordered[:-1]]))


def _among(hashes: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which hashes are in `wanted` (sorted): a table of buckets first, because few are."""
    buckets = np.zeros(_BUCKETS, dtype=bool)
    buckets[wanted & np.uint64(_BUCKETS - 1)] = True
    mask: NDArray[np.bool_] = buckets[hashes & np.uint64(_BUCKETS - 1)]
    at = np.flatnonzero(mask)
    if at.size:
        places = np.minimum(np.searchsorted(wanted, hashes[at]), max(wanted.size - 1, 0))
        mask[at] = wanted[places] == hashes[at]
    return mask


def decimals(unscaled: NDArray[np.int64], digits: int, valid: NDArray[np.bool_] | None = None) -> pl.Series:
    """Decimal(38, digits) from whole numbers of its last digit: 1250 with two digits is 12.50."""
    words = np.empty((unscaled.size, 2), dtype=np.int64)
    words[:, 0] = unscaled
    words[:, 1] = unscaled >> 63  # sign of the upper half
    mask = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    buffers = [mask, pa.py_buffer(words)]
    array = pa.Array.from_buffers(pa.decimal128(38, digits), unscaled.size, buffers)
    return pl.Series(pl.from_arrow(array))


def _starts(ordered: Keys) -> NDArray[np.int64]:
    if not ordered.size:
        return np.empty(0, dtype=np.int64)
    return np.append(0, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1)


def _from_keys(keys: Keys, dtype: pl.DataType) -> pl.Series:
    numbers = pl.Series(keys)
    if dtype.is_float() or dtype.is_integer():
        return numbers.cast(dtype)
    if isinstance(dtype, pl.Decimal):
        return decimals(numbers.to_numpy(), dtype.scale)
    return numbers.cast(pl.Int32).cast(dtype) if dtype == pl.Date else numbers.cast(dtype)


def _most_frequent(counts: Counts, limit: int) -> NDArray[np.int64]:
    """Positions of the `limit` largest counts, ties by position."""
    if counts.size > limit:
        least = _least_kept(counts, limit)
        above = np.flatnonzero(counts > least)
        level = np.flatnonzero(counts[: _enough(counts, least, limit)] == least)[: limit - above.size]
        chosen = np.sort(np.concatenate([above, level]))
    else:
        chosen = np.arange(counts.size)
    return chosen[np.argsort(-counts[chosen], kind="stable")]


def _least_kept(counts: Counts, limit: int) -> int:
    """The `limit`-th largest count."""
    if int(counts.max()) > counts.size:
        return int(np.partition(counts, counts.size - limit)[counts.size - limit])
    with_count = np.bincount(counts)[::-1]
    return int(counts.max()) - int(np.searchsorted(np.cumsum(with_count), limit))


def _enough(counts: Counts, least: int, limit: int) -> int:
    """How far to look for `limit` counts of `least`: not far when nearly all values stand once."""
    head = min(counts.size, 8 * limit)
    return head if int((counts[:head] == least).sum()) >= limit else counts.size
