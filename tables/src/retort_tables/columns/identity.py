"""Is a column an id? Ids keep their text (leading zeros, all digits) and are never averaged.

Evidence, strongest first: digits that are a name (leading zeros, see `conversions.leading_zeros`), a name such as
用户ID or order_no with mostly different values, numbers of 11 and more digits, a row counter, unique machine codes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from retort_core.numerals import FRACTION, INTEGER
from retort_tables.columns import hints

_INTEGER = re.compile(INTEGER)
_MACHINE: Final = re.compile(r"^(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9_\-:.]{1,63}$")
_FRACTION: Final = re.compile(FRACTION)
_NUMERAL: Final = re.compile(r"^[0-9][0-9.:\-]+$")
LONG: Final = 11  # digits of a Chinese mobile number: no quantity of a survey has as many
COUNTER_ROWS: Final = 20  # a shorter run of 1, 2, 3... may be anything


def is_id(name: str, texts: Mapping[str, int], rows: int) -> bool:
    """Judged on all distinct texts that are not missing."""
    filled = sum(texts.values())
    integers = sum(1 for text in texts if _INTEGER.match(text))
    return judged(
        name,
        filled=filled,
        distinct=len(texts),
        sample=texts,
        counter=integers == len(texts) and _is_counter(texts, filled, rows),
    )


def judged(name: str, *, filled: int, distinct: int, sample: Collection[str], counter: bool) -> bool:
    """`sample`: distinct texts, all of them or enough to see their form."""
    if not filled or distinct < 2 or hints.DATE.search(name) or hints.DURATION.search(name):
        return False
    mostly_different = distinct >= 0.5 * filled
    integers = sum(1 for text in sample if _INTEGER.match(text))
    machine = sum(1 for text in sample if _MACHINE.match(text) and not _FRACTION.match(text))
    if hints.ID.search(name) and (mostly_different or distinct > 200):
        return integers + machine >= 0.9 * len(sample)
    if counter and not any(hint.search(name) for hint in (hints.AGE, hints.SCALE, hints.MONEY, hints.WEIGHT)):
        return True
    if integers >= 0.9 * len(sample):
        return mostly_different and sum(len(text) >= LONG for text in sample) >= 0.9 * len(sample)
    numerals = sum(1 for text in sample if _NUMERAL.match(text) and not _FRACTION.match(text))
    return distinct >= 0.98 * filled and filled >= COUNTER_ROWS and machine - numerals >= 0.98 * len(sample)


def _is_counter(texts: Mapping[str, int], filled: int, rows: int) -> bool:
    """0 or 1, 2, 3, ... one for every row."""
    if filled != rows or len(texts) != rows or rows < COUNTER_ROWS:
        return False
    numbers = [int(text) for text in texts]
    return min(numbers) in (0, 1) and max(numbers) - min(numbers) == rows - 1
