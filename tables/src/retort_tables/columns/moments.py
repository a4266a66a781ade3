"""Dates and lengths of time in columns of many distinct texts, by vectorised patterns.

Only plain cases are read here: one form, or several without a day/month question, or a day/month form whose order is
settled by cells of one reading. Anything else is left to the reference rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import polars as pl

from retort_core.dateforms import FORMS, PREPARATIONS, Form, Order, form_of, prepare
from retort_core.profiles import DateForms
from retort_core.schema import DType
from retort_tables.columns.tallies import sample
from retort_tables.conversions import DURATION, Target

_DAY: Final = 86_400_000_000  # microseconds
_EXACT: Final = "%Y-%m-%d %H:%M:%S"  # 19 characters: read without a pattern, five times faster
_BY_FORMAT: Final = {form.format: form for form in FORMS}


@dataclass(frozen=True)
class Moments:
    """Cells read as dates; `accepted` cells are done, the others are left to the reference rules."""

    values: pl.Series
    accepted: pl.Series
    target: Target
    forms: DateForms

    @classmethod
    def of(cls, column: pl.Series) -> Moments | None:
        forms = _forms(column)
        ordered = [form for form in forms if form.order]
        if not forms or (ordered and len(forms) > len(ordered)):
            return None
        texts = _prepared(column)
        read = {form: _read(texts, form) for form in forms}
        order = _order(read) if ordered else ""
        if ordered and not order:
            return None
        chosen = {form: values for form, values in read.items() if form.order in {"", order}}
        values = pl.select(pl.coalesce(list(chosen.values()))).to_series()
        counts = {form.format: values.len() - values.null_count() for form, values in chosen.items()}
        timed = bool((values.cast(pl.Int64) % _DAY != 0).any())
        target = Target(DType.datetime if timed else DType.date, order=order)
        typed = values if timed else values.cast(pl.Date)
        return cls(typed, values.is_not_null(), target, DateForms(forms=counts, order=order))


def durations(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """(lengths of time, which cells were read) for texts such as `0 days 00:04:10.8`."""
    parts = column.str.extract_groups(DURATION).struct.unnest()
    days, hours, minutes = (parts.to_series(at).cast(pl.Int64) for at in range(3))
    seconds = parts.to_series(3).cast(pl.Float64)
    whole = (days.fill_null(0) * 24 + hours) * 60 + minutes
    micro = whole * 60_000_000 + (seconds * 1_000_000).floor().cast(pl.Int64)
    return micro.cast(pl.Duration("us")), micro.is_not_null()


def _forms(column: pl.Series) -> list[Form]:
    """Forms in the sample; for a day/month form also its twin."""
    found = {form_of(text) or "" for text in sample(column).drop_nulls().unique()}
    formats = {text.replace("?", day, 1).replace("?", month, 1) for text in found for day, month in _TWINS}
    formats |= {_twin(text) for text in formats}
    return [form for form in FORMS if form.format in formats]


_TWINS: Final = (("%d", "%m"), ("%m", "%d"))


def _twin(format_: str) -> str:
    form = _BY_FORMAT.get(format_)
    if form is None or not form.order:
        return format_
    return format_.replace("%d", "%?").replace("%m", "%d").replace("%?", "%m")


def _prepared(column: pl.Series) -> pl.Series:
    texts = sample(column).drop_nulls()
    if all(prepare(text) == text for text in texts.unique()):
        return column
    prepared = column.str.normalize("NFKC").str.strip_chars()
    for pattern, replacement in PREPARATIONS:
        prepared = prepared.str.replace_all(pattern, replacement)
    return prepared


def _read(texts: pl.Series, form: Form) -> pl.Series:
    if form.format == _EXACT + "%.f":
        exact = texts.str.len_bytes() == len("2024-01-31 08:05:00")
        values = _strptime(texts.set(~exact, None), _EXACT)
        if values.null_count() == texts.null_count():
            return values
        return values.zip_with(values.is_not_null(), _by_pattern(texts.set(exact, None), form))
    return _by_pattern(texts, form)


def _by_pattern(texts: pl.Series, form: Form) -> pl.Series:
    matching = texts.str.contains(re.sub(r"\(\?P<\w+>", "(?:", form.pattern))
    return _strptime(texts.set(~matching, None), form.format)


def _strptime(texts: pl.Series, format_: str) -> pl.Series:
    values = texts.str.strptime(pl.Datetime("us"), format_, strict=False, cache=False)
    return values.set(values.dt.year() < 1000, None)


def _order(read: dict[Form, pl.Series]) -> Order:
    """The vote: whether some cell can only be read day first, or only month first."""
    sides = {}
    for side in ("day_first", "month_first"):
        of_side = [values for form, values in read.items() if form.order == side]
        sides[side] = pl.select(pl.coalesce(of_side)).to_series()
    day, month = sides["day_first"].is_not_null(), sides["month_first"].is_not_null()
    only_day, only_month = bool((day & ~month).any()), bool((month & ~day).any())
    if only_day != only_month:
        return "day_first" if only_day else "month_first"
    return ""
