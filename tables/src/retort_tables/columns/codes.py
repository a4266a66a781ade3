"""Codes that look like a missing answer. They are only proposed: until a person declares one it is a valid number.

Proposed are usual codes that stand clearly apart from the ordinary answers: outside the scale, behind its end, or
round nines. A value within reach of the ordinary ones is ordinary, such as an age of 98.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from retort_core.missing import is_soft_token
from retort_core.profiles import ProposedCode
from retort_core.schema import Kind, Scale
from retort_tables.columns.tallies import Counts, Keys, Tally

POSITIVE: Final = (
    *(7, 8, 9, 88, 96, 97, 98, 99, 996, 997, 998, 999, 9996, 9997, 9998, 9999, 99998, 99999, 999999),
)  # fmt: skip
NEGATIVE: Final = (-1, -2, -3, -7, -8, -9, -77, -88, -97, -98, -99, -997, -998, -999, -9998, -9999, -99999)
_NINES: Final = frozenset({99, 999, 9999, 99999, 999999, -9, -99, -999, -9999, -99999})
_WORDS: Final = frozenset({"不知道", "不清楚", "拒答", "拒绝回答", "不适用", "说不清", "don't know", "refused", "not applicable", "dk"})  # fmt: skip
_CODED: Final = (Kind.scale, Kind.single, Kind.numeric)


def proposed_codes(
    tally: Tally, kind: Kind, scale: Scale | None, *, integers: bool, declared: frozenset[str] = frozenset()
) -> tuple[ProposedCode, ...]:
    """Codes of a column with their counts, most frequent first; declared ones need no proposal."""
    if integers and kind in _CODED and tally.keys is not None:
        found = _numbers(tally.keys, tally.counts, kind, scale)
    elif tally.texts is not None and kind in (Kind.text, Kind.single):
        found = _words(tally)
    else:
        return ()
    found = [code for code in found if code.value not in declared]
    return tuple(sorted(found, key=lambda code: (-code.count, code.value)))


def usual(keys: Keys) -> NDArray[np.bool_]:
    """Which of the values are usual codes."""
    return np.isin(keys, (*POSITIVE, *NEGATIVE))


def _numbers(keys: Keys, counts: Counts, kind: Kind, scale: Scale | None) -> list[ProposedCode]:
    candidates = usual(keys)
    if scale is not None:
        candidates &= (keys < scale.min) | (keys > scale.max)
        ordinary = np.array([scale.min, scale.max])
    else:
        ordinary = _ordinary(keys, candidates)
    if not ordinary.size:
        return []
    low, high = int(ordinary.min()), int(ordinary.max())
    found = []
    for at in np.flatnonzero(candidates):
        value = int(keys[at])
        if _apart(value, low, high, kind):
            why = _why(value, scale)
            found.append(ProposedCode(value=str(value), count=int(counts[at]), why=why))
    return found


def _ordinary(keys: Keys, candidates: NDArray[np.bool_]) -> Keys:
    """Values that are no usual code; 7, 8 and 9 join them where they continue the run of answers."""
    ordinary: Keys = keys[~candidates]
    for small in (7, 8, 9):
        if ordinary.size and small in keys and small - ordinary.max() == 1:
            ordinary = np.append(ordinary, small)
    return ordinary


def _apart(value: int, low: int, high: int, kind: Kind) -> bool:
    if value < 0:
        return low >= 0 and (value < -10 or kind is not Kind.numeric)
    if value < 10:
        return kind is not Kind.numeric and high <= 6 and value - high >= 2
    return value >= max(2 * high, high + 10)


def _why(value: int, scale: Scale | None) -> str:
    if scale is not None:
        return "outside the scale"
    return "round nines" if value in _NINES else "behind the last answer"


def _words(tally: Tally) -> list[ProposedCode]:
    if tally.texts is None:
        return []
    pairs = zip(tally.texts.to_list(), tally.counts.tolist(), strict=True)
    return [
        ProposedCode(value=text, count=count, why="a word for no answer")
        for text, count in pairs
        if isinstance(text, str) and (is_soft_token(text) or text.strip().casefold() in _WORDS)
    ]
