"""Texts that conditions take for equal are one group, one value, one code: only space and width apart."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.plans import Plan, Step
from retort_core.schema import Column, DType, Kind, Schema, ValueLabel
from retort_plans.reference import compared_text
from retort_plans.scripts import build_script

SCHEMA = Schema(
    columns=(
        Column(id="c1", name="部门", dtype=DType.text, kind=Kind.single),
        Column(id="c2", name="码", dtype=DType.text, kind=Kind.single,
               value_labels=(ValueLabel(value="1", label="是"), ValueLabel(value="2", label="否"))),
        Column(id="c3", name="打分", dtype=DType.integer, kind=Kind.numeric),
    )
)  # fmt: skip
TYPES = {"部门": pl.String, "码": pl.String, "打分": pl.Int64}
ROWS: list[dict[str, Any]] = [
    {"部门": " 市场部", "码": "1", "打分": 1},
    {"部门": "市场部\u3000", "码": " 1", "打分": 3},
    {"部门": "ＨＲ（总）", "码": "2", "打分": 4},
    {"部门": "HR(总)", "码": "2 ", "打分": None},
    {"部门": "hr(总)", "码": "1", "打分": 6},
    {"部门": None, "码": None, "打分": 9},
]


def run(op: str, data: list[dict[str, Any]] = ROWS, **params: Any) -> Any:
    plan = Plan(title="t", steps=(Step(id="s1", op=op, params=params),))
    source = build_script(plan, SCHEMA, lang="en", row_ids=False).source
    space: dict[str, Any] = {"__name__": "retort_script"}
    exec(compile(source, "script", "exec"), space)
    return space["run"](pl.DataFrame(data, schema=TYPES))


def test_groups_that_differ_in_space_and_width_are_one_with_the_spelling_of_the_first_row() -> None:
    aggregations = [{"column": "打分", "fn": "mean"}]
    table = run("group_aggregate", by=["部门"], aggregations=aggregations)["table"]
    assert table.rows() == [("hr(总)", 6.0, 1), ("ＨＲ（总）", 4.0, 1), ("市场部", 2.0, 2)] or table.rows() == [
        ("hr(总)", 6.0, 1), ("市场部", 2.0, 2), ("ＨＲ（总）", 4.0, 1)]  # fmt: skip


def test_values_that_differ_in_space_and_width_are_counted_as_one() -> None:
    table = run("value_counts", column="部门")["table"]
    assert dict(table.select("value", "n").rows()) == {"市场部": 2, "ＨＲ（总）": 2, "hr(总)": 1}
    assert (
        run("group_aggregate", aggregations=[{"column": "部门", "fn": "distinct"}])["table"].item(0, 0) == 3
    )


def test_codes_written_with_a_space_find_their_label() -> None:
    assert run("value_counts", column="码")["table"].select("value", "label", "n").rows() == [
        ("1", "是", 3),
        ("2", "否", 2),
    ]


def test_a_banner_and_a_question_have_one_column_and_one_line_for_each_value() -> None:
    table = run("crosstab", rows=["部门"], banner=["码"])["counts"]
    assert table.columns == ["question", "value", "total", "码: 1 是", "码: 2 否"]
    assert {row[1]: row[2:] for row in table.rows()} == {
        "市场部": (2.0, 2.0, 0.0), "ＨＲ（总）": (2.0, 0.0, 2.0), "hr(总)": (1.0, 1.0, 0.0)}  # fmt: skip


@pytest.mark.parametrize(("strategy", "filled"), [("mean", 4.0), ("forward", 4)])
def test_a_gap_is_filled_from_rows_whose_group_is_written_otherwise(strategy: str, filled: float) -> None:
    assert run("fill_missing", columns=["打分"], strategy=strategy, by=["部门"])["打分"][3] == filled


spellings = st.sampled_from(["a", " a", "a ", "ａ", "A", "a b", "ａ　ｂ", "ab", None])


@given(st.lists(spellings, max_size=15))
@settings(max_examples=40, deadline=None)
def test_counting_is_counting_of_what_conditions_compare(texts: list[str | None]) -> None:
    table = run("value_counts", [{"部门": text} for text in texts], column="部门")["table"]
    found = {compared_text(value): n for value, n in table.select("value", "n").iter_rows()}
    wanted: dict[str, int] = {}
    for text in texts:
        if text is not None:
            wanted[compared_text(text)] = wanted.get(compared_text(text), 0) + 1
    assert found == wanted
