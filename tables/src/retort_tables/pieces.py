"""What every export shares: a version in slices, the texts that are written back, and what looks like a formula."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from retort_core.cells import ROW_ID
from retort_core.numerals import number_text
from retort_core.schema import Column
from retort_tables.layout import by_column
from retort_tables.snapshots.port import Scan, Snapshot
from retort_tables.texts import canonical

SLICE: Final = 50_000  # rows of a piece at most
CELLS: Final = (
    500_000  # and cells: with them a CSV or a workbook takes 90 to 180 MB, of 20 columns as of 2,000
)
FORMULA: Final = r"^[=+\-@\t\r＝＋－＠]"


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """`most`: bytes of the file; `folder`: where parts of a workbook wait for one another (None = the system's)."""

    most: int = 1 << 62
    folder: Path | None = None


@dataclass(frozen=True)
class Exported:
    """`warnings`: code -> count, for example {"not-in-gbk": 3}; zero counts are left out."""

    rows: int
    columns: int
    warnings: dict[str, int]


@dataclass(frozen=True)
class Slice:
    """Some rows of a version; `raw`: by column name, the texts to write where there is no value (null elsewhere)."""

    table: pl.DataFrame
    raw: dict[str, pl.Series]

    def texts(self, column: Column) -> pl.Series:
        texts = canonical(self.table.get_column(column.name))
        raw = self.raw.get(column.name)
        return (
            texts if raw is None else texts.to_frame("t").select(pl.coalesce("t", raw.alias("r"))).to_series()
        )


def pieces(scan: Scan) -> Iterator[Snapshot]:
    """The version a piece at a time; at least one, so that an empty version still has a header."""
    rows = max(1, min(SLICE, CELLS // max(1, len(scan.schema.columns))))
    for start in range(0, max(1, scan.total), rows):
        yield scan.piece(start, rows)


def slices(scan: Scan, *, raw: bool) -> Iterator[Slice]:
    """The same with the texts that are written back."""
    for piece in pieces(scan):
        kept = by_column(written_back(piece.marks)) if raw else {}
        ids = piece.table.select(pl.col(ROW_ID).alias("row_id"))
        texts = {
            column.name: ids.join(kept[column.id], on="row_id", how="left", maintain_order="left").get_column(
                "raw"
            )
            for column in piece.schema.columns
            if column.id in kept
        }
        yield Slice(piece.table, texts)


def written_back(marks: pl.DataFrame) -> pl.DataFrame:
    """Marks with a raw text, which belongs into a file: invalid cells, tokens such as N/A, declared codes."""
    return marks.filter(pl.col("raw").is_not_null())


def formulas(texts: pl.Series) -> pl.Series:
    """Places of texts that start like a formula and are not a number."""
    at = texts.str.contains(FORMULA).fill_null(value=False).arg_true()
    return at.filter(pl.Series([number_text(text) is None for text in texts.gather(at)], dtype=pl.Boolean))


def count(warnings: dict[str, int], code: str, found: int) -> None:
    """Adds to a warning; none is made of nothing."""
    if found:
        warnings[code] = warnings.get(code, 0) + found
