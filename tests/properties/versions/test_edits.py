"""Chains of runs through the intake: digests that were reused are the ones that would be computed, and going back
by an edit gives the very root that was left."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.cells import ROW_ID, companion
from retort_core.schema import Column, DType, Kind, Schema
from retort_executor.sameness import unchanged
from retort_tables.exports import with_companions
from retort_tables.layout import MARKS_SCHEMA
from retort_tables.objects.memory import MemoryObjects
from retort_tables.profiling import profile
from retort_tables.snapshots.port import Snapshot, VersionParts
from retort_tables.snapshots.whole import WholeSnapshots
from retort_tables.takeover import Base, aligned_version, carried_version

ROWS = 12
SCHEMA = Schema(
    columns=(
        Column(id="c1", name="uid", dtype=DType.text, kind=Kind.id),
        Column(id="c2", name="n", dtype=DType.integer, kind=Kind.numeric),
        Column(id="c3", name="t", dtype=DType.text, kind=Kind.text),
    )
)


def start() -> tuple[WholeSnapshots, str]:
    """Twelve rows; n is invalid in row 3 and missing in row 5."""
    table = pl.DataFrame(
        {
            ROW_ID: range(ROWS),
            "uid": [f"u{at}" for at in range(ROWS)],
            "n": [None if at in (3, 5) else at for at in range(ROWS)],
            "t": [f"t{at % 3}" for at in range(ROWS)],
        }
    )
    marks = [(3, "c2", "invalid", "", "abc"), (5, "c2", "missing", "refused", "97")]
    store = WholeSnapshots(MemoryObjects())
    said = pl.DataFrame(marks, schema=dict(MARKS_SCHEMA), orient="row")
    return store, store.write(schema=SCHEMA, table=table, marks=said, next_row_id=ROWS).manifest


def edit(name: str, rows: set[int], value: Any) -> Any:
    """Sets the cells of some rows as an emitted script does: the companion is cleared with the cell."""
    hit = pl.col(ROW_ID).is_in(list(rows))

    def run(table: pl.DataFrame) -> pl.DataFrame:
        cleared = (
            [pl.when(~hit).then(f"{name}__invalid").alias(f"{name}__invalid")]
            if f"{name}__invalid" in table.columns
            else []
        )
        return table.with_columns(
            pl.when(hit).then(pl.lit(value, table.schema[name])).otherwise(name).alias(name), *cleared
        )

    return run


EDITS = st.one_of(
    st.builds(edit, st.just("n"), st.sets(st.integers(0, ROWS - 1)), st.none() | st.integers(0, 9)),
    st.builds(edit, st.just("t"), st.sets(st.integers(0, ROWS - 1)), st.none() | st.sampled_from("xy")),
    st.integers(0, ROWS).map(lambda row: lambda table: table.filter(pl.col(ROW_ID) != row)),
    st.booleans().map(
        lambda down: lambda table: table.sort("t", descending=down, maintain_order=True, nulls_last=True)
    ),
    st.just(lambda table: table),
)


def taken_over(store: WholeSnapshots, key: str, run: Any, *, whole: bool) -> VersionParts:
    """`whole`: the run gives back every column, not only those it changed."""
    base = store.read(key)
    before = with_companions(base)
    result = run(before)
    same = unchanged(result, before, {} if whole else {name: name for name in base.schema.names})
    return carried_version(
        Base(
            snapshot=base, manifest=store.manifest(key), profile=profile(base.table, base.marks, base.schema)
        ),
        result.drop(same, *(companion(name) for name in same), strict=False),
        base.schema,
        profile,
        same=frozenset(same),
    )


def ran(store: WholeSnapshots, key: str, run: Any) -> str:
    return store.publish(taken_over(store, key, run, whole=False)).manifest


@settings(max_examples=12, deadline=None)
@given(st.lists(EDITS, max_size=4))
def test_every_version_of_a_chain_verifies_and_its_counts_hold(edits: list[Any]) -> None:
    store, key = start()
    for step in edits:
        before, key = key, ran(store, key, step)
        store.verify(key)
        changes, old, new = store.changes(key), store.read(before), store.read(key)
        assert (changes.rows_before, changes.rows_after) == (old.total, new.total)
        assert changes.removed == old.total - new.total == store.removed(key).len()
        # What was kept of the profile before is what counting everything again gives.
        assert store.profile(key) == profile(new.table, new.marks, new.schema)
        nulls = sum(new.table.null_count().row(0))
        assert new.marks.height == nulls  # every cell without a value has exactly one reason
        assert (changes.empty) == (store.manifest(before).root == store.manifest(key).root)


@settings(max_examples=40, deadline=None)
@given(st.lists(EDITS, min_size=1, max_size=2))
def test_leaving_out_what_did_not_change_changes_nothing(edits: list[Any]) -> None:
    store, key = start()
    for step in edits:
        part, whole = (taken_over(store, key, step, whole=every) for every in (False, True))
        assert part.digests == whole.digests
        assert part.root == whole.root
        assert dict(part.objects) == dict(whole.objects)
        key = store.publish(part).manifest


@settings(max_examples=12, deadline=None)
@given(st.sets(st.integers(0, ROWS - 1), min_size=1), st.integers(100, 105))
def test_taking_an_edit_back_by_another_edit_restores_the_root(rows: set[int], value: int) -> None:
    store, first = start()
    original = with_companions(store.read(first))
    second = ran(store, first, edit("t", rows, str(value)))
    assert store.manifest(second).root != store.manifest(first).root
    third = ran(store, second, lambda table: table.with_columns(original["t"]))
    assert store.manifest(third).root == store.manifest(first).root


@settings(max_examples=12, deadline=None)
@given(st.permutations(range(ROWS)), st.integers(0, ROWS))
def test_a_person_s_script_that_only_moves_and_drops_rows_keeps_their_ids(
    order: list[int], kept: int
) -> None:
    store, key = start()
    base: Snapshot = store.read(key)
    result = base.table[order][:kept].drop(ROW_ID)
    parts = aligned_version(
        Base(snapshot=base, manifest=store.manifest(key)), result, key=(), salt="s", profile=profile
    )
    found = store.read(store.publish(parts).manifest)
    assert found.table[ROW_ID].to_list() == list(order[:kept])
    assert found.marks.height == sum(row in (3, 5) for row in order[:kept])
