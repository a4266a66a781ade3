"""Canonical digests of a table: one per (chunk of 65,536 row ids, column), whatever the physical layout.

A chunk holds the live rows whose id lies in [k·65536, (k+1)·65536), in order of id. Its digest does not see how
the table is cut into pieces, sorted for display, dictionary-encoded, or what bytes lie under a null; NaN has one
form and -0.0 is 0.0. It does see the type (and the decimals of a decimal), which cells are null, and every value.
Marks (why a null cell has no value) are digested beside the values, per chunk and column.

Bytes of a chunk's column: tag, row count, one bit a row for validity (absent when all are valid), then values
little-endian with zeros under nulls; text as 32-bit lengths and UTF-8 bytes. SHA-256 releases the interpreter lock, so
two columns are digested at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retort_core.cells import ROW_ID, CellState
from retort_core.identity import CHUNK_ROWS, ChunkDigests, Content, digest
from retort_core.schema import Column, DType, Schema
from retort_tables.layout import MARKS_SCHEMA, by_column, no_marks, physical

Ids: TypeAlias = NDArray[np.int64]

THREADS: Final = 2

__all__ = ["MARKS_SCHEMA", "Known", "column_digests", "content", "no_marks", "physical"]


@dataclass(frozen=True)
class Known:
    """Digests of a base version, reused for columns that are the same object of values with the same ids."""

    content: Content
    unchanged: frozenset[str]  # column ids whose values equal the base's, row by row
    unmarked: frozenset[str] = frozenset()  # column ids whose marks equal the base's


def content(
    schema: Schema, table: pl.DataFrame, marks: pl.DataFrame, next_row_id: int, known: Known | None = None
) -> Content:
    """Digests of a version. `table` has `__row_id` and the columns of `schema`; `marks` as `MARKS_SCHEMA`."""
    rows = _Rows.of(table.get_column(ROW_ID).to_numpy())

    def digests(column: Column) -> ChunkDigests:
        if known is not None and column.id in known.unchanged:
            return known.content.columns[column.id]
        return column_digests(table.get_column(column.name), column, rows)

    with ThreadPoolExecutor(THREADS) as pool:
        columns = dict(zip((c.id for c in schema.columns), pool.map(digests, schema.columns), strict=True))
    return Content(
        rows=table.height,
        next_row_id=next_row_id,
        order=_order(rows.displayed),
        ids={cut.number: _sha(b"ids", cut, rows.ids[cut.start : cut.stop]) for cut in rows.cuts},
        columns=columns,
        marks=_mark_digests(marks, schema, known),
    )


@dataclass(frozen=True)
class _Cut:
    """Rows `start:stop`, in order of id, of chunk `number`."""

    number: int
    start: int
    stop: int


@dataclass(frozen=True)
class _Rows:
    """Row ids in displayed order and in their own; `sorter` is None when both are the same."""

    displayed: Ids
    ids: Ids
    sorter: Ids | None
    cuts: tuple[_Cut, ...]

    @classmethod
    def of(cls, displayed: Ids) -> _Rows:
        ordered = bool(np.all(displayed[1:] > displayed[:-1]))
        sorter = None if ordered else np.argsort(displayed, kind="stable")
        ids = displayed if sorter is None else displayed[sorter]
        return cls(displayed, ids, sorter, tuple(_cuts(ids)))


def _cuts(ids: Ids) -> Iterator[_Cut]:
    if not len(ids):
        return
    chunks = ids // CHUNK_ROWS
    starts = np.flatnonzero(np.diff(chunks, prepend=chunks[0] - 1))
    for start, stop in zip(starts, [*starts[1:], len(ids)], strict=True):
        yield _Cut(int(chunks[start]), int(start), int(stop))


def _order(displayed: Ids) -> str:
    return digest("order:v1", displayed.astype("<i8", copy=False).tobytes())


def column_digests(values: pl.Series, column: Column, rows: _Rows) -> ChunkDigests:
    """Digests of one column, chunk number -> hex. Texts may come as a dictionary."""
    if rows.sorter is not None:
        values = values.gather(pl.Series(rows.sorter))
    array = _contiguous(values.to_arrow())
    tag = f"{column.dtype}:{column.digits}" if column.dtype is DType.decimal else str(column.dtype)
    encode = _ENCODERS[column.dtype]
    return {
        cut.number: _sha(
            tag.encode(), cut, *_cells(_plain(array.slice(cut.start, cut.stop - cut.start)), encode)
        )
        for cut in rows.cuts
    }


def _plain(array: Any) -> Any:
    return array.dictionary_decode() if isinstance(array.type, pa.DictionaryType) else array


def _contiguous(array: Any) -> Any:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _sha(tag: bytes, cut: _Cut, *buffers: NDArray[Any] | bytes) -> str:
    sha = hashlib.sha256(b"chunk:v1" + len(tag).to_bytes(1, "big") + tag)
    sha.update((cut.stop - cut.start).to_bytes(8, "little"))
    for buffer in buffers:
        data = np.ascontiguousarray(buffer).view(np.uint8).data if isinstance(buffer, np.ndarray) else buffer
        sha.update(len(data).to_bytes(8, "little"))
        sha.update(data)
    return sha.hexdigest()


Encoder: TypeAlias = Callable[[Any, "NDArray[np.bool_] | None"], list["NDArray[Any] | bytes"]]


def _cells(array: Any, encode: Encoder) -> list[NDArray[Any] | bytes]:
    """Validity, then values. `array` is a slice of one contiguous Arrow array."""
    if array.null_count == 0:
        return [b"", *encode(array, None)]
    valid = pc.is_valid(array).to_numpy(zero_copy_only=False)
    return [np.packbits(valid, bitorder="little"), *encode(array, valid)]


def _fixed(code: str) -> Encoder:
    """Values of a fixed width, straight from the buffer; zeros under nulls."""
    dtype = np.dtype(code)

    def encode(array: Any, valid: NDArray[np.bool_] | None) -> list[NDArray[Any] | bytes]:
        values = np.frombuffer(array.buffers()[1] or b"", dtype=dtype, count=len(array) + array.offset)
        values = values[array.offset :]
        return [_blank(values, valid)]

    return encode


def _blank(values: NDArray[Any], valid: NDArray[np.bool_] | None) -> NDArray[Any]:
    if valid is None:
        return values
    values = values.copy()
    values[~valid] = np.zeros((), dtype=values.dtype)
    return values


def _float(array: Any, valid: NDArray[np.bool_] | None) -> list[NDArray[Any] | bytes]:
    (values,) = _fixed("<f8")(array, valid)
    assert isinstance(values, np.ndarray)
    values = values + 0.0  # -0.0 + 0.0 is 0.0; also a copy
    values[np.isnan(values)] = np.nan
    return [values]


def _boolean(array: Any, valid: NDArray[np.bool_] | None) -> list[NDArray[Any] | bytes]:
    values = pc.fill_null(array, fill_value=False) if valid is not None else array
    return [values.to_numpy(zero_copy_only=False).astype(np.uint8)]


def _text(array: Any, valid: NDArray[np.bool_] | None) -> list[NDArray[Any] | bytes]:
    if valid is not None:
        array = pc.fill_null(array, "")
    array = array.cast(pa.large_string())
    offsets = np.frombuffer(array.buffers()[1], dtype="<i8")[array.offset : array.offset + len(array) + 1]
    lengths = np.diff(offsets).astype("<u4")
    data = array.buffers()[2]
    body = memoryview(data)[int(offsets[0]) : int(offsets[-1])] if data is not None else b""
    return [lengths, np.frombuffer(body, dtype=np.uint8)]


_ENCODERS: Final[Mapping[DType, Encoder]] = {
    DType.text: _text,
    DType.integer: _fixed("<i8"),
    DType.number: _float,
    DType.decimal: _fixed("V16"),
    DType.boolean: _boolean,
    DType.date: _fixed("<i4"),
    DType.datetime: _fixed("<i8"),
    DType.duration: _fixed("<i8"),
}


def _mark_digests(marks: pl.DataFrame, schema: Schema, known: Known | None) -> dict[str, ChunkDigests]:
    """Per column and chunk: row ids, states, reasons and raw texts of its marks, in order of row id."""
    reused = known.unmarked if known is not None else frozenset()
    found: dict[str, ChunkDigests] = {
        column_id: known.content.marks[column_id]
        for column_id in reused
        if known is not None and column_id in known.content.marks
    }
    for column_id, part in by_column(marks).items():
        if schema.by_id(column_id) is None:
            raise ValueError(f"marks of a column that the schema does not have: {column_id}")
        if column_id not in reused:
            found[column_id] = _marks_of(part)
    return found


def _marks_of(part: pl.DataFrame) -> ChunkDigests:
    ids = part.get_column("row_id").to_numpy()
    invalid = (part.get_column("state") == CellState.invalid.value).to_numpy().astype(np.uint8)
    texts = [_contiguous(part.get_column(name).to_arrow()) for name in ("reason", "raw")]
    digests = {}
    for cut in _cuts(ids):
        size = cut.stop - cut.start
        cells = [buffer for text in texts for buffer in _cells(text.slice(cut.start, size), _text)]
        digests[cut.number] = _sha(
            b"marks", cut, ids[cut.start : cut.stop], invalid[cut.start : cut.stop], *cells
        )
    return digests
