"""Profile: the shape of what is known about a version's columns. Computation is `retort_tables.profiling`.

All figures are exact and of *valid* cells unless the field says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic import JsonValue, TypeAdapter

from retort_core.models import Model

VALUES_KEPT = 1000  # most frequent distinct values kept per column, so that words can be grounded in them


class ValueCount(Model):
    """A distinct value as canonical text ("1", "2.5", "北京", "2024-01-31") and the rows that hold it."""

    value: str
    count: int


def listed(pairs: Iterable[tuple[str, int]]) -> tuple[ValueCount, ...]:
    """A profile holds thousands of them; made together they take a third of the time."""
    return _LIST.validate_python([{"value": value, "count": count} for value, count in pairs])


_LIST: Final = TypeAdapter(tuple[ValueCount, ...])


class Numbers(Model):
    """Of a numeric column: quantiles are linear (type 7), `sd` has n-1 (None below two cells)."""

    min: float
    max: float
    mean: float
    sd: float | None
    median: float
    q1: float
    q3: float
    sum: float


class DateForms(Model):
    """Formats seen among the distinct texts of a column: strptime format -> rows; see SEMANTICS 6."""

    forms: dict[str, int]
    order: str = ""  # "", "day_first", "month_first", "conflict", "ambiguous"
    ambiguous: int = 0  # rows readable either way


class ProposedCode(Model):
    """A value that looks like a missing code: outside the scale, at its end, or round nines."""

    value: str
    count: int
    why: str


class ColumnProfile(Model):
    """One column. `rows = valid + missing + invalid`; `missing_by` splits by reason or code label."""

    column: str  # column id
    rows: int
    valid: int
    missing: int
    invalid: int
    missing_by: dict[str, int] = {}
    invalid_values: tuple[ValueCount, ...] = ()  # raw texts, most frequent first, at most 50
    distinct: int = 0
    values: tuple[ValueCount, ...] = ()  # most frequent first, ties by value; at most VALUES_KEPT
    complete: bool = True  # whether `values` holds every distinct value
    numbers: Numbers | None = None
    histogram: tuple[int, ...] = ()  # 20 equal bins between min and max
    min_text: str = ""  # first and last date, or shortest/longest text by code point
    max_text: str = ""
    dates: DateForms | None = None
    codes: tuple[ValueCount, ...] = ()  # of a multi-answer column: rows per code
    proposed_codes: tuple[ProposedCode, ...] = ()
    spaces: int = 0  # cells with surrounding or doubled spaces or invisible characters
    mojibake: int = 0  # cells that decode into far more common text


class Duplicates(Model):
    """Rows repeated as a whole, or by one id-like column. `identical` + `conflicting` = surplus rows."""

    columns: tuple[str, ...]  # column ids; all of them for the whole row
    groups: int
    identical: int
    conflicting: int


class Finding(Model):
    """A line of the quality report: stable code, severity and the figures its sentence needs."""

    code: str
    column: str = ""
    severity: str = "warning"
    count: int = 0
    details: dict[str, JsonValue] = {}


class Profile(Model):
    """A version's profile; keyed by column id."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    duplicates: tuple[Duplicates, ...] = ()
    findings: tuple[Finding, ...] = ()

    def find(self, column_id: str) -> ColumnProfile | None:
        return next((column for column in self.columns if column.column == column_id), None)
