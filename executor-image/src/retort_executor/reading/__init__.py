"""Reading: the bytes of an uploaded file to one table of text or native columns, and a report of all that was found.

Runs inside the sandbox: the descriptor is the only input, nothing is written, no path is opened.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from retort_executor.reading.containers import container_of
from retort_executor.reading.options import parse_options
from retort_executor.reading.report import FileReport
from retort_executor.reading.sources import Source, open_source
from retort_executor.reading.text import read_text

__all__ = ["read"]


def read(fd: int, filename: str, options: dict[str, Any]) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The table in the file behind `fd`, and its report.

    Raises UnreadableFile, LimitExceeded or BadInput with a sentence for a person.
    """
    chosen = parse_options(options)
    source = open_source(fd, filename)
    container = container_of(source)
    report = FileReport(format=container, size=source.size)
    table = read_text(source, chosen, report)
    return table, report.to_dict()
