"""Parquet: its metadata is checked before a page is read, then every type becomes one that a table can keep.

Pages are decoded by Arrow, which answers damaged pages with an error; the decoder of Polars, twice as fast, aborts
the process when a damaged page asks for too much memory, and nobody would learn why.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from retort_core.errors import LimitExceeded, UnreadableFile
from retort_executor.reading import names as naming
from retort_executor.reading.celltypes import within_calendar
from retort_executor.reading.guards import guarded
from retort_executor.reading.limits import LIMITS, Limits, check_shape
from retort_executor.reading.report import FileReport
from retort_executor.reading.sources import Source
from retort_executor.reading.tables import check_cells, note_end

METADATA = 64 << 20  # bytes of thrift text and containers: 16,384 columns in 1,000 row groups need 30 MiB
EXPANDED = 4  # times the limit of unpacked bytes, for what pages decode to in memory
PIECE = 1 << 16  # rows decoded at once
EMPTY_RATIO = 1000  # decoded bytes for one byte of file; constant columns reach some hundreds


def read_parquet(source: Source, report: FileReport, limits: Limits = LIMITS) -> pl.DataFrame:
    """The table of a Parquet file, types kept where a table has them."""
    reader = _opened(source)
    _check(source, reader.metadata, limits)
    table = guarded(
        lambda: _pages(source, reader, limits), lambda reason: _corrupt(source, reason), (LimitExceeded,)
    )
    check_shape(table.height, table.width, limits)
    originals = table.columns
    names, report.renamed = naming.usable(
        originals, chinese=any(naming.CJK.search(name) for name in originals)
    )
    table.columns = names
    if report.renamed:
        report.find("names-changed", "info", len(report.renamed))
    table = guarded(
        lambda: pl.DataFrame([_plain(column, report) for column in table.get_columns()]),
        lambda reason: _corrupt(source, reason),
    )
    check_cells(table, limits)
    note_end(table, report)
    return table


def _opened(source: Source) -> Any:
    return guarded(
        lambda: pq.ParquetFile(
            pa.py_buffer(source.view),
            thrift_string_size_limit=METADATA,
            thrift_container_size_limit=METADATA,
            pre_buffer=False,
        ),
        lambda reason: _corrupt(source, reason),
    )


def _check(source: Source, metadata: Any, limits: Limits) -> None:
    check_shape(metadata.num_rows, metadata.num_columns, limits)
    if metadata.num_columns == 0:
        raise UnreadableFile(f"{source.name!r} has no columns.", what="empty", file=source.name)
    sizes = [metadata.row_group(at).total_byte_size for at in range(metadata.num_row_groups)]
    rows = [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]
    if any(size < 0 for size in sizes) or any(count < 0 for count in rows) or sum(rows) != metadata.num_rows:
        raise _corrupt(source, "its sizes contradict one another")
    decoded = max(sum(sizes), metadata.num_rows * metadata.num_columns * 8)
    if sum(sizes) > EXPANDED * limits.unpacked or (
        decoded > limits.unpacked and decoded > EMPTY_RATIO * source.size
    ):
        raise _bomb(source, decoded)


def _pages(source: Source, reader: Any, limits: Limits) -> pl.DataFrame:
    """The table in pieces, counted while they come: a page says little about what it decodes to."""
    pieces, size = [], 0
    for batch in reader.iter_batches(batch_size=PIECE, use_threads=False):
        size += batch.nbytes
        if size > EXPANDED * limits.unpacked:
            raise _bomb(source, size)
        batch.validate(full=True)  # text that is not UTF-8 must not reach Polars, which trusts it
        pieces.append(pl.DataFrame(pl.from_arrow(batch)))
    return pl.concat(pieces) if pieces else pl.DataFrame(pl.from_arrow(reader.schema_arrow.empty_table()))


def _bomb(source: Source, size: int) -> LimitExceeded:
    return LimitExceeded(
        f"{source.name!r} is {source.size:,} bytes and would unpack to {size >> 20:,} MiB or more, which is too much. "
        "Split the file, or leave out columns that hold one value.",
        what="unpacked",
        file=source.name,
        found=size,
    )


def _corrupt(source: Source, reason: str) -> UnreadableFile:
    return UnreadableFile(
        f"{source.name!r} begins like a Parquet file but cannot be read ({reason}). It was probably not copied "
        "whole: write it again and upload that file.",
        what="corrupt",
        file=source.name,
    )


def _plain(column: pl.Series, report: FileReport) -> pl.Series:
    """The column in a type that a table keeps; what that changes is a finding."""
    dtype = column.dtype
    if dtype.is_nested():
        report.find("nested-as-json", "warning", column=column.name, type=str(dtype))
        return _json(column)
    if dtype.is_float():
        return _number(column, report)
    if dtype.is_temporal():
        return _temporal(column, report)
    if dtype == pl.Binary:
        return _binary(column, report)
    if dtype.is_integer():
        return _integer(column)
    return column if dtype == pl.Boolean or dtype.is_decimal() else column.cast(pl.String)


def _json(column: pl.Series) -> pl.Series:
    wrapped = pl.DataFrame({"v": column}).select(
        pl.when(pl.col("v").is_not_null()).then(pl.struct("v").struct.json_encode()).alias("j")
    )
    inner = pl.col("j").str.strip_prefix('{"v":').str.head(-1)
    return wrapped.select(inner).to_series().alias(column.name)


def _number(column: pl.Series, report: FileReport) -> pl.Series:
    if column.dtype != pl.Float64:  # by its text: 0.1 of 32 bits is 0.1, not 0.10000000149
        column = column.cast(pl.String).cast(pl.Float64)
    odd = int((~column.is_finite()).sum() or 0)
    if not odd:
        return column
    report.find("not-a-number", "info", odd, column=column.name)
    kept = pl.DataFrame({"v": column}).select(pl.when(pl.col("v").is_finite()).then(pl.col("v")))
    return kept.to_series().alias(column.name)


def _integer(column: pl.Series) -> pl.Series:
    try:
        return column.cast(pl.Int64)
    except pl.exceptions.InvalidOperationError:
        return column.cast(pl.String)  # beyond 64 bits: an identifier, not a quantity


def _temporal(column: pl.Series, report: FileReport) -> pl.Series:
    dtype = column.dtype
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone:
            report.find("time-zone-left-out", "info", column=column.name, zone=dtype.time_zone)
            column = column.dt.replace_time_zone(None)
        return within_calendar(column.cast(pl.Datetime("us")), column.name, report)
    if dtype == pl.Date:
        return within_calendar(column, column.name, report)
    if dtype == pl.Time:
        report.find("times-of-day", "info", column=column.name)
        return column.dt.strftime("%H:%M:%S%.f")
    return column.cast(pl.Duration("us"))


def _binary(column: pl.Series, report: FileReport) -> pl.Series:
    try:
        return column.cast(pl.String)
    except pl.exceptions.PolarsError:
        report.find("binary-as-hex", "warning", column=column.name)
        return column.bin.encode("hex")
