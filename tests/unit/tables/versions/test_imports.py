"""A file's table becomes a first version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from retort_core.cells import ROW_ID
from retort_core.errors import DataError, LimitExceeded
from retort_core.profiles import Profile
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.objects.memory import MemoryObjects
from retort_tables.snapshots.port import PROFILE, VersionParts
from retort_tables.snapshots.whole import WholeSnapshots

FILE = pl.DataFrame(
    {
        "uid": ["u1", "u2", "u3"],
        "打分": ["9", "N/A", "10"],
        "备注": [None, "好", ""],
        "日期": ["2024-01-31", "2024-02-01", "2024-02-30"],
    }
)


@pytest.fixture
def imported(
    run_intake: Callable[..., Any], as_stream: Callable[[pl.DataFrame], bytes]
) -> Callable[..., Any]:
    return lambda table=FILE, **params: VersionParts.of(
        run_intake("import", params, {"table": as_stream(table)})
    )


def test_a_file_is_typed_marked_and_profiled_and_rows_get_ids(imported: Callable[..., Any]) -> None:
    parts = imported(next_row_id=100)
    store = WholeSnapshots(MemoryObjects())
    written = store.publish(parts)
    version = store.read(written.manifest)
    assert version.table[ROW_ID].to_list() == [100, 101, 102]
    assert (version.next_row_id, version.schema.names) == (103, ("uid", "打分", "备注", "日期"))
    assert version.schema["打分"].dtype is DType.integer
    assert {row[:4] for row in version.marks.iter_rows()} >= {(101, "c2", "missing", "token")}
    profile = Profile.model_validate_json(parts.objects[PROFILE])
    assert (profile.rows, len(profile.columns)) == (3, 4)
    assert store.changes(written.manifest).empty
    store.verify(written.manifest)


def test_the_same_file_twice_is_the_same_version(imported: Callable[..., Any]) -> None:
    assert imported().root == imported().root
    assert imported(next_row_id=3).root != imported().root


def test_a_corrected_file_keeps_the_ids_of_columns_by_name(imported: Callable[..., Any]) -> None:
    like = Schema(
        columns=(
            Column(id="c1", name="日期", dtype=DType.text, kind=Kind.text),
            Column(id="c2", name="uid", dtype=DType.text, kind=Kind.id),
            Column(id="c3", name="删掉的", dtype=DType.text, kind=Kind.text),
        )
    )
    store = WholeSnapshots(MemoryObjects())
    version = store.read(store.publish(imported(like=like.model_dump(mode="json"))).manifest)
    ids = {column.name: column.id for column in version.schema.columns}
    assert (ids["日期"], ids["uid"]) == ("c1", "c2")
    assert len(set(ids.values())) == 4
    assert "c3" not in ids.values()
    assert set(version.marks["column_id"]) <= set(ids.values())


def test_a_file_with_a_header_only_is_an_empty_version(imported: Callable[..., Any]) -> None:
    store = WholeSnapshots(MemoryObjects())
    written = store.publish(imported(FILE[:0]))
    assert store.read(written.manifest).table.columns == [ROW_ID, *FILE.columns]
    store.verify(written.manifest)


def test_labels_of_the_file_reach_the_schema(imported: Callable[..., Any]) -> None:
    store = WholeSnapshots(MemoryObjects())
    written = store.publish(imported(labels={"打分": "您会推荐我们吗"}))
    assert store.schema(written.manifest)["打分"].label == "您会推荐我们吗"


def test_what_cannot_be_imported_is_refused_with_what_to_do(imported: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match="no columns"):
        imported(pl.DataFrame())
    with pytest.raises(LimitExceeded, match="4 columns, allowed are 3"):
        imported(caps={"columns": 3})
    with pytest.raises(LimitExceeded, match="more than 2 rows"):
        imported(caps={"rows": 2})
    with pytest.raises(DataError, match="of the file has the type large_list"):
        imported(pl.DataFrame({"a": [[1]]}))


def test_thousands_of_columns_are_imported(imported: Callable[..., Any]) -> None:
    wide = pl.DataFrame({f"q{at}": ["1", "2"] for at in range(2_000)})
    parts = imported(wide)
    assert parts.digests.rows == 2
    assert len(parts.digests.columns) == 2_000


def test_numbers_that_are_not_finite_never_reach_a_version(imported: Callable[..., Any]) -> None:
    store = WholeSnapshots(MemoryObjects())
    written = store.publish(imported(pl.DataFrame({"x": [1.5, float("nan"), float("inf"), 2.5, 3.5] * 10})))
    found = store.read(written.manifest)
    assert found.table["x"].is_finite().fill_null(value=True).all()
    assert found.marks.height == 20
