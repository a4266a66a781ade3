"""Reading: the bytes of an uploaded file to one table of text or native columns, and a report of all that was found.

Runs inside the sandbox: the descriptor is the only input, nothing is written, no path is opened.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from retort_executor.reading.containers import container_of
from retort_executor.reading.excel import read_excel
from retort_executor.reading.options import ReadOptions, parse_options
from retort_executor.reading.parquet import read_parquet
from retort_executor.reading.report import FileReport
from retort_executor.reading.sources import Source, open_source
from retort_executor.reading.text import read_text

__all__ = ["read"]

ENDINGS: Final = {
    "text": (".csv", ".tsv", ".tab", ".txt"),
    "xlsx": (".xlsx", ".xlsm"),
    "xls": (".xls",),
    "parquet": (".parquet", ".pq"),
}


def read(fd: int, filename: str, options: dict[str, Any]) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The table in the file behind `fd`, and its report as JSON.

    Raises UnreadableFile, LimitExceeded or BadInput with a sentence for a person.
    """
    chosen = parse_options(options)
    source = open_source(fd, filename)
    container = container_of(source)
    report = FileReport(format=container, size=source.size)
    ending = "." + filename.lower().rpartition(".")[2]
    if "." in filename and any(ending in e for e in ENDINGS.values()) and ending not in ENDINGS[container]:
        report.find("other-format-than-named", "warning", named=ending, found=container)
    table = _table(source, chosen, report)
    report.native_types = {name: str(dtype) for name, dtype in table.schema.items() if dtype != pl.String}
    return table, report.to_dict()


def _table(source: Source, options: ReadOptions, report: FileReport) -> pl.DataFrame:
    if report.format == "parquet":
        return read_parquet(source, report)
    if report.format in ("xlsx", "xls"):
        return read_excel(source, options, report)
    return read_text(source, options, report)
