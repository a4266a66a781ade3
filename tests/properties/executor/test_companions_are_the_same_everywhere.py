"""A worker puts raw texts beside their columns as an export does: what runs inside the product runs outside of it."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.schema import Column, DType, Kind, Schema
from retort_executor.companions import with_companions as in_worker
from retort_tables.exports import with_companions as in_export
from retort_tables.layout import MARKS_SCHEMA
from retort_tables.snapshots.port import Snapshot

SCHEMA = Schema(
    columns=tuple(
        Column(id=f"c{number}", name=name, dtype=DType.integer, kind=Kind.numeric)
        for number, name in enumerate(["a", "b", "c"])
    )
)
ROWS = 8
CELLS = st.dictionaries(
    st.tuples(st.integers(0, ROWS - 1), st.sampled_from(["c0", "c1", "c2"])),
    st.tuples(st.sampled_from(["missing", "invalid"]), st.none() | st.sampled_from(["x", "", "十"])),
)


@settings(deadline=None)
@given(CELLS, st.permutations(range(ROWS)))
def test_companions_of_any_marks_in_any_order_of_rows(
    cells: dict[tuple[int, str], tuple[str, str | None]], order: list[int]
) -> None:
    table = pl.DataFrame(
        {
            "__row_id": order,
            **{
                column.name: [None if (row, column.id) in cells else row for row in order]
                for column in SCHEMA.columns
            },
        },
        schema={"__row_id": pl.Int64, "a": pl.Int64, "b": pl.Int64, "c": pl.Int64},
    )
    marks = pl.DataFrame(
        [(row, column, state, "", raw) for (row, column), (state, raw) in sorted(cells.items())],
        schema=dict(MARKS_SCHEMA),
        orient="row",
    )
    snapshot = Snapshot(root="", schema=SCHEMA, table=table, marks=marks, next_row_id=ROWS, total=ROWS)
    columns = {column.name: column.id for column in SCHEMA.columns}
    assert in_worker(table, marks, columns).equals(in_export(snapshot))
