"""What a typed column means to a survey desk: from its values first, its name and label second.

Detection prefers the harmless mistake: a scale that is called numeric loses a suggestion, a quantity that is called
an id would lose its statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from retort_core.schema import DType, Kind, Scale
from retort_tables.columns import hints
from retort_tables.columns.codes import usual
from retort_tables.columns.multi import separator_of
from retort_tables.columns.reading import Reading
from retort_tables.columns.tallies import Counts, Keys, Tally

# Shortest first: 1-5 is tried before 0-10, which also holds every value of it.
SCALES: Final = ((1, 3), (1, 4), (1, 5), (0, 5), (1, 6), (1, 7), (1, 9), (1, 10), (0, 10))
SCALES_BY_THEMSELVES: Final = ((0, 10),)
_CORE: Final = 0.95  # of cells that are no usual code, within the scale
_STRAYS: Final = 2  # values outside a scale that only its values suggest
_SINGLE_CODES: Final = 30
_SINGLE_TEXTS: Final = 60


@dataclass(frozen=True)
class Meaning:
    kind: Kind
    scale: Scale | None = None
    separator: str = ""


def meaning(reading: Reading, words: str) -> Meaning:
    """`words`: name and label of the column."""
    dtype = reading.target.dtype
    if reading.id_like:
        return Meaning(Kind.id)
    if dtype.temporal or (reading.dates is not None and dtype is DType.text):
        return Meaning(Kind.date)
    if dtype is DType.duration:
        return Meaning(Kind.duration)
    if dtype is DType.boolean:
        return Meaning(Kind.single)
    return _of_numbers(reading, words) if dtype.numeric else _of_texts(reading.tally, words)


def _of_numbers(reading: Reading, words: str) -> Meaning:
    tally = reading.tally
    if is_weight(tally, words, reading.target.dtype):
        return Meaning(Kind.weight)
    if hints.DURATION.search(words) and tally.distinct > _SINGLE_CODES:
        return Meaning(Kind.duration)
    if reading.target.dtype is not DType.integer or tally.keys is None or hints.AGE.search(words):
        return Meaning(Kind.numeric)
    if scale := scale_of(tally, words):
        return Meaning(Kind.scale, scale)
    core = tally.keys[~usual(tally.keys)]
    coded = tally.distinct <= _SINGLE_CODES and core.size and core.min() >= 0 and core.max() <= 99
    return Meaning(Kind.single if coded and _repeated(tally) else Kind.numeric)


def scale_of(tally: Tally, words: str, *, hinted: bool = False) -> Scale | None:
    """The answer scale of whole numbers, despite some values outside it and codes such as 98.

    0-10 shows itself when nearly all its points are used; the shorter ones need a word or neighbours of a grid,
    because 1-5 may as well be five towns.
    """
    if tally.keys is None or not tally.distinct or not _repeated(tally):
        return None
    plain = ~usual(tally.keys) | ((tally.keys >= 0) & (tally.keys <= 10))
    keys, counts = tally.keys[plain], tally.counts[plain]
    hinted = hinted or bool(hints.SCALE.search(words))
    for low, high in SCALES if hinted else SCALES_BY_THEMSELVES:
        if (low, high) == (1, 10) and hints.NPS.search(words):
            continue
        inside = (keys >= low) & (keys <= high)
        used = keys[inside]
        if _continues(keys, counts, low, high) or (not hinted and (~inside).sum() > _STRAYS):
            continue
        enough = used.size >= (0.6 if hinted else 0.9) * (high - low + 1)
        if enough and used.max() == high and counts[inside].sum() >= _CORE * counts.sum():
            return Scale(min=low, max=high)
    return None


def _continues(keys: Keys, counts: Counts, low: int, high: int) -> bool:
    """Whether answers go on beyond the ends: more 6s than slips on 1-5, or any share of 0s below 1."""
    total = counts.sum()
    below, above = counts[keys == low - 1].sum(), counts[keys == high + 1].sum()
    slips = (
        0 if high == 10 else 0.001 * total
    )  # one 0 tells 0-10 from 1-10; calling it a slip would cost an answer
    return bool((low == 1 and below > slips) or above > 0.02 * total)


def is_weight(tally: Tally, words: str, dtype: DType) -> bool:
    """Positive numbers around one, or a name that says so and no negative value."""
    if tally.keys is None or not tally.rows or dtype is DType.decimal:
        return False
    low, mean = float(tally.keys[0]), float(np.average(tally.keys, weights=tally.counts))
    if hints.WEIGHT.search(words):
        return low >= 0 and (dtype is DType.number or mean < 100) and not hints.AGE.search(words)
    fine = (
        dtype is DType.number and tally.distinct > 30 and np.mean(tally.keys != np.round(tally.keys, 2)) > 0.5
    )
    return bool(fine and low > 0 and abs(mean - 1) < 0.02 and float(tally.keys[-1]) <= 30)


def _of_texts(tally: Tally, words: str) -> Meaning:
    if tally.texts is None or not tally.rows:
        return Meaning(Kind.text)
    texts = dict(zip(tally.texts.to_list(), tally.counts.tolist(), strict=True))
    if tally.complete and (separator := separator_of(texts)):
        return Meaning(Kind.multi, separator=separator)
    length = sum(len(text) * rows for text, rows in texts.items()) / max(1, sum(texts.values()))
    if hints.OPEN.search(words) and (length > 4 or tally.distinct > 12 or tally.distinct < 2):
        return Meaning(Kind.text)
    few = tally.distinct <= _SINGLE_TEXTS or (tally.complete and tally.distinct * 50 <= tally.rows)
    return Meaning(Kind.single if few and _repeated(tally) and length <= 30 else Kind.text)


def _repeated(tally: Tally) -> bool:
    """Answers that come again: twice as many cells as values (a handful of values needs less)."""
    return tally.rows >= 2 * tally.distinct or tally.distinct <= 3
