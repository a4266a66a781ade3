"""Files given as the sandbox gets them: sealed, read-only, without a path."""

from __future__ import annotations

import fcntl
import io
import os
import struct
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from retort_executor.reading import read

Reader = Callable[..., tuple[pl.DataFrame, dict[str, Any]]]


@pytest.fixture
def read_bytes() -> Iterator[Reader]:
    """`read_bytes(content, name, **options)` -> table, report."""
    descriptors: list[int] = []

    def reader(content: bytes, name: str = "file.csv", **options: Any) -> tuple[pl.DataFrame, dict[str, Any]]:
        descriptor = os.memfd_create(name, os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        descriptors.append(descriptor)
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        return read(descriptor, name, options)

    yield reader
    for descriptor in descriptors:
        os.close(descriptor)


@pytest.fixture
def finding() -> Callable[[dict[str, Any], str], dict[str, Any]]:
    """`finding(report, code)`: the finding of that code; fails when there is none."""

    def find(report: dict[str, Any], code: str) -> dict[str, Any]:
        found = {item["code"]: item for item in report["findings"]}
        assert code in found, f"no finding {code!r}, only {sorted(found)}"
        return found[code]

    return find


@pytest.fixture
def workbook() -> Callable[..., bytes]:
    """`workbook({"sheet": [[cell, ...], ...]}, hidden=...)`: an .xlsx; dates and formulas as their cell types."""

    def make(sheets: dict[str, list[list[Any]]], hidden: tuple[str, ...] = ()) -> bytes:
        out = io.BytesIO()
        with xlsxwriter.Workbook(
            out, {"in_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"}
        ) as book:
            for name, rows in sheets.items():
                sheet = book.add_worksheet(name)
                for r, row in enumerate(rows):
                    for c, cell in enumerate(row):
                        _write(sheet, r, c, cell)
                if name in hidden:
                    sheet.hide()
        return out.getvalue()

    return make


def _write(sheet: Any, row: int, column: int, cell: Any) -> None:
    if isinstance(cell, str) and cell.startswith("#"):  # an error value, as a formula leaves it
        sheet.write_formula(row, column, "=NA()", None, cell)
    elif isinstance(cell, str):
        sheet.write_string(row, column, cell)
    elif cell is not None:
        sheet.write(row, column, cell)


@pytest.fixture
def compound() -> Callable[[dict[str, bytes]], bytes]:
    """`compound({"Workbook": stream})`: the outer file of .xls and of encrypted workbooks, built by hand."""

    def make(streams: dict[str, bytes]) -> bytes:
        end, free, table = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD
        fat, body, entries = [table, end], b"", [_entry("Root Entry", 5, end, 0, child=1)]
        for at, (name, content) in enumerate(streams.items()):
            padded = content.ljust(
                max(4096, -(-len(content) // 512) * 512), b"\0"
            )  # under 4,096: another store
            first, count = len(fat), len(padded) // 512
            fat += [*range(first + 1, first + count), end]
            body += padded
            following = at + 2 if at + 1 < len(streams) else free
            entries.append(_entry(name, 2, first, len(padded), right=following))
        fat += [free] * (128 - len(fat))
        directory = b"".join(entries).ljust(512, b"\0")
        head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16
        head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
        head += struct.pack("<9I", 0, 1, 1, 0, 4096, end, 0, end, 0)
        head += struct.pack("<109I", 0, *[free] * 108)
        return head + struct.pack("<128I", *fat) + directory + body

    return make


def _entry(
    name: str, kind: int, start: int, size: int, right: int = 0xFFFFFFFF, child: int = 0xFFFFFFFF
) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    entry = text.ljust(64, b"\0") + struct.pack("<HBB", len(text), kind, 1)
    entry += struct.pack("<III", 0xFFFFFFFF, right, child) + b"\0" * 36
    return entry + struct.pack("<IQ", start, size)


@pytest.fixture
def old_workbook(compound: Callable[[dict[str, bytes]], bytes]) -> Callable[[list[list[Any]]], bytes]:
    """`old_workbook(rows)`: an .xls (BIFF8) of one sheet with text and numbers."""

    def make(rows: list[list[Any]]) -> bytes:
        name = "Sheet1"
        begin = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0))
        sheet_name = struct.pack("<BB", len(name), 0) + name.encode("latin-1")
        length = len(begin) + 4 + 6 + len(sheet_name) + 4
        globals_ = begin + _record(0x85, struct.pack("<IH", length, 0) + sheet_name) + _record(0x0A, b"")
        sheet = _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
        for r, row in enumerate(rows):
            for c, cell in enumerate(row):
                if isinstance(cell, str):
                    text = struct.pack("<HHHHB", r, c, 0, len(cell), 1) + cell.encode("utf-16-le")
                    sheet += _record(0x204, text)
                elif cell is not None:
                    sheet += _record(0x203, struct.pack("<HHHd", r, c, 0, cell))
        return compound({"Workbook": globals_ + sheet + _record(0x0A, b"")})

    return make


def _record(kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, len(content)) + content
