"""Detection: a table as read from a file (texts, or native types where the format has them) to a typed one.

Every column becomes valid values plus sparse marks for the cells that are missing or invalid, and a schema with kind,
scale, separator and group. Nothing is lost: `raw` of a mark is what the file held. Columns are independent of one
another and are read on two threads; what was counted on the way is handed on for the profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl

from retort_core.cells import is_hidden
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.columns.coded import read_coded
from retort_tables.columns.groups import groups_of
from retort_tables.columns.kinds import Meaning, meaning, scale_of
from retort_tables.columns.natives import read_native
from retort_tables.columns.reading import Reading
from retort_tables.columns.tallies import sample
from retort_tables.columns.wide import read_wide
from retort_tables.dictionaries import encode, is_coded, plain
from retort_tables.layout import no_marks

THREADS = 2  # columns read at a time; each also uses the engine's own threads


@dataclass(frozen=True)
class Typed:
    """A version before its root is known. `marks.row_id` are row numbers counted from `first_row_id`.

    `readings` (by column id) spare `profile` from counting again.
    """

    table: pl.DataFrame
    marks: pl.DataFrame
    schema: Schema
    readings: Mapping[str, Reading]


def detect(
    table: pl.DataFrame,
    *,
    labels: Mapping[str, str] | None = None,
    groups: Mapping[str, str] | None = None,
    first_row_id: int = 0,
    drain: bool = False,
    coded: bool = False,
) -> Typed:
    """Type, mark and describe every column. `labels` and `groups` (by name) are what the file itself says.

    `drain` takes the columns out of `table` one by one, so that its memory is free before the next one is typed. `coded`
    leaves texts that come as a dictionary in it: a profile needs no more, and `plain` makes a stored column of one.
    """
    labels = labels or {}
    names = [name for name in table.columns if not is_hidden(name)]
    height = table.height
    waiting = {name: table.drop_in_place(name) if drain else table[name] for name in names}
    longest_first = sorted(names, key=lambda name: -_variety(waiting[name]))
    with ThreadPoolExecutor(THREADS) as pool:
        done = pool.map(lambda name: read_column(waiting.pop(name)), longest_first)
        read = dict(zip(longest_first, done, strict=True))
    readings = {name: read[name] for name in names}
    schema = _schema(readings, labels, groups or {})
    ids = {column.name: column.id for column in schema.columns}
    rows = pl.Series(np.arange(first_row_id, first_row_id + height, dtype=np.int64))
    marks = [
        reading.marked.frame(ids[name], rows)
        for name, reading in readings.items()
        if reading.marked is not None and len(reading.marked.rows)
    ]
    return Typed(
        table=pl.DataFrame(
            {name: readings[name].values if coded else plain(readings[name].values) for name in names}
        ),
        marks=pl.concat(marks) if marks else no_marks(),
        schema=schema,
        readings={ids[name]: reading for name, reading in readings.items()},
    )


def _variety(column: pl.Series) -> int:
    """How long a column takes grows with how many different texts it has."""
    return sample(column).n_unique() if column.dtype == pl.String else 0


def read_column(column: pl.Series) -> Reading:
    """Type one column; text that stands for other types is read, native types are mapped."""
    if column.dtype != pl.String and not is_coded(column):
        return read_native(column)
    dictionary = encode(column)
    if dictionary is not None:
        return read_coded(dictionary, column.name, column)
    return read_wide(plain(column), column.name)


def _schema(readings: Mapping[str, Reading], labels: Mapping[str, str], said: Mapping[str, str]) -> Schema:
    meanings = {name: meaning(reading, _words(name, labels)) for name, reading in readings.items()}
    found = groups_of([(name, meanings[name].kind, readings[name].target.dtype) for name in readings])
    groups = {**found, **{name: group for name, group in said.items() if group}}
    meanings = {name: _in_grid(name, groups, meanings, readings, labels) for name in readings}
    return Schema(
        columns=tuple(
            Column(
                id=f"c{at}",
                name=name,
                dtype=reading.target.dtype,
                kind=meanings[name].kind,
                label=labels.get(name, ""),
                digits=reading.target.digits,
                scale=meanings[name].scale,
                separator=meanings[name].separator,
                group=groups.get(name, ""),
            )
            for at, (name, reading) in enumerate(readings.items(), 1)
        )
    )


def _words(name: str, labels: Mapping[str, str]) -> str:
    return f"{name} {labels.get(name, '')}".strip()


def _in_grid(
    name: str,
    groups: Mapping[str, str],
    meanings: Mapping[str, Meaning],
    readings: Mapping[str, Reading],
    labels: Mapping[str, str],
) -> Meaning:
    """Neighbours of a grid answer on one scale: three and more columns of 1-5 are no towns."""
    own = meanings[name]
    group = groups.get(name)
    if not group or own.kind is not Kind.single or readings[name].target.dtype is not DType.integer:
        return own
    members = [other for other, of in groups.items() if of == group and other in readings]
    scales = [scale_of(readings[other].tally, _words(other, labels), hinted=True) for other in members]
    kept = [scale for scale in scales if scale is not None]
    if len(members) < 3 or len(kept) < 0.5 * len(members):
        return own
    usual = max(set(kept), key=kept.count)
    mine = scales[members.index(name)]
    return Meaning(Kind.scale, usual) if mine is not None and mine.max <= usual.max else own
