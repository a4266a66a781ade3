"""The difference of any two versions: which way is taken, what is said, what is read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from retort_core.cells import ROW_ID
from retort_core.changes import CellCounts
from retort_core.errors import BadInput
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.diff.cells import differs
from retort_tables.diff.render import page
from retort_tables.diff.schema import increasing, out_of_order
from retort_tables.diff.tiers import Found, difference
from retort_tables.layout import MARKS_SCHEMA, no_marks, physical
from retort_tables.objects.memory import MemoryObjects
from retort_tables.snapshots.whole import WholeSnapshots

STORE = WholeSnapshots(MemoryObjects())


def column(column_id: str, name: str, dtype: DType = DType.text, **more: Any) -> Column:
    return Column(id=column_id, name=name, dtype=dtype, kind=more.pop("kind", Kind.text), **more)


def version(
    ids: list[int], *columns: tuple[Column, list[Any]], marks: list[tuple[Any, ...]] | None = None
) -> str:
    table = pl.DataFrame(
        [
            pl.Series(ROW_ID, ids, dtype=pl.Int64),
            *(pl.Series(c.name, v, dtype=physical(c)) for c, v in columns),
        ]
    )
    said = pl.DataFrame(marks, schema=dict(MARKS_SCHEMA), orient="row") if marks else no_marks()
    schema = Schema(columns=tuple(c for c, _ in columns))
    return STORE.write(schema=schema, table=table, marks=said, next_row_id=1000).manifest


UID, CITY, AGE = column("c1", "uid", kind=Kind.id), column("c2", "city"), column("c3", "age", DType.integer)
OLD = version([0, 1, 2], (UID, ["a", "b", "c"]), (CITY, ["北京", "上海", "广州"]), (AGE, [20, 30, 40]))


def lines(found: Found) -> list[tuple[str, str, bool]]:
    return sorted((line.change, line.column, line.suggested) for line in found.difference.changes.columns)


def test_equal_roots_need_no_reading() -> None:
    found = difference(STORE, OLD, OLD, common=0)
    assert (found.difference.tier, found.difference.changes.empty, found.difference.changes.kept) == (
        "same",
        True,
        3,
    )


def test_a_shared_history_matches_by_row_id() -> None:
    new = version([2, 0, 5], (UID, ["c", "a", "z"]), (CITY, ["广州", "北京市", "西安"]), (AGE, [40, 20, 1]))
    found = difference(STORE, OLD, new, common=3)
    changes = found.difference.changes
    assert found.difference.tier == "rows"
    assert (changes.removed, changes.added, changes.kept, changes.moved, changes.modified) == (1, 1, 2, 1, 1)
    assert changes.cells == {"c2": CellCounts(changed=1, edited=1)}
    assert (found.compared.removed.to_list(), found.compared.added.to_list()) == ([1], [5])
    (cell,) = page(found.compared.cells)
    assert (cell.row, cell.column, cell.before, cell.after) == (0, "c2", "北京", "北京市")


def test_columns_with_equal_digests_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    new = version([0, 1, 2], (UID, ["a", "b", "c"]), (CITY, ["北京", "上海", "广州"]), (AGE, [20, 31, 40]))
    read: list[object] = []
    real = STORE.read
    monkeypatch.setattr(
        STORE, "read", lambda key, columns=None, rows=None: read.append(columns) or real(key, columns, rows)
    )
    found = difference(STORE, OLD, new, common=3)
    assert read == [["age"], ["age"]]
    assert found.difference.changes.cells == {"c3": CellCounts(changed=1, edited=1)}


def test_ids_minted_on_both_sides_are_different_rows() -> None:
    old = version([0, 7], (UID, ["a", "x"]))
    new = version([0, 7], (UID, ["a", "y"]))
    changes = difference(STORE, old, new, common=7).difference.changes
    assert (changes.removed, changes.added, changes.cells) == (1, 1, {})


def test_unrelated_uploads_are_matched_by_their_key() -> None:
    new = version([900, 901, 902], (AGE, [40, 21, 50]), (UID, ["c", "a", "d"]))
    found = difference(STORE, OLD, new)
    changes = found.difference.changes
    assert (found.difference.tier, found.difference.key) == ("key", ("uid",))
    assert (changes.removed, changes.added, changes.kept) == (1, 1, 2)
    assert changes.cells == {"c3": CellCounts(changed=1, edited=1)}
    assert lines(found) == [("moved", "c3", False), ("removed", "c2", False)]
    assert page(found.compared.cells)[0].row == 901


def test_a_file_imported_anew_shares_no_row_and_falls_back_to_its_key() -> None:
    new = version(
        [900, 901, 902], (UID, ["a", "b", "c"]), (CITY, ["北京", "上海", "深圳"]), (AGE, [20, 30, 40])
    )
    found = difference(STORE, OLD, new, common=3)
    assert (found.difference.tier, found.difference.changes.cells_changed) == ("key", 1)


def test_a_declared_key_decides_and_repeats_are_said() -> None:
    new = version(
        [0, 1, 2, 3],
        (UID, ["a", "b", "c", "d"]),
        (CITY, ["北京", "北京", "上海", "广州"]),
        (AGE, [1, 2, 3, 4]),
    )
    found = difference(STORE, OLD, new, common=3, key=["city"])
    assert (found.difference.tier, found.difference.key) == ("key", ("city",))
    assert found.difference.warnings == ("repeated-keys:0:1",)
    assert (found.difference.changes.kept, found.difference.changes.added) == (3, 1)
    with pytest.raises(BadInput, match="'省份' is not in both"):
        difference(STORE, OLD, new, key=["省份"])


def test_without_a_key_rows_are_matched_by_content() -> None:
    old = version([0, 1, 2], (CITY, ["北京", "北京", "广州"]), (AGE, [20, 20, 40]))
    new = version([9, 8, 7], (CITY, ["广州", "北京", "西安"]), (AGE, [40, 20, 1]))
    found = difference(STORE, old, new)
    changes = found.difference.changes
    assert (found.difference.tier, changes.kept, changes.removed, changes.added) == ("content", 2, 1, 1)
    assert changes.moved == 1


def test_a_rename_is_suggested_by_equal_values_never_taken_as_sure() -> None:
    old = version(
        list(range(100)),
        (UID, [f"u{i}" for i in range(100)]),
        (column("c2", "q1"), [str(i % 7) for i in range(100)]),
    )
    new = version(
        list(range(100)),
        (UID, [f"u{i}" for i in range(100)]),
        (column("x9", "满意度"), [str(i % 7) if i > 3 else "9" for i in range(100)]),
    )
    found = difference(STORE, old, new)
    assert lines(found) == [("renamed", "x9", True)]
    assert found.difference.changes.cells["x9"].changed == 4


def test_constant_columns_suggest_no_rename() -> None:
    old = version([0, 1], (UID, ["a", "b"]), (column("c2", "p"), ["1", "1"]))
    new = version([0, 1], (UID, ["a", "b"]), (column("c3", "q"), ["1", "1"]))
    assert lines(difference(STORE, old, new)) == [("added", "c3", False), ("removed", "c2", False)]


def test_a_new_type_lists_only_cells_that_differ_after_a_lossless_conversion() -> None:
    old = version([0, 1, 2, 3], (column("c1", "n"), ["1", "2.50", "03", "x"]))
    new = version(
        [0, 1, 2, 3],
        (column("c1", "n", DType.number), [1.0, 2.5, 3.0, None]),
        marks=[(3, "c1", "invalid", "", "x")],
    )
    found = difference(STORE, old, new, common=4)
    assert lines(found) == [("retyped", "c1", False)]
    assert found.difference.changes.cells == {"c1": CellCounts(changed=2, edited=1, set_invalid=1)}
    assert [(c.before, c.after, c.after_state, c.after_raw) for c in page(found.compared.cells)] == [
        ("03", "3", "valid", None),
        ("x", None, "invalid", "x"),
    ]


def test_marks_are_compared_where_both_sides_have_no_value() -> None:
    old = version(
        [0, 1],
        (AGE, [None, None]),
        marks=[(0, "c3", "missing", "empty", None), (1, "c3", "invalid", "", "abc")],
    )
    new = version(
        [0, 1],
        (AGE, [None, None]),
        marks=[(0, "c3", "missing", "refused", "97"), (1, "c3", "invalid", "", "abc")],
    )
    found = difference(STORE, old, new, common=2)
    assert found.difference.changes.cells == {"c3": CellCounts(changed=1, remarked=1)}
    (cell,) = page(found.compared.cells)
    assert (cell.row, cell.before_reason, cell.after_reason, cell.after_raw) == (0, "empty", "refused", "97")
    assert found.difference.changes.invalid == 1


def test_a_few_changes_are_all_kept_beside_a_column_that_changed_everywhere() -> None:
    n = 50
    names = column("c1", "few"), column("c2", "all")
    old = version(list(range(n)), (names[0], ["a"] * n), (names[1], ["a"] * n))
    new = version(list(range(n)), (names[0], ["b"] * 3 + ["a"] * (n - 3)), (names[1], ["b"] * n))
    found = difference(STORE, old, new, common=n, limit=10)
    changes = found.difference.changes
    assert (changes.cells_changed, changes.details, changes.complete) == (53, 10, False)
    assert found.compared.cells["column_id"].value_counts().sort("count").rows() == [("c1", 3), ("c2", 7)]
    assert difference(STORE, old, new, common=n, limit=None).difference.changes.complete


def test_pages_are_in_displayed_order_and_by_column() -> None:
    n = 9
    a, b = column("c1", "a"), column("c2", "b")
    old = version(list(range(n)), (a, ["x"] * n), (b, ["x"] * n))
    new = version(
        list(range(n))[::-1],
        (a, ["y"] * n),
        (b, ["x"] * 8 + [None]),
        marks=[(0, "c2", "missing", "set empty", None)],
    )
    cells = difference(STORE, old, new, common=n).compared.cells
    assert [(c.row, c.column) for c in page(cells, start=7, length=3)] == [(1, "c1"), (0, "c1"), (0, "c2")]
    assert [c.row for c in page(cells, column="c2")] == [0]
    assert [c.column for c in page(cells, state="missing")] == ["c2"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (pl.Series([1.0, float("nan"), -0.0, None]), pl.Series([1.0, float("nan"), 0.0, None]), [False] * 4),
        (pl.Series([None, 1.0]), pl.Series([float("nan"), None]), [True, True]),
        (pl.Series([1, 2]), pl.Series([1.0, 2.5]), [False, True]),
        (pl.Series(["1.50"]).cast(pl.Decimal(38, 2)), pl.Series([1.5]), [False]),
        (pl.Series(["1.50", "2.00"]).cast(pl.Decimal(38, 2)), pl.Series(["1.5", "2"]), [False, False]),
        (pl.Series([10, 100]), pl.Series(["10", "1"]), [False, True]),
        (pl.Series([Decimal(100)]).cast(pl.Decimal(38, 0)), pl.Series(["1"]), [True]),
        (pl.Series([date(2024, 1, 31)]), pl.Series([date(2024, 1, 31)]).cast(pl.Datetime("us")), [False]),
        (pl.Series([date(2024, 1, 31)]), pl.Series(["2024-01-31"]), [False]),
        (pl.Series([True, False]), pl.Series(["true", "no"]), [False, True]),
        (pl.Series([2**63 - 1]), pl.Series([2**63 - 2]), [True]),
        (pl.Series(["0.1"]), pl.Series([0.1]), [False]),
        (pl.Series(["1e3", "007"]), pl.Series([1000, 7]), [True, True]),
    ],
    ids=str,
)
def test_values_are_compared_after_a_lossless_conversion(
    old: pl.Series, new: pl.Series, expected: list[bool]
) -> None:
    assert differs(old, new).to_list() == expected
    assert differs(new, old).to_list() == expected


@pytest.mark.parametrize(
    ("places", "moved"), [([], 0), ([0, 1, 2], 0), ([2, 0, 1], 1), ([3, 2, 1, 0], 3), ([0, 2, 1, 3], 1)]
)
def test_the_fewest_that_can_have_moved_are_said_to_have(places: list[int], moved: int) -> None:
    assert out_of_order(places) == moved
    kept = sorted(increasing(places))
    assert len(kept) == len(places) - moved
    assert [places[at] for at in kept] == sorted(places[at] for at in kept)
