"""Formats: which reader takes a file of which content."""

from __future__ import annotations

from typing import Final

import polars as pl

from retort_executor.reading.excel import read_excel
from retort_executor.reading.options import ReadOptions
from retort_executor.reading.parquet import read_parquet
from retort_executor.reading.report import FileReport
from retort_executor.reading.sources import Source
from retort_executor.reading.text import read_text

ENDINGS: Final = {
    "text": (".csv", ".tsv", ".tab", ".txt"),
    "xlsx": (".xlsx", ".xlsm"),
    "xls": (".xls",),
    "parquet": (".parquet", ".pq"),
}


def read_table(source: Source, options: ReadOptions, report: FileReport) -> pl.DataFrame:
    """The table of a file whose content is of `report.format`."""
    if report.format == "parquet":
        return read_parquet(source, report)
    if report.format in ("xlsx", "xls"):
        return read_excel(source, options, report)
    return read_text(source, options, report)


def note_ending(source: Source, report: FileReport) -> None:
    """Say when a file's name promises another format than its content is."""
    ending = "." + source.name.lower().rpartition(".")[2]
    known = any(ending in endings for endings in ENDINGS.values())
    if known and ending not in ENDINGS[report.format]:
        report.find("other-format-than-named", "warning", named=ending, found=report.format)
