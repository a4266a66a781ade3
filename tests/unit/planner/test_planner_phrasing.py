"""Phrasings by mechanism: remarks, what is kept alone, new columns without a verb, figures asked for in passing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from retort_core.plans import Command, Declined, Outcome, Planned, Question
from retort_core.schema import Kind
from retort_planner.eval import run, tables
from retort_planner.requests import Request
from retort_planner.rules import plan

_MEAN = {"fn": "mean", "args": [{"column": name} for name in ("reading", "math", "english")]}


def said(text: str, lang: str = "zh") -> Outcome:
    return plan(run.request(text, lang))  # type: ignore[arg-type]


def steps(outcome: Outcome) -> list[tuple[str, dict[str, Any]]]:
    assert isinstance(outcome, Planned), outcome
    return [(step.op, step.params) for step in outcome.plan.steps]


@pytest.mark.parametrize(
    ("text", "lang", "name", "expression"),
    [
        (
            "new column A1r = 7 - intent",
            "en",
            "A1r",
            {"fn": "sub", "args": [{"value": 7}, {"column": "intent"}]},
        ),
        ("new column agree = mean of reading, math, english", "en", "agree", _MEAN),
        ("compute agree = mean of reading, math, english", "en", "agree", _MEAN),
        (
            "新列 反向 = 6 - 购买意愿",
            "zh",
            "反向",
            {"fn": "sub", "args": [{"value": 6}, {"column": "购买意愿"}]},
        ),
        (
            "用离职日期减去入职日期算出在职天数",
            "zh",
            "在职天数",
            {"fn": "days_between", "args": [{"column": "入职日期"}, {"column": "离职日期"}]},
        ),
    ],
)
def test_a_new_column_needs_no_verb(text: str, lang: str, name: str, expression: dict[str, Any]) -> None:
    ((op, params),) = steps(said(text, lang))
    assert (op, params["new_name"], params["expression"]) == ("derive_column", name, expression)


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("评论和备注两列没用，保留", "zh"),
        ("notes are private, keep them", "en"),
        ("删除评论和备注，其他列都不要", "zh"),
        ("delete age over 60, nothing else", "en"),
        ("drop city and province, keep the rest", "en"),
        ("性别列不要，其他都不要动", "zh"),
        ("不要删除备注，别的列都不要动", "zh"),
        ("删除广州和统计异常的", "zh"),
        ("income should be over 0", "en"),
    ],
)
def test_words_that_take_two_ways_change_nothing(text: str, lang: str) -> None:
    assert isinstance(said(text, lang), Declined)


@pytest.mark.parametrize(
    ("text", "op", "where", "mode"),
    [
        (
            "remove anyone not from Guangzhou",
            "filter_rows",
            {"column": "city", "op": "ne", "value": "Guangzhou"},
            "drop",
        ),
        ("only women", "filter_rows", {"column": "gender", "op": "eq", "value": "female"}, "keep"),
        ("keep people aged 30 or over", "filter_rows", {"column": "age", "op": "ge", "value": 30}, "keep"),
        (
            "set score to missing where it is not between 0 and 10",
            "set_value",
            {"not": {"column": "score", "op": "between", "value": {"low": 0, "high": 10}}},
            None,
        ),
    ],
)
def test_who_is_meant_is_read_whole(text: str, op: str, where: dict[str, Any], mode: str | None) -> None:
    ((found, params),) = steps(said(text, "en"))
    assert (found, params["where"], params.get("mode")) == (op, where, mode)


def test_values_keep_their_words() -> None:
    ((_, params),) = steps(said("keep rows where satisfaction is very satisfied", "en"))
    assert params["where"] == {"column": "satisfaction", "op": "eq", "value": "very satisfied"}


def test_looking_changes_nothing() -> None:
    assert steps(said("统计城市"))[0][0] == "value_counts"
    assert steps(said("看看收入"))[0][0] == "describe"
    assert steps(said("show name and email", "en"))[0][0] == "describe"
    assert said("看看有什么问题") == Command(verb="suggest")


def test_a_change_is_not_lost_to_the_figures_asked_for_with_it() -> None:
    outcome = said("年龄小于18的删掉，然后按城市统计人数")
    assert [op for op, _ in steps(outcome)] == ["filter_rows"]
    assert isinstance(outcome, Planned)
    assert any("统计" in note for note in outcome.plan.assumptions)


def test_looking_at_some_rows_is_one_answer() -> None:
    found = steps(said("只看广州的，按性别统计人数"))
    assert [op for op, _ in found] == ["filter_rows", "group_aggregate"]
    assert found[0][1]["where"] == {"column": "城市", "op": "eq", "value": "广州"}


@pytest.mark.parametrize(("text", "lang"), [("删除异常值", "zh"), ("remove outliers", "en")])
def test_outliers_of_no_column_are_asked_about(text: str, lang: str) -> None:
    outcome = said(text, lang)
    assert isinstance(outcome, Question)
    assert not any(option.default for option in outcome.slots[0].options)
    assert [option.rows for option in outcome.slots[0].options][:2] == [150, 8]


def test_of_two_weights_the_first_is_taken_and_the_other_offered() -> None:
    schema = tables.schema("zh")
    columns = [replace_kind(column) if column.name == "收入" else column for column in schema.columns]
    both = schema.model_copy(update={"columns": tuple(columns)})
    outcome = plan(replace(run.request("加权后的满意度分布", "zh"), schema=both))
    assert steps(outcome)[0][1]["weight"] == "收入"
    assert isinstance(outcome, Planned)
    assert outcome.plan.assumptions == ("按「收入」加权。",)
    assert [item.plan.steps[0].params["weight"] for item in outcome.alternatives] == ["权重"]


def replace_kind(column: Any) -> Any:
    return column.model_copy(update={"kind": Kind.weight})


def test_a_request_without_a_profile_is_planned_alike() -> None:
    request = Request("统计学历", tables.schema("zh"), today=run.TODAY)
    assert steps(plan(request))[0][0] == "value_counts"
