"""Tables on their way out: Arrow IPC, uncompressed, without Polars' own string views, so that any Arrow reader takes it.

Batch by batch: what the stream needs is laid out anew for each, so the table is never held twice. A column of few
distinct texts leaves as a dictionary with codes of one, two or four bytes: a fifth of its texts.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from retort_core.wire import PartWriter
from retort_executor.categories import is_coded, size, texts

if TYPE_CHECKING:
    from typing_extensions import Buffer

BATCH_ROWS: Final = 1 << 16
MOST: Final = 1 << 16  # texts of a dictionary; a table of more is no dictionary any more


def write_table(parts: PartWriter, name: str, table: pl.DataFrame) -> None:
    import pyarrow as pa

    batches = _batches(table)
    first = next(batches)
    with pa.ipc.new_stream(_Part(parts.open(name)), first.schema) as stream:
        stream.write_table(first)
        for batch in batches:
            stream.write_table(batch)
    parts.end()


class _Part(io.RawIOBase):
    """An open part as a file that Arrow may close: the container itself stays open."""

    def __init__(self, parts: PartWriter) -> None:
        self._parts = parts

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        return self._parts.write(memoryview(data))


def _batches(table: pl.DataFrame) -> Iterator[Any]:
    """At least one, which tells the columns."""
    import pyarrow as pa

    whole = table.with_columns(pl.col(name).cast(pl.String) for name in _without_dictionary(table))
    dictionaries = {name: _dictionary(whole[name]) for name in _categorical(whole)}
    coded = whole.with_columns(codes.alias(name) for name, (codes, _) in dictionaries.items())
    for piece in _pieces(coded):
        batch = piece.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
        for name, (_, values) in dictionaries.items():
            at = batch.schema.get_field_index(name)
            codes = batch.column(at).combine_chunks()
            batch = batch.set_column(at, name, pa.DictionaryArray.from_arrays(codes, values))
        yield batch


def _categorical(table: pl.DataFrame) -> list[str]:
    return [column.name for column in table.get_columns() if is_coded(column)]


def _without_dictionary(table: pl.DataFrame) -> list[str]:
    return [name for name in _categorical(table) if size(table[name]) > MOST]


def _dictionary(column: pl.Series) -> tuple[pl.Series, Any]:
    """Codes of a column, and the texts that they stand for, sorted: threads that read together number them by chance."""
    found = texts(column)
    order = found.arg_sort()
    width = pl.UInt8 if order.len() <= 1 << 8 else pl.UInt16
    codes = order.arg_sort().cast(width).gather(column.to_physical())
    return codes, found.gather(order).to_arrow(compat_level=pl.CompatLevel.oldest())


def _pieces(table: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Fixed categories are one dictionary for the whole table."""
    whole = any(isinstance(dtype, pl.Enum) or dtype.is_nested() for dtype in table.dtypes)
    if whole or table.height <= BATCH_ROWS:
        yield table
    else:
        yield from table.iter_slices(BATCH_ROWS)
