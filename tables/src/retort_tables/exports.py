"""A version as a file for other programs: CSV, XLSX, Parquet. Read and written a piece at a time, so that a version may be
larger than memory; a file that would become larger than it may is refused, with what to do instead.

The raw text of invalid cells, of tokens such as N/A and of declared codes is written back unless told otherwise
(Parquet has typed columns and holds nulls there). Text that a spreadsheet would run as a formula gets a leading apostrophe in CSV, and the
same property without a visible character in XLSX; numbers such as −5 and −999 stay as they are.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Sequence
from typing import BinaryIO, Final, Literal, TypeAlias

import polars as pl
from polars.io.plugins import register_io_source

from retort_core.cells import ROW_ID, CellState, companion
from retort_core.errors import LimitExceeded
from retort_core.identity import CHUNK_ROWS
from retort_tables.layout import by_column, no_marks
from retort_tables.pieces import FORMULA, Bounds, Exported, count, formulas, pieces, slices
from retort_tables.snapshots.port import Scan, Snapshot
from retort_tables.workbooks import write_workbook

Format: TypeAlias = Literal["csv", "xlsx", "parquet"]
Encoding: TypeAlias = Literal["utf-8", "utf-8-sig", "gb18030"]

GROUP_CELLS: Final = 4_000_000  # of a row group, which is put together in memory
UNBOUNDED: Final = Bounds()


def export(
    scan: Scan,
    out: BinaryIO,
    *,
    form: Format,
    encoding: Encoding = "utf-8-sig",
    raw: bool = True,
    hidden: bool = False,
    bounds: Bounds = UNBOUNDED,
) -> Exported:
    """Write `scan` to `out`. `raw`: texts of cells without a value are written back. `hidden` (Parquet only): with row
    ids and companions, as an emitted script takes it when run outside."""
    if form == "csv":
        return _csv(scan, out, encoding, bounds.most, raw=raw)
    if form == "xlsx":
        return write_workbook(scan, out, bounds, raw=raw)
    return _parquet(scan, out, bounds.most, hidden=hidden)


def _parquet(scan: Scan, out: BinaryIO, most: int, *, hidden: bool) -> Exported:
    """A row group at a time. What a piece raises is raised here as it is, not as Polars wraps it."""
    ids = _broken(scan) if hidden else ()
    failed: list[Exception] = []

    def shown(piece: Snapshot) -> pl.DataFrame:
        return with_companions(piece, ids) if hidden else piece.table.drop(ROW_ID)

    def source(*_: object) -> Iterator[pl.DataFrame]:
        try:
            for piece in pieces(scan):
                _within(out, most, scan)
                yield shown(piece)
        except Exception as error:
            failed.append(error)
            raise

    types = shown(scan.piece(0, 0)).schema
    frame = register_io_source(source, schema=types)
    try:
        frame.sink_parquet(out, compression="zstd", compression_level=1, row_group_size=_group(len(types)))
    except pl.exceptions.PolarsError:
        if failed:
            raise failed[0] from None
        raise
    _within(out, most, scan)
    return Exported(scan.total, len(types), {})


def _group(columns: int) -> int:
    """Rows of a row group: as in a stored version, but of a wide table only as many as memory holds at once."""
    return min(CHUNK_ROWS, max(1, GROUP_CELLS // max(1, columns)))


def _within(out: BinaryIO, most: int, scan: Scan) -> None:
    if out.tell() > most:
        raise LimitExceeded(
            f"The file of {scan.total:,} rows × {len(scan.schema.columns):,} columns becomes larger than {most:,} bytes, "
            "the most that this service writes (RETORT_EXPORT_BYTES). Export fewer columns, or Parquet, which is smaller.",
            limit="export",
            value=most,
        )


def _invalid(marks: pl.LazyFrame) -> pl.LazyFrame:
    return marks.filter(pl.col("state") == CellState.invalid.value)


def _broken(scan: Scan) -> frozenset[str]:
    """Ids of columns that have invalid cells."""
    found = _invalid(scan.marks()).select(pl.col("column_id").unique()).collect(engine="streaming")
    return frozenset(found.to_series())


def with_companions(snapshot: Snapshot, always: Collection[str] = ()) -> pl.DataFrame:
    """The table with row ids and, beside each column that has invalid cells, their raw texts. `always`: ids of columns
    that have some elsewhere, when this is a piece."""
    table, marks = snapshot.table, by_column(_invalid(snapshot.marks.lazy()).collect())
    for column in snapshot.schema.columns:
        if column.id in marks or column.id in always:
            raw = marks.get(column.id, no_marks()).select(
                pl.col("row_id").alias(ROW_ID), pl.col("raw").fill_null("").alias(companion(column.name))
            )
            table = table.join(raw, on=ROW_ID, how="left", maintain_order="left")
    return table


def _csv(scan: Scan, out: BinaryIO, encoding: Encoding, most: int, *, raw: bool) -> Exported:
    warnings: dict[str, int] = {}
    names = guarded(pl.Series(scan.schema.names, dtype=pl.String), warnings).to_list()
    out.write(b"\xef\xbb\xbf" if encoding == "utf-8-sig" else b"")
    for number, piece in enumerate(slices(scan, raw=raw)):
        data = _lines(
            _guarded([piece.texts(column) for column in scan.schema.columns], warnings), names, number
        )
        out.write(data if encoding != "gb18030" else _gb18030(data, warnings))
        _within(out, most, scan)
    return Exported(scan.total, len(names), warnings)


def guarded(texts: pl.Series, warnings: dict[str, int]) -> pl.Series:
    """With an apostrophe before what a spreadsheet would take for a formula (raw texts may stand in any column)."""
    at = formulas(texts)
    count(warnings, "guarded", len(at))
    return texts if not len(at) else texts.scatter(at, "'" + texts.gather(at))


def _guarded(texts: Sequence[pl.Series], warnings: dict[str, int]) -> pl.DataFrame:
    """Columns that have nothing like a formula, which are nearly all, are told in one query: one each took 0.2 ms."""
    frame = pl.DataFrame([values.alias(str(number)) for number, values in enumerate(texts)])
    if not frame.width:
        return frame
    found = frame.select(pl.all().str.contains(FORMULA).any()).row(0, named=True)
    return frame.with_columns(
        guarded(frame.get_column(name), warnings) for name, any_ in found.items() if any_
    )


def _lines(frame: pl.DataFrame, names: Sequence[str], number: int) -> bytes:
    """Of a piece; the first has the header."""
    buffer = io.BytesIO()
    frame.columns = list(names)
    frame.write_csv(buffer, include_header=number == 0, line_terminator="\r\n")
    return buffer.getvalue()


def _gb18030(data: bytes, warnings: dict[str, int]) -> bytes:
    """GB18030 holds every character; programs that know only GBK (Excel's default) show four-byte ones wrongly."""
    text = data.decode("utf-8")
    count(warnings, "not-in-gbk", text.count("") - 1 - len(text.encode("gbk", "ignore").decode("gbk")))
    return text.encode("gb18030")
