"""Cell types of a workbook: when a column of cells is native numbers, days, moments or booleans, and when text."""

from __future__ import annotations

from typing import Final

import polars as pl

from retort_executor.reading.report import FileReport

ROUNDED: Final = 10**15  # numbers of 16 and more digits: a float holds 15 exactly


def native_column(texts: pl.Series, native: pl.Series | None, label: str, report: FileReport) -> pl.Series:
    """The native column where it says more than its text, else the text; `label` names it in findings."""
    if native is None or native.len() != texts.len():
        return _days(texts)
    native = native.alias(texts.name)
    if native.dtype == pl.Float64:
        return texts if texts.is_in(["true", "false"]).any() else _numbers(native, label, report)
    if native.dtype.is_temporal():
        return _temporal(native, label, report)
    if native.dtype.is_integer():
        return native.cast(pl.Int64)
    return native if native.dtype == pl.Boolean else _days(texts)


def _temporal(native: pl.Series, label: str, report: FileReport) -> pl.Series:
    if native.dtype == pl.Datetime:
        return _moments(native, label, report)
    return (
        native.cast(pl.Duration("us"))
        if native.dtype == pl.Duration
        else within_calendar(native, label, report)
    )


def within_calendar(moments: pl.Series, label: str, report: FileReport) -> pl.Series:
    """Days and moments of the years 1 to 9999; a column with others becomes text, those by their number."""
    table = pl.DataFrame({"v": moments})
    year = pl.col("v").dt.year()  # null beyond what Polars can name
    odd = pl.col("v").is_not_null() & ~year.is_between(1, 9999).fill_null(value=False)
    count = int(table.select(odd.sum()).item() or 0)
    if not count:
        return moments
    report.find("dates-out-of-range", "warning", count, column=label)
    number = pl.col("v").to_physical().cast(pl.String)
    known = pl.when(odd).then(None).otherwise(pl.col("v")).dt.to_string("iso")
    return table.select(pl.when(odd).then(number).otherwise(known).alias(moments.name)).to_series()


def _numbers(native: pl.Series, label: str, report: FileReport) -> pl.Series:
    """Whole numbers as integers; those that Excel has already rounded are said."""
    rounded = int((native.abs() >= ROUNDED).sum() or 0)
    if rounded:
        report.find("numbers-already-rounded", "warning", rounded, column=label, digits=16)
    whole = bool((native.drop_nulls() == native.drop_nulls().floor()).all())
    fits = bool((native.abs() < 2**63).fill_null(value=True).all())
    return native.cast(pl.Int64) if whole and fits and native.null_count() < native.len() else native


def _moments(native: pl.Series, label: str, report: FileReport) -> pl.Series:
    """Days where every time is midnight; times of day, which Excel keeps as moments of 1899, as text."""
    moments = within_calendar(native.cast(pl.Datetime("us")), label, report)
    if moments.dtype == pl.String:
        return moments
    if moments.null_count() == moments.len():
        return moments
    latest = moments.dt.year().max()
    if isinstance(latest, int) and latest < 1900:
        report.find("times-of-day", "info", column=label)
        return moments.dt.strftime("%H:%M:%S")
    known = moments.drop_nulls()
    return moments.dt.date() if (known == known.dt.truncate("1d")).all() else moments


def _days(texts: pl.Series) -> pl.Series:
    """In a column of mixed types dates come as `2024-01-31 00:00:00`; without the time where all are midnight."""
    stamps = texts.str.contains(r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d+)?$").fill_null(value=False)
    if not stamps.any() or not texts.filter(stamps).str.ends_with(" 00:00:00").all():
        return texts
    return texts.str.replace(r"^(\d{4}-\d{2}-\d{2}) 00:00:00$", "$1")
