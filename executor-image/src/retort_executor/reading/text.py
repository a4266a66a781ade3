"""Text tables (CSV, TSV, TXT) to columns of strings: a fast path for clean files, a tolerant one for odd ones.

The fast path is Polars reading every column as text straight from the mapped file (300 MB/s on two cores). It is
believed only where its books balance: delimiters and line ends in the file = those between cells + those inside
cells. Anything else (ragged rows, blank lines, stray quotation marks, a full-width comma) goes through `tolerant`.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from functools import partial

import polars as pl

from retort_core.errors import UnreadableFile
from retort_executor.reading.encodings import CHUNK, Text, to_text
from retort_executor.reading.headers import Header, find_header
from retort_executor.reading.limits import LIMITS, Limits, cell_too_long, check_shape
from retort_executor.reading.options import ReadOptions
from retort_executor.reading.report import FileReport
from retort_executor.reading.sniffing import SEPARATOR_LINE, Dialect, Record, records, sniff
from retort_executor.reading.sources import Source
from retort_executor.reading.tables import finish, note_header
from retort_executor.reading.tolerant import rewrite

SAMPLE = 1 << 20  # characters to guess delimiter and header from: two rows of the widest table


def read_text(
    source: Source, options: ReadOptions, report: FileReport, limits: Limits = LIMITS
) -> pl.DataFrame:
    """The table of a text file, every column text, nothing else changed; `report` is filled in."""
    csv.field_size_limit(limits.cell_text)
    text = _without_nul(to_text(source, report, options.encoding), report)
    source.forget()
    sample, whole = text.sample(SAMPLE)
    if not sample.strip():
        raise _empty(source)
    dialect = _dialect(sample, options, source.name)
    report.delimiter, report.quote = dialect.delimiter, dialect.quote
    top = records(sample, dialect, whole=whole)
    above = options.skip_rows
    if above is None and SEPARATOR_LINE.match(sample):
        above = 1
    header = find_header([record.cells for record in top], above, options.header_rows)
    check_shape(0, len(header.names), limits)
    note_header(header, [record.cells for record in top], [record.line for record in top], report)
    table = _load(text, dialect, header, top, report)
    return finish(table, header, report, limits)


def _empty(source: Source) -> UnreadableFile:
    return UnreadableFile(
        f"{source.name!r} holds no text: it is empty. Check that it was saved and upload it again.",
        what="empty",
        file=source.name,
    )


def _without_nul(text: Text, report: FileReport) -> Text:
    """NUL bytes mean nothing in a table, and end strings early in other programs; they are taken out and counted."""
    if not text.contains(b"\0"):
        return text
    kept: list[bytes] = []
    lines: list[int] = []
    count, line = 0, 1
    for piece in text.chunks():
        count += piece.count(b"\0")
        at = piece.find(b"\0")
        while at >= 0 and len(lines) < LIMITS.listed:
            lines.append(line + piece.count(b"\n", 0, at))
            at = piece.find(b"\0", at + 1)
        line += piece.count(b"\n")
        kept.append(piece.replace(b"\0", b""))
    report.find("nul-bytes", "warning", count, lines=sorted(set(lines)), removed=True)
    return Text(text.source, b"".join(kept))


def _dialect(sample: str, options: ReadOptions, name: str) -> Dialect:
    found = sniff(sample, name)
    delimiter = options.delimiter or found.delimiter
    return Dialect(delimiter, found.quote if options.quote is None else options.quote)


def _load(
    text: Text, dialect: Dialect, header: Header, top: list[Record], report: FileReport
) -> pl.DataFrame:
    skip = top[header.data_from - 1].line if header.data_from else 0
    if _plain(dialect, top) and text.contains(b"\n") and _fed(text, skip):
        table = _fast(text, dialect, len(header.names), skip)
        if table is not None:
            return table
    return _slow(text, dialect, len(header.names), skip, report)


def _plain(dialect: Dialect, top: list[Record]) -> bool:
    """Whether Polars can read the dialect: one-byte marks and lines that end in a line feed."""
    marks = dialect.delimiter + dialect.quote
    return marks.isascii() and not any(cell.endswith("\r") for record in top for cell in record.cells[-1:])


def _fed(text: Text, lines: int) -> bool:
    """Whether the first `lines` lines end in line feeds: Polars counts no others, and would skip rows of data."""
    with text.lines() as stream:
        return all(line.endswith("\n") for line in itertools.islice(stream, lines))


def _fast(text: Text, dialect: Dialect, width: int, skip: int) -> pl.DataFrame | None:
    """The table by Polars, or None when it refuses the file or its books do not balance."""
    quoted = bool(dialect.quote) and text.contains(dialect.quote.encode())
    scan = partial(
        pl.scan_csv,
        has_header=False,
        schema={str(index): pl.String for index in range(width)},
        missing_columns="insert",
        separator=dialect.delimiter,
        quote_char=dialect.quote or None,
        skip_lines=skip,
        null_values="" if quoted else None,
        infer_schema=False,
    )
    try:
        table = _scanned(text, scan)
    except pl.exceptions.PolarsError:
        return None
    table = table.head(table.height - _blank_end(table, text))
    return table if _balances(table, text, dialect, skip, quoted=quoted) else None


def _scanned(text: Text, scan: Callable[..., pl.LazyFrame]) -> pl.DataFrame:
    try:
        with text.stream() as stream:
            return scan(stream).collect()
    except OSError:  # before Linux 6.7 a write-sealed memfd cannot be mapped as Polars does: a copy can
        return scan(text.copy()).collect()


def _blank_end(table: pl.DataFrame, text: Text) -> int:
    """Rows that are only blank lines at the end of the file."""
    tail = text.tail(1 << 12).replace(b"\r", b"")
    return min(table.height, max(0, len(tail) - len(tail.rstrip(b"\n")) - 1))


def _balances(table: pl.DataFrame, text: Text, dialect: Dialect, skip: int, *, quoted: bool) -> bool:
    """Whether every row has all its cells: counted, not believed."""
    width = table.width
    if not table.height:
        return True
    if table.to_series(width - 1).null_count() == 0:
        return True  # a row that is too short lacks its last cell, one that is too long is an error in Polars
    if width == 1 and not quoted:
        return True
    delimiters, lines = _count(text, dialect.delimiter.encode(), skip)
    inside, breaks = _inside(table, dialect.delimiter, "\n") if quoted else (0, 0)
    return delimiters - inside == table.height * (width - 1) and lines - breaks == table.height


def _inside(table: pl.DataFrame, *marks: str) -> tuple[int, ...]:
    """How often each mark stands inside cells."""
    counts = table.select(
        pl.sum_horizontal(pl.all().str.count_matches(mark, literal=True).sum()).alias(mark) for mark in marks
    )
    return tuple(int(count or 0) for count in counts.row(0))


def _count(text: Text, delimiter: bytes, skip: int) -> tuple[int, int]:
    """(delimiters, lines) behind the first `skip` lines, without blank lines at the end."""
    delimiters = lines = 0
    with text.stream() as stream:
        for _ in range(skip):
            stream.readline()
        last = b"\n"
        while piece := stream.read(CHUNK):
            delimiters += piece.count(delimiter)
            lines += piece.count(b"\n")
            last = piece[-1:]
    tail = text.tail(1 << 12).replace(b"\r", b"")
    blank = len(tail) - len(tail.rstrip(b"\n"))
    return delimiters, lines + (last != b"\n") - max(0, blank - 1)


def _slow(text: Text, dialect: Dialect, width: int, skip: int, report: FileReport) -> pl.DataFrame:
    try:
        with text.lines() as lines:
            data = rewrite(lines, dialect, width, skip, report)
    except csv.Error:
        raise cell_too_long("?", LIMITS.cell_text + 1) from None
    schema = {str(index): pl.String for index in range(width + 1)}
    table = pl.read_csv(data, has_header=False, schema=schema, null_values="", missing_columns="insert")
    surplus = table.to_series(width)
    return table if surplus.null_count() < surplus.len() else table.drop(str(width))
