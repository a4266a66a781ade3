"""What simulation says of a plan: schemas after each step, ids, what the words let go, and helpful refusals."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from retort_core.errors import StepError
from retort_core.plans import Plan, Step
from retort_core.schema import Column, DType, Kind, MissingCode, Scale, Schema, ValueLabel
from retort_plans.explanations import explain
from retort_plans.operations.base import require
from retort_plans.simulation import Simulation, column_ids, simulate

LABELS = (ValueLabel(value="1", label="很不满意"), ValueLabel(value="5", label="很满意"))
SCHEMA = Schema(
    columns=(
        Column(id="c1", name="用户ID", dtype=DType.text, kind=Kind.id, label="受访者"),
        Column(id="c2", name="年龄", dtype=DType.integer, kind=Kind.numeric),
        Column(id="c3", name="q1", dtype=DType.integer, kind=Kind.scale, scale=Scale(min=1, max=5), value_labels=LABELS, group="Q1"),
        Column(id="c4", name="城市", dtype=DType.text, kind=Kind.single),
        Column(id="c5", name="日期", dtype=DType.date, kind=Kind.date),
    )
)  # fmt: skip


def run(*steps: tuple[str, dict[str, Any]]) -> Simulation:
    made = tuple(Step(id=f"s{n}", op=op, params=params) for n, (op, params) in enumerate(steps, 1))
    return simulate(Plan(title="t", steps=made), SCHEMA)


def test_columns_keep_everything_through_renames_and_moves() -> None:
    final = run(
        ("rename_columns", {"mapping": [{"from": "q1", "to": "满意度"}, {"from": "年龄", "to": "q1"}]}),
        ("reorder_columns", {"columns": ["满意度"]}),
        ("filter_rows", {"where": {"column": "满意度", "op": "ge", "value": 4}, "mode": "keep"}),
    ).final
    assert final.names == ("满意度", "用户ID", "q1", "城市", "日期")
    assert final["满意度"] == SCHEMA["q1"].with_(name="满意度")
    assert final["q1"].id == "c2"


def test_new_columns_get_ids_of_base_step_and_name_and_their_origin() -> None:
    step = (
        "derive_column",
        {"new_name": "岁", "expression": {"fn": "add", "args": [{"column": "年龄"}, {"value": 1}]}},
    )
    made = run(step).final["岁"]
    assert made.id == run(step).final["岁"].id
    assert made.id.startswith("c_")
    assert len(made.id) == 14
    assert (made.origin.op, made.origin.step, made.origin.sources) == ("derive_column", "s1", ("c2",))
    plan = Plan(title="t", steps=(Step(id="s1", op=step[0], params=step[1]),))
    assert simulate(plan, SCHEMA, column_ids("other commit")).final["岁"].id != made.id


def test_a_step_repeated_on_its_own_result_makes_a_new_id() -> None:
    flag = {"where": {"column": "年龄", "op": "gt", "value": 1}, "new_name": "标"}
    plan = Plan(title="t", steps=(Step(id="s1", op="flag_rows", params=flag),))
    same = lambda _seed: "c_same"  # noqa: E731
    with pytest.raises(StepError, match="exists already"):
        simulate(plan, simulate(plan, SCHEMA).final)
    ids = column_ids("x")
    first = simulate(plan, SCHEMA, ids).final
    renamed = first.replace(first["标"].with_(name="旧"))
    second = simulate(plan, renamed, ids).final
    assert second["标"].id != second["旧"].id
    assert simulate(plan, SCHEMA, same).final["标"].id == "c_same"


def test_words_let_go_exactly_what_they_name_in_names_of_the_base() -> None:
    entitled = run(
        ("rename_columns", {"mapping": [{"from": "城市", "to": "地区"}]}),
        ("drop_columns", {"columns": ["地区"]}),
        ("set_value", {"column": "q1", "value": None}),
    ).entitled
    assert (entitled.rows, entitled.columns, entitled.cells) == (False, {"城市"}, {"q1"})
    assert run(("select_columns", {"columns": ["q1"]})).entitled.columns == {"用户ID", "年龄", "城市", "日期"}
    assert (
        run(("sort_rows", {"keys": [{"column": "q1"}]})).entitled
        == run(("reorder_columns", {"columns": ["q1"]})).entitled
    )
    assert run(("drop_missing", {"columns": ["q1"]})).entitled.rows


def test_declared_codes_stand_in_the_schema_with_their_label() -> None:
    final = run(
        (
            "normalize_missing",
            {"columns": ["q1"], "values": [{"value": "97.0", "label": "拒答"}, {"value": 5}]},
        )
    ).final
    assert final["q1"].missing_codes == (
        MissingCode(value="97", label="拒答"),
        MissingCode(value="5", label="很满意"),
    )


def test_reversing_a_scale_turns_labels_and_direction() -> None:
    pairs = [{"from": a, "to": 6 - a} for a in (1, 2, 4, 5)]
    final = run(("recode_values", {"column": "q1", "mapping": pairs, "new_name": "q1r"})).final
    assert {label.value: label.label for label in final["q1r"].value_labels} == {
        "5": "很不满意",
        "1": "很满意",
    }
    assert final["q1r"].scale == Scale(min=1, max=5, direction="descending")
    assert final["q1"] == SCHEMA["q1"]


def test_types_of_results() -> None:
    def dtype(expression: dict[str, Any]) -> DType:
        return run(("derive_column", {"new_name": "x", "expression": expression})).final["x"].dtype

    age, day = {"column": "年龄"}, {"column": "日期"}
    assert dtype({"fn": "add", "args": [age, {"value": 1}]}) is DType.integer
    assert dtype({"fn": "div", "args": [age, age]}) is DType.number
    assert dtype({"fn": "mean", "args": [age]}) is DType.number
    assert dtype({"fn": "round", "args": [{"fn": "div", "args": [age, age]}], "digits": 0}) is DType.integer
    assert dtype({"fn": "concat", "args": [age, day]}) is DType.text
    assert dtype({"fn": "max", "args": [day, day]}) is DType.date
    filled = run(("fill_missing", {"columns": ["年龄"], "strategy": "mean"})).final
    assert filled["年龄"].dtype is DType.number


@pytest.mark.parametrize(
    ("op", "params", "says"),
    [
        ("drop_column", {}, "nearest: drop_columns"),
        ("drop_columns", {"columns": ["城"]}, "nearest: 城市"),
        ("drop_columns", {"columns": ["城市", "城市"]}, "named twice"),
        ("drop_columns", {"columns": list(SCHEMA.names)}, "every column"),
        ("drop_columns", {"column": "城市"}, "columns: Field required"),
        ("rename_columns", {"mapping": [{"from": "城市", "to": "年龄"}]}, "two columns would be called '年龄'"),
        ("rename_columns", {"mapping": [{"from": "城市", "to": "__row_id"}]}, "cannot be called"),
        ("rename_columns", {"mapping": [{"from": "城市", "to": "x__invalid"}]}, "cannot be called"),
        ("reorder_columns", {"columns": ["城市"], "position": "after", "anchor": "城市"}, "next to itself"),
        ("reorder_columns", {"columns": ["城市"], "position": "after"}, "no column ''"),
        ("derive_column", {"new_name": "x", "expression": {"fn": "add", "args": [{"column": "城市"}, {"value": 1}]}}, "cast_type"),
        ("derive_column", {"new_name": "城市", "expression": {"value": 1}}, "exists already"),
        ("derive_column", {"new_name": "x", "expression": {"fn": "sub", "args": [{"value": 1}]}}, "takes 2"),
        ("derive_column", {"new_name": "x", "expression": {"value": 1}, "kind": "date"}, "not 'date'"),
        ("conditional_column", {"new_name": "x", "cases": [{"where": {"column": "年龄", "op": "eq", "value": 1}, "value": None}]}, "at least one"),
        ("split_column", {"column": "城市", "separator": "-", "pattern": "-", "into": ["a", "b"]}, "one of separator"),
        ("split_column", {"column": "城市", "pattern": "x*", "into": ["a", "b"]}, "empty text"),
        ("split_column", {"column": "年龄", "separator": "-", "into": ["a", "b"]}, "text columns"),
        ("cast_type", {"columns": ["日期"], "dtype": "integer"}, "cannot become integer"),
        ("drop_duplicates", {"columns": ["城市"], "ignore": ["城市"]}, "key and be ignored"),
        ("drop_missing", {"columns": ["城市"], "min_valid": 2}, "at most 1"),
        ("fill_missing", {"columns": ["城市"], "strategy": "mean"}, "numeric"),
        ("fill_missing", {"columns": ["年龄"], "strategy": "constant"}, "give `value`"),
        ("fill_missing", {"columns": ["年龄"], "strategy": "constant", "value": 1.5}, "whole number"),
        ("fill_missing", {"columns": ["年龄"], "strategy": "mean", "by": ["年龄"]}, "groups of itself"),
        ("replace_values", {"columns": ["年龄"], "mapping": [{"from": 1, "to": "x"}]}, "whole number"),
        ("replace_values", {"columns": ["年龄"], "mapping": [{"from": 1, "to": 2}, {"from": "1", "to": 3}]}, "two things"),
        ("replace_values", {"columns": ["年龄"], "mapping": [{"from": "1", "to": "2"}], "match": "substring"}, "text columns"),
        ("set_value", {"column": "q1", "value": "非常满意"}, "whole number"),
        ("recode_values", {"column": "q1", "mapping": [{"from": "x", "to": 1}]}, "whole number"),
        ("annotate_columns", {"changes": [{"column": "城市", "kind": "scale"}]}, "cast_type"),
        ("annotate_columns", {"changes": [{"column": "年龄", "kind": "scale"}]}, "1 to 5"),
    ],
)  # fmt: skip
def test_a_step_that_cannot_run_says_what_where_and_what_to_do(
    op: str, params: dict[str, Any], says: str
) -> None:
    with pytest.raises(StepError) as refused:
        run(("sort_rows", {"keys": [{"column": "年龄"}]}), (op, params))
    assert says in refused.value.message
    assert refused.value.details["step"] == "s2"
    assert refused.value.message.startswith("step 2") or op == "drop_column"


def test_a_later_step_sees_what_an_earlier_one_made() -> None:
    steps = [
        (
            "recode_values",
            {
                "column": "城市",
                "mapping": [{"from": "北京", "to": 1}],
                "new_name": "码",
                "otherwise": "missing",
            },
        ),
        ("filter_rows", {"where": {"column": "码", "op": "ge", "value": 1}, "mode": "keep"}),
    ]
    assert run(*steps).final["码"].dtype is DType.integer
    with pytest.raises(StepError, match="step 1"):
        run(*reversed(steps))


def test_plans_without_steps_or_with_too_many_are_refused() -> None:
    with pytest.raises(StepError, match="no steps"):
        run()
    with pytest.raises(StepError, match="split it"):
        run(*[("sort_rows", {"keys": [{"column": "年龄"}]})] * 101)


def test_plans_explain_themselves_in_both_languages() -> None:
    step = Step(
        id="s1",
        op="set_value",
        params={"column": "q1", "where": {"column": "q1", "op": "gt", "value": 5}, "value": None},
    )
    plan = Plan(title="t", steps=(step,))
    assert explain(plan, "zh") == ("将 q1 大于 5 的行的 q1 设为空",)
    assert explain(plan, "en") == ("set q1 to empty where q1 is more than 5",)


class Compared(str):
    """A name that counts how often it is held against another."""

    __slots__ = ()
    times: ClassVar[int] = 0

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@pytest.mark.parametrize("columns", [1_000, 10_000])
def test_the_columns_of_a_step_are_found_with_one_look_each(columns: int) -> None:
    """Every name against every column was 65 s of a processor for 10,000; now it is 3 ms."""
    schema = Schema(
        columns=tuple(
            Column(id=f"c{n}", name=f"column {n}", dtype=DType.text, kind=Kind.text) for n in range(columns)
        )
    )
    names = [Compared(name) for name in reversed(schema.names)]
    Compared.times = 0
    assert require(schema, names) == tuple(reversed(schema.columns))
    assert Compared.times <= 3 * columns
    with pytest.raises(StepError, match="'column 7' is named twice"):
        require(schema, [*names, "column 7"])
