"""Reading: the bytes of an uploaded file to one table of text or native columns, and a report of all that was found.

Runs inside the sandbox: the descriptor is the only input, nothing is written, no path is opened.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from retort_executor.categories import is_coded
from retort_executor.reading.codebookfiles import looks_like_codebook, read_codebook
from retort_executor.reading.containers import container_of
from retort_executor.reading.formats import note_ending, read_table
from retort_executor.reading.options import parse_options
from retort_executor.reading.report import FileReport
from retort_executor.reading.sources import open_source

__all__ = ["read"]


def read(fd: int, filename: str, options: dict[str, Any]) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The table in the file behind `fd`, and its report as JSON. Columns of text may be dictionaries (`coding`).

    With `{"as": "codebook"}` the table is empty and the report's `changes` are those of `annotate_columns`.
    Raises UnreadableFile, LimitExceeded or BadInput with a sentence for a person.
    """
    chosen = parse_options(options)
    source = open_source(fd, filename)
    report = FileReport(format=container_of(source), size=source.size)
    note_ending(source, report)
    if chosen.target == "codebook":
        return read_codebook(source, chosen, report), report.to_dict()
    table = read_table(source, chosen, report)
    report.native_types = {
        column.name: str(column.dtype)
        for column in table.get_columns()
        if column.dtype != pl.String and not is_coded(column)
    }
    if looks_like_codebook(table):
        report.find("looks-like-a-codebook", "info")
    return table, report.to_dict()
