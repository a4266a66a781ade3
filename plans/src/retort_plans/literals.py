"""Literals of a plan, read by the type of the column they meet.

A number may be written as text ("18") and a text as number (a code 1 in a text column); dates are written
2024, 2024-01 or 2024-01-31 (also with / or 年月日) and stand for the whole year, month or day. A label of a
labelled value ("满意") means its value. What cannot be a value of the column is a StepError.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from retort_core.errors import StepError
from retort_core.schema import Column, DType
from retort_plans.operations.base import Scalar
from retort_plans.reference import Value, canonical, fold_text

_TRUTH = {
    "true": True,
    "false": False,
    "yes": True,
    "no": False,
    "是": True,
    "否": False,
    "1": True,
    "0": False,
}
_DATE = re.compile(r"(\d{4})(?:[-/.年](\d{1,2})(?:[-/.月](\d{1,2}))?)?[日月年]?")
_INT64 = 2**63
_MOST_DIGITS = 15  # of a float that shows as typed


@dataclass(frozen=True)
class Span:
    """The moments a date literal stands for: from `start` up to but without `end`."""

    start: datetime
    end: datetime


def typed(literal: Scalar, column: Column) -> Value:
    """`literal` as a value of `column`."""
    try:
        return _typed(literal, column)
    except (ValueError, InvalidOperation, ArithmeticError):
        raise _impossible(literal, column) from None


def _typed(literal: Scalar, column: Column) -> Value:
    match column.dtype:
        case DType.text:
            return scalar_text(literal)
        case DType.boolean:
            return _truth(literal)
        case DType.date:
            return span(literal, column).start.date()
        case DType.datetime:
            return _moment(literal, column)
        case DType.integer | DType.number | DType.decimal:
            return _number(literal, column)
    raise ValueError


def scalar_text(literal: Scalar) -> str:
    """A literal as the text a text column would hold: 1 -> "1", 2.0 -> "2", True -> "true"."""
    return canonical(literal)


def _truth(literal: Scalar) -> bool:
    if isinstance(literal, bool):
        return literal
    try:
        return _TRUTH[fold_text(scalar_text(literal)).lower()]
    except KeyError:
        raise ValueError from None


def _number(literal: Scalar, column: Column) -> Value:
    """As exact as the column: an integer column takes a fraction only for comparison (18.5 lies between)."""
    if isinstance(literal, bool):
        raise ValueError  # noqa: TRY004 - becomes a StepError
    text = fold_text(scalar_text(literal)).replace(",", "")
    labelled = next((v.value for v in column.value_labels if v.label == text), None)
    number = Decimal(labelled if labelled is not None else text)
    if not number.is_finite():
        raise ValueError
    whole = number == number.to_integral_value()
    if column.dtype is DType.integer and whole and abs(number) < _INT64:
        return int(number)
    if column.dtype is DType.decimal:
        return round(number, column.digits) if number == round(number, column.digits) else number
    value = float(number)
    if value in (float("inf"), float("-inf")):
        raise ValueError
    return value


def stored(literal: Scalar, column: Column) -> Value:
    """`literal` as a value that a cell of `column` can hold (a comparison may use more: 18.5 of an integer)."""
    value = typed(literal, column)
    fits = not isinstance(value, float) or column.dtype is DType.number
    if isinstance(value, Decimal):
        fits = value == round(value, column.digits)
    if not fits:
        raise _impossible(literal, column)
    return float(value) if column.dtype is DType.number and not isinstance(value, str) else value  # type: ignore[arg-type]


def span(literal: Scalar, column: Column) -> Span:
    """The days a date literal stands for; a literal with a time of day stands for that moment."""
    text = fold_text(scalar_text(literal))
    matched = _DATE.fullmatch(text)
    if matched is None:
        return _instant(text, literal, column)
    year, month, day = (int(part) if part else None for part in matched.groups())
    try:
        start = datetime(year or 1, month or 1, day or 1)  # noqa: DTZ001 - tables hold no time zone
        return Span(start, _after(start, month is not None, day is not None))
    except (ValueError, OverflowError):
        raise _impossible(literal, column) from None


def _after(start: datetime, has_month: bool, has_day: bool) -> datetime:  # noqa: FBT001
    if has_day:
        return start + timedelta(days=1)
    if has_month and start.month < 12:
        return start.replace(month=start.month + 1)
    return start.replace(year=start.year + 1, month=1)


def _instant(text: str, literal: Scalar, column: Column) -> Span:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _impossible(literal, column) from None
    if moment.tzinfo is not None:
        raise _impossible(literal, column)
    return Span(moment, moment + timedelta(microseconds=1))


def _moment(literal: Scalar, column: Column) -> datetime:
    return span(literal, column).start


def as_date(moment: datetime) -> date:
    return moment.date()


_EXAMPLES = {
    DType.integer: "a whole number such as 18",
    DType.number: "a number such as 2.5",
    DType.decimal: "a number such as 12.50",
    DType.boolean: "true or false",
    DType.date: "a date such as 2024-01-31",
    DType.datetime: "a date such as 2024-01-31 or 2024-01-31 08:05",
    DType.duration: "no literal: durations can only be tested for is_missing",
}


def _impossible(literal: Scalar, column: Column) -> StepError:
    return StepError(
        f"{literal!r} cannot be a value of column {column.name!r}, which is {column.dtype.value}; "
        f"give {_EXAMPLES.get(column.dtype, 'a text')}",
        column=column.name,
    )
