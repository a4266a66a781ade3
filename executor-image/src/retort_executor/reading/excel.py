"""Workbooks (.xlsx, .xlsm, .xls): cell types are read, not the text that Excel shows.

A sheet is parsed twice: as text, for the header, error cells and columns of mixed types, and typed, for columns
of one type. A column with error cells (#N/A, #DIV/0!) stays text with the errors as they are, so that nothing
turns into an empty cell unseen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import fastexcel
import polars as pl

from retort_core.errors import UnreadableFile
from retort_executor.reading.celltypes import native_column
from retort_executor.reading.guards import guarded
from retort_executor.reading.headers import Header, find_header
from retort_executor.reading.limits import LIMITS, Limits, check_shape
from retort_executor.reading.options import ReadOptions
from retort_executor.reading.packages import check_package
from retort_executor.reading.report import FileReport, Sheet
from retort_executor.reading.sources import Source
from retort_executor.reading.tables import finish, note_header

INSPECTED: Final = 200  # sheets whose size is looked up
ERRORS: Final = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
    "GettingData": "#GETTING_DATA",
}
ERROR_DETAIL: Final = re.compile(r"Error\((\w+)\)")
UNDECIDED: Final = re.compile(r"__UNNAMED__(\d+)")
RETRIES: Final = 6  # columns of mixed types that the typed reading refuses, each found by one more parse


@dataclass(slots=True)
class Cells:
    """One sheet as text from its first row on, error cells filled in."""

    texts: pl.DataFrame
    errors: dict[int, dict[int, str]]  # column -> row -> error text


def read_excel(
    source: Source, options: ReadOptions, report: FileReport, limits: Limits = LIMITS
) -> pl.DataFrame:
    """The table of one sheet; numbers, dates and booleans native where a whole column is of one type."""
    if report.format == "xlsx":
        check_package(source, limits)
    book = _guarded(source, lambda: fastexcel.read_excel(source.copy()))
    sheets = _sheets(source, book, report)
    chosen = _choose(source, sheets, options.sheet, report)
    sheet = sheets[chosen]
    check_shape(sheet.total_height, sheet.width, limits)
    cells = _cells(source, sheet)
    del sheets, sheet  # the parser's own cells, several times the size of the table
    top = [
        ["" if cell is None else cell for cell in row] for row in cells.texts.head(limits.sample_rows).rows()
    ]
    header = find_header(top, options.skip_rows, options.header_rows)
    note_header(header, top, list(range(1, len(top) + 1)), report)
    name = report.sheets[chosen].name
    table = _guarded(source, lambda: _typed_table(source, book, name, cells, header, report))
    return finish(_without_blank(table, header, report), header, report, limits)


def _guarded(source: Source, act: Callable[[], Any]) -> Any:
    return guarded(
        act, lambda reason: _unreadable(source, reason), (fastexcel.UnsupportedColumnTypeCombinationError,)
    )


def _unreadable(source: Source, reason: str) -> UnreadableFile:
    if "password" in reason.lower() or "encrypt" in reason.lower():
        return UnreadableFile(
            f"{source.name!r} is protected with a password. Remove the password in Excel and upload it again.",
            what="encrypted",
            file=source.name,
        )
    return UnreadableFile(
        f"{source.name!r} looks like an Excel workbook but cannot be read ({reason}). Open it in Excel, save it as a new "
        ".xlsx file and upload that, or save the sheet as CSV.",
        what="corrupt",
        file=source.name,
    )


def _sheets(source: Source, book: Any, report: FileReport) -> list[Any]:
    sheets = []
    for name in book.sheet_names[:INSPECTED]:
        sheet = _guarded(
            source, partial(book.load_sheet, name, header_row=None, skip_rows=0, dtypes="string")
        )
        sheets.append(sheet)
        report.sheets.append(Sheet(name, str(sheet.visible), sheet.total_height, sheet.width))
    if not sheets:
        raise UnreadableFile(
            f"{source.name!r} has no sheets. Check that it was saved and upload it again.",
            what="no-sheets",
            file=source.name,
        )
    return sheets


def _choose(source: Source, sheets: list[Any], wanted: str | int | None, report: FileReport) -> int:
    """Position of the sheet asked for, or of the first visible one with cells, or of the first with cells."""
    if wanted is None:
        filled = [at for at, sheet in enumerate(sheets) if sheet.width and sheet.total_height]
        visible = [at for at in filled if report.sheets[at].visibility == "visible"]
        if not filled:
            raise UnreadableFile(
                f"All sheets of {source.name!r} are empty ({len(sheets)} looked at).",
                what="empty",
                file=source.name,
            )
        chosen = (visible or filled)[0]
    else:
        chosen = _named(source, wanted, report)
    report.sheets[chosen].chosen = True
    _note_sheets(report)
    return chosen


def _named(source: Source, wanted: str | int, report: FileReport) -> int:
    names = [sheet.name for sheet in report.sheets]
    at = wanted - 1 if isinstance(wanted, int) else (names.index(wanted) if wanted in names else -1)
    if not 0 <= at < len(names):
        shown = ", ".join(repr(name) for name in names[: LIMITS.listed])
        raise UnreadableFile(
            f"{source.name!r} has no sheet {wanted!r}. It has: {shown}. Name one of them, or its position from 1.",
            what="no-such-sheet",
            file=source.name,
            sheets=names[: LIMITS.listed],
        )
    if not report.sheets[at].rows:
        raise UnreadableFile(
            f"Sheet {names[at]!r} of {source.name!r} is empty. Choose another one.",
            what="empty",
            file=source.name,
            sheet=names[at],
        )
    return at


def _note_sheets(report: FileReport) -> None:
    hidden = [sheet.name for sheet in report.sheets if sheet.visibility != "visible"]
    others = [s.name for s in report.sheets if not s.chosen and s.rows and s.visibility == "visible"]
    if hidden:
        report.find("hidden-sheets", "info", len(hidden), sheets=hidden)
    if others:
        report.find("other-sheets", "info", len(others), sheets=others)


def _cells(source: Source, sheet: Any) -> Cells:
    batch, found = _guarded(source, sheet.to_arrow_with_errors)
    texts = _frame(batch)
    errors: dict[int, dict[int, str]] = {}
    for error in found.errors if found else []:
        row, column = error.offset_position
        kind = ERROR_DETAIL.search(error.detail)
        text = ERRORS.get(kind.group(1), "#ERROR!") if kind else "#ERROR!"
        errors.setdefault(column, {})[row] = text
    return Cells(_patched(texts, errors), errors)


def _frame(batch: Any) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    if not isinstance(frame, pl.DataFrame):  # one column comes as a struct-less batch all the same
        raise TypeError(type(frame))
    frame.columns = [str(index) for index in range(frame.width)]
    return frame


def _patched(texts: pl.DataFrame, errors: dict[int, dict[int, str]]) -> pl.DataFrame:
    changed = []
    for column, cells in errors.items():
        series = texts.to_series(column)
        changed.append(series.scatter(list(cells), list(cells.values())))
    return texts.with_columns(changed)


def _typed_table(
    source: Source, book: Any, name: str, cells: Cells, header: Header, report: FileReport
) -> pl.DataFrame:
    texts = cells.texts.slice(header.data_from).with_columns(pl.all().replace("", None))
    if not texts.height:
        return texts
    typed = _typed(source, book, name, header.data_from)
    columns = []
    for index in range(texts.width):
        with_errors = any(row >= header.data_from for row in cells.errors.get(index, ()))
        native = None if typed is None or with_errors else typed.to_series(index)
        label = header.names[index] if index < len(header.names) else ""
        columns.append(native_column(texts.to_series(index), native, label or f"#{index + 1}", report))
    _note_errors(cells, header, report)
    return pl.DataFrame(columns)


def _typed(source: Source, book: Any, name: str, skip: int) -> pl.DataFrame | None:
    """The sheet by cell types; columns that have no common type are given as text."""
    as_text: dict[int, Any] = {}
    for _ in range(RETRIES):
        try:
            sheet = _guarded(
                source,
                lambda: book.load_sheet(
                    name, header_row=None, skip_rows=skip, schema_sample_rows=None, dtypes=dict(as_text)
                ),
            )
            return _frame(_guarded(source, sheet.to_arrow_with_errors)[0])
        except fastexcel.UnsupportedColumnTypeCombinationError as error:
            where = UNDECIDED.search(str(error))
            if where is None or int(where.group(1)) in as_text:
                break
            as_text[int(where.group(1))] = "string"
    return None


def _note_errors(cells: Cells, header: Header, report: FileReport) -> None:
    for column, rows in cells.errors.items():
        below = {row: text for row, text in rows.items() if row >= header.data_from}
        if below:
            name = header.names[column] if column < len(header.names) else ""
            report.find(
                "error-cells",
                "warning",
                len(below),
                column=name,
                errors=sorted(set(below.values())),
                rows=[row + 1 for row in sorted(below)],
            )


def _without_blank(table: pl.DataFrame, header: Header, report: FileReport) -> pl.DataFrame:
    """Without rows that have no cell at all; in one column only those at the end."""
    if not table.height:
        return table
    filled = table.select(~pl.all_horizontal(pl.all().is_null())).to_series()
    places = filled.arg_true()
    table = table.head(places[-1] + 1 if places.len() else 0)
    filled = filled.head(table.height)
    if table.width > 1 and not filled.all():
        rows = [header.data_from + 1 + at for at in (~filled).arg_true().to_list()]
        report.find("blank-lines", "info", len(rows), lines=rows)
        return table.filter(filled)
    return table
