"""Dialect: the delimiter and the quotation mark of a text table, judged by how evenly they cut a sample."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from retort_executor.reading.limits import LIMITS

# Earlier wins a tie. The full-width comma is what some Chinese tools and hand-made files use.
DELIMITERS: Final = (",", "\t", ";", "|", "，")
# Marks that also stand in prose must cut most lines alike.
LEAST_EVEN: Final = {";": 0.5, "，": 0.8}
SEPARATOR_LINE: Final = re.compile(r"\Asep=(.)\r?\n")


@dataclass(frozen=True, slots=True)
class Dialect:
    """`quote` is empty when quotation marks are ordinary text."""

    delimiter: str
    quote: str = '"'

    def reader_options(self) -> dict[str, Any]:
        if not self.quote:
            return {"delimiter": self.delimiter, "quoting": csv.QUOTE_NONE}
        return {"delimiter": self.delimiter, "quotechar": self.quote, "doublequote": True}


def sniff(sample: str, name: str = "") -> Dialect:
    """The dialect of `sample`; a text without any delimiter is one column."""
    declared = SEPARATOR_LINE.match(sample)
    if declared:
        return Dialect(declared.group(1))
    quote = _quote(sample)
    scores = {mark: _score(sample, Dialect(mark, quote)) for mark in DELIMITERS if mark in sample}
    if name.lower().endswith((".tsv", ".tab")) and "\t" in scores:
        scores["\t"] *= 4
    best = max(scores, key=lambda mark: (scores[mark], -DELIMITERS.index(mark)), default=",")
    if scores.get(best, 0.0) <= 0:  # one column: a mark that cuts nothing
        best = next(mark for mark in (*DELIMITERS, "\x1f") if mark not in sample or mark == "\x1f")
    return Dialect(best, quote)


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of one row, and the number of its last line (from 1)."""

    cells: list[str]
    line: int


def records(
    sample: str, dialect: Dialect, *, whole: bool = True, count: int = LIMITS.sample_rows
) -> list[Record]:
    """The first records of the sample; when it is not the whole text, the last one may be cut off and is left out."""
    found: list[Record] = []
    reader = csv.reader(io.StringIO(sample, newline=""), **dialect.reader_options())
    try:
        for row in reader:
            found.append(Record(row, reader.line_num))
            if len(found) > count:
                return found[:count]
    except csv.Error:
        return found
    return found if whole or len(found) <= 1 else found[:-1]


def _score(sample: str, dialect: Dialect) -> float:
    """How even the cut is: the share of records with the usual width, squared, times the logarithm of that width."""
    rows = [record.cells for record in records(sample, dialect) if record.cells]
    widths = [len(row) for row in rows]
    wide = Counter(width for width in widths if width > 1)
    if not wide:
        return 0.0
    width, count = max(wide.items(), key=lambda item: (item[1], item[0]))
    if count < LEAST_EVEN.get(dialect.delimiter, 0.2) * len(widths):
        return 0.0
    if widths[0] == 1 and not _below_a_title(rows, width, dialect.delimiter):
        return 0.0
    return (count / len(widths)) ** 2 * math.log2(width + 1)


def _below_a_title(rows: list[list[str]], width: int, delimiter: str) -> bool:
    """Whether an uncut first line is a title and not the name of one column of prose.

    Below a title rows are even; marks of prose cut unevenly and are followed by a space, or are the weak ones.
    """
    start = next(at for at, row in enumerate(rows) if len(row) > 1)
    table = rows[start:]
    even = sum(1 for row in table if len(row) == width)
    spaced = sum(1 for row in table for cell in row[1:] if cell.startswith(" "))
    prose = spaced * 2 > sum(len(row) - 1 for row in table)
    return delimiter in ",\t|" and even >= 0.8 * len(table) and start <= LIMITS.title_rows and not prose


def _quote(sample: str) -> str:
    """Double quotes, unless there are none and single quotes wrap cells: most cells, or some that need it.

    An empty pair is a cell of two apostrophes: taking it for an empty cell would lose it, and with it its row.
    """
    if '"' in sample:
        return '"'
    wrapped = re.findall(r"(?:^|[,;|\t，])'([^'\n]+)'(?=$|[,;|\t，\r\n])", sample, re.MULTILINE)
    begun = re.findall(r"(?:^|[,;|\t，])'", sample, re.MULTILINE)
    if not wrapped or len(wrapped) < 0.9 * len(begun):
        return '"'
    needed = any(re.search(r"[,;|\t，]", cell) for cell in wrapped)
    cells = len(re.findall(r"[,;|\t，\n]", sample.rstrip("\r\n"))) + 1
    return "'" if needed or 2 * len(wrapped) >= cells else '"'
