"""Tolerant reading of odd text tables: no cell is lost, every oddity is counted with its line.

Lines are gathered until quotation marks pair up, then cut by the standard library. A mark that finds no partner
within `REACH` lines is taken as ordinary text. Rows are brought to the header's width: short ones are filled with
missing cells, the surplus of long ones goes, delimiters and all, into one further cell.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterable, Iterator

from retort_executor.reading.limits import LIMITS
from retort_executor.reading.report import FileReport
from retort_executor.reading.sniffing import Dialect, Record

REACH = 200  # lines of one quoted cell: the longest open answers have a few dozen


def rewrite(lines: Iterable[str], dialect: Dialect, width: int, skip: int, report: FileReport) -> bytes:
    """A plain CSV in UTF-8 of exactly `width` + 1 cells a row: the last holds what was too much."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="utf-8", errors="replace", newline="", write_through=False)
    writer = csv.writer(out, lineterminator="\r\n")
    rows = _Rows(dialect, width, report)
    for record in cut(lines, dialect, skip, report):
        writer.writerows(rows.fitted(record))
    rows.note()
    out.flush()
    return raw.getvalue()


class _Rows:
    """Brings rows to one width and remembers which ones needed it."""

    def __init__(self, dialect: Dialect, width: int, report: FileReport) -> None:
        self.delimiter, self.width, self.report = dialect.delimiter, width, report
        self.blank: list[int] = []
        self.waiting = 0  # blank lines that count only when something follows

    def fitted(self, record: Record) -> Iterator[list[str]]:
        cells = record.cells
        if not cells or (len(cells) == 1 and not cells[0]):
            self._blank(record)
            return
        if self.width == 1:  # a blank line within one column is an answer left out
            yield from ([""] * 2 for _ in range(self.waiting))
            self.waiting = 0
        yield self._row(record)

    def _blank(self, record: Record) -> None:
        if self.width == 1:
            self.waiting += 1
        else:
            self.blank.append(record.line)

    def _row(self, record: Record) -> list[str]:
        cells, width, ragged = record.cells, self.width, self.report.ragged
        if len(cells) < width:
            ragged.short += 1
            _listed(ragged.short_lines, record.line)
            return [*cells, *[""] * (width + 1 - len(cells))]
        surplus = cells[width:]
        while surplus and not surplus[-1]:
            surplus.pop()
        if surplus:
            ragged.long += 1
            _listed(ragged.long_lines, record.line)
        return [*cells[:width], self.delimiter.join(surplus)]

    def note(self) -> None:
        ragged = self.report.ragged
        if ragged.short:
            self.report.find("rows-too-short", "warning", ragged.short, lines=ragged.short_lines)
        if ragged.long:
            self.report.find("rows-too-long", "error", ragged.long, lines=ragged.long_lines)
        if self.blank:
            self.report.find("blank-lines", "info", len(self.blank), lines=self.blank)


def _listed(lines: list[int], line: int) -> None:
    if len(lines) < LIMITS.listed:
        lines.append(line)


def cut(lines: Iterable[str], dialect: Dialect, skip: int, report: FileReport) -> Iterator[Record]:
    """Records of the lines behind the first `skip`."""
    source = iter(lines)
    for _ in range(skip):
        next(source, None)
    if not dialect.quote:
        reader = csv.reader(source, **dialect.reader_options())
        yield from (Record(row, skip + reader.line_num) for row in reader)
        return
    yield from _paired(source, dialect, skip, report)


def _paired(source: Iterator[str], dialect: Dialect, skip: int, report: FileReport) -> Iterator[Record]:
    pending: deque[str] = deque()
    held: list[str] = []
    number, marks, unpaired = skip, 0, []
    while True:
        line = pending.popleft() if pending else next(source, None)
        if line is not None:
            held.append(line)
            marks += line.count(dialect.quote)
            if marks % 2 and len(held) <= REACH:
                continue
        if not held:
            break
        if marks % 2:
            number += 1
            unpaired.append(number)
            yield Record(_bare(held[0], dialect), number)
            pending.extendleft(reversed(held[1:]))
        else:
            yield from _parsed(held, dialect, number)
            number += len(held)
        held, marks = [], 0
    if unpaired:
        report.find("unpaired-quotes", "error", len(unpaired), lines=unpaired)


def _parsed(held: list[str], dialect: Dialect, number: int) -> Iterator[Record]:
    reader = csv.reader(held, **dialect.reader_options())
    yield from (Record(row, number + reader.line_num) for row in reader)


def _bare(line: str, dialect: Dialect) -> list[str]:
    return next(csv.reader([line], delimiter=dialect.delimiter, quoting=csv.QUOTE_NONE), [])
