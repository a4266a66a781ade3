"""Used ranges: how far a workbook says its sheets reach, read before a parser lays out memory for all of it.

A single stray cell in XFD1048576 makes a sheet of 17 billion cells. Excel writes the range at the head of each
sheet; a file that lies about it meets the memory limit of the sandbox instead.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from typing import Final

from retort_core.errors import LimitExceeded
from retort_executor.reading.limits import Limits
from retort_executor.reading.sources import Source

RANGE: Final = re.compile(
    rb'<(?:\w+:)?dimension\s+ref="\$?([A-Z]{1,3})\$?(\d{1,7}):\$?([A-Z]{1,3})\$?(\d{1,7})"'
)
HEAD: Final = 8192  # bytes of a sheet that hold its range


def check_dimensions(source: Source, container: str, limits: Limits) -> None:
    """Refuse a sheet whose used range is beyond the limit of cells."""
    if container != "xlsx":
        return  # an .xls sheet ends at 65,536 x 256
    with source.stream() as stream, zipfile.ZipFile(stream) as archive:
        for entry in archive.infolist():
            if entry.filename.startswith("xl/worksheets/") and entry.filename.endswith(".xml"):
                _check(source, entry.filename, _head(archive, entry), limits)


def _head(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(entry) as sheet:
            return sheet.read(HEAD)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError):
        return b""  # the parser will say what is wrong with it


def _check(source: Source, sheet: str, head: bytes, limits: Limits) -> None:
    found = RANGE.search(head)
    if not found:
        return
    columns = _number(found.group(3)) - _number(found.group(1)) + 1
    rows = int(found.group(4)) - int(found.group(2)) + 1
    if rows * columns > limits.cells // 4:  # the parser spends 32 bytes a cell, empty or not
        raise LimitExceeded(
            f"A sheet of {source.name!r} ({sheet}) reaches over {rows:,} rows and {columns:,} columns, mostly empty. "
            "Delete the empty rows and columns behind the table in Excel (select them, Ctrl+-), save, and upload again.",
            what="cells",
            file=source.name,
            found=rows * columns,
            limit=limits.cells // 4,
        )


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
