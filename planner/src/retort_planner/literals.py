"""Literals: numbers as people write them (三千, 1.5万, 80%), dates (2024年3月, 上周), and ranges of both.

A date literal is a span of whole days: 2024年3月 is its first to its last day, so that *after March* and *since March*
differ as they should.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

_DIGITS: Final = {c: i for i, c in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "两": 2,
    "壹": 1,
    "贰": 2,
    "叁": 3,
}
_UNITS: Final = {"十": 10, "百": 100, "千": 1000}
_BIG: Final = {
    "万": 10_000,
    "亿": 100_000_000,
    "千": 1_000,
    "百": 100,
    "k": 1_000,
    "m": 1_000_000,
    "w": 10_000,
}
_WORDS: Final = {
    w: i
    for i, w in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
        ]
    )
} | {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "hundred": 100,
}
NUMBER: Final = r"[+\-−]?[0-9][0-9,]{0,20}(?:\.[0-9]{1,15})?(?:万|亿|千|百|[kmw](?![A-Za-z]))?|[负零〇一二两三四五六七八九十百千万亿]{1,16}(?:点[零一二三四五六七八九]{1,6})?"
UNIT: Final = r"岁|周岁|分钟|分|元|块钱?|人|次|个|年级|小时|天|名|位|条|%|percent\b|years? ?(?:old|of ?age)?\b|yrs?\b|points?\b|people\b|yuan\b|times\b|days?\b"
_ARABIC: Final = re.compile(
    r"([+\-−]?)([0-9][0-9,]*(?:\.[0-9]+)?)(万|亿|千|百|k|m|w)?(?:" + UNIT + r")?$", re.IGNORECASE
)
_UNIT_END: Final = re.compile(r"\s?(?:" + UNIT + r")$", re.IGNORECASE)
Number = int | float


@dataclass(frozen=True)
class Days:
    """A span of whole days, both ends included."""

    first: date
    last: date


def number(text: str) -> Number | None:
    """The number `text` writes, or None; a trailing unit (岁, 分, years) is allowed, 80% is 80."""
    text = text.strip().replace(" ", "")
    match = _ARABIC.match(text)
    if match:
        return _arabic(match)
    bare = _UNIT_END.sub("", text)
    if bare.casefold() in _WORDS:
        return _WORDS[bare.casefold()]
    return chinese(bare)


_TENS: Final = "|".join(word for word, value in _WORDS.items() if value >= 10 and value != 100)
_SPELLED: Final = re.compile(
    rf"(?<![A-Za-z-])(?:(?P<tens>{_TENS})(?:[- ](?P<unit>one|two|three|four|five|six|seven|eight|nine))?"
    r"|(?P<few>a|one|two|three|four|five|six|seven|eight|nine)(?= (?:hundred|thousand|million))"
    r"|(?P<digits>[0-9]+(?:\.[0-9]+)?)(?= (?:hundred|thousand|million)))"
    r"(?P<scale>(?: (?:hundred|thousand|million))*)(?![A-Za-z])",
    re.IGNORECASE,
)
_SCALES: Final = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}


def english(text: str) -> str:
    """Numbers in English words as digits: sixty-five, five thousand, 1.5 million. Lone one to nine stay words."""
    return _SPELLED.sub(_digits, text)


def _digits(match: re.Match[str]) -> str:
    few = (match.group("few") or "").lower()
    value: Number = _WORDS.get(few, 1) if few else 0
    if match.group("digits"):
        value = float(match.group("digits"))
    elif match.group("tens"):
        value = _WORDS[match.group("tens").lower()] + _WORDS.get((match.group("unit") or "").lower(), 0)
    for scale in match.group("scale").lower().split():
        value *= _SCALES[scale]
    return str(_integral(value))


def _arabic(match: re.Match[str]) -> Number | None:
    sign, digits, scale = match.groups()
    if "," in digits and not re.fullmatch(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?", digits):
        return None
    plain = digits.replace(",", "")
    value: Number = float(plain) if "." in plain else int(plain)
    if scale:
        value = _integral(value * _BIG[scale.lower()])
    return -value if sign in ("-", "−") else value


def _integral(value: Number) -> Number:
    rounded = round(value, 9)
    return int(rounded) if rounded == int(rounded) else rounded


def chinese(text: str) -> Number | None:
    """三千 → 3000, 一百二十 → 120, 两万五 → 25000, 负五 → -5, 三点五 → 3.5."""
    if text.startswith("负"):
        value = chinese(text[1:])
        return None if value is None else -value
    whole, point, rest = text.partition("点")
    base = _whole(whole)
    if base is None or not point:
        return base
    decimals = [_DIGITS.get(char) for char in rest]
    if not decimals or None in decimals:
        return None
    return float(f"{base}.{''.join(map(str, decimals))}")


def _whole(text: str) -> int | None:
    if not text or any(c not in _DIGITS and c not in _UNITS and c not in "万亿" for c in text):
        return None
    if all(c in _DIGITS for c in text):
        return int("".join(str(_DIGITS[c]) for c in text))
    total = section = digit = 0
    last_unit = 1
    for char in text:
        if char in _DIGITS:
            digit = _DIGITS[char]
            last_unit = 1 if digit == 0 else last_unit
        elif char in _UNITS:
            section += (digit or 1) * _UNITS[char]
            digit, last_unit = 0, _UNITS[char]
        else:
            total = (total + section + digit) * _BIG[char]
            section = digit = 0
            last_unit = _BIG[char]
    # 两万五 is 25,000: a last bare digit counts in tenths of the unit before it.
    tail = digit * last_unit // 10 if digit and last_unit > 10 else digit
    return total + section + tail


_YMD: Final = re.compile(r"([0-9]{4})[年\-/.]([0-9]{1,2})[月\-/.]([0-9]{1,2})[日号]?$")
_COMPACT: Final = re.compile(r"([12][0-9]{3})([01][0-9])([0-3][0-9])$")
_YM: Final = re.compile(r"([0-9]{4})[年\-/.]([0-9]{1,2})(?:月份?)?$")
_YEAR: Final = re.compile(r"([12][0-9]{3})年?$")
_MONTH_NAMES: Final = {name.lower(): i for i, name in enumerate(calendar.month_name) if name} | {
    name.lower(): i for i, name in enumerate(calendar.month_abbr) if name
}
_ENGLISH: Final = re.compile(
    r"(?:([a-z]{3,9})\.? ?([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})|([0-9]{1,2})(?:st|nd|rd|th)? ([a-z]{3,9}),? ([0-9]{4})|([a-z]{3,9}),? ([0-9]{4}))$"
)


def days(text: str, today: date) -> Days | None:
    """The days `text` means, or None. 7月23日 without a year is not guessed."""
    text = text.strip().casefold()
    relative = _relative(text, today)
    if relative is not None:
        return relative
    try:
        return _absolute(text)
    except ValueError:  # 2024-02-31
        return None


def _absolute(text: str) -> Days | None:
    for pattern in (_YMD, _COMPACT):
        match = pattern.match(text)
        if match:
            day = date(*map(int, match.groups()))
            return Days(day, day)
    match = _YM.match(text)
    if match:
        return _month(int(match.group(1)), int(match.group(2)))
    match = _YEAR.match(text)
    if match:
        year = int(match.group(1))
        return Days(date(year, 1, 1), date(year, 12, 31))
    return _english(text)


def _english(text: str) -> Days | None:
    match = _ENGLISH.match(text)
    if match is None:
        return None
    m1, d1, y1, d2, m2, y2, m3, y3 = match.groups()
    month = _MONTH_NAMES.get(m1 or m2 or m3)
    if month is None:
        return None
    if m3:
        return _month(int(y3), month)
    day = date(int(y1 or y2), month, int(d1 or d2))
    return Days(day, day)


def _month(year: int, month: int) -> Days:
    return Days(date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1]))


def _relative(text: str, today: date) -> Days | None:
    shift = {"今天": 0, "today": 0, "昨天": 1, "yesterday": 1, "前天": 2}.get(text)
    if shift is not None:
        return Days(today - timedelta(shift), today - timedelta(shift))
    monday = today - timedelta(today.weekday())
    weeks = {
        "本周": 0,
        "这周": 0,
        "this week": 0,
        "上周": 1,
        "上个?星期": 1,
        "last week": 1,
        "上上周": 2,
    }.get(text)
    if weeks is not None:
        start = monday - timedelta(7 * weeks)
        return Days(start, start + timedelta(6))
    months = {"本月": 0, "这个月": 0, "this month": 0, "上个月": 1, "上月": 1, "last month": 1}.get(text)
    if months is not None:
        index = today.year * 12 + today.month - 1 - months
        return _month(index // 12, index % 12 + 1)
    years = {"今年": 0, "this year": 0, "去年": 1, "last year": 1, "前年": 2}.get(text)
    if years is not None:
        return Days(date(today.year - years, 1, 1), date(today.year - years, 12, 31))
    return _recent(text, today)


def _recent(text: str, today: date) -> Days | None:
    match = re.match(
        r"(?:最近|近|过去)([0-9]{1,3}|[一二两三四五六七八九十]{1,3})(天|周|个月)$|(?:the )?(?:last|past) ([0-9]{1,3}) (days|weeks)$",
        text,
    )
    if match is None:
        return None
    count = number(match.group(1) or match.group(3))
    unit = {"天": 1, "周": 7, "个月": 30, "days": 1, "weeks": 7}[match.group(2) or match.group(4)]
    return Days(today - timedelta(int(count or 1) * unit - 1), today)
