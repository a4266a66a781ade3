"""Dictionaries: the distinct texts of a column once, with counts, and for every row which of them it holds.

Survey columns have few distinct texts, so all thinking (missing or not, which number, which date) happens once per
text, in plain Python that is the reference semantics, and rows get the result by a lookup. A reader may deliver a
column as a dictionary already (a Categorical or an Enum); any other text column is made one here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias, cast

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from retort_tables.columns.tallies import SAMPLE, sample

Places: TypeAlias = NDArray[Any]  # unsigned

LIMIT: Final = 5_000  # distinct texts up to which a column is read text by text


@dataclass(frozen=True)
class Dictionary:
    """`codes` index into `texts` row by row (null where the cell is null); as a column they are of type `coded`."""

    texts: pl.Series
    counts: NDArray[np.int64]
    codes: pl.Series
    nulls: int
    coded: pl.DataType | None = None

    def items(self) -> list[tuple[str, int]]:
        return list(zip(self.texts.to_list(), self.counts.tolist(), strict=True))

    @cached_property
    def places(self) -> Places:
        """The codes as an array; behind the last text for null cells."""
        return _places(self.codes, self.texts.len())

    def spread(self, values: pl.Series) -> pl.Series:
        """One value per row from one per text."""
        array = values.to_arrow()
        if not pa.types.is_primitive(array.type) or array.type.bit_width < 8:
            return values.gather(self.codes)
        return self._looked_up(array, values.is_not_null().to_numpy())

    def _looked_up(self, array: Any, valid: NDArray[np.bool_]) -> pl.Series:
        """By NumPy, which looks up four times as fast as Polars gathers."""
        cell = f"V{array.type.bit_width // 8}"
        values = np.append(
            np.frombuffer(array.buffers()[1], cell)[array.offset :][: len(array)], np.zeros(1, cell)
        )
        valid = np.append(valid, False)
        mask = None
        if self.nulls or not valid[:-1].all():
            mask = pa.py_buffer(np.packbits(valid.take(self.places), bitorder="little"))
        buffers = [mask, pa.py_buffer(values.take(self.places))]
        return pl.Series(pl.from_arrow(pa.Array.from_buffers(array.type, self.places.size, buffers)))

    def kept(self, entries: NDArray[np.bool_]) -> pl.Series:
        """The column still as a dictionary, null where a row holds another entry than these."""
        if self.coded is None:
            raise AssertionError
        codes = self.codes
        if not entries.all():
            mask = np.packbits(np.append(entries, False).take(self.places), bitorder="little")
            array = codes.to_arrow()
            buffers = [pa.py_buffer(mask), *array.buffers()[1:]]
            codes = pl.Series(
                pl.from_arrow(pa.Array.from_buffers(array.type, len(array), buffers, offset=array.offset))
            )
        return codes.alias("code").to_frame().select(pl.col("code").cat.to(self.coded)).to_series()


def is_coded(column: pl.Series) -> bool:
    return isinstance(column.dtype, pl.Categorical | pl.Enum)


def plain(column: pl.Series) -> pl.Series:
    """A column of texts, not of codes."""
    if not is_coded(column):
        return column
    codes = column.to_physical()
    return _texts(column.dtype, _size(codes)).gather(codes).alias(column.name)


def by_code(column: pl.Series, of: Callable[[pl.Series], pl.Series]) -> NDArray[Any]:
    """What `of` makes of each text of a coded column, and of null, row by row."""
    codes = column.to_physical()
    texts = _texts(column.dtype, _size(codes))
    table = of(pl.concat([texts, pl.Series([None], dtype=pl.String)])).to_numpy()
    return cast("NDArray[Any]", table.take(_places(codes, texts.len())))


def encode(column: pl.Series, limit: int = LIMIT) -> Dictionary | None:
    """Dictionary of a text column, or None when it has more than `limit` distinct texts."""
    if not is_coded(column):
        if column.len() > limit and limit <= LIMIT and sample(column).n_unique() > min(limit, 0.6 * SAMPLE):
            return None
        column = column.cast(pl.Categorical(pl.Categories.random()))
    codes = column.to_physical().rechunk()  # a reader's pieces: each would cost every operation its start
    texts = _texts(column.dtype, _size(codes))
    counts = np.bincount(_places(codes, texts.len()), minlength=texts.len() + 1)
    counts, nulls = counts[:-1].astype(np.int64), int(counts[-1])
    coded: pl.DataType | None = column.dtype
    if not counts.all():
        texts, counts, codes = _used(texts, counts, codes)
        coded = None
    return Dictionary(texts, counts, codes, nulls, coded) if counts.size <= limit else None


def _size(codes: pl.Series) -> int:
    last = codes.max()
    return 0 if last is None else int(str(last)) + 1


def _places(codes: pl.Series, behind: int) -> Places:
    """The codes as an array, null as the code `behind` all others."""
    if codes.null_count():
        small = (codes.dtype == pl.UInt8 and behind > 255) or (codes.dtype == pl.UInt16 and behind > 65_535)
        codes = (codes.cast(pl.UInt32) if small else codes).fill_null(behind)
    return codes.to_numpy()


def _texts(dtype: pl.DataType, size: int) -> pl.Series:
    """The first `size` texts of a type of codes."""
    if isinstance(dtype, pl.Enum):
        return dtype.categories.head(size)
    codes = pl.Series("code", np.arange(size, dtype=np.uint32))
    return codes.to_frame().select(pl.col("code").cat.to(dtype).cast(pl.String)).to_series()


def _used(
    texts: pl.Series, counts: NDArray[np.int64], codes: pl.Series
) -> tuple[pl.Series, NDArray[np.int64], pl.Series]:
    """Without the texts that no row holds."""
    held = np.flatnonzero(counts)
    new = np.zeros(counts.size, dtype=np.uint32)
    new[held] = np.arange(held.size, dtype=np.uint32)
    return texts.gather(held), counts[held], pl.Series(new).gather(codes)
