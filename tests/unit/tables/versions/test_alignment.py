"""Which row is which: by id, by key, by place, by content."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from retort_core.schema import Column, DType, Kind, Schema
from retort_tables import alignment
from retort_tables.alignment import Pairing, by_content, by_ids, by_key, by_place, common_columns, infer_key


def column(name: str, dtype: DType = DType.text, kind: Kind = Kind.text, column_id: str = "") -> Column:
    return Column(id=column_id or f"id-{name}", name=name, dtype=dtype, kind=kind)


def pairs(*names: str) -> list[tuple[Column, Column]]:
    return [(column(name), column(name)) for name in names]


def together(found: Pairing) -> list[tuple[int, int]]:
    return list(zip(found.old.tolist(), found.new.tolist(), strict=True))


def test_row_ids_match_in_any_order_and_the_rest_is_added_or_removed() -> None:
    found = by_ids(np.array([5, 1, 9]), np.array([9, 7, 5]))
    assert together(found) == [(2, 0), (0, 2)]
    assert found.removed(3).tolist() == [1]
    assert found.added(3).tolist() == [1]
    assert not found.positional


def test_equal_ids_are_positional() -> None:
    assert by_ids(np.array([3, 1]), np.array([3, 1]), 10).positional
    assert not by_ids(np.array([3, 1, 2]), np.array([1, 2])).positional
    assert by_ids(np.array([], dtype=np.int64), np.array([], dtype=np.int64)).positional


def test_ids_minted_after_the_common_ancestor_never_match() -> None:
    # Both sides appended a row and both called it 10.
    found = by_ids(np.array([1, 2, 10]), np.array([2, 1, 10]), common=10)
    assert together(found) == [(1, 0), (0, 1)]
    assert together(by_ids(np.array([1, 10]), np.array([1, 10]), common=10)) == [(0, 0)]


@pytest.mark.parametrize(("old", "new"), [([], [1]), ([1], []), ([], [])])
def test_an_empty_side_has_no_pairs(old: list[int], new: list[int]) -> None:
    assert together(by_ids(np.array(old, dtype=np.int64), np.array(new, dtype=np.int64))) == []


def test_keys_of_several_columns_match_by_value() -> None:
    old = pl.DataFrame({"a": ["x", "x", "y"], "b": [1, 2, 1]})
    new = pl.DataFrame({"a": ["y", "x", "z"], "b": [1, 2, 1]})
    assert together(by_key(old, new, pairs("a", "b"))) == [(2, 0), (1, 1)]


def test_a_missing_key_has_no_partner() -> None:
    old = pl.DataFrame({"a": ["x", None, None]})
    assert together(by_key(old, old.reverse(), pairs("a"))) == [(0, 2)]


def test_repeated_keys_are_paired_by_occurrence_and_counted() -> None:
    old = pl.DataFrame({"a": ["x", "y", "x", "x"]})
    new = pl.DataFrame({"a": ["x", "x", "y", "y"]})
    found = by_key(old, new, pairs("a"))
    assert together(found) == [(0, 0), (2, 1), (1, 2)]
    assert found.repeated == (2, 2)


def test_a_key_stored_as_a_number_matches_the_same_key_as_text() -> None:
    old, new = pl.DataFrame({"a": ["1", "2", "03"]}), pl.DataFrame({"a": [2, 1, 3]})
    assert together(by_key(old, new, pairs("a"))) == [(1, 0), (0, 1)]


def test_a_hash_collision_pairs_nothing_that_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        alignment, "_hashes", lambda frame: (np.arange(frame.height).astype(np.uint64), 0)
    )  # row 0 "equals" row 0 whatever it holds
    old, new = pl.DataFrame({"a": ["x", "y"]}), pl.DataFrame({"a": ["x", "z"]})
    assert together(by_key(old, new, pairs("a"))) == [(0, 0)]


def test_equal_rows_are_found_wherever_they_went() -> None:
    old = pl.DataFrame({"a": ["p", "q", "p", None], "b": [1.0, -0.0, 1.0, None]})
    new = pl.DataFrame({"a": [None, "p", "q", "new"], "b": [None, 1.0, 0.0, 9.0]})
    assert together(by_content(old, new, pairs("a", "b"))) == [(3, 0), (0, 1), (1, 2)]


def test_rows_edited_in_one_column_are_found_by_the_others() -> None:
    n = 200
    old = pl.DataFrame(
        {"text": [f"答案{i}" for i in range(n)], "day": list(range(n)), "q": [i % 5 for i in range(n)]}
    )
    new = old.with_columns(q=pl.col("q") + 10).sample(fraction=0.5, shuffle=True, seed=1)
    found = by_content(old, new, pairs("text", "day", "q"))
    assert len(found.new) == new.height
    assert old["text"].gather(found.old).to_list() == new["text"].gather(found.new).to_list()


def test_columns_that_tell_too_few_rows_apart_are_not_believed() -> None:
    old = pl.DataFrame({"sex": ["m", "f"] * 50, "q": list(range(100))})
    new = pl.DataFrame({"sex": ["f", "m"] * 50, "q": list(range(1000, 1100))})
    assert together(by_content(old, new, pairs("sex", "q"))) == []


def test_no_common_column_pairs_nothing() -> None:
    table = pl.DataFrame({"a": [1]})
    assert together(by_content(table, table, [])) == []
    assert by_place(table, table, []) is None


def test_an_edited_column_leaves_rows_in_place() -> None:
    old = pl.DataFrame({"name": ["a", "b", "c"], "q": [1, 2, 3]})
    assert together(
        by_place(old, old.with_columns(q=pl.col("q") * 2), pairs("name", "q"))
        or Pairing(*[np.zeros(0, np.int64)] * 2)
    ) == [(0, 0), (1, 1), (2, 2)]
    assert by_place(old, old.reverse(), pairs("name", "q")) is None
    assert by_place(old, old[:2], pairs("name", "q")) is None


def test_equal_columns_of_few_values_do_not_prove_a_place() -> None:
    old = pl.DataFrame({"sex": ["m"] * 9, "q": list(range(9))})
    assert by_place(old, old.with_columns(q=pl.col("q") + 9), pairs("sex", "q")) is None


def key_of(old: pl.DataFrame, new: pl.DataFrame, *columns: Column) -> list[str]:
    return [after.name for _, after in infer_key(old, new, [(c, c) for c in columns])]


def test_a_key_is_unique_complete_and_shared_by_most_rows() -> None:
    uid, other = column("uid", kind=Kind.id), column("other")
    old = pl.DataFrame({"uid": ["a", "b", "c", "d"], "other": ["1", "2", "3", "4"]})
    assert key_of(old, old, other, uid) == ["uid"]  # an id before any other text
    assert key_of(old, old, other) == ["other"]
    repeated = old.with_columns(uid=pl.Series(["a", "a", "c", "d"]))
    assert key_of(old, repeated, uid) == []
    holes = old.with_columns(uid=pl.Series(["a", None, "c", "d"]))
    assert key_of(holes, old, uid) == []
    elsewhere = old.with_columns(uid=pl.Series(["a", "b", "y", "z"]))
    assert key_of(old, elsewhere, uid) == []  # half is not more than half
    assert key_of(old, old[1:2], uid) == ["uid"]  # a filter leaves few rows, all of them known


def test_a_measurement_that_happens_to_be_unique_is_no_key() -> None:
    weight = column("w", DType.number, Kind.weight)
    table = pl.DataFrame({"w": [0.5, 0.7, 1.1]})
    assert key_of(table, table, weight) == []


def test_columns_are_common_by_id_then_by_name() -> None:
    old = Schema(columns=(column("a", column_id="1"), column("b", column_id="2")))
    new = Schema(columns=(column("b", column_id="9"), column("c", column_id="1")))
    assert [(b.name, a.name) for b, a in common_columns(old, new)] == [("b", "b"), ("a", "c")]
