"""Roots see content and nothing else; undoing restores them; a difference applied to one version gives the other."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import polars as pl
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from retort_core.cells import ROW_ID, CellState, Reason
from retort_core.identity import root_id
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.alignment import by_ids
from retort_tables.chunks import content
from retort_tables.diff.render import compared
from retort_tables.diff.schema import match
from retort_tables.layout import MARKS_SCHEMA, no_marks, physical
from retort_tables.objects.memory import MemoryObjects
from retort_tables.snapshots.port import Snapshot
from retort_tables.snapshots.whole import WholeSnapshots
from retort_tables.texts import canonical

VALUES: dict[DType, st.SearchStrategy[Any]] = {
    DType.text: st.text(alphabet="ab北京市é ,\n\"'=", max_size=6),
    DType.integer: st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3),
    DType.number: st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1.5, 1e-5]),
    DType.decimal: st.decimals(-999, 999, places=2),
    DType.boolean: st.booleans(),
    DType.date: st.dates(),
    DType.datetime: st.datetimes(),
    DType.duration: st.timedeltas(timedelta(days=-9999), timedelta(days=9999)),
}
COLUMNS = tuple(
    Column(
        id=f"c{at}", name=f"{dtype}列", dtype=dtype, kind=Kind.text, digits=2 if dtype is DType.decimal else 0
    )
    for at, dtype in enumerate(DType)
)
MARKS = [
    (CellState.missing.value, Reason.empty.value, None),
    (CellState.missing.value, "refused", "-999"),
    (CellState.invalid.value, "", "abc"),
]


@st.composite
def versions(draw: st.DrawFn, *, sparse: bool = True) -> Snapshot:
    """Few rows with ids far apart (so that there are several chunks), in any order, any of the columns."""
    top = 300_000 if sparse else 12
    ids = draw(st.lists(st.integers(0, top - 1), unique=True, max_size=9))
    columns = tuple(draw(st.permutations(COLUMNS)))[: draw(st.integers(1, 4))]
    cells = {
        c.name: draw(st.lists(st.none() | VALUES[c.dtype], min_size=len(ids), max_size=len(ids)))
        for c in columns
    }
    series = [pl.Series(ROW_ID, ids, dtype=pl.Int64)]
    series += [pl.Series(c.name, cells[c.name], dtype=physical(c)) for c in columns]
    said = [
        (row, c.id, *draw(st.sampled_from(MARKS)))
        for c in columns
        for row, value in zip(ids, cells[c.name], strict=True)
        if value is None
    ]
    marks = pl.DataFrame(said, schema=dict(MARKS_SCHEMA), orient="row") if said else no_marks()
    table = pl.DataFrame(series)
    return Snapshot(
        root="", schema=Schema(columns=columns), table=table, marks=marks, next_row_id=top, total=len(ids)
    )


def root_of(version: Snapshot) -> str:
    return root_id(version.schema, content(version.schema, version.table, version.marks, version.next_row_id))


def laid_out_anew(table: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The same values in other pieces, texts as dictionaries, with rubbish under the nulls."""
    rng = random.Random(seed)
    cuts = sorted(rng.sample(range(table.height + 1), min(2, table.height + 1)))
    pieces = [table[a:b] for a, b in zip([0, *cuts], [*cuts, table.height], strict=True)]
    table = pl.concat(pieces, rechunk=False)
    return pl.DataFrame([_anew(series, rng) for series in table.iter_columns()])


def _anew(series: pl.Series, rng: random.Random) -> pl.Series:
    if series.dtype == pl.String and rng.random() < 0.5:
        coded = series.cast(pl.Categorical(pl.Categories.random()))
        return coded if rng.random() < 0.5 else coded.cast(pl.String)
    if series.dtype == pl.Float64:
        minus = pl.when(series == 0).then(pl.lit(-0.0)).otherwise(series)
        return pl.select(minus).to_series().alias(series.name)
    if series.dtype == pl.Int64 and series.null_count():
        valid = pa.array(series.is_not_null().to_numpy())
        bitmap = valid.buffers()[1]
        rubbish = pa.array(series.fill_null(rng.randrange(1, 100)).to_numpy())
        return pl.Series(
            series.name, pa.Array.from_buffers(pa.int64(), len(valid), [bitmap, rubbish.buffers()[1]])
        )
    return series


@settings(max_examples=30, deadline=None)
@given(versions(), st.integers(0, 2**16))
def test_the_root_does_not_see_how_a_table_lies_in_memory(version: Snapshot, seed: int) -> None:
    other = Snapshot(
        **{
            **vars(version),
            "table": laid_out_anew(version.table, seed),
            "marks": version.marks.sample(fraction=1, shuffle=True, seed=seed),
        }
    )
    assert root_of(other) == root_of(version)


@settings(max_examples=30, deadline=None)
@given(versions(), st.randoms(use_true_random=False))
def test_the_order_is_seen_by_the_order_digest_alone(version: Snapshot, rng: random.Random) -> None:
    places = list(range(version.table.height))
    rng.shuffle(places)
    table = version.table[places]
    before = content(version.schema, version.table, version.marks, version.next_row_id)
    after = content(version.schema, table, version.marks, version.next_row_id)
    assert (after.ids, after.columns, after.marks) == (before.ids, before.columns, before.marks)
    assert (after.order == before.order) == table[ROW_ID].equals(version.table[ROW_ID])


@settings(max_examples=30, deadline=None)
@given(versions(), st.data())
def test_any_other_cell_mark_or_row_is_another_root(version: Snapshot, data: st.DataObject) -> None:
    if not version.table.height:
        return
    row = data.draw(st.integers(0, version.table.height - 1))
    column = data.draw(st.sampled_from(version.schema.columns))
    old = version.table[column.name][row]
    value = data.draw(VALUES[column.dtype].filter(lambda value: value != old))
    values = version.table[column.name].to_list()
    values[row] = value
    edited = version.table.with_columns(pl.Series(column.name, values, dtype=physical(column)))
    assert root_of(Snapshot(**{**vars(version), "table": edited})) != root_of(version)
    less = Snapshot(**{**vars(version), "table": version.table.filter(pl.int_range(pl.len()) != row)})
    assert root_of(less) != root_of(version)
    if version.marks.height:
        said = version.marks.with_columns(reason=pl.lit("don't know"))
        assert root_of(Snapshot(**{**vars(version), "marks": said})) != root_of(version)


@settings(max_examples=20, deadline=None)
@given(versions())
def test_what_is_stored_is_what_is_read_and_gives_its_root_again(version: Snapshot) -> None:
    store = WholeSnapshots(MemoryObjects())
    written = store.write(
        schema=version.schema, table=version.table, marks=version.marks, next_row_id=version.next_row_id
    )
    found = store.read(written.manifest)
    assert_frame_equal(found.table, version.table)
    assert root_of(found) == written.root == root_of(version)
    store.verify(written.manifest)


Cell = tuple[str | None, str, str, str | None]  # text, state, reason, raw


def cells_of(version: Snapshot) -> dict[tuple[int, str], Cell]:
    """Everything a version holds, cell by cell."""
    found: dict[tuple[int, str], Cell] = {}
    for column in version.schema.columns:
        for row, text in zip(version.table[ROW_ID], canonical(version.table[column.name]), strict=True):
            found[row, column.id] = (text, "valid", "", None)
    for row, column_id, state, reason, raw in version.marks.iter_rows():
        found[row, column_id] = (None, state, reason, raw)
    return found


def applied(old: Snapshot, new: Snapshot) -> dict[tuple[int, str], Cell]:
    """The cells of `old` with the difference to `new`: lines about columns, removed and added rows, changed cells.

    Of `new` it takes rows and columns that `old` does not have, and nothing of what both have.
    """
    columns = match(old.schema, new.schema, lineage=True)
    rows = by_ids(old.table[ROW_ID].to_numpy(), new.table[ROW_ID].to_numpy())
    found = compared(old, new, rows, columns, limit=None)
    removed, added = set(found.removed), set(found.added)
    kept = {before.id: after.id for before, after in columns.pairs}
    fresh = {line.column for line in found.changes.columns if line.change == "added"}
    result = {
        (row, kept[c]): cell for (row, c), cell in cells_of(old).items() if c in kept and row not in removed
    }
    result |= {(row, c): cell for (row, c), cell in cells_of(new).items() if row in added or c in fresh}
    for cell in found.cells.iter_rows(named=True):
        after = (cell["after"], cell["after_state"], cell["after_reason"], cell["after_raw"])
        assert result[cell["row_id"], cell["column_id"]] != after  # nothing is listed that did not change
        result[cell["row_id"], cell["column_id"]] = after
    return result


@settings(max_examples=60, deadline=None)
@given(versions(sparse=False), versions(sparse=False))
def test_a_difference_applied_to_the_older_version_gives_the_newer(old: Snapshot, new: Snapshot) -> None:
    assert applied(old, new) == cells_of(new)


@settings(max_examples=30, deadline=None)
@given(versions(sparse=False), versions(sparse=False))
def test_counts_add_up_and_forth_and_back_mirror_each_other(old: Snapshot, new: Snapshot) -> None:
    def between(a: Snapshot, b: Snapshot) -> Any:
        rows = by_ids(a.table[ROW_ID].to_numpy(), b.table[ROW_ID].to_numpy())
        return compared(a, b, rows, match(a.schema, b.schema, lineage=True)).changes

    there, back = between(old, new), between(new, old)
    assert there.kept + there.removed == there.rows_before == old.table.height
    assert there.kept + there.added == there.rows_after == new.table.height
    assert (there.added, there.removed, there.moved) == (back.removed, back.added, back.moved)
    assert there.cells.keys() == back.cells.keys()
    for column_id, counts in there.cells.items():
        other = back.cells[column_id]
        assert (counts.changed, counts.edited, counts.remarked) == (
            other.changed,
            other.edited,
            other.remarked,
        )
        assert (counts.set_missing, counts.filled) == (other.filled, other.set_missing)
        assert (counts.set_invalid, counts.repaired) == (other.repaired, other.set_invalid)
