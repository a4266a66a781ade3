"""A version as an XLSX file, written row by row in constant memory; unpacked sheets wait in files until the book is closed.

Ids of twelve and more digits are text (a spreadsheet would round or abbreviate them), dates are dates, text is text
and never a formula. What a sheet cannot hold is said: rows beyond 1,048,575 go to further sheets, texts are cut at
32,767 characters (counted), more than 16,384 columns are refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection
from typing import Any, BinaryIO, Final, TypeAlias

import polars as pl
import xlsxwriter

from retort_core.errors import LimitExceeded
from retort_core.numerals import number_text
from retort_core.schema import Column, DType
from retort_tables.pieces import Bounds, Exported, Slice, count, formulas, slices
from retort_tables.snapshots.port import Scan
from retort_tables.texts import canonical

ROWS: Final = 1_048_575  # below the header
COLUMNS: Final = 16_384
TEXT: Final = 32_767
CELL_BYTES: Final = 48  # of a cell in an unpacked sheet, beside its text: 40 around a number, 55 a text
LONG_NUMBER: Final = 10**11  # twelve digits and more
_FIRST_DATE: Final = dt.date(1900, 3, 1)  # before it, spreadsheets disagree by a day

Cell: TypeAlias = "tuple[Any, Any]"  # value, format


def write_workbook(scan: Scan, out: BinaryIO, bounds: Bounds, *, raw: bool) -> Exported:
    """Bounded are the sheets before they are packed."""
    columns = scan.schema.columns
    if len(columns) > COLUMNS:
        raise LimitExceeded(
            f"A sheet holds at most {COLUMNS:,} columns, this version has {len(columns):,}. "
            "Export fewer columns, or CSV or Parquet.",
            limit="columns",
            value=COLUMNS,
        )
    _small_enough(scan, bounds.most)
    folder = str(bounds.folder) if bounds.folder is not None else None
    book = xlsxwriter.Workbook(out, {"constant_memory": True, "in_memory": False, "tmpdir": folder})
    try:
        sheets = _Sheets(book, columns, _long(scan))
        for piece in slices(scan, raw=raw):
            sheets.write(piece)
    finally:
        book.close()
    return Exported(scan.total, len(columns), sheets.warnings)


def _small_enough(scan: Scan, most: int) -> None:
    """Said before minutes of work: sheets are packed at the end, so their size cannot be watched in the file."""
    rows, columns = scan.total, len(scan.schema.columns)
    size = rows * columns * CELL_BYTES
    if size <= most:
        size += _text_bytes(scan)
    if size > most:
        raise LimitExceeded(
            f"A workbook of {rows:,} rows × {columns:,} columns takes about {size:,} bytes to make; at most {most:,} are "
            "allowed here (RETORT_EXPORT_BYTES). Export fewer columns, or CSV or Parquet.",
            limit="export",
            value=most,
        )


def _text_bytes(scan: Scan) -> int:
    texts = [pl.col(c.name).str.len_bytes().sum() for c in scan.schema.columns if c.dtype is DType.text]
    if not texts:
        return 0
    return int(scan.table().select(pl.sum_horizontal(texts)).collect(engine="streaming").item())


class _Sheets:
    """The sheets of one book; a new one begins when a sheet is full."""

    def __init__(self, book: Any, columns: tuple[Column, ...], as_text: Collection[str]) -> None:
        """`as_text`: names of columns of numbers that are written as texts."""
        self.warnings: dict[str, int] = {}
        self._book, self._columns = book, columns
        self._bold = book.add_format({"bold": True})
        self._quoted = book.add_format({"quote_prefix": True})
        self._formats = [_format(book, column) for column in columns]
        self._as_text = [column.name in as_text for column in columns]
        self._number, self._row = 0, 0
        self._sheet = self._next()

    def write(self, piece: Slice) -> None:
        columns = [self._cells(piece, number) for number in range(len(self._columns))]
        for cells in zip(*columns, strict=True):
            if self._row > ROWS:
                self._sheet = self._next()
            for at, (value, style) in enumerate(cells):
                self._put(at, value, style)
            self._row += 1

    def _next(self) -> Any:
        self._number += 1
        if self._number > 1:
            self.warnings["further-sheets"] = self._number - 1
        sheet = self._book.add_worksheet("Data" if self._number == 1 else f"Data {self._number}")
        sheet.freeze_panes(1, 0)
        for at, column in enumerate(self._columns):
            sheet.write_string(0, at, column.name[:TEXT], self._bold)
        self._row = 1
        return sheet

    def _put(self, at: int, value: Any, style: Any) -> None:
        if value is None:
            return
        if isinstance(value, bool):
            self._sheet.write_boolean(self._row, at, value)
        elif isinstance(value, (int, float)):
            self._sheet.write_number(self._row, at, value, style)
        elif isinstance(value, (dt.date, dt.datetime)):
            self._sheet.write_datetime(self._row, at, value, style)
        else:
            count(self.warnings, "cut-texts", int(len(value) > TEXT))
            self._sheet.write_string(self._row, at, value[:TEXT], style)

    def _cells(self, piece: Slice, number: int) -> list[Cell]:
        """Value and format of each cell of one column."""
        column = self._columns[number]
        values = piece.table.get_column(column.name)
        if column.dtype is DType.text or self._as_text[number]:
            return self._texts(piece.texts(column))
        style = self._formats[number]
        cells = [(value, style) for value in _native(values, column)]
        raw = piece.raw.get(column.name)
        if raw is not None:
            at = raw.is_not_null().arg_true()
            for place, cell in zip(
                at, self._texts(raw.gather(at), numeric=column.dtype.numeric), strict=True
            ):
                cells[place] = cell
        return cells

    def _texts(self, texts: pl.Series, *, numeric: bool = False) -> list[Cell]:
        cells: list[Cell] = [(text, None) for text in texts]
        for place in formulas(texts):
            cells[place] = (cells[place][0], self._quoted)
        if numeric:  # a code such as -999 among numbers is a number again
            cells = [(_number(text), style) if text is not None else (text, style) for text, style in cells]
        return cells


def _number(text: str) -> Any:
    found = number_text(text)
    return text if found is None else float(found[1])


_FORMATS: Final = {DType.date: "yyyy-mm-dd", DType.datetime: "yyyy-mm-dd hh:mm:ss"}


def _format(book: Any, column: Column) -> Any:
    if column.dtype is DType.decimal and column.digits:
        return book.add_format({"num_format": "0." + "0" * column.digits})
    return book.add_format({"num_format": _FORMATS[column.dtype]}) if column.dtype in _FORMATS else None


def _long(scan: Scan) -> frozenset[str]:
    """Columns of numbers that have one which a spreadsheet would abbreviate or round."""
    columns = scan.schema.columns
    asked = [
        *[_abbreviated(pl.col(c.name)) for c in columns if c.dtype is DType.integer],
        *[_rounded(pl.col(c.name), c.digits) for c in columns if c.dtype is DType.decimal],
    ]
    if not asked:
        return frozenset()
    found = scan.table().select(asked).collect(engine="streaming").row(0, named=True)
    return frozenset(name for name, long in found.items() if long)


def _abbreviated(values: pl.Expr) -> pl.Expr:
    return ((values >= LONG_NUMBER) | (values <= -LONG_NUMBER)).any()


def _rounded(values: pl.Expr, digits: int) -> pl.Expr:
    return (values.cast(pl.Float64).abs() >= 10.0 ** (15 - digits)).any()


def _native(values: pl.Series, column: Column) -> list[Any]:
    """Python values as a sheet takes them; dates it cannot hold as text."""
    convert = _NATIVE.get(column.dtype)
    return values.to_list() if convert is None else convert(values)


def _dates(values: pl.Series) -> list[Any]:
    texts = canonical(values)
    return [
        value if value is None or _day(value) >= _FIRST_DATE else text
        for value, text in zip(values.to_list(), texts, strict=True)
    ]


def _day(value: dt.date) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value


_NATIVE: Final[dict[DType, Callable[[pl.Series], list[Any]]]] = {
    DType.date: _dates,
    DType.datetime: _dates,
    DType.decimal: lambda values: values.cast(pl.Float64).to_list(),
    DType.duration: lambda values: (values.dt.total_microseconds() / 1_000_000).to_list(),
}
