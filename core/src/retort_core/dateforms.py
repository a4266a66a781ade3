"""Dates as people type them: the formats that are recognised, the vote on day/month order, and parsing.

A text such as 03/04/2024 has two readings. The order is decided once per column, by a vote of its *distinct* values:
only first parts above 12 -> day first; only second parts above 12 -> month first; both -> conflict; none -> ambiguous.
A cell that stays readable either way is never guessed. No time zone is invented; two-digit years 00-69 are 2000s.

`FORMATS` are strptime formats that Polars (chrono) accepts. Texts are prepared by `prepare` first (half width, AM/PM for
上午/下午, T as a space), which keeps the list short; `FORMS` pairs every format with a pattern that both Python and
Polars understand, because %Y alone would also accept the year 24.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal, TypeAlias

Order: TypeAlias = Literal["", "day_first", "month_first", "conflict", "ambiguous"]

# (pattern, replacement) in this order, after NFKC and strip: also usable with Polars' str.replace.
PREPARATIONS: Final = (
    (r"(?:上午|早上|[aA]\.?[mM]\.?)", "AM"),
    (r"(?:下午|晚上|[pP]\.?[mM]\.?)", "PM"),
    (r"^([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}:[0-9]{2})", "${1} ${2}"),
    (r"(:[0-9]{2}(?:\.[0-9]+)?) ?[Zz]$", "${1}"),
    (r"\s+", " "),
)
_PYTHON_PREPARATIONS = tuple(
    (re.compile(pattern), re.sub(r"\$\{(\d)\}", r"\\\1", replacement))
    for pattern, replacement in PREPARATIONS
)


@dataclass(frozen=True, slots=True)
class Form:
    """One format and the texts it may read. `order` is set where day and month could be swapped."""

    format: str
    pattern: str
    order: Order = ""
    timed: bool = False


Match: TypeAlias = tuple[Form, date | datetime]

_D, _M, _DM = r"(?P<d>[0-9]{1,2})", r"(?P<m>[0-9]{1,2})", r"[0-9]{1,2}"
_Y4, _Y2 = r"(?P<Y>[12][0-9]{3})", r"(?P<y>[0-9]{2})"
_NAMES = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip
_MONTH = {name[:n].casefold(): at for at, name in enumerate(_NAMES, 1) for n in (3, len(name))}
_LONG, _SHORT = (
    f"(?P<{key}>(?i:{'|'.join(names)}))" for key, names in (("B", _NAMES), ("b", [n[:3] for n in _NAMES]))
)
_GROUP = {"%d": _D, "%m": _M, "%Y": _Y4, "%y": _Y2, "%B": _LONG, "%b": _SHORT}
_ORDERED = tuple(
    (f"{first}{separator}{second}{separator}{year}", order)
    for order, first, second in (("day_first", "%d", "%m"), ("month_first", "%m", "%d"))
    for year in ("%y", "%Y")  # two digits first: %Y would read the year 24 where %y reads 2024
    for separator in "/-."
)
_PLAIN = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y年%m月%d", "%y年%m月%d日", "%Y%m%d",
    "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y",
)  # fmt: skip
_H, _MIN, _S = r"(?P<H>[0-9]{1,2})", r"(?P<M>[0-9]{2})", r"(?P<S>[0-9]{2}(?:\.[0-9]{1,9})?)"
_I, _P = r"(?P<I>[0-9]{1,2})", r"(?P<p>AM|PM)"
_TIMES = (
    ("", ""),
    (" %H:%M", f" {_H}:{_MIN}"),
    (" %H:%M:%S%.f", f" {_H}:{_MIN}:{_S}"),
    (" %I:%M %p", f" {_I}:{_MIN} ?{_P}"),
    (" %I:%M:%S %p", f" {_I}:{_MIN}:{_S} ?{_P}".replace(r"(?:\.[0-9]{1,9})?", "")),
    (" %p %I:%M", f" {_P} ?{_I}:{_MIN}"),
    (" %p %I:%M:%S", f" {_P} ?{_I}:{_MIN}:{_S}".replace(r"(?:\.[0-9]{1,9})?", "")),
    (" %H时%M分", f" ?{_H}时{_MIN}分"),
    (" %H时%M分%S秒", f" ?{_H}时{_MIN}分(?P<S>[0-9]{{2}})秒"),
)


def _pattern(format_: str) -> str:
    if format_ == "%Y%m%d":  # any other eight digits are a number
        return r"(?P<Y>19[0-9]{2}|20[0-9]{2})(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12][0-9]|3[01])"
    return re.sub(r"%[a-zA-Z]", lambda found: _GROUP[found[0]], format_.replace(".", r"\."))


def _forms() -> tuple[Form, ...]:
    dates: list[tuple[str, Order]] = [(text, "") for text in _PLAIN]
    dates += [(text, order) for text, order in _ORDERED]  # type: ignore[misc]
    return tuple(
        Form(day + clock, f"^{_pattern(day)}{pattern}$", order, timed=bool(clock))
        for clock, pattern in _TIMES
        for day, order in dates
    )


FORMS: Final = _forms()
_YEARLESS = re.compile(rf"^{_DM}月{_DM}[日号]?$")
_BY_FORMAT = {form.format: form for form in FORMS}
_SIMPLE = re.compile(r"[0-9][0-9/.:年月日-]*(?: [0-9:.]+)?")  # nothing in it to prepare
_DIGIT = re.compile("[0-9]")
SERIAL_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - no zone is invented; day 0 of spreadsheets after 1900-03-01


def formats(order: Order = "", *, timed: bool | None = None) -> tuple[str, ...]:
    """Formats to try in this order on prepared text; those of day/month form only for a settled `order`."""
    return tuple(
        form.format for form in FORMS if form.order in {"", order} and (timed is None or form.timed == timed)
    )


def prepare(text: str) -> str:
    """`text` as the formats expect it."""
    if _SIMPLE.fullmatch(text):
        return text
    prepared = unicodedata.normalize("NFKC", text).strip()
    for pattern, replacement in _PYTHON_PREPARATIONS:
        prepared = pattern.sub(replacement, prepared)
    return prepared


def parse(text: str, order: Order = "") -> date | datetime | None:
    """The date (a datetime where a time stands), or None. Without a settled order only texts of one reading parse."""
    readings = dict.fromkeys(_readings(prepare(text), order))
    return next(iter(readings)) if len(readings) == 1 else None


def form_of(text: str, order: Order = "") -> str:
    """Format that reads `text`; "" when none does. Undecided texts show ?/?/%Y for both of their formats."""
    return _form(_matches(prepare(text), order))


def _form(found: tuple[Match, ...]) -> str:
    if not found:
        return ""
    if len(found) > 1 and len({moment for _, moment in found}) > 1:
        return re.sub("%[dm]", "?", found[0][0].format)
    return found[0][0].format


def yearless(text: str) -> bool:
    """7月23日: a date that needs its year from a person."""
    return bool(_YEARLESS.match(prepare(text)))


def from_serial(number: float) -> date | datetime | None:
    """Spreadsheet serial (45000 -> 2023-03-15), from March 1900 to 2199; to be used in numeric columns only."""
    if not 61 <= number <= 109_574:
        return None
    moment = SERIAL_EPOCH + timedelta(seconds=round(number * 86_400))
    return moment.date() if number == int(number) else moment


@dataclass(frozen=True, slots=True)
class DateVote:
    """What the distinct texts of a column say. Counts are rows; `groups` hold texts with counts."""

    order: Order
    forms: Mapping[str, int]
    ambiguous: int  # rows that stay readable either way under `order`
    yearless: int
    unread: int
    groups: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # day_first, month_first, either

    @property
    def settled(self) -> bool:
        return self.order in {"", "day_first", "month_first"}

    @property
    def read(self) -> int:
        """Rows that are dates, those readable either way included."""
        return sum(self.forms.values())


def vote(values: Mapping[str, int]) -> DateVote:
    """Vote on the distinct `values` (text -> rows). Only cells of the day/month form vote."""
    matches = {text: _every_match(prepare(text)) for text in values}
    groups = _groups(values, matches)
    order = _decide(groups)
    forms: Counter[str] = Counter()
    without_year = unread = 0
    for text, count in values.items():
        if form := _form(_under(order, matches[text])):
            forms[form] += count
        elif yearless(text):
            without_year += count
        else:
            unread += count
    ambiguous = 0 if order in {"", "day_first", "month_first"} else sum(groups["either"].values())
    return DateVote(order, dict(forms), ambiguous, without_year, unread, groups)


def _groups(values: Mapping[str, int], matches: Mapping[str, tuple[Match, ...]]) -> dict[str, dict[str, int]]:
    groups: dict[str, dict[str, int]] = {"day_first": {}, "month_first": {}, "either": {}}
    for text, count in values.items():
        readings = {form.order: moment for form, moment in matches[text] if form.order}
        if len(set(readings.values())) > 1:
            groups["either"][text] = count
        elif len(readings) == 1:
            groups[next(iter(readings))][text] = count
    return groups


def _decide(groups: Mapping[str, Mapping[str, int]]) -> Order:
    if groups["day_first"] and groups["month_first"]:
        return "conflict"
    if groups["day_first"]:
        return "day_first"
    if groups["month_first"]:
        return "month_first"
    return "ambiguous" if groups["either"] else ""


def _readings(text: str, order: Order) -> list[date | datetime]:
    return [moment for _, moment in _matches(text, order)]


def _matches(text: str, order: Order) -> tuple[Match, ...]:
    return _under(order, _every_match(text))


def _under(order: Order, matches: tuple[Match, ...]) -> tuple[Match, ...]:
    """Those that a settled order leaves."""
    if order not in {"day_first", "month_first"}:
        return matches
    return tuple(match for match in matches if match[0].order in {"", order})


@lru_cache(maxsize=4096)
def _every_match(text: str) -> tuple[Match, ...]:
    """Looked for once a text: a vote asks twice, a reading once more."""
    found = []
    for form, day, clock in _candidates(_DIGIT.sub("0", text)):
        head = day.match(text)
        tail = clock.fullmatch(text, head.end()) if head else None
        if head and tail and (moment := _moment(head.groupdict() | tail.groupdict(), timed=form.timed)):
            found.append((form, moment))
    return tuple(found)


Candidate: TypeAlias = tuple[Form, re.Pattern[str], re.Pattern[str]]


@lru_cache(maxsize=4096)
def _candidates(shape: str) -> tuple[Candidate, ...]:
    """Forms that some text of this shape (every digit written as 0) may have; columns hold few shapes."""
    if len(shape) > 40 or "0" not in shape:  # longer than the longest form
        return ()
    days, clocks = _parts()
    return tuple(
        (_BY_FORMAT[day + clock], day_pattern, clock_pattern)
        for clock, (clock_pattern, clock_shape) in clocks.items()
        for day, (day_pattern, day_shape) in days.items()
        if (head := day_shape.match(shape)) and clock_shape.fullmatch(shape, head.end())
    )


_Parts: TypeAlias = dict[str, tuple[re.Pattern[str], re.Pattern[str]]]


@lru_cache(maxsize=1)
def _parts() -> tuple[_Parts, _Parts]:
    """Patterns and shapes of days and of clocks apart: 36 to compile instead of their 243 products."""
    days = [*_PLAIN, *(day for day, _ in _ORDERED)]
    return (
        {day: (re.compile(_pattern(day)), re.compile(_shape(_pattern(day)))) for day in days},
        {clock: (re.compile(pattern), re.compile(_shape(pattern))) for clock, pattern in _TIMES},
    )


def _shape(pattern: str) -> str:
    relaxed = pattern.replace(_pattern("%Y%m%d"), "0{8}")
    return relaxed.replace("[12][0-9]{3}", "0{4}").replace("[0-9]", "0")


def _moment(part: Mapping[str, str | None], *, timed: bool) -> date | datetime | None:
    try:
        day = date(_year(part), _month(part), int(part["d"] or 0))
        if not timed:
            return day
        seconds = part.get("S") or "0"
        whole, _, fraction = seconds.partition(".")
        hour, minute, micro = _hour(part), int(part["M"] or 0), int((fraction + "000000")[:6])
        # No zone is invented, so the moment stays naive.
        return datetime.combine(day, time(hour, minute, int(whole), micro))
    except ValueError:
        return None


def _year(part: Mapping[str, str | None]) -> int:
    if four := part.get("Y"):
        return int(four)
    two = int(part["y"] or 0)
    return two + (2000 if two < 70 else 1900)


def _month(part: Mapping[str, str | None]) -> int:
    name = part.get("B") or part.get("b")
    return _MONTH[name.casefold()] if name else int(part["m"] or 0)


def _hour(part: Mapping[str, str | None]) -> int:
    if part.get("H"):
        return int(part["H"] or 0)
    hour = int(part["I"] or 0)
    if not 1 <= hour <= 12:
        raise ValueError(hour)
    return hour % 12 + (12 if part["p"] == "PM" else 0)
