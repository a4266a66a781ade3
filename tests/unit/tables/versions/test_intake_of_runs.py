"""A run's result becomes a version: why cells are empty, what changed, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from retort_core.cells import ROW_ID
from retort_core.changes import CellCounts
from retort_core.errors import DataError, Infrastructure
from retort_core.schema import Column, DType, Kind, MissingCode
from retort_tables.intake import warm

Take = Callable[..., Any]
AGE, CITY = "c2", "c3"


def marks_of(base: SimpleNamespace, version: Any) -> dict[tuple[int, str], tuple[str, str, str | None]]:
    marks = base.store.read(version.manifest).marks
    return {(row, column): (state, reason, raw) for row, column, state, reason, raw in marks.iter_rows()}


def test_a_run_that_changes_nothing_gives_the_root_of_its_base(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    version = take(carried, base.schema)
    assert version.root == base.written.root
    assert base.store.changes(version.manifest).empty
    base.store.verify(version.manifest)


def test_a_cleared_cell_is_missing_because_it_was_set_empty(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    version = take(carried.with_columns(age=pl.when(pl.col("age") != 45).then("age")), base.schema)
    assert marks_of(base, version)[3, AGE] == ("missing", "set empty", None)
    assert marks_of(base, version)[1, AGE] == ("invalid", "", "三十")
    changes = base.store.changes(version.manifest)
    assert changes.cells == {AGE: CellCounts(changed=1, set_missing=1)}
    assert (changes.modified, changes.kept, changes.removed) == (1, 5, 0)


def test_a_value_that_is_now_a_declared_code_is_missing_for_its_reason(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    age = base.schema["age"].with_(missing_codes=(MissingCode(value="-999", label="refused"),))
    version = take(
        carried.with_columns(age=pl.when(pl.col("age") >= 0).then("age")), base.schema.replace(age)
    )
    assert marks_of(base, version)[2, AGE] == ("missing", "refused", "-999")
    assert [line.change for line in base.store.changes(version.manifest).columns] == ["annotated"]


def test_an_invalid_cell_that_was_filled_is_repaired_and_unmarked(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    result = carried.with_columns(age=pl.col("age").fill_null(30), age__invalid=pl.lit(None, pl.String))
    version = take(result, base.schema)
    assert (1, AGE) not in marks_of(base, version)
    assert base.store.changes(version.manifest).cells == {AGE: CellCounts(changed=1, repaired=1)}


def test_an_invalid_cell_whose_text_was_cleared_becomes_missing(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    version = take(carried.with_columns(age__invalid=pl.lit(None, pl.String)), base.schema)
    assert marks_of(base, version)[1, AGE] == ("missing", "set empty", None)
    assert base.store.changes(version.manifest).cells == {AGE: CellCounts(changed=1, remarked=1)}


def test_a_missing_cell_keeps_its_reason_and_text_through_other_edits(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    version = take(carried.with_columns(city=pl.col("city").str.replace("北京", "北京市")), base.schema)
    assert marks_of(base, version)[2, CITY] == ("missing", "token", "N/A")
    assert base.store.changes(version.manifest).cells == {CITY: CellCounts(changed=2, edited=2)}
    assert base.store.changes(version.manifest).pairs[CITY][0].model_dump() == {
        "before": "北京",
        "after": "北京市",
        "count": 2,
    }


def test_a_cell_that_no_longer_converts_is_invalid_with_its_text(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    schema = base.schema.replace(base.schema["uid"].with_(dtype=DType.integer, kind=Kind.numeric))
    result = carried.with_columns(
        uid=pl.Series([1, 2, 3, 4, None], dtype=pl.Int64),
        uid__invalid=pl.Series([None, None, None, None, "u5"], dtype=pl.String),
    )
    version = take(result, schema)
    assert marks_of(base, version)[4, "c1"] == ("invalid", "", "u5")
    changes = base.store.changes(version.manifest)
    assert changes.cells["c1"] == CellCounts(changed=5, edited=4, set_invalid=1)
    assert [line.change for line in changes.columns] == ["retyped"]
    assert changes.invalid == 3


def test_an_empty_cell_of_a_new_column_could_not_be_computed(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    new = Column(id="c_new", name="half", dtype=DType.number, kind=Kind.numeric)
    version = take(carried.with_columns(half=pl.col("age") / 2), base.schema.insert(new))
    assert marks_of(base, version)[1, "c_new"] == ("missing", "not computable", None)
    assert [line.change for line in base.store.changes(version.manifest).columns] == ["added"]


def test_a_number_that_is_not_finite_is_missing_because_it_cannot_be_computed(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    new = Column(id="c_new", name="ratio", dtype=DType.number, kind=Kind.numeric)
    result = carried.with_columns(ratio=pl.Series([1.0, float("inf"), float("nan"), -float("inf"), 2.0]))
    version = take(result, base.schema.insert(new))
    found = {key for key, mark in marks_of(base, version).items() if mark[1] == "not computable"}
    assert found == {(1, "c_new"), (2, "c_new"), (3, "c_new")}
    assert base.store.read(version.manifest).table["ratio"].to_list() == [1.0, None, None, None, 2.0]


def test_removed_rows_take_their_marks_along_and_are_listed(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    version = take(carried.filter(pl.col("uid") != "u2"), base.schema)
    assert marks_of(base, version) == {
        (2, CITY): ("missing", "token", "N/A"),
        (4, "c4"): ("invalid", "", "31/31/2024"),
    }
    changes = base.store.changes(version.manifest)
    assert (changes.rows_before, changes.removed, changes.rows_after, changes.cells) == (5, 1, 4, {})
    assert base.store.removed(version.manifest).to_list() == [1]
    base.store.verify(version.manifest)


def test_sorting_moves_rows_and_changes_no_cell(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    version = take(carried.reverse(), base.schema)
    changes = base.store.changes(version.manifest)
    assert (changes.moved, changes.cells, changes.modified) == (4, {}, 0)
    assert version.root != base.written.root
    assert base.store.read(version.manifest).table["uid"].to_list() == ["u5", "u4", "u3", "u2", "u1"]
    assert base.store.manifest(version.manifest).digests.columns == (
        base.store.manifest(base.written.manifest).digests.columns
    )


def test_dropping_renaming_and_moving_columns_are_lines_about_columns(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    uid, age, city, _ = base.schema.columns
    schema = base.schema.model_copy(update={"columns": (city, uid, age.with_(name="年龄"))})
    result = carried.drop("day", "day__invalid").rename({"age": "年龄", "age__invalid": "年龄__invalid"})
    version = take(result, schema)
    changes = base.store.changes(version.manifest)
    assert sorted((line.change, line.column) for line in changes.columns) == [
        ("moved", "c3"),
        ("removed", "c4"),
        ("renamed", "c2"),
    ]
    assert changes.cells == {}
    assert base.store.read(version.manifest).table.columns == [ROW_ID, "city", "uid", "年龄"]


REFUSED = {
    "lost row ids": (lambda t: t.drop(ROW_ID), "lost its row ids"),
    "row ids as text": (lambda t: t.with_columns(pl.col(ROW_ID).cast(pl.String)), "not whole numbers"),
    "a row id that is empty": (lambda t: t.with_columns(pl.lit(None, pl.Int64).alias(ROW_ID)), "not whole"),
    "a row twice": (lambda t: pl.concat([t, t.head(1)]), "row id twice"),
    "invented row ids": (
        lambda t: t.with_columns(pl.col(ROW_ID) + 3),
        "3 row ids that the base version does not have",
    ),
    "a column too few": (lambda t: t.drop("city"), "missing: 'city'"),
    "a column too many": (lambda t: t.with_columns(extra=1), "not foretold: 'extra'"),
    "a companion of nothing": (
        lambda t: t.with_columns(x__invalid=pl.lit("a")),
        "not foretold: 'x__invalid'",
    ),
    "a companion of numbers": (
        lambda t: t.with_columns(age__invalid=1),
        "'age__invalid' of the result is not text",
    ),
    "another type": (lambda t: t.with_columns(pl.col("age").cast(pl.Float64)), "foretells integer"),
    "text for a date": (lambda t: t.with_columns(pl.col("day").cast(pl.String)), "foretells date"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_result_that_does_not_fit_is_refused_with_what_differs(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take, fault: str
) -> None:
    change, message = REFUSED[fault]
    before = list(base.objects.keys())
    with pytest.raises(DataError, match=message):
        take(change(carried), base.schema)
    assert list(base.objects.keys()) == before


def test_an_unknown_job_or_a_lacking_input_is_our_fault_not_the_data_s(
    run_intake: Callable[..., Any],
) -> None:
    with pytest.raises(Infrastructure, match="no job of kind"):
        run_intake("divination", {}, {})
    with pytest.raises(Infrastructure, match="not given the input"):
        run_intake("version", {"rows": "carried"}, {})


# -- scripts of a person: rows are found again -----------------------------------------------------------


def test_a_script_that_filters_and_edits_keeps_rows_by_their_id_column(
    base: SimpleNamespace, take: Take
) -> None:
    result = base.table.drop(ROW_ID).filter(pl.col("uid") != "u1").with_columns(pl.col("age") + 1).reverse()
    version = take(result)
    table = base.store.read(version.manifest).table
    assert dict(zip(table["uid"], table[ROW_ID], strict=True)) == {"u2": 1, "u3": 2, "u4": 3, "u5": 4}
    changes = base.store.changes(version.manifest)
    assert (changes.removed, changes.added, changes.cells["c2"].edited) == (1, 0, 3)
    assert marks_of(base, version)[1, "c2"] == (
        "invalid",
        "",
        "三十",
    )  # never seen by the script, so still there


def test_rows_that_a_script_adds_get_new_ids(base: SimpleNamespace, take: Take) -> None:
    extra = pl.DataFrame({"uid": ["u9"], "age": [50], "city": ["西安"], "day": [None]})
    result = pl.concat([extra.cast(base.table.drop(ROW_ID).schema), base.table.drop(ROW_ID)])
    version = take(result)
    assert base.store.read(version.manifest).table[ROW_ID].to_list() == [5, 0, 1, 2, 3, 4]
    assert version.next_row_id == 6
    assert base.store.changes(version.manifest).added == 1


def test_a_script_s_new_column_is_typed_by_what_came(base: SimpleNamespace, take: Take) -> None:
    result = base.table.drop(ROW_ID).with_columns(
        flag=pl.col("age") > 30, price=pl.lit("1.50").cast(pl.Decimal(10, 2)), small=pl.lit(1, pl.Int8)
    )
    schema = base.store.schema(take(result).manifest)
    assert [(c.name, c.dtype, c.digits) for c in schema.columns[4:]] == [
        ("flag", DType.boolean, 0),
        ("price", DType.decimal, 2),
        ("small", DType.integer, 0),
    ]
    assert schema.columns[:4] == base.schema.columns


def test_without_a_key_rows_are_found_by_place_or_by_content(base: SimpleNamespace, take: Take) -> None:
    edited = base.table.drop(ROW_ID, "uid").with_columns(pl.col("city").fill_null("不详"))
    assert base.store.read(take(edited).manifest).table[ROW_ID].to_list()[0] in (0, 5)
    shuffled = base.table.drop(ROW_ID, "uid")[[3, 0, 2]]
    assert base.store.read(take(shuffled).manifest).table[ROW_ID].to_list() == [3, 0, 2]


@pytest.mark.parametrize("name", [ROW_ID, "age__invalid"])
def test_a_script_cannot_make_hidden_columns(base: SimpleNamespace, take: Take, name: str) -> None:
    with pytest.raises(DataError, match="reserved"):
        take(base.table.drop(ROW_ID).with_columns(pl.lit(1).alias(name)))


def test_a_script_must_return_columns(take: Take) -> None:
    with pytest.raises(DataError, match="no columns"):
        take(pl.DataFrame())


# Columns that are left out because they did not change ---------------------------------------------------


def test_what_is_left_out_is_taken_from_the_base(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    whole = take(carried.filter(pl.col(ROW_ID) != 3).with_columns(pl.col("city").fill_null("?")), base.schema)
    part = carried.filter(pl.col(ROW_ID) != 3).select(ROW_ID, pl.col("city").fill_null("?"))
    assert take(part, base.schema, same=["uid", "age", "day"]).manifest == whole.manifest


def test_a_renamed_column_is_known_by_its_id(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    schema = base.schema.replace(base.schema["age"].with_(name="years"))
    renamed = carried.rename({"age": "years", "age__invalid": "years__invalid"})
    left_out = take(carried.select(ROW_ID), schema, same=["uid", "years", "city", "day"])
    assert left_out.manifest == take(renamed, schema).manifest


@pytest.mark.parametrize(
    ("same", "sentence"),
    [
        (["uid", "age"], "missing: 'city', 'day'"),
        (["uid", "age", "city", "day", "nothing"], "not foretold: 'nothing'"),
        (["uid", "age", "city", "day", "new"], "no such column"),
        ("uid", "does not say which columns"),
        ([1], "does not say which columns"),
    ],
)
def test_a_false_word_about_what_is_left_out_is_refused(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take, same: Any, sentence: str
) -> None:
    schema = base.schema
    if same[-1:] == ["new"]:
        new = Column(id="c9", name="new", dtype=DType.text, kind=Kind.text)
        schema = schema.model_copy(update={"columns": (*schema.columns, new)})
    with pytest.raises(DataError, match=sentence):
        take(carried.select(ROW_ID), schema, same=same)


def test_a_column_of_another_type_is_not_the_base_s(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    schema = base.schema.replace(base.schema["age"].with_(dtype=DType.number))
    with pytest.raises(DataError, match="no such column"):
        take(carried.select(ROW_ID), schema, same=["uid", "age", "city", "day"])


def test_a_column_that_is_left_out_and_sent_all_the_same_is_refused(
    base: SimpleNamespace, carried: pl.DataFrame, take: Take
) -> None:
    with pytest.raises(DataError, match="not foretold: 'uid'"):
        take(carried.select(ROW_ID, "uid"), base.schema, same=["uid", "age", "city", "day"])


def test_the_rehearsal_of_the_intake_runs() -> None:
    warm()
