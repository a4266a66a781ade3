"""Dates in many spellings as one Polars expression, and the same as reference: shapes, order, two-digit years.

Every spelling is first rewritten to year-month-day, then read once; a spelling that is no date (31/02/2024) reads as
nothing. Which of day and month comes first is the caller's: see `retort_core.dateforms.vote` for how it is decided.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final, Literal, TypeAlias

from retort_plans.reference import fold_text
from retort_plans.syntax import Code, pl, when

Order: TypeAlias = Literal["", "day_first", "month_first"]
ISO: Final = "%Y-%m-%d"
# (pattern, replacement), in this order; Rust's regex and Python's re agree on them.
REWRITTEN: Final = (
    (r"[ T]0{1,2}:00(?::00(?:\.0+)?)?$", ""),  # midnight is no time of day
    (r"^([12][0-9]{3})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?$", "${1}-${2}-${3}"),
    (r"^((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})$", "${1}-${2}-${3}"),
    (r"^([0-6][0-9])年([0-9]{1,2})月([0-9]{1,2})日$", "20${1}-${2}-${3}"),
    (r"^([7-9][0-9])年([0-9]{1,2})月([0-9]{1,2})日$", "19${1}-${2}-${3}"),
    (r"^([0-9]{1,2}[-/.][0-9]{1,2}[-/.])([0-6][0-9])$", "${1}20${2}"),
    (r"^([0-9]{1,2}[-/.][0-9]{1,2}[-/.])([7-9][0-9])$", "${1}19${2}"),
)
YEAR_FIRST: Final = r"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}$"
EITHER: Final = r"^([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([12][0-9]{3})$"
DAY_FIRST: Final = "${3}-${2}-${1}"
MONTH_FIRST: Final = "${3}-${1}-${2}"
# English month names, short or long; chrono reads both with %B, Python needs them apart.
NAMED: Final = ("%d %B %Y", "%d-%B-%Y", "%B %d, %Y", "%B %d %Y")
HAS_NAME: Final = r"^(?:[0-9]{1,2}[ -][A-Za-z]{3,9}[ -][12][0-9]{3}|[A-Za-z]{3,9} [0-9]{1,2},? [12][0-9]{3})$"


# -- Polars -----------------------------------------------------------------------------------------------
def rewritten(text: Code) -> Code:
    """A text with its spelling of a date brought to one of few shapes."""
    plain = text.call("str.normalize", "NFKC").call("str.strip_chars")
    for pattern, replacement in REWRITTEN:
        plain = plain.call("str.replace", pattern, replacement)
    return plain


def read(text: Code, pattern: str, replacement: str | None = None) -> Code:
    shaped = text if replacement is None else text.call("str.replace", pattern, replacement)
    return when(text.call("str.contains", pattern), shaped).call("str.to_date", ISO, strict=False)


def day_first(text: Code) -> Code:
    return read(text, EITHER, DAY_FIRST)


def month_first(text: Code) -> Code:
    return read(text, EITHER, MONTH_FIRST)


def certain(text: Code) -> list[Code]:
    """Readings that need no order: year first, or a month's name."""
    named = when(text.call("str.contains", HAS_NAME), text)
    return [read(text, YEAR_FIRST), *(named.call("str.to_date", form, strict=False) for form in NAMED)]


def parsed(text: Code, order: Order) -> Code:
    """The date of a rewritten `text`; without an order only what reads one way."""
    if order:
        return pl("coalesce", *certain(text), day_first(text) if order == "day_first" else month_first(text))
    return pl("coalesce", *certain(text), one_way(text))


def one_way(text: Code) -> Code:
    """Day/month texts whose two readings agree, or of which only one is a date."""
    day, month = day_first(text), month_first(text)
    sure = day.call("is_null") | month.call("is_null") | day.eq(month)
    return when(sure, pl("coalesce", day, month))


# -- reference --------------------------------------------------------------------------------------------
def rewrite(text: str) -> str:
    plain = fold_text(text)
    for pattern, replacement in REWRITTEN:
        plain = re.sub(
            pattern.replace("$", r"\Z") if pattern.endswith("$") else pattern,
            _python(replacement),
            plain,
            count=1,
        )
    return plain


def parts(text: str) -> tuple[int, int, int] | None:
    """The three numbers of a day/month text."""
    found = re.fullmatch(EITHER.strip("^$"), rewrite(text))
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def parse(text: str, order: Order) -> date | None:
    plain = rewrite(text)
    if re.fullmatch(YEAR_FIRST.strip("^$"), plain):
        year, month, day = map(int, plain.split("-"))
        return _date(year, month, day)
    if re.fullmatch(HAS_NAME.strip("^$"), plain):
        return _named(plain)
    numbers = parts(text)
    if numbers is None:
        return None
    first, second, year = numbers
    by_day, by_month = _date(year, second, first), _date(year, first, second)
    if order:
        return by_day if order == "day_first" else by_month
    if by_day is None or by_month is None or by_day == by_month:
        return by_day or by_month
    return None


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FULL = (
    "january", "february", "march", "april", "may", "june", "july",
    "august", "september", "october", "november", "december",
)  # fmt: skip


def _named(plain: str) -> date | None:
    words = re.split(r"[ ,-]+", plain.lower())
    name = next(word for word in words if word.isalpha())
    names = {**{word: n for n, word in enumerate(_MONTHS, 1)}, **{word: n for n, word in enumerate(_FULL, 1)}}
    numbers = [int(word) for word in words if word.isdigit()]
    return _date(numbers[1], names[name], numbers[0]) if name in names else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def exists(year: int, month: int, day: int) -> bool:
    """Whether the calendar has this day."""
    return _date(year, month, day) is not None


def _python(replacement: str) -> str:
    return re.sub(r"\$\{(\d)\}", r"\\g<\1>", replacement)
