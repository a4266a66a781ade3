"""Reading a column of few distinct texts: each text once, by the reference rules, then a lookup for the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import polars as pl

from retort_core.cells import CellState, Reason
from retort_core.missing import is_soft_token, missing_reason
from retort_core.profiles import DateForms
from retort_core.schema import DType
from retort_tables.columns.identity import is_id
from retort_tables.columns.reading import MarkCounts, Marked, Reading, mark_counts
from retort_tables.columns.tallies import Tally, of_numbers, of_texts
from retort_tables.conversions import ERROR_CELLS, TEXT, Choice, Target, Value, choose, read_cell
from retort_tables.dictionaries import Dictionary, is_coded
from retort_tables.layout import PHYSICAL

Said: TypeAlias = tuple[CellState, str] | None  # why an entry is not valid

NOT_READ: Final = "not converted"
_ERROR: Final = "error cell"
_ID_TYPES: Final = (DType.text, DType.integer, DType.number)


@dataclass(frozen=True)
class Settled:
    """Every entry of a dictionary decided: its typed value, or why it has none."""

    dictionary: Dictionary
    values: pl.Series  # per entry
    said: list[Said]

    @property
    def marked(self) -> Marked | None:
        return _marked(self.dictionary, self.said)

    @property
    def counts(self) -> MarkCounts:
        return _counted(self.dictionary, self.said)

    @property
    def tally(self) -> Tally:
        return _tally(self.values, self.dictionary)

    def spread(self) -> pl.Series:
        return self.dictionary.spread(self.values)


def read_coded(dictionary: Dictionary, name: str, column: pl.Series | None = None) -> Reading:
    """Type, values, marks and tally of the column; `column` itself, text or coded, stands for its values where it is all valid text."""
    choice = decide(dictionary.items(), name, dictionary.codes.len())
    settled = settle(dictionary, choice.target)
    return Reading(
        values=_values(settled, choice.target, column),
        target=choice.target,
        tally=settled.tally,
        counts=settled.counts,
        marked=settled.marked,
        dates=date_forms(choice),
        id_like=choice.id_like,
    )


def _values(settled: Settled, target: Target, column: pl.Series | None) -> pl.Series:
    if column is None or target is not TEXT:
        return settled.spread()
    if not any(settled.said):
        return column
    if is_coded(column) and settled.dictionary.coded is not None:
        return settled.dictionary.kept(settled.values.is_not_null().to_numpy()).alias(column.name)
    return settled.spread()


def decide(entries: list[tuple[str, int]], name: str, rows: int) -> Choice:
    """Type of a column from its distinct texts, in whatever order they come. 没有 counts neither for nor against a type."""
    plain = {text: n for text, n in sorted(entries) if _missing(text) is None and not is_soft_token(text)}
    choice = choose(plain, name)
    if choice.id_like or (choice.target.dtype in _ID_TYPES and is_id(name, plain, rows)):
        return Choice(TEXT, id_like=True)
    return choice


def settle(dictionary: Dictionary, target: Target) -> Settled:
    """Decide every entry under a target."""
    values: list[Value | None] = []
    said: list[Said] = []
    for text in dictionary.texts:
        why = _missing(text)
        value = None if why else read_cell(text, target)
        if target.dtype is not DType.text and is_soft_token(text):
            value, why = None, (CellState.missing, Reason.token.value)
        values.append(value)
        said.append((CellState.invalid, NOT_READ) if value is None and why is None else why)
    return Settled(dictionary, series(values, target), said)


def date_forms(choice: Choice) -> DateForms | None:
    dates = choice.dates
    if dates is None or choice.id_like:
        return None
    return DateForms(forms=dict(dates.forms), order=dates.order, ambiguous=dates.ambiguous)


def _missing(text: str) -> Said:
    if reason := missing_reason(text, free_text=True):
        return CellState.missing, reason.value
    if text[0] == "#" and text.strip().upper() in ERROR_CELLS:
        return CellState.invalid, _ERROR
    return None


def series(values: list[Value | None], target: Target) -> pl.Series:
    dtype = pl.Decimal(38, target.digits) if target.dtype is DType.decimal else PHYSICAL[target.dtype]
    return pl.Series(values, dtype=dtype, strict=True)


def _tally(values: pl.Series, dictionary: Dictionary) -> Tally:
    valid = values.is_not_null()
    kept, counts = values.filter(valid), dictionary.counts[valid.to_numpy()]
    return of_texts(kept, counts) if kept.dtype in (pl.String, pl.Boolean) else of_numbers(kept, counts)


def _counted(dictionary: Dictionary, said: list[Said]) -> MarkCounts:
    missing: dict[str, int] = {Reason.empty.value: dictionary.nulls} if dictionary.nulls else {}
    invalid: dict[str, int] = {}
    for (text, rows), why in zip(dictionary.items(), said, strict=True):
        if why and why[0] is CellState.missing:
            missing[why[1]] = missing.get(why[1], 0) + rows
        elif why:
            invalid[text] = rows
    return mark_counts(missing, invalid)


def _marked(dictionary: Dictionary, said: list[Said]) -> Marked | None:
    """Marks from the entries; the code behind the last one stands for null cells."""
    bad = np.fromiter((why is not None for why in [*said, (CellState.missing, "")]), bool, len(said) + 1)
    if not dictionary.nulls and not bad[:-1].any():
        return None
    if not bad[:-1].any():
        return _empty_cells(dictionary)
    rows = np.flatnonzero(bad.take(dictionary.places))
    entries: list[Said] = [*said, (CellState.missing, Reason.empty.value)]
    picked = pl.Series(dictionary.places.take(rows))
    states = pl.Series([why[0].value if why else None for why in entries], dtype=pl.String)
    reasons = pl.Series([why[1] if why else None for why in entries], dtype=pl.String)
    raws = pl.concat([dictionary.texts, pl.Series([None], dtype=pl.String)])
    return Marked(rows, states.gather(picked), reasons.gather(picked), raws.gather(picked))


def _empty_cells(dictionary: Dictionary) -> Marked:
    rows = dictionary.codes.is_null().arg_true().to_numpy().astype(np.int64)

    def alike(text: str | None) -> pl.Series:
        return pl.repeat(text, rows.size, dtype=pl.String, eager=True)

    return Marked(rows, alike(CellState.missing.value), alike(Reason.empty.value), alike(None))
