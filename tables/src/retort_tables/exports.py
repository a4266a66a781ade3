"""A version as a file for other programs: CSV, XLSX, Parquet. Written in slices; nothing is held twice.

The raw text of invalid cells, of tokens such as N/A and of declared codes is written back unless told otherwise
(Parquet has typed columns and holds nulls there). Text that a spreadsheet would run as a formula gets a leading apostrophe in CSV, and the
same property without a visible character in XLSX; numbers such as −5 and −999 stay as they are.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import BinaryIO, Literal, TypeAlias

import polars as pl

from retort_core.cells import ROW_ID, CellState, companion
from retort_tables.layout import by_column
from retort_tables.pieces import Exported, count, formulas, slices
from retort_tables.snapshots.encoding import parquet
from retort_tables.snapshots.port import Snapshot
from retort_tables.workbooks import write_workbook

Format: TypeAlias = Literal["csv", "xlsx", "parquet"]
Encoding: TypeAlias = Literal["utf-8", "utf-8-sig", "gb18030"]


def export(
    snapshot: Snapshot,
    out: BinaryIO,
    *,
    form: Format,
    encoding: Encoding = "utf-8-sig",
    raw: bool = True,
    hidden: bool = False,
) -> Exported:
    """Write `snapshot` to `out`. `raw`: texts of cells without a value are written back. `hidden` (Parquet
    only): with row ids and companions, as an emitted script takes it when run outside."""
    if form == "csv":
        return _csv(snapshot, out, encoding, raw=raw)
    if form == "xlsx":
        return write_workbook(snapshot, out, raw=raw)
    table = with_companions(snapshot) if hidden else snapshot.table.drop(ROW_ID)
    out.write(parquet(table))
    return Exported(table.height, table.width, {})


def with_companions(snapshot: Snapshot) -> pl.DataFrame:
    """The table with row ids and, beside each column that has invalid cells, their raw texts."""
    broken = snapshot.marks.filter(pl.col("state") == CellState.invalid.value)
    table, marks = snapshot.table, by_column(broken)
    for column in snapshot.schema.columns:
        if column.id in marks:
            raw = marks[column.id].select(
                pl.col("row_id").alias(ROW_ID), pl.col("raw").fill_null("").alias(companion(column.name))
            )
            table = table.join(raw, on=ROW_ID, how="left", maintain_order="left")
    return table


def _csv(snapshot: Snapshot, out: BinaryIO, encoding: Encoding, *, raw: bool) -> Exported:
    warnings: dict[str, int] = {}
    names = guarded(pl.Series(snapshot.schema.names, dtype=pl.String), warnings).to_list()
    out.write(b"\xef\xbb\xbf" if encoding == "utf-8-sig" else b"")
    for number, piece in enumerate(slices(snapshot, raw=raw)):
        texts = [guarded(piece.texts(column), warnings) for column in snapshot.schema.columns]
        data = _lines(texts, names, header=number == 0)
        out.write(data if encoding != "gb18030" else _gb18030(data, warnings))
    return Exported(snapshot.table.height, len(names), warnings)


def guarded(texts: pl.Series, warnings: dict[str, int]) -> pl.Series:
    """With an apostrophe before what a spreadsheet would take for a formula (raw texts may stand in any column)."""
    at = formulas(texts)
    count(warnings, "guarded", len(at))
    return texts if not len(at) else texts.scatter(at, "'" + texts.gather(at))


def _lines(texts: Sequence[pl.Series], names: Sequence[str], *, header: bool) -> bytes:
    buffer = io.BytesIO()
    frame = pl.DataFrame([values.alias(str(number)) for number, values in enumerate(texts)])
    frame.columns = list(names)
    frame.write_csv(buffer, include_header=header, line_terminator="\r\n")
    return buffer.getvalue()


def _gb18030(data: bytes, warnings: dict[str, int]) -> bytes:
    """GB18030 holds every character; programs that know only GBK (Excel's default) show four-byte ones wrongly."""
    text = data.decode("utf-8")
    count(warnings, "not-in-gbk", text.count("") - 1 - len(text.encode("gbk", "ignore").decode("gbk")))
    return text.encode("gb18030")
