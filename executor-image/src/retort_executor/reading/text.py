"""Text tables (CSV, TSV, TXT) to columns of strings: a fast path for clean files, a tolerant one for odd ones.

The fast path is Polars reading every column as text straight from the file (300 MB/s on two cores), or as a dictionary
where a large file's first rows show few distinct texts. It is believed only where its books balance: delimiters and
line ends in the file = those between cells + those inside cells. Anything else (ragged rows, blank lines, stray
quotation marks, a full-width comma) goes through `tolerant`. A large file that begins as UTF-8 is taken for it: the
fast path checks every cell on its way, and where it cannot be taken, the encoding is looked for first.
"""

from __future__ import annotations

import copy
import csv
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import polars as pl

from retort_core.errors import UnreadableFile
from retort_executor.categories import is_coded, texts, uses
from retort_executor.reading.coding import SAMPLE as CODING_SAMPLE
from retort_executor.reading.coding import columns_to_code, dictionary, settled
from retort_executor.reading.encodings import CHUNK, Text, is_utf8, presumably_utf8, presumed, to_text
from retort_executor.reading.headers import Header, find_header
from retort_executor.reading.limits import LIMITS, Limits, cell_too_long, check_shape
from retort_executor.reading.options import ReadOptions
from retort_executor.reading.quotes import few, well_placed
from retort_executor.reading.report import FileReport
from retort_executor.reading.sniffing import SEPARATOR_LINE, Dialect, Record, records, sniff
from retort_executor.reading.sources import Source
from retort_executor.reading.tables import finish, note_header
from retort_executor.reading.tolerant import rewrite

LARGE = 1 << 20  # bytes from which dictionaries and a presumed encoding are worth their looks
SAMPLE = 1 << 20  # characters to guess delimiter and header from: two rows of the widest table


def read_text(
    source: Source, options: ReadOptions, report: FileReport, limits: Limits = LIMITS
) -> pl.DataFrame:
    """The table of a text file, every column text, nothing else changed; `report` is filled in."""
    csv.field_size_limit(limits.cell_text)
    if not options.encoding and presumably_utf8(source):
        trial = copy.deepcopy(report)
        with suppress(_Unproven):
            table = _read(presumed(source, trial), source, options, trial, limits)
            report.take(trial)
            return table
    return _read(to_text(source, report, options.encoding), source, options, report, limits)


class _Unproven(Exception):
    """The text is only presumed to be UTF-8, and the fast path, which would prove it, cannot be taken."""


def _read(
    found: Text, source: Source, options: ReadOptions, report: FileReport, limits: Limits
) -> pl.DataFrame:
    text = _without_nul(found, report)
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
    return Text(text.source, b"".join(kept), proven=text.proven)


def _dialect(sample: str, options: ReadOptions, name: str) -> Dialect:
    found = sniff(sample, name)
    delimiter = options.delimiter or found.delimiter
    return Dialect(delimiter, found.quote if options.quote is None else options.quote)


def _load(
    text: Text, dialect: Dialect, header: Header, top: list[Record], report: FileReport
) -> pl.DataFrame:
    skip = top[header.data_from - 1].line if header.data_from else 0
    if not (text.proven or _begins_as_utf8(text, skip)):
        raise _Unproven
    if _plain(dialect, top) and text.contains(b"\n") and _fed(text, skip):
        table = _fast(text, dialect, len(header.names), skip)
        if table is not None:
            return table
    if not text.proven:
        raise _Unproven
    return _slow(text, dialect, len(header.names), skip, report)


def _plain(dialect: Dialect, top: list[Record]) -> bool:
    """Whether Polars can read the dialect: one-byte marks and lines that end in a line feed."""
    marks = dialect.delimiter + dialect.quote
    return marks.isascii() and not any(cell.endswith("\r") for record in top for cell in record.cells[-1:])


def _begins_as_utf8(text: Text, lines: int) -> bool:
    """Of the lines above the data, which the fast path does not check."""
    with text.stream() as stream:
        return is_utf8(b"".join(itertools.islice(stream, lines)))


def _fed(text: Text, lines: int) -> bool:
    """Whether the first `lines` lines end in line feeds: Polars counts no others, and would skip rows of data."""
    with text.lines() as stream:
        return all(line.endswith("\n") for line in itertools.islice(stream, lines))


def _fast(text: Text, dialect: Dialect, width: int, skip: int) -> pl.DataFrame | None:
    """The table by Polars, or None when it refuses the file or its books do not balance."""
    quoted = bool(dialect.quote) and text.contains(dialect.quote.encode())
    coded = _coded(text, dialect, width, skip, quoted=quoted)
    with ThreadPoolExecutor(1) as pool:  # beside the reader, which leaves the interpreter alone
        looked_at = (text.chunks(), dialect.delimiter, dialect.quote)
        sound = pool.submit(well_placed, *looked_at) if coded and quoted else None
        table = _parsed(text, dialect, width, skip, coded, quoted=quoted)
    if sound is not None and not sound.result():
        table = _parsed(text, dialect, width, skip, frozenset(), quoted=quoted)
    if table is None:
        return None
    table = settled(table.head(table.height - _blank_end(table, text)))
    return table if _balances(table, text, dialect, skip, quoted=quoted) else None


def _parsed(
    text: Text, dialect: Dialect, width: int, skip: int, coded: frozenset[int], *, quoted: bool
) -> pl.DataFrame | None:
    scan = partial(
        pl.scan_csv,
        has_header=False,
        schema={str(index): dictionary() if index in coded else pl.String() for index in range(width)},
        missing_columns="insert",
        separator=dialect.delimiter,
        quote_char=dialect.quote or None,
        skip_lines=skip,
        null_values="" if quoted else None,
        infer_schema=False,
    )
    try:
        return _scanned(text, scan)
    except pl.exceptions.PolarsError:
        return None


def _coded(text: Text, dialect: Dialect, width: int, skip: int, *, quoted: bool) -> frozenset[int]:
    """Columns to read as dictionaries: none of a small file, or where quotation marks are many."""
    if text.size < LARGE or width < 2:
        return frozenset()
    with text.stream() as stream:
        for _ in range(skip):
            stream.readline()
        head = stream.read(CODING_SAMPLE)
    if quoted and not few(head, dialect.quote):
        return frozenset()
    return columns_to_code(head, width, dialect.delimiter, dialect.quote if quoted else "")


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
    counts = dict.fromkeys(marks, 0)
    for column in table.get_columns():
        coded = is_coded(column)
        cells = (texts(column) if coded else column).to_frame("text")
        rows = uses(column) if coded else pl.lit(1)
        for mark in marks:
            found = cells.select((pl.col("text").str.count_matches(mark, literal=True) * rows).sum()).item()
            counts[mark] += int(found or 0)
    return tuple(counts.values())


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
