"""Reading a column of many distinct texts: the usual forms by vectorised patterns, the rest text by text.

The patterns accept a subset of what the reference rules (`conversions`) accept and give the same values; every cell
they do not accept is a *leftover*, decided by the reference rules once per distinct text. So both ways of reading
give the same column, which a property holds. A sample only decides what is tried first.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retort_core.cells import MISSING_TOKENS
from retort_core.dateforms import form_of
from retort_core.missing import LONGEST_TOKEN, missing_reason
from retort_core.numerals import GROUPED, looks_like_id, number_text
from retort_core.profiles import DateForms
from retort_core.schema import DType
from retort_tables.columns.coded import Settled, date_forms, decide, read_coded, settle
from retort_tables.columns.identity import judged
from retort_tables.columns.moments import Moments, durations
from retort_tables.columns.reading import Marked, Reading, mark_counts
from retort_tables.columns.tallies import Tally, decimals, digits_of, of_digits, sample, tally
from retort_tables.conversions import SHARE, TEXT, Choice, Shapes, Target
from retort_tables.dictionaries import Dictionary, encode

Entries: TypeAlias = list[tuple[str, int]]  # texts of the sample with counts

WORTH_TRYING: Final = 0.6
_PLAIN: Final = r"^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?$"
_DIGITS: Final = 17  # identify a double
_PLAIN_BYTES: Final = _DIGITS + 1  # with a point
_LONGEST_FRACTION: Final = 9
DECIDING: Final = 500  # cells that say what a column of many texts is; all of them have to agree afterwards
_NO_LIMIT: Final = 1 << 62
# Characters of tokens and everything that half/full width and case make of them: a cell of anything else is an answer.
_LETTERS = "".join(sorted({c for token in MISSING_TOKENS for c in token + token.upper()}))
_COMPATIBLE = (
    r"\x{00a0}-\x{00be}\x{02b0}-\x{02ff}\x{1d00}-\x{1dbf}\x{2000}-\x{24ff}\x{2e80}-\x{33ff}\x{f900}-\x{ffff}"
)
TOKEN: Final = rf"^[\s#{re.escape(_LETTERS)}{_COMPATIBLE}\x{{1d400}}-\x{{1f2ff}}]{{0,{LONGEST_TOKEN}}}$"
ERROR: Final = r"^\s*#[A-Za-z/0-9]+[!?]\s*$"


@dataclass(frozen=True)
class Leftovers:
    """Rows that the patterns do not accept, with the dictionary of their texts."""

    rows: NDArray[np.int64]
    dictionary: Dictionary

    @classmethod
    def of(cls, column: pl.Series, accepted: pl.Series) -> Leftovers:
        rows = np.flatnonzero(~accepted.fill_null(value=False).to_numpy())
        dictionary = encode(column.gather(rows), limit=_NO_LIMIT)
        if dictionary is None:  # no limit was given
            raise AssertionError
        return cls(rows, dictionary)

    def settle(self, target: Target) -> Settled:
        return settle(self.dictionary, target)

    def marked(self, settled: Settled) -> Marked | None:
        found = settled.marked
        return (
            None if found is None else Marked(self.rows[found.rows], found.states, found.reasons, found.raws)
        )

    def into(self, values: pl.Series, settled: Settled) -> pl.Series:
        """`values` with the leftovers in their places."""
        return values.scatter(self.rows, settled.spread()) if self.rows.size else values


def read_wide(column: pl.Series, name: str) -> Reading:
    """Type, values, marks and tally of the column."""
    seen = sample(column).head(DECIDING)
    entries = [(str(text), int(rows)) for text, rows in seen.drop_nulls().value_counts().rows()]
    choice = decide(entries, name, -1)
    if _counts_rows(column, choice):
        choice = Choice(TEXT, id_like=True)
    if not choice.id_like:
        found = _typed(column, name, choice, entries)
        if found is not None:
            return found
    return read_text(column, name, choice)


def read_text(column: pl.Series, name: str, choice: Choice) -> Reading:
    """As text: only missing tokens and error cells are taken out."""
    ids = None if column.null_count() else digits_of(column)
    if ids is not None:
        counted = of_digits(column, ids)
        id_like = choice.id_like or _is_id(name, counted, column)
        return Reading(column, TEXT, counted, mark_counts({}, {}), id_like=id_like)
    accepted = ~(column.str.contains(TOKEN) | column.str.contains(ERROR))
    leftovers = Leftovers.of(column, accepted)
    settled = leftovers.settle(TEXT)
    values = leftovers.into(column, settled) if settled.values.null_count() else column
    counted = tally(values)
    return Reading(
        values=values,
        target=TEXT,
        tally=counted,
        counts=settled.counts,
        marked=leftovers.marked(settled),
        dates=date_forms(choice) if choice.target.dtype is DType.text else None,
        id_like=choice.id_like or _is_id(name, counted, values),
    )


def _is_id(name: str, counted: Tally, values: pl.Series) -> bool:
    texts = sample(values.drop_nulls()).head(DECIDING).unique().to_list()
    return judged(name, filled=counted.rows, distinct=counted.distinct, sample=texts, counter=False)


def _counts_rows(column: pl.Series, choice: Choice) -> bool:
    """0 or 1, 2, 3, ... one for every row."""
    if choice.target.dtype is not DType.integer:
        return False
    numbers = column.cast(pl.Int64, strict=False)
    if numbers.null_count() or numbers.min() not in (0, 1):
        return False
    keys = numbers.to_numpy()
    return int(keys.max()) - int(keys.min()) == keys.size - 1 and np.unique(keys).size == keys.size


def _typed(column: pl.Series, name: str, choice: Choice, entries: Entries) -> Reading | None:
    """The column as another type than text, when nearly all of its cells agree."""
    numbers = sum(rows for text, rows in entries if number_text(text))
    if choice.target.dtype.temporal or choice.dates is not None:
        return read_dates(column) or _by_reference(column, name)
    if choice.target.dtype.numeric or numbers >= WORTH_TRYING * sum(rows for _, rows in entries) > 0:
        return _numbers(column, name, entries)
    if choice.target.dtype is DType.duration:
        return _assembled(column, *durations(column), Target(DType.duration))
    return None


def _assembled(
    column: pl.Series, values: pl.Series, accepted: pl.Series, target: Target, dates: DateForms | None = None
) -> Reading | None:
    """The reading of `values` and the settled leftovers; None when too few cells convert."""
    leftovers = Leftovers.of(column, accepted)
    settled = leftovers.settle(target)
    whole, counts = leftovers.into(values, settled), settled.counts
    if whole.len() - whole.null_count() < SHARE * (column.len() - counts.missing):
        return None
    return Reading(whole, target, tally(whole), counts, leftovers.marked(settled), dates)


def _numbers(column: pl.Series, name: str, entries: Entries) -> Reading | None:
    text = _ungrouped(column, entries)
    found = _alike(text, entries) or _of_all_forms(text, entries)
    leftovers = Leftovers.of(column, found.accepted)
    shapes = found.shapes
    for entry, rows in leftovers.dictionary.items():
        if looks_like_id(entry):
            return _by_reference(column, name)
        if (number := number_text(entry)) and not missing_reason(entry):
            shapes.add(*number, rows)
    target = shapes.target(name)
    values = _converted(text, target, all_whole=not shapes.decimals)
    return _assembled(column, values, found.accepted, target)


def _ungrouped(column: pl.Series, entries: Entries) -> pl.Series:
    """Texts without well-formed thousands separators."""
    if not any(re.match(GROUPED, entry) for entry, _ in entries):
        return column
    bare = column.str.replace_all(",", "", literal=True)
    return bare.zip_with(column.str.contains(GROUPED) | ~column.str.contains(",", literal=True), column)


@dataclass(frozen=True)
class _Found:
    """Cells that the patterns accept, and the forms of their numbers."""

    accepted: pl.Series
    shapes: Shapes


def _alike(text: pl.Series, entries: Entries) -> _Found | None:
    """Numbers that all have as many decimals: one pattern says everything."""
    digits = {len(entry.partition(".")[2]) for entry, _ in entries if re.match(_PLAIN, entry)}
    if len(digits) != 1 or (most := digits.pop()) > _LONGEST_FRACTION:
        return None
    whole = rf"^-?(?:0|[1-9][0-9]{{0,{min(15, _DIGITS - most) - 1}}})"
    accepted = text.str.contains(whole + (rf"\.[0-9]{{{most}}}$" if most else "$"))
    total = int(accepted.sum())
    if total < WORTH_TRYING * text.len():
        return None
    shapes = Shapes(integers=0 if most else total)
    if most:
        shapes.decimals[most] = total
        shapes.zero_fractions = most == 1 and int((accepted & text.str.ends_with(".0")).sum()) == total
    return _Found(accepted, shapes)


def _of_all_forms(text: pl.Series, entries: Entries) -> _Found:
    """Any plain numbers. Decimals are counted only where they may all be alike."""
    accepted = text.str.contains(_PLAIN) & (text.str.len_bytes() <= _PLAIN_BYTES)
    whole = text.cast(pl.Int64, strict=False)
    integers = int((whole.is_not_null() & accepted).sum())
    shapes = Shapes(integers=integers)
    fractions = int(accepted.sum()) - integers
    if fractions:
        usual = Counter(len(entry.partition(".")[2]) for entry, _ in entries if "." in entry).most_common(1)
        digits = usual[0][0] if usual else 1
        alike = int((accepted & text.str.contains(rf"\.[0-9]{{{digits}}}$")).sum())
        shapes.decimals.update({digits: alike} if alike else {})
        shapes.decimals.update({-1: fractions - alike} if alike < fractions else {})
        zeros = digits == 1 and int((accepted & text.str.ends_with(".0")).sum()) == fractions
        shapes.zero_fractions = zeros
    return _Found(accepted, shapes)


def _converted(text: pl.Series, target: Target, *, all_whole: bool) -> pl.Series:
    if target.dtype is DType.integer and all_whole:
        return text.cast(pl.Int64, strict=False)
    numbers = text.cast(pl.Float64, strict=False)
    if target.dtype is DType.integer:
        return numbers.cast(pl.Int64, strict=False)
    if target.dtype is DType.decimal:
        # At most 17 digits: the nearest double times 10^digits is within half a unit of the whole number below 2^52.
        valid = numbers.is_not_null().to_numpy()
        unscaled = np.rint(numbers.fill_null(0.0).to_numpy() * 10**target.digits)
        if np.abs(unscaled).max(initial=0) < 1 << 51:
            return decimals(unscaled.astype(np.int64), target.digits, valid)
        return text.cast(pl.Decimal(38, target.digits), strict=False)
    return numbers


def read_dates(column: pl.Series) -> Reading | None:
    """Dates of plain cases; None when the reference rules must look at every text."""
    found = Moments.of(column)
    if found is None:
        return None
    reading = _assembled(column, found.values, found.accepted, found.target, found.forms)
    if reading is None or any(form_of(text) for text, _ in reading.counts.invalid_values):
        return None
    late = reading.tally.rows > int(found.accepted.sum())
    return None if late else reading


def _by_reference(column: pl.Series, name: str) -> Reading:
    """Every distinct text by the rules: microseconds each, for columns that put a question to a person."""
    dictionary = encode(column, limit=_NO_LIMIT)
    if dictionary is None:  # no limit was given
        raise AssertionError
    return read_coded(dictionary, name)
