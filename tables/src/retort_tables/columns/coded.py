"""Reading a column of few distinct texts: each text once, by the reference rules, then a lookup for the rows."""

from __future__ import annotations

import numpy as np
import polars as pl

from retort_core.cells import CellState, Reason
from retort_core.missing import is_soft_token, missing_reason
from retort_core.profiles import DateForms
from retort_core.schema import DType
from retort_tables.columns.identity import is_id
from retort_tables.columns.reading import Marked, Reading, mark_counts
from retort_tables.columns.tallies import Tally, of_numbers, of_texts
from retort_tables.conversions import ERROR_CELLS, TEXT, Choice, Target, Value, choose, read_cell
from retort_tables.dictionaries import Dictionary
from retort_tables.layout import PHYSICAL

Said = tuple[CellState, str] | None  # why an entry is not valid


def read_coded(dictionary: Dictionary, name: str) -> Reading:
    """Type, values, marks and tally of the column."""
    texts, counts = dictionary.texts.to_list(), dictionary.counts.tolist()
    said: list[Said] = [_missing(text) for text in texts]
    answers = {t: n for t, n, why in zip(texts, counts, said, strict=True) if why is None}
    plain = {text: rows for text, rows in answers.items() if not is_soft_token(text)}
    choice = choose(plain, name)
    if choice.id_like or is_id(name, plain, dictionary.codes.len()):
        choice = Choice(TEXT, id_like=True)
    target = choice.target
    values = _values(texts, said, target)
    return Reading(
        values=dictionary.spread(values),
        target=target,
        tally=_tally(values, dictionary),
        counts=mark_counts(*_counted(texts, counts, said, dictionary.nulls)),
        marked=_marked(dictionary, said),
        dates=date_forms(choice),
        id_like=choice.id_like,
    )


def date_forms(choice: Choice) -> DateForms | None:
    dates = choice.dates
    if dates is None or choice.id_like:
        return None
    return DateForms(forms=dict(dates.forms), order=dates.order, ambiguous=dates.ambiguous)


def _missing(text: str) -> Said:
    if reason := missing_reason(text, free_text=True):
        return CellState.missing, reason.value
    if text[0] == "#" and text.strip().upper() in ERROR_CELLS:
        return CellState.invalid, "error"
    return None


def _values(texts: list[str], said: list[Said], target: Target) -> pl.Series:
    """Typed values of the entries; entries that do not convert are noted in `said`."""
    values: list[Value | None] = []
    for at, text in enumerate(texts):
        value = None if said[at] else read_cell(text, target)
        if value is None and said[at] is None:
            soft = is_soft_token(text)
            said[at] = (
                (CellState.missing, Reason.token.value) if soft else (CellState.invalid, "not converted")
            )
        values.append(value)
    return series(values, target)


def series(values: list[Value | None], target: Target) -> pl.Series:
    dtype = pl.Decimal(38, target.digits) if target.dtype is DType.decimal else PHYSICAL[target.dtype]
    return pl.Series(values, dtype=dtype, strict=True)


def _tally(values: pl.Series, dictionary: Dictionary) -> Tally:
    valid = values.is_not_null()
    kept, counts = values.filter(valid), dictionary.counts[valid.to_numpy()]
    return of_texts(kept, counts) if kept.dtype in (pl.String, pl.Boolean) else of_numbers(kept, counts)


def _counted(
    texts: list[str], counts: list[int], said: list[Said], nulls: int
) -> tuple[dict[str, int], dict[str, int]]:
    missing: dict[str, int] = {Reason.empty.value: nulls} if nulls else {}
    invalid: dict[str, int] = {}
    for text, rows, why in zip(texts, counts, said, strict=True):
        if why and why[0] is CellState.missing:
            missing[why[1]] = missing.get(why[1], 0) + rows
        elif why:
            invalid[text] = rows
    return missing, invalid


def _marked(dictionary: Dictionary, said: list[Said]) -> Marked | None:
    """Marks from the entries; the code behind the last one stands for null cells."""
    bad = np.fromiter((why is not None for why in [*said, (CellState.missing, "")]), bool, len(said) + 1)
    if not dictionary.nulls and not bad[:-1].any():
        return None
    codes = dictionary.codes.fill_null(len(said)).to_numpy()
    rows = np.flatnonzero(bad[codes])
    entries: list[Said] = [*said, (CellState.missing, Reason.empty.value)]
    picked = pl.Series(codes[rows])
    states = pl.Series([why[0].value if why else None for why in entries], dtype=pl.String)
    reasons = pl.Series([why[1] if why else None for why in entries], dtype=pl.String)
    raws = pl.concat([dictionary.texts, pl.Series([None], dtype=pl.String)])
    return Marked(rows, states.gather(picked), reasons.gather(picked), raws.gather(picked))
