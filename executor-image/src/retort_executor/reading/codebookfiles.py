"""Codebook files: the sheets of one, read as rows of text and joined into changes."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from retort_core.errors import UnreadableFile
from retort_executor.reading.codebooks import Entry, changes_of, find_layout, read_entries
from retort_executor.reading.formats import read_table
from retort_executor.reading.options import ReadOptions
from retort_executor.reading.report import FileReport
from retort_executor.reading.sources import Source

LONGEST = 50_000  # rows of a codebook: 2,000 variables with 25 values each
GLANCE = 200  # rows that tell a codebook from data


def read_codebook(source: Source, options: ReadOptions, report: FileReport) -> pl.DataFrame:
    """Fills `report.changes`; the table is empty, because a codebook is no data."""
    entries: dict[str, Entry] = {}
    for sheet in _sheets(source, options, report):
        rows = _rows(source, replace(options, sheet=sheet), report)
        layout = find_layout(rows)
        if layout is not None:
            report.header_rows = report.header_rows or [layout.header + 1]
            report.rows += len(rows) - layout.header - 1
            for name, entry in read_entries(rows, layout, report).items():
                entries[name] = entries[name].joined(entry) if name in entries else entry
    report.changes = changes_of(entries, report)
    if not report.changes:
        raise UnreadableFile(
            f"{source.name!r} is not a codebook that can be read: no row names a column for the variable (变量, variable) "
            "and one for its label or values (标签, 值标签, label, values). Name the columns like this and upload it again.",
            what="no-codebook",
            file=source.name,
        )
    return pl.DataFrame()


def _sheets(source: Source, options: ReadOptions, report: FileReport) -> list[str | int | None]:
    """The sheet asked for; else all visible ones with cells; None for a file without sheets."""
    if report.format not in ("xlsx", "xls") or options.sheet is not None:
        return [options.sheet]
    first = FileReport(format=report.format)
    read_table(source, _as_rows(options), first)
    report.sheets = first.sheets
    return [
        at for at, sheet in enumerate(first.sheets, 1) if sheet.rows and sheet.visibility == "visible"
    ] or [None]


def _rows(source: Source, options: ReadOptions, report: FileReport) -> list[list[str]]:
    """A sheet as rows of text, the header among them."""
    own = FileReport(format=report.format)
    table = read_table(source, _as_rows(options), own)
    for name in ("encoding", "encoding_found_by", "delimiter", "quote"):
        setattr(report, name, getattr(own, name))
    report.columns = max(report.columns, table.width)
    report.findings += [finding for finding in own.findings if finding.severity == "error"]
    if table.height > LONGEST:
        raise UnreadableFile(
            f"{source.name!r} has {table.height:,} rows; a codebook has at most {LONGEST:,}. Is it the data?",
            what="no-codebook",
            file=source.name,
        )
    return as_rows(table)


def _as_rows(options: ReadOptions) -> ReadOptions:
    return replace(options, header_rows=0, skip_rows=0)


def as_rows(table: pl.DataFrame) -> list[list[str]]:
    return [["" if cell is None else str(cell) for cell in row] for row in table.rows()]


def looks_like_codebook(table: pl.DataFrame) -> bool:
    """Whether a table that was read as data explains another one: its columns are named so."""
    if (
        not 2 <= table.width <= 30
        or not 0 < table.height <= LONGEST
        or any(t.is_nested() for t in table.dtypes)
    ):
        return False
    layout = find_layout([table.columns, *as_rows(table.head(GLANCE))])
    return (
        layout is not None and layout.header == 0 and bool({"values", "value", "missing"} & set(layout.roles))
    )
