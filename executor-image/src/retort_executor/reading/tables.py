"""Tables: what every reader does at the end, whatever the format: names, limits, and what stands where."""

from __future__ import annotations

import polars as pl

from retort_executor.categories import is_coded, plain, texts
from retort_executor.reading import names as naming
from retort_executor.reading.headers import Header, is_total
from retort_executor.reading.limits import Limits, cell_too_long, check_shape
from retort_executor.reading.report import FileReport


def note_header(header: Header, top: list[list[str]], lines: list[int], report: FileReport) -> None:
    """Say which of the first rows are title and header; `lines` are their numbers in the file."""
    titles = ([cell for cell in row if cell.strip()] for row in top[: header.skip])
    report.title_rows = [row for row in titles if row]
    report.header_rows = lines[header.skip : header.data_from]
    if report.title_rows:
        report.find("title-rows", "info", len(report.title_rows))
    if header.height == 0:
        report.find("no-header", "warning")
    if header.height > 1:
        report.find("header-of-several-rows", "info", header.height)


def finish(table: pl.DataFrame, header: Header, report: FileReport, limits: Limits) -> pl.DataFrame:
    """Names, limits and what stands at the end of the table."""
    table = _without_empty_end(table, report)
    width = len(header.names)
    extra = table.width > width
    originals = list(header.names)
    unnamed = [""] * width == originals
    while not unnamed and originals and not originals[-1].strip() and _all_null(table, len(originals) - 1):
        originals.pop()
    if len(originals) < width:
        report.find("empty-columns-left-out", "info", width - len(originals))
        table = table.drop([str(index) for index in range(len(originals), width)])
    chinese = any(naming.CJK.search(name) for name in originals) or (unnamed and _has_chinese(table))
    names, renamed = naming.usable(originals, chinese=chinese)
    report.renamed = [] if unnamed else renamed
    if extra:
        names.append(naming.free_name(naming.extra_name(chinese=chinese), set(names)))
    table.columns = names
    _name_notes(header, names, report)
    check_shape(table.height, table.width, limits)
    check_cells(table, limits)
    note_end(table, report)
    return table


def _without_empty_end(table: pl.DataFrame, report: FileReport) -> pl.DataFrame:
    """Without rows of nothing but delimiters at the end, which Excel writes when cells below were once filled."""
    if table.width < 2 or not table.height or any(cell is not None for cell in table.row(-1)):
        return table
    filled = table.select(~pl.all_horizontal(pl.all().is_null())).to_series().arg_true()
    kept = filled[-1] + 1 if filled.len() else 0
    report.find("empty-rows-left-out", "info", table.height - kept)
    return table.head(kept)


def _all_null(table: pl.DataFrame, index: int) -> bool:
    return table.to_series(index).null_count() == table.height


def _texts(table: pl.DataFrame) -> pl.DataFrame:
    """Of a few rows: the text columns."""
    return plain(table).select(pl.col(pl.String))


def _has_chinese(table: pl.DataFrame) -> bool:
    return any(naming.CJK.search(cell) for row in _texts(table.head(20)).rows() for cell in row if cell)


def _name_notes(header: Header, names: list[str], report: FileReport) -> None:
    report.labels = {names[i]: naming.clean(text) for i, text in header.labels.items() if i < len(names)}
    report.groups = {names[i]: naming.clean(text) for i, text in header.groups.items() if i < len(names)}
    if report.renamed:
        report.find("names-changed", "info", len(report.renamed))


def check_cells(table: pl.DataFrame, limits: Limits) -> None:
    """No text above the limit; a megabyte in a cell is a quote that was never closed."""
    for column in table.get_columns():
        cells = texts(column) if is_coded(column) else column
        length = cells.str.len_bytes().max() if cells.dtype == pl.String else None
        if isinstance(length, int) and length > limits.cell_text:
            raise cell_too_long(column.name, length, limits)


def note_end(table: pl.DataFrame, report: FileReport) -> None:
    """Say what a person should look at: no rows, one column, rows that sum up the others."""
    if table.height == 0:
        report.find("no-rows", "warning")
    if table.width == 1:
        report.find("one-column", "info")
    tail = [tuple(cell or "" for cell in row) for row in _texts(table.tail(3)).rows()]
    totals = [table.height - len(tail) + at + 1 for at, row in enumerate(tail) if is_total(row)]
    if totals:
        report.find("total-rows", "warning", len(totals), rows=totals)
    report.rows, report.columns = table.height, table.width
