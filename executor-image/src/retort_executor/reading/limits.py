"""Limits of reading: what one file may hold, each number with its reason. Checked before memory is spent where the format allows."""

from __future__ import annotations

from dataclasses import dataclass

from retort_core.errors import LimitExceeded

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may hold. Sizes are bytes."""

    rows: int = 20_000_000  # twenty times the largest yearly tracker; still one table in memory
    columns: int = 16_384  # the width of an Excel sheet; also the widest grid of a tracking study
    cells: int = 1_000_000_000  # a string view is 16 bytes: 16 GB before any text, above every sandbox
    cell_text: int = MIB  # a long open answer has a few kilobytes; more is a broken quote
    unpacked: int = 1024 * MIB  # what a zip or Parquet file may unpack to
    ratio: int = 200  # unpacked / packed; repetitive sheets reach 20, bombs 1,000
    small: int = 32 * MIB  # below this unpacked size a high ratio is harmless
    entries: int = 10_000  # files in a workbook: sheets, drawings, pictures
    header_text: int = 200  # characters of a column name that people still read
    title_rows: int = 10  # lines above the header that are taken for a title
    sample_rows: int = 100  # records looked at to guess delimiter and header
    listed: int = 20  # line numbers named in a finding


LIMITS = Limits()


def check_shape(rows: int, columns: int, limits: Limits = LIMITS) -> None:
    """Refuse a table that is too large, naming the number and the limit."""
    if columns > limits.columns:
        raise LimitExceeded(
            f"The file has {columns:,} columns; at most {limits.columns:,} can be read. "
            "Split the file by columns, or check that the right delimiter is used.",
            what="columns",
            found=columns,
            limit=limits.columns,
        )
    if rows > limits.rows:
        raise LimitExceeded(
            f"The file has {rows:,} rows; at most {limits.rows:,} can be read. Split the file by rows.",
            what="rows",
            found=rows,
            limit=limits.rows,
        )
    if rows * columns > limits.cells:
        raise LimitExceeded(
            f"The file has {rows * columns:,} cells; at most {limits.cells:,} can be read. Split the file.",
            what="cells",
            found=rows * columns,
            limit=limits.cells,
        )


def cell_too_long(column: str, found: int, limits: Limits = LIMITS) -> LimitExceeded:
    """A single cell beyond the limit: nearly always a quote that is opened and never closed."""
    return LimitExceeded(
        f"A cell of column {column!r} holds {found:,} bytes of text; at most {limits.cell_text:,} can be read. "
        "Look for a quotation mark that is opened and never closed, or shorten the text.",
        what="cell_text",
        column=column,
        found=found,
        limit=limits.cell_text,
    )
