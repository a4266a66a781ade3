"""Which columns of a text table are read as dictionaries: those of few distinct texts, judged by the first rows.

A survey's answers repeat. Read as a dictionary, a cell is a number of four bytes instead of a text of sixteen and
more, and all that comes later looks at each distinct text once. The first rows only decide the way: a column whose
texts turn out to be many is given as text all the same.
"""

from __future__ import annotations

import io
from typing import Final

import polars as pl

from retort_executor.categories import is_coded, size

SAMPLE: Final = 1 << 20  # bytes of rows that are judged
LEAST_ROWS: Final = 1_000  # fewer say nothing about what repeats
SHARE: Final = 0.45  # of distinct texts among them, at most: 8,000 rows with so many have 5,000 in the end
MOST: Final = 5_000  # distinct texts of a dictionary, as in retort_tables.dictionaries


def columns_to_code(head: bytes, width: int, delimiter: str, quote: str) -> frozenset[int]:
    """`head`: the first rows of data, uncut at their end."""
    rows = head[: head.rfind(b"\n") + 1]
    try:
        table = pl.read_csv(
            io.BytesIO(rows),
            has_header=False,
            schema={str(index): pl.String for index in range(width)},
            separator=delimiter,
            quote_char=quote or None,
        )
    except (pl.exceptions.PolarsError, OSError):  # also rows that begin like a compressed file
        return frozenset()
    if table.height < LEAST_ROWS:
        return frozenset()
    distinct = table.select(pl.all().n_unique()).row(0)
    return frozenset(at for at, found in enumerate(distinct) if found <= SHARE * table.height)


def dictionary() -> pl.Categorical:
    """A type with categories of its own: one shared table of texts would make every column search them all."""
    return pl.Categorical(pl.Categories.random())


def settled(table: pl.DataFrame) -> pl.DataFrame:
    """With columns of too many distinct texts as text again."""
    many = [column.name for column in table.get_columns() if is_coded(column) and size(column) > MOST]
    return table.with_columns(pl.col(many).cast(pl.String)) if many else table
