"""Packages: the parts of a workbook, checked before a parser trusts them.

Two things the parser would not say: a part whose bytes are damaged or cut off gives the rows before the damage as
if they were all, and a single stray cell in XFD1048576 makes a sheet of 17 billion cells laid out in memory. So
the checksums are verified, each sheet must have its end, and the used range that Excel writes at its head is held
against the limit. (A file that lies about its range meets the memory limit of the sandbox.)
"""

from __future__ import annotations

import re
import zipfile
import zlib
from typing import Final

from retort_core.errors import LimitExceeded, UnreadableFile
from retort_executor.reading.limits import Limits
from retort_executor.reading.sources import Source

RANGE: Final = re.compile(
    rb'<(?:\w+:)?dimension\s+ref="\$?([A-Z]{1,3})\$?(\d{1,7}):\$?([A-Z]{1,3})\$?(\d{1,7})"'
)
HEAD: Final = 8192  # bytes of a sheet that hold its range
PIECE: Final = 1 << 20
END: Final = b"worksheet>"
DAMAGE: Final = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError)


def check_package(source: Source, limits: Limits) -> None:
    """Refuse a workbook with a damaged part, or with a sheet whose used range is beyond the limit of cells."""
    with source.stream() as stream, zipfile.ZipFile(stream) as archive:
        for entry in archive.infolist():
            if not entry.filename.endswith(".xml") or entry.is_dir():
                continue
            head, tail = _ends(source, archive, entry)
            if entry.filename.startswith("xl/worksheets/"):
                _check_range(source, entry.filename, head, limits)
                if END not in tail:
                    raise _damaged(source, entry.filename, "it ends in the middle of its rows")


def _ends(source: Source, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[bytes, bytes]:
    """First and last bytes of a part; reading it to its end verifies its checksum."""
    try:
        with archive.open(entry) as part:
            head = tail = part.read(HEAD)
            while piece := part.read(PIECE):
                tail = (tail[-64:] + piece)[-64:]
    except DAMAGE as error:
        raise _damaged(source, entry.filename, str(error)) from None
    return head, tail[-64:]


def _damaged(source: Source, part: str, why: str) -> UnreadableFile:
    return UnreadableFile(
        f"A part of {source.name!r} is damaged ({part}: {why}). It was probably not copied whole: open it in Excel, "
        "save it again and upload that file.",
        what="corrupt",
        file=source.name,
        part=part,
    )


def _check_range(source: Source, sheet: str, head: bytes, limits: Limits) -> None:
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
