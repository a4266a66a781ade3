r"""Conversions between column types: what converts without loss, in Polars and as reference.

Texts convert when the whole text is a plain value: numbers with sign, decimals and thousands separators (half or full
width); dates written with the year first; yes/no words. Money signs, units and other dates have operations of their
own. Where types do not convert directly (2.0 to a whole number) the canonical text decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeAlias

from retort_core.errors import StepError
from retort_core.schema import Column, DType
from retort_plans.dtypes import polars_type
from retort_plans.reference import Value, canonical, fold_text
from retort_plans.syntax import Code, pl, pl_name, when
from retort_plans.textual import as_text, check_text

Name: TypeAlias = Callable[[str, Code], Code]  # Emitter.local
DECIMAL_DIGITS: Final = 2  # of what is cast to decimal: money
# Numbers of up to 15 digits are exact in every type; longer ones are ids.
_DIGITS: Final = r"(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})"
WHOLE: Final = rf"^[+-]?{_DIGITS}(?:\.0*)?$"
MONEY: Final = rf"^[+-]?{_DIGITS}(?:\.[0-9]{{1,2}}0*)?$"
NUMBER: Final = rf"^[+-]?(?:{_DIGITS}(?:\.[0-9]{{1,17}})?|\.[0-9]{{1,17}})(?:[eE][+-]?[0-9]{{1,2}})?$"
_DAY: Final = r"^([12][0-9]{3})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
DAY: Final = rf"{_DAY}$"
MOMENT: Final = rf"{_DAY}(?:[ T]([0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}})?))?$"
TRUTH: Final[Mapping[str, bool]] = {
    "true": True, "yes": True, "y": True, "1": True, "是": True, "对": True,
    "false": False, "no": False, "n": False, "0": False, "否": False, "错": False,
}  # fmt: skip
# Types that convert value by value, without a failure.
_DIRECT: Final = frozenset(
    {
        (DType.integer, DType.number), (DType.integer, DType.decimal), (DType.decimal, DType.number),
        (DType.boolean, DType.integer), (DType.boolean, DType.number), (DType.date, DType.datetime),
        (DType.datetime, DType.date),
    }
)  # fmt: skip


def check(column: Column, dtype: DType) -> None:
    """Raises StepError for two types that have nothing to do with each other."""
    check_text(column)
    source = column.dtype
    if DType.text in (source, dtype) and dtype is not DType.duration:
        return
    if dtype is DType.duration or source.temporal != dtype.temporal:
        raise StepError(
            f"column {column.name!r} is {source.value} and cannot become {dtype.value}", column=column.name
        )


def loses_nothing(column: Column, dtype: DType) -> bool:
    """Whether every value converts."""
    return dtype in (DType.text, column.dtype) or (column.dtype, dtype) in _DIRECT


# -- Polars -----------------------------------------------------------------------------------------------
def converted(value: Code, column: Column, target: Column, name: Name) -> Code:
    """`value`, of the type of `column`, as the type of `target`; null where it does not convert."""
    if column.dtype is target.dtype:
        return value
    if (column.dtype, target.dtype) in _DIRECT:
        return value.call("cast", polars_type(target))
    text = as_text(value, column)
    return text if target.dtype is DType.text else from_text(text, target, name)


def from_text(text: Code, target: Column, name: Name) -> Code:
    """A text as a value of `target`; null where it is none. `name` gives the prepared text a name in the script."""
    if target.dtype is DType.text:
        return text
    plain = text.call("str.normalize", "NFKC").call("str.strip_chars")
    match target.dtype:
        case DType.boolean:
            lower = plain.call("str.to_lowercase")
            return lower.call("replace_strict", dict(TRUTH), default=None, return_dtype=pl_name("Boolean"))
        case DType.date | DType.datetime:
            return _from_date(name("text", plain), target.dtype)
    number = name("text", plain.call("str.replace", "−", "-", literal=True))
    pattern = {DType.integer: WHOLE, DType.decimal: MONEY}.get(target.dtype, NUMBER)
    digits = number.call("str.replace_all", ",", "", literal=True).call("str.strip_prefix", "+")
    if target.dtype is DType.integer:
        digits = digits.call("str.replace", r"\.0*$", "")
    fits = when(number.call("str.contains", pattern), digits)
    return fits.call("cast", polars_type(target), strict=False)


def _from_date(plain: Code, dtype: DType) -> Code:
    if dtype is DType.date:
        day = when(plain.call("str.contains", DAY), plain.call("str.replace", DAY, "${1}-${2}-${3}"))
        return day.call("str.to_date", "%Y-%m-%d", strict=False)
    moment = when(
        plain.call("str.contains", MOMENT), plain.call("str.replace", MOMENT, "${1}-${2}-${3} ${4}")
    )
    formats = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M")
    read = [moment.call("str.to_datetime", form, time_unit="us", strict=False) for form in formats]
    midnight = moment.call("str.strip_chars_end").call("str.to_date", "%Y-%m-%d", strict=False)
    return pl("coalesce", *read, midnight.call("cast", pl("Datetime", "us")))


# -- reference --------------------------------------------------------------------------------------------
def convert(value: Value, column: Column, target: Column) -> Value | None:
    """A value as the type of `target`, or None."""
    if column.dtype is target.dtype:
        return value
    if (column.dtype, target.dtype) in _DIRECT:
        return _direct(value, target)
    return parse_text(canonical(value), target)


def _direct(value: Value, target: Column) -> Value:
    match value:
        case datetime():
            return value.date()
        case date():
            return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - tables hold no time zone
        case int() | Decimal():  # a truth value is an int
            makers = {DType.integer: int, DType.number: float}
            made: Value = makers.get(target.dtype, lambda v: round(Decimal(v), target.digits))(value)
            return made
    raise AssertionError(value)


def parse_text(text: str, target: Column) -> Value | None:
    """A text as a value of `target`, or None."""
    plain = fold_text(text)
    match target.dtype:
        case DType.text:
            return text
        case DType.boolean:
            return TRUTH.get(plain.lower())
        case DType.date | DType.datetime:
            return _parse_date(plain, target.dtype)
    number = plain.replace("−", "-", 1)
    pattern = {DType.integer: WHOLE, DType.decimal: MONEY}.get(target.dtype, NUMBER)
    if re.match(pattern, number) is None or number.endswith("\n"):
        return None
    exact = Decimal(number.replace(",", ""))
    if target.dtype is DType.integer:
        return int(exact)
    return round(exact, target.digits) if target.dtype is DType.decimal else float(exact)


def _parse_date(plain: str, dtype: DType) -> Value | None:
    found = re.fullmatch(DAY if dtype is DType.date else MOMENT, plain)
    if found is None:
        return None
    year, month, day, *clock = found.groups()
    try:
        if dtype is DType.date:
            return date(int(year), int(month), int(day))
        hour, minute, second = [*map(int, (clock[0] or "0:0").split(":")), 0][:3]
        return datetime(int(year), int(month), int(day), hour, minute, second)  # noqa: DTZ001
    except ValueError:
        return None
