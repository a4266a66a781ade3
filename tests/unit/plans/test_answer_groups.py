"""Groups, labels and bases of answers: by codes of multiple answers, with weights, with conditions that are unknown."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.plans import Lang, Plan, Step
from retort_core.schema import Column, DType, Kind, Scale, Schema, ValueLabel
from retort_plans.scripts import build_script

LABELS = (ValueLabel(value="1", label="男"), ValueLabel(value="2", label="女"))
BANDS = tuple(ValueLabel(value=band, label=band) for band in ("未满18", "18-24", "25+"))
SCHEMA = Schema(
    columns=(
        Column(id="c1", name="性别", dtype=DType.integer, kind=Kind.single, value_labels=LABELS),
        Column(id="c2", name="渠道", dtype=DType.text, kind=Kind.multi, separator=";"),
        Column(id="c3", name="年龄段", dtype=DType.text, kind=Kind.single, value_labels=BANDS),
        Column(id="c4", name="打分", dtype=DType.integer, kind=Kind.scale, scale=Scale(min=0, max=10)),
        Column(id="c5", name="权重", dtype=DType.number, kind=Kind.weight),
    )
)
TYPES = {"性别": pl.Int64, "渠道": pl.String, "年龄段": pl.String, "打分": pl.Int64, "权重": pl.Float64}
ROWS: list[dict[str, Any]] = [
    {"性别": 2, "渠道": "1;10;", "年龄段": "25+", "打分": 10, "权重": 2.0},
    {"性别": 1, "渠道": "1", "年龄段": "未满18", "打分": 4, "权重": 1.0},
    {"性别": 1, "渠道": "2;1;2", "年龄段": "18-24", "打分": 8, "权重": 0.5},
    {"性别": None, "渠道": ";", "年龄段": None, "打分": 9, "权重": 1.0},
    {"性别": 2, "渠道": None, "年龄段": "25+", "打分": None, "权重": None},
]


def ask(
    op: str, params: dict[str, Any], rows: list[dict[str, Any]] = ROWS, lang: Lang = "zh"
) -> dict[str, pl.DataFrame]:
    plan = Plan(title="t", steps=(Step(id="s1", op=op, params=params),))
    source = build_script(plan, SCHEMA, lang=lang, row_ids=False).source
    space: dict[str, Any] = {"__name__": "retort_script"}
    exec(compile(source, "script", "exec"), space)
    return space["run"](pl.DataFrame(rows, schema=TYPES))


def mean_by(by: str, **more: Any) -> dict[str, pl.DataFrame]:
    return ask("group_aggregate", {"by": [by], "aggregations": [{"column": "打分", "fn": "mean"}], **more})


def test_labels_of_groups_stand_beside_their_codes() -> None:
    table = mean_by("性别")["table"]
    assert table.columns == ["性别", "性别的标签", "均值", "基数"]
    assert table.rows() == [(1, "男", 6.0, 2), (2, "女", 10.0, 1)]
    scores = ask("nps", {"column": "打分", "by": ["性别"]})["table"]
    assert scores.select("性别", "性别的标签", "NPS").rows() == [(1, "男", -50.0), (2, "女", 100.0)]


def test_groups_show_the_unweighted_and_the_weighted_base() -> None:
    table = mean_by("性别", weight="权重")["table"]
    assert table.columns == ["性别", "性别的标签", "均值", "基数", "加权基数"]
    assert table.select("性别", "基数", "加权基数").rows() == [(1, 2, 1.5), (2, 1, 2.0)]


def test_a_respondent_counts_once_in_the_group_of_each_code() -> None:
    found = mean_by("渠道")
    assert found["table"].rows() == [("1", 22 / 3, 3), ("2", 8.0, 1), ("10", 10.0, 1)]
    assert found["bases"]["基数"].to_list() == [3]  # respondents, not answers
    assert found["bases"]["无分组"].to_list() == [2]


def test_bands_come_in_the_order_of_their_labels() -> None:
    assert mean_by("年龄段")["table"]["年龄段"].to_list() == ["未满18", "18-24", "25+"]
    counts = ask("value_counts", {"column": "年龄段"})["table"]
    assert counts["值"].to_list() == ["未满18", "18-24", "25+"]
    assert "标签" not in counts.columns  # they would repeat the values
    crossed = ask("crosstab", {"rows": ["性别"], "banner": ["年龄段"]})["table"]
    assert [head for head in crossed.columns if head.startswith("年龄段")] == [
        "年龄段: 未满18", "年龄段: 18-24", "年龄段: 25+",
    ]  # fmt: skip
    turned = ask("crosstab", {"rows": ["年龄段"], "banner": ["性别"]})["table"]
    assert turned["值"].to_list() == ["未满18", "18-24", "25+"]


def test_rows_without_a_group_or_a_weight_are_counted_by_nps() -> None:
    bases = ask("nps", {"column": "打分", "by": ["性别"], "weight": "权重"})["bases"]
    assert (bases["无分组"][0], bases["无权重"][0]) == (1, 1)


@pytest.mark.parametrize(
    ("op", "params"),
    [
        ("group_aggregate", {"by": [], "aggregations": [{"column": "打分", "fn": "mean"}]}),
        ("nps", {"column": "打分"}),
        ("value_counts", {"column": "打分"}),
        ("describe", {"columns": ["打分"]}),
        ("crosstab", {"rows": ["打分"], "banner": ["性别"]}),
    ],
)
def test_rows_whose_condition_is_unknown_are_left_out_and_counted(op: str, params: dict[str, Any]) -> None:
    found = ask(op, {**params, "where": {"column": "性别", "op": "eq", "value": 1}})
    assert found["bases"]["条件未知"][0] == 1


def median(rows: list[tuple[float, float]]) -> float | None:
    found = ask(
        "group_aggregate",
        {"by": [], "aggregations": [{"column": "打分", "fn": "median", "as": "x"}], "weight": "权重"},
        [{"打分": x, "权重": w} for x, w in rows],
    )
    return found["table"]["x"][0]


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 4)), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_whole_weights_give_the_median_of_repeated_rows(rows: list[tuple[int, int]]) -> None:
    spelt = sorted(x for x, w in rows for _ in range(w))
    found = median([(x, float(w)) for x, w in rows])
    if not spelt:
        assert found is None
        return
    middle = (len(spelt) - 1) / 2
    assert found == (spelt[math.floor(middle)] + spelt[math.ceil(middle)]) / 2


def test_fractional_weights_pull_the_median_to_the_heavier_value() -> None:
    assert median([(1, 0.4), (9, 2.6)]) == 9.0
    # Σw = 2, so h = 1.5: halfway between what is reached at 1 (the value 2) and at 2 (the value 8)
    assert median([(2, 1.5), (8, 0.5)]) == 5.0
