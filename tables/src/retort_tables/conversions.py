"""From text to typed values: one cell by the rules of `docs/reference/semantics.md`, and the choice of a column's type.

`choose` decides on the distinct texts of a column (text -> rows); at least 90 % of the rows that are not missing must
convert without loss, or the column stays text. `read_cell` then converts; what it refuses is an invalid cell.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

from retort_core.cells import fold
from retort_core.dateforms import DateVote, Order, form_of, formats, parse, prepare, vote
from retort_core.numerals import looks_like_id, number_text
from retort_core.schema import DType
from retort_tables.columns import hints

Value: TypeAlias = int | float | Decimal | bool | date | datetime | timedelta | str

SHARE: Final = 0.9  # of non-missing rows that must convert
MONEY_DIGITS: Final = 4  # most decimals of an amount of money
LEADING_ZEROS: Final = 0.01  # share of rows with leading zeros that makes a column of digits an id
ERROR_CELLS: Final = frozenset(
    {"#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"}
)
DURATION: Final = r"^(?:([0-9]+) days? )?([0-9]{1,2}):([0-9]{2}):([0-9]{2}(?:\.[0-9]{1,9})?)$"
_DURATION = re.compile(DURATION)
BOOLEAN_TEXTS: Final = 40  # spellings of true and false, and some that are neither
_PLAIN_FORMATS: Final = frozenset(formats())  # no question of day and month
_BOOLEANS: Final = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Target:
    """How the cells of a column are to be read."""

    dtype: DType
    digits: int = 0
    order: Order = ""


TEXT: Final = Target(DType.text)


@dataclass(frozen=True, slots=True)
class Choice:
    """The type of a column, what its dates look like, and whether its digits are a name (leading zeros)."""

    target: Target
    dates: DateVote | None = None
    id_like: bool = False


@dataclass(slots=True)
class Shapes:
    """Forms of the numbers of a column: decides between integer, decimal and number."""

    integers: int = 0
    floats: int = 0
    decimals: Counter[int] = field(default_factory=Counter)
    zero_fractions: bool = True  # every fraction is .0, as programs write codes of a column with gaps

    def add(self, kind: str, canonical: str, rows: int) -> None:
        if kind == "integer":
            self.integers += rows
        elif kind == "number":
            self.floats += rows
        else:
            fraction = canonical.partition(".")[2]
            self.decimals[len(fraction)] += rows
            self.zero_fractions &= fraction == "0"

    @property
    def rows(self) -> int:
        return self.integers + self.floats + self.decimals.total()

    def target(self, name: str) -> Target:
        if not self.floats and (not self.decimals or self.zero_fractions):
            return Target(DType.integer)
        if not self.floats and not self.integers and len(self.decimals) == 1:
            digits = next(iter(self.decimals))
            fixed = digits == 2 or (digits <= MONEY_DIGITS and bool(hints.MONEY.search(name)))
            if fixed and not hints.WEIGHT.search(name):
                return Target(DType.decimal, digits)
        return Target(DType.number)


def choose(texts: Mapping[str, int], name: str = "") -> Choice:
    """Type of a column from the distinct texts of its cells that are not missing."""
    total = sum(texts.values())
    if not total:
        return Choice(TEXT)
    needed = SHARE * total
    dates = vote(texts) if any(form_of(text) for text in texts) else None
    if dates is not None and (target := date_target(dates, texts, needed)):
        return Choice(target, dates)
    numbers = _numbers(texts)
    if numbers.rows >= needed and not leading_zeros(texts, total):
        return Choice(numbers.target(name))
    if len(texts) <= BOOLEAN_TEXTS and _booleans(texts) >= needed:
        return Choice(Target(DType.boolean))
    if _durations(texts, name) >= needed:
        return Choice(Target(DType.duration))
    mostly = dates if dates is not None and dates.read + dates.yearless >= total / 2 else None
    return Choice(TEXT, mostly, leading_zeros(texts, total))


def date_target(dates: DateVote, texts: Mapping[str, int], needed: float) -> Target | None:
    """Date or datetime when enough cells have one reading; None leaves the column text.

    A column of several formats in which a vote decided cells that are readable either way stays text: the vote is
    shown and a person accepts it, because a swapped day and month is the mistake nobody notices.
    """
    if _PLAIN_FORMATS & dates.forms.keys() and dates.groups.get("either"):
        return None
    if dates.read - dates.ambiguous < needed:
        return None
    moments = [parse(text, dates.order) for text in texts]
    timed = any(isinstance(m, datetime) and m.time() != m.time().min for m in moments)
    return Target(DType.datetime if timed else DType.date, order=dates.order)


def leading_zeros(texts: Mapping[str, int], total: int) -> bool:
    """Whether digits are a name: some start with 0, or are too long for a number."""
    zeros = sum(rows for text, rows in texts.items() if looks_like_id(text))
    if not zeros:
        return False
    lengths = {len(text) for text in texts}
    return zeros > LEADING_ZEROS * total or (len(lengths) == 1 and min(lengths) > 2)


def read_cell(text: str, target: Target) -> Value | None:
    """The typed value of `text`, or None when it does not convert without loss."""
    return _READERS[target.dtype](text, target)


def _booleans(texts: Mapping[str, int]) -> int:
    return sum(rows for text, rows in texts.items() if fold(text) in _BOOLEANS)


def _numbers(texts: Mapping[str, int]) -> Shapes:
    shapes = Shapes()
    for text, rows in texts.items():
        if found := number_text(text):
            shapes.add(*found, rows)
    return shapes


def _durations(texts: Mapping[str, int], name: str) -> int:
    """Rows that are a length of time; bare 08:05:00 may be a time of day, so it needs the name's word."""
    named = bool(hints.DURATION.search(name))
    return sum(
        rows
        for text, rows in texts.items()
        if (m := _DURATION.match(prepare(text))) and (named or m.group(1))
    )


def _integer(text: str, _: Target) -> int | None:
    found = number_text(text)
    if found is None or (found[0] != "integer" and float(found[1]) != int(float(found[1]))):
        return None
    return int(Decimal(found[1]))


def _number(text: str, _: Target) -> float | None:
    found = number_text(text)
    return float(found[1]) if found else None


def _decimal(text: str, target: Target) -> Decimal | None:
    found = number_text(text)
    if found is None or len(found[1].partition(".")[2]) > target.digits:
        return None
    return Decimal(found[1]).quantize(Decimal(1).scaleb(-target.digits))


def _boolean(text: str, _: Target) -> bool | None:
    return _BOOLEANS.get(fold(text))


def _date(text: str, target: Target) -> date | None:
    moment = parse(text, target.order)
    if isinstance(moment, datetime):
        return moment.date() if moment.time() == moment.time().min else None
    return moment


def _datetime(text: str, target: Target) -> datetime | None:
    moment = parse(text, target.order)
    if moment is None or isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, datetime.min.time())


def _duration(text: str, _: Target) -> timedelta | None:
    found = _DURATION.match(prepare(text))
    if not found:
        return None
    days, hours, minutes, seconds = found.groups()
    whole, _point, fraction = seconds.partition(".")
    micro = int((fraction + "000000")[:6])
    return timedelta(int(days or 0), int(whole), micro, 0, int(minutes), int(hours))


def _text(text: str, _: Target) -> str:
    return text


_READERS: Final[Mapping[DType, Callable[[str, Target], Value | None]]] = {
    DType.text: _text,
    DType.integer: _integer,
    DType.number: _number,
    DType.decimal: _decimal,
    DType.boolean: _boolean,
    DType.date: _date,
    DType.datetime: _datetime,
    DType.duration: _duration,
}
