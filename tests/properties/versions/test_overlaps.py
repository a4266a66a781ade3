"""Two changes of one version: where they meet is what a plain model of cells says, and where they do not, either order
gives the same version with the work of both in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.cells import ROW_ID
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.diff.overlaps import Overlap, Touched, overlap, touched
from retort_tables.diff.tiers import difference
from retort_tables.layout import MARKS_SCHEMA
from retort_tables.objects.memory import MemoryObjects
from retort_tables.profiling import profile
from retort_tables.snapshots.whole import WholeSnapshots
from retort_tables.takeover import Base, carried_version

ROWS = 8
SCHEMA = Schema(
    columns=(
        Column(id="c1", name="uid", dtype=DType.text, kind=Kind.id),
        Column(id="c2", name="n", dtype=DType.integer, kind=Kind.numeric),
        Column(id="c3", name="t", dtype=DType.text, kind=Kind.text),
    )
)
NAMES = ("n", "t")


@dataclass(frozen=True)
class Edit:
    """What a person's step may do: cells of one column, rows that go, a column more, a column gone, another order."""

    cells: tuple[str, frozenset[int], Any] | None = None
    gone: frozenset[int] = frozenset()
    add: str = ""
    drop: str = ""
    upside_down: bool = False

    def schema(self, before: Schema) -> Schema:
        columns = [column for column in before.columns if column.name != self.drop]
        if self.add:
            columns.append(
                Column(id=f"new-{self.add}", name=self.add, dtype=DType.integer, kind=Kind.numeric)
            )
        return Schema(columns=tuple(columns))

    def run(self, table: pl.DataFrame) -> pl.DataFrame:
        if self.cells is not None and self.cells[0] in table.columns:
            name, rows, value = self.cells
            hit = pl.col(ROW_ID).is_in(list(rows))
            literal = pl.lit(value, table.schema[name])
            table = table.with_columns(pl.when(hit).then(literal).otherwise(name).alias(name))
        table = table.filter(~pl.col(ROW_ID).is_in(list(self.gone)))
        if self.add:
            table = table.with_columns(pl.lit(1, pl.Int64).alias(self.add))
        if self.upside_down:
            table = table.sort("uid", descending=True)
        return table.drop(self.drop, strict=False)

    @property
    def writes(self) -> dict[tuple[int, str], Any]:
        """By the model: cells that come to have another value, in rows and columns that stay."""
        if self.cells is None or self.cells[0] == self.drop:
            return {}
        name, rows, value = self.cells
        return {(row, name): value for row in rows - self.gone if START[name][row] != value}


START: dict[str, list[Any]] = {"n": list(range(ROWS)), "t": [f"t{at % 3}" for at in range(ROWS)]}
rows = st.frozensets(st.integers(0, ROWS - 1), max_size=3)
cells = st.one_of(
    st.tuples(st.just("n"), rows, st.integers(0, 4)), st.tuples(st.just("t"), rows, st.sampled_from("xy"))
)
edits = st.builds(
    Edit,
    cells=st.none() | cells,
    gone=rows,
    add=st.sampled_from(["", "", "", "a", "b"]),
    drop=st.sampled_from(["", "", "", "n", "t"]),
    upside_down=st.sampled_from([False, False, True]),
)


def start() -> tuple[WholeSnapshots, str]:
    store = WholeSnapshots(MemoryObjects())
    table = pl.DataFrame({ROW_ID: range(ROWS), "uid": [f"u{at}" for at in range(ROWS)], **START})
    marks = pl.DataFrame(schema=dict(MARKS_SCHEMA))
    return store, store.write(schema=SCHEMA, table=table, marks=marks, next_row_id=ROWS).manifest


def after(store: WholeSnapshots, key: str, edit: Edit) -> str:
    base = store.read(key)
    known = Base(
        snapshot=base, manifest=store.manifest(key), profile=profile(base.table, base.marks, base.schema)
    )
    parts = carried_version(known, edit.run(base.table), edit.schema(base.schema), profile)
    return store.publish(parts).manifest


def seen(store: WholeSnapshots, older: str, newer: str, *, newer_side: bool = False) -> Touched:
    found = difference(store, older, newer, common=ROWS, limit=None)
    side: Any = "newer" if newer_side else "older"
    return touched(found, store.schema(older), store.schema(newer), seen_from=side)


def meets(one: Edit, other: Edit) -> bool:
    """By the model, without a table."""
    return any(_takes(a, b) for a, b in ((one, other), (other, one))) or bool(
        (one.add and one.add == other.add)
        or (one.upside_down and other.upside_down and _reorders(one) and _reorders(other))
        or any(one.writes[cell] != other.writes[cell] for cell in one.writes.keys() & other.writes.keys())
    )


def _takes(one: Edit, other: Edit) -> bool:
    return any(row in one.gone or name == one.drop for row, name in other.writes)


def _reorders(edit: Edit) -> bool:
    return ROWS - len(edit.gone) > 1


@settings(max_examples=60, deadline=None)
@given(edits, edits)
def test_changes_meet_where_a_model_of_cells_says_so(one: Edit, other: Edit) -> None:
    store, base = start()
    mine, theirs = after(store, base, one), after(store, base, other)
    found = overlap(seen(store, base, theirs), seen(store, base, mine))
    assert (found is not None) == meets(one, other), found
    assert (overlap(seen(store, base, mine), seen(store, base, theirs)) is None) == (found is None)


@settings(max_examples=60, deadline=None)
@given(edits, edits)
def test_changes_that_meet_nowhere_give_the_same_in_either_order_and_nothing_is_lost(
    one: Edit, other: Edit
) -> None:
    store, base = start()
    mine, theirs = after(store, base, one), after(store, base, other)
    if overlap(seen(store, base, theirs), seen(store, base, mine)) is not None:
        return
    rebased, other_way = after(store, theirs, one), after(store, mine, other)
    first = seen(store, base, theirs, newer_side=True)
    assert overlap(first, seen(store, theirs, rebased)) is None  # nor does it meet when it is run there
    a, b = store.read(rebased), store.read(other_way)
    assert sorted(a.schema.names) == sorted(b.schema.names)
    assert a.table.equals(b.table.select(a.table.columns))
    assert a.next_row_id == b.next_row_id
    kept = {row[ROW_ID]: row for row in a.table.iter_rows(named=True)}
    assert kept.keys() == set(range(ROWS)) - one.gone - other.gone
    for (row, name), value in {**one.writes, **other.writes}.items():
        assert kept[row][name] == value


@settings(max_examples=15, deadline=None)
@given(rows.filter(bool), rows.filter(bool))
def test_where_there_is_too_much_to_compare_nobody_guesses(
    one: frozenset[int], other: frozenset[int]
) -> None:
    store, base = start()
    mine = after(store, base, Edit(cells=("t", one, "x")))
    theirs = after(store, base, Edit(cells=("t", other, "y")))
    few = difference(store, base, theirs, common=ROWS, limit=0)
    cut = touched(few, store.schema(base), store.schema(theirs), seen_from="older")
    assert overlap(cut, seen(store, base, mine)) == Overlap(why="too-many", columns=("t",))
    assert overlap(cut, seen(store, base, after(store, base, Edit(cells=("n", one, 9))))) is None
