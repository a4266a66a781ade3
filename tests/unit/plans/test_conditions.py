"""Three-valued conditions, held against the word list of the semantics page."""

# ruff: noqa: DTZ001 - tables hold no time zone
from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from retort_core.errors import StepError
from retort_core.schema import Column, DType, Kind, Schema, ValueLabel
from retort_plans import conditions
from retort_plans.conditions import Condition
from retort_plans.reference import MISSING, Cell, Invalid, Row, Valid

SCHEMA = Schema(
    columns=(
        Column(id="c1", name="年龄", dtype=DType.integer, kind=Kind.numeric),
        Column(id="c2", name="城市", dtype=DType.text, kind=Kind.single),
        Column(id="c3", name="日期", dtype=DType.date, kind=Kind.date),
        Column(id="c4", name="时间", dtype=DType.datetime, kind=Kind.date),
        Column(id="c5", name="多选", dtype=DType.text, kind=Kind.multi, separator=";"),
        Column(id="c6", name="满意", dtype=DType.integer, kind=Kind.single, value_labels=(ValueLabel(value="5", label="很满意"),)),
        Column(id="c7", name="会员", dtype=DType.boolean, kind=Kind.single),
        Column(id="c8", name="金额", dtype=DType.decimal, digits=2, kind=Kind.numeric),
    )
)  # fmt: skip
TREE: TypeAdapter[Condition] = TypeAdapter(Condition)
TRUE = {"column": "年龄", "op": "is_valid"}
FALSE = {"column": "年龄", "op": "is_missing"}
UNKNOWN = {"column": "城市", "op": "eq", "value": "北京"}


def holds(tree: dict[str, Any], **cells: Cell) -> bool | None:
    condition = TREE.validate_python(tree)
    conditions.check(condition, SCHEMA)
    row = Row(1, {**dict.fromkeys(SCHEMA.names, MISSING), "年龄": Valid(18), **cells})
    return condition.holds(row, SCHEMA)


@pytest.mark.parametrize(
    ("parts", "every", "some"),
    [
        ((TRUE, UNKNOWN), None, True),
        ((FALSE, UNKNOWN), False, None),
        ((UNKNOWN, UNKNOWN), None, None),
        ((TRUE, FALSE), False, True),
        ((TRUE, TRUE), True, True),
        ((FALSE, FALSE), False, False),
    ],
)
def test_and_and_or_follow_kleene(parts: tuple[Any, ...], every: bool | None, some: bool | None) -> None:
    assert holds({"all": list(parts)}) is every
    assert holds({"any": list(parts)}) is some


@pytest.mark.parametrize("op", ["eq", "ne", "contains", "not_contains", "starts", "ends"])
@pytest.mark.parametrize("cell", [MISSING, Invalid("北京")])
def test_a_comparison_with_a_missing_or_invalid_cell_is_unknown_and_so_is_its_negation(
    op: str, cell: Cell
) -> None:
    leaf = {"column": "城市", "op": op, "value": "北京"}
    assert holds(leaf, 城市=cell) is None
    assert holds({"not": leaf}, 城市=cell) is None


def test_missing_and_invalid_are_told_apart_and_always_known() -> None:
    states = {op: {"column": "城市", "op": op} for op in ("is_missing", "is_invalid", "is_valid")}
    for cell, wanted in [(MISSING, "is_missing"), (Invalid("x"), "is_invalid"), (Valid("x"), "is_valid")]:
        assert {op: holds(leaf, 城市=cell) for op, leaf in states.items()} == {
            op: op == wanted for op in states
        }


@pytest.mark.parametrize(
    ("words", "op", "value", "true", "false"),
    [
        ("以上 至少 不少于 at least or more", "ge", 18, [18, 19], [17]),
        ("以下 以内 至多 不超过 at most", "le", 18, [18, 17], [19]),
        ("18到30 between", "between", {"low": 18, "high": 30}, [18, 24, 30], [17, 31]),
        ("超过 大于 高于 over more than", "gt", 18, [19], [18, 17]),
        ("不足 不满 未满 低于 小于 under less than", "lt", 18, [17], [18, 19]),
        ("a fraction between whole numbers", "gt", 17.5, [18], [17]),
    ],
)
def test_words_of_size(words: str, op: str, value: Any, true: list[int], false: list[int]) -> None:
    leaf = {"column": "年龄", "op": op, "value": value}
    assert [holds(leaf, 年龄=Valid(age)) for age in true] == [True] * len(true), words
    assert [holds(leaf, 年龄=Valid(age)) for age in false] == [False] * len(false), words


@pytest.mark.parametrize(
    ("op", "value", "true", "false"),
    [
        ("le", "2024-01", datetime(2024, 1, 31, 23, 59, 59), datetime(2024, 2, 1)),
        ("between", {"low": "2024-01-30", "high": "2024-01-31"}, datetime(2024, 1, 31, 23, 59, 59), datetime(2024, 2, 1)),
        ("gt", "2024-01-31", datetime(2024, 2, 1), datetime(2024, 1, 31, 23, 59)),
        ("lt", "2024", datetime(2023, 12, 31, 23), datetime(2024, 1, 1)),
        ("ge", "2024年1月31日", datetime(2024, 1, 31), datetime(2024, 1, 30, 23)),
        ("eq", "2024-01", datetime(2024, 1, 15), datetime(2023, 1, 15)),
        ("in", ["2023", "2024-03"], datetime(2024, 3, 31, 12), datetime(2024, 4, 1)),
        ("eq", "2024-01-31 08:05", datetime(2024, 1, 31, 8, 5), datetime(2024, 1, 31, 8, 6)),
    ],
)  # fmt: skip
def test_a_date_stands_for_its_whole_day_month_or_year(
    op: str, value: Any, true: datetime, false: datetime
) -> None:
    assert holds({"column": "时间", "op": op, "value": value}, 时间=Valid(true)) is True
    assert holds({"column": "时间", "op": op, "value": value}, 时间=Valid(false)) is False
    if true.time() == datetime.min.time():
        assert holds({"column": "日期", "op": op, "value": value}, 日期=Valid(true.date())) is True


def test_text_ignores_surrounding_spaces_and_width_but_respects_case() -> None:
    pro = {"column": "城市", "op": "eq", "value": "Ｐro "}
    assert holds(pro, 城市=Valid(" Pro")) is True
    assert holds(pro, 城市=Valid("pro")) is False
    assert holds(pro, 城市=Valid("P ro")) is False
    assert holds({"column": "城市", "op": "contains", "value": "ro"}, 城市=Valid("Ｐｒｏ")) is True


@pytest.mark.parametrize(
    ("op", "value", "cell", "truth"),
    [
        ("eq", 1, "10;2", False),
        ("eq", "1", "1;10;", True),
        ("contains", "1", "10;21", False),
        ("in", [1, 2], "3;２", True),
        ("nin", [1, 2], "10;21", True),
        ("ne", 10, "1", True),
        ("contains", "1;3", "3;2;1", True),
        ("contains", "1;3", "3;2", False),
        ("eq", 1, ";", False),
    ],
)
def test_several_answers_are_compared_by_code_never_by_substring(
    op: str, value: Any, cell: str, truth: bool
) -> None:
    assert holds({"column": "多选", "op": op, "value": value}, 多选=Valid(cell)) is truth


def test_literals_are_read_by_the_type_of_their_column() -> None:
    assert holds({"column": "年龄", "op": "eq", "value": "１８"}) is True
    assert holds({"column": "满意", "op": "eq", "value": "很满意"}, 满意=Valid(5)) is True
    assert holds({"column": "会员", "op": "eq", "value": "是"}, 会员=Valid(True)) is True
    assert holds({"column": "金额", "op": "ge", "value": "19.9"}, 金额=Valid(Decimal("19.90"))) is True
    assert holds({"column": "城市", "op": "eq", "value": 1}, 城市=Valid("1")) is True
    assert holds({"column": "日期", "op": "eq", "value": "2024/1/5"}, 日期=Valid(date(2024, 1, 5))) is True


@pytest.mark.parametrize(
    ("leaf", "says"),
    [
        ({"column": "年令", "op": "ge", "value": 18}, "nearest: 年龄"),
        ({"column": "年龄", "op": "ge", "value": "老"}, "whole number"),
        ({"column": "年龄", "op": "eq", "value": True}, "whole number"),
        ({"column": "年龄", "op": "contains", "value": "1"}, "cast_type"),
        ({"column": "城市", "op": "gt", "value": 10}, "cast_type"),
        ({"column": "多选", "op": "gt", "value": "a"}, "codes"),
        ({"column": "会员", "op": "lt", "value": True}, "eq"),
        ({"column": "日期", "op": "ge", "value": "2024-13"}, "2024-01-31"),
        ({"column": "城市", "op": "matches", "value": "(?=x)"}, "look around"),
        ({"column": "城市", "op": "matches", "value": r"(a)\1"}, "refers back"),
        ({"column": "城市", "op": "matches", "value": "a{"}, "literal {"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_what_to_do(leaf: dict[str, Any], says: str) -> None:
    with pytest.raises(StepError, match="(?s)" + says.replace("{", r"\{")):
        conditions.check(TREE.validate_python(leaf), SCHEMA)


@pytest.mark.parametrize(
    "tree",
    [
        {"all": []},
        {"any": [TRUE], "all": [TRUE]},
        {"column": "年龄", "op": "between", "value": 3},
        {"column": "年龄", "op": "in", "value": []},
        {"column": "年龄", "op": "eq", "value": None},
        {"column": "年龄", "op": "is_missing", "value": 1},
        {"column": "年龄", "op": "eq", "value": float("inf")},
        {"column": "年龄", "op": "like", "value": 1},
    ],
)
def test_misshapen_trees_are_refused(tree: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TREE.validate_python(tree)


def test_trees_read_back_as_they_were_written_and_explain_themselves() -> None:
    tree = {
        "all": [
            {"not": {"column": "城市", "op": "in", "value": ["北京", "上海"]}},
            {"column": "年龄", "op": "between", "value": {"low": 18, "high": 30}},
        ]
    }
    condition = TREE.validate_python(tree)
    assert TREE.dump_python(condition, by_alias=True, mode="json", exclude_none=True) == tree
    assert condition.explain("zh") == "并非（城市 为 北京、上海 之一）且年龄 在 18 到 30 之间（含两端）"
    assert (
        condition.explain("en")
        == "not (城市 is one of 北京, 上海) and 年龄 is between 18 and 30 (both included)"
    )
    assert conditions.columns_of(condition) == {"城市", "年龄"}
