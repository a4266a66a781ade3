"""The script and the result of every operation, as they stand in `goldens/`, with and without hidden columns.

`RETORT_WRITE_GOLDENS=1 pytest tests/unit/plans/test_goldens.py` writes them anew; read the difference before a commit.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from retort_core.cells import INVALID_SUFFIX, ROW_ID
from retort_core.plans import Plan, Step
from retort_core.schema import Column, DType, Kind, Scale, Schema
from retort_plans.catalogue import CATALOGUE
from retort_plans.scripts import build_script

GOLDENS = Path(__file__).parent / "goldens"
SCHEMA = Schema(
    columns=tuple(
        Column(id=f"c{at}", name=name, dtype=dtype, kind=kind, **more)
        for at, (name, dtype, kind, more) in enumerate(
            [
                ("用户ID", DType.text, Kind.id, {}),
                ("城市", DType.text, Kind.single, {}),
                ("年龄", DType.integer, Kind.numeric, {}),
                ("打分", DType.integer, Kind.scale, {"scale": Scale(min=0, max=10)}),
                ("日期", DType.date, Kind.date, {}),
                ("多选", DType.text, Kind.multi, {"separator": ";"}),
            ]
        )
    )
)
TABLE = pl.DataFrame(
    {
        ROW_ID: [11, 12, 13, 14, 15],
        "用户ID": ["u1", "u1 ", "u2", None, "u2"],
        "城市": ["北京", "北京", "beijing", None, "上海-浦东"],
        "年龄": [18, 18, None, 199, None],
        "打分": [10, 10, 98, 5, None],
        "日期": [date(2024, 1, 31), date(2024, 1, 31), None, date(2024, 2, 1), date(2023, 12, 1)],
        "多选": ["1;2", "1;2", "10", None, "3;1;"],
        "年龄__invalid": [None, None, "二十", None, None],
    },
    schema_overrides={"年龄__invalid": pl.String},
)
ADULT = {"column": "年龄", "op": "ge", "value": 18}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "select_columns": ("select_columns", {"columns": ["年龄", "用户ID"]}),
    "drop_columns": ("drop_columns", {"columns": ["年龄", "城市"]}),
    "rename_columns-swap": ("rename_columns", {"mapping": [{"from": "年龄", "to": "打分"}, {"from": "打分", "to": "年龄"}]}),
    "reorder_columns": ("reorder_columns", {"columns": ["打分"], "position": "after", "anchor": "用户ID"}),
    "derive_column-sum": (
        "derive_column",
        {"new_name": "合计", "expression": {"fn": "add", "args": [{"column": "年龄"}, {"column": "打分"}]}},
    ),
    "derive_column-ratio": (
        "derive_column",
        {
            "new_name": "比",
            "expression": {"fn": "round", "digits": 2, "args": [{"fn": "div", "args": [{"column": "打分"}, {"column": "年龄"}]}]},
        },
    ),
    "conditional_column": (
        "conditional_column",
        {"new_name": "段", "cases": [{"where": {"column": "年龄", "op": "lt", "value": 30}, "value": "青年"}], "otherwise": "其他"},
    ),
    "split_column": ("split_column", {"column": "城市", "separator": "-", "into": ["市", "区"], "keep_source": False}),
    "merge_columns": ("merge_columns", {"columns": ["城市", "年龄"], "separator": "/", "new_name": "合并"}),
    "cast_type-keep": ("cast_type", {"columns": ["城市", "年龄"], "dtype": "number"}),
    "cast_type-fail": ("cast_type", {"columns": ["打分"], "dtype": "text", "on_error": "fail"}),
    "filter_rows-keep": ("filter_rows", {"where": ADULT, "mode": "keep"}),
    "filter_rows-drop": ("filter_rows", {"where": {"all": [ADULT, {"column": "多选", "op": "in", "value": [1]}]}, "mode": "drop"}),
    "filter_rows-dates": (
        "filter_rows",
        {"where": {"column": "日期", "op": "between", "value": {"low": "2024", "high": "2024-01"}}, "mode": "keep", "unknown": "include"},
    ),
    "sort_rows": ("sort_rows", {"keys": [{"column": "年龄", "descending": True}, {"column": "城市"}]}),
    "drop_duplicates-identical": ("drop_duplicates", {"columns": ["用户ID"]}),
    "drop_duplicates-first": ("drop_duplicates", {"columns": ["用户ID"], "keep": "first"}),
    "drop_duplicates-none": ("drop_duplicates", {"columns": ["用户ID"], "keep": "none"}),
    "drop_duplicates-complete": ("drop_duplicates", {"columns": ["用户ID"], "keep": "complete"}),
    "drop_duplicates-whole-row": ("drop_duplicates", {"columns": [], "ignore": ["用户ID"]}),
    "mark_duplicates": ("mark_duplicates", {"columns": ["用户ID"], "new_name": "重复"}),
    "drop_missing": ("drop_missing", {"columns": ["年龄", "城市"], "how": "any"}),
    "flag_rows": ("flag_rows", {"where": {"column": "年龄", "op": "gt", "value": 120}, "new_name": "异常"}),
    "normalize_missing": ("normalize_missing", {"columns": ["打分", "年龄"], "values": [{"value": 98, "label": "不知道"}, {"value": "二十"}]}),
    "fill_missing-median": ("fill_missing", {"columns": ["年龄"], "strategy": "median"}),
    "fill_missing-by": ("fill_missing", {"columns": ["打分"], "strategy": "mean", "by": ["城市"]}),
    "fill_missing-mode": ("fill_missing", {"columns": ["城市"], "strategy": "mode"}),
    "fill_missing-forward": ("fill_missing", {"columns": ["日期"], "strategy": "forward"}),
    "replace_values": ("replace_values", {"columns": ["年龄"], "mapping": [{"from": "二十", "to": 20}, {"from": 199, "to": None}]}),
    "replace_values-regex": ("replace_values", {"columns": ["城市"], "mapping": [{"from": "-.+", "to": ""}], "match": "regex"}),
    "merge_values": ("merge_values", {"column": "城市", "groups": [{"from": ["beijing", "BJ"], "to": "北京"}]}),
    "set_value": ("set_value", {"column": "年龄", "where": {"column": "年龄", "op": "is_invalid"}, "value": None}),
    "recode_values": ("recode_values", {"column": "打分", "mapping": [{"from": 10, "to": 0}, {"from": 5, "to": 5}], "new_name": "反", "otherwise": "missing"}),
    "annotate_columns": ("annotate_columns", {"changes": [{"column": "打分", "label": "总分"}]}),
}  # fmt: skip


def execute(source: str, table: pl.DataFrame) -> pl.DataFrame:
    space: dict[str, Any] = {"__name__": "retort_script"}
    exec(compile(source, "script", "exec"), space)
    made = space["run"](table)
    return made if isinstance(made, pl.DataFrame) else made.collect()


def shown(table: pl.DataFrame) -> str:
    lines = [" | ".join(f"{name}:{dtype}" for name, dtype in table.schema.items())]
    lines += [" | ".join("" if cell is None else repr(cell) for cell in row) for row in table.rows()]
    return "\n".join(line.rstrip() for line in lines)


def golden(op: str, params: dict[str, Any]) -> str:
    plan = Plan(title=op, steps=(Step(id="s1", op=op, params=params),))
    carried = build_script(plan, SCHEMA, ["年龄"], "zh")
    plain = build_script(plan, SCHEMA, (), "en", row_ids=False)
    assert (carried.rows, carried.yields) == ("carried", "version")
    bare = TABLE.drop([ROW_ID, *[name for name in TABLE.columns if name.endswith(INVALID_SUFFIX)]])
    parts = [
        f"== carried\n{carried.source}",
        f"== result\n{shown(execute(carried.source, TABLE))}\n",
        f"== plain\n{plain.source}",
        f"== result\n{shown(execute(plain.source, bare))}\n",
    ]
    return "\n".join(parts)


@pytest.mark.parametrize("case", CASES)
def test_source_and_result_are_as_recorded(case: str) -> None:
    text, path = golden(*CASES[case]), GOLDENS / f"{case}.txt"
    if os.environ.get("RETORT_WRITE_GOLDENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert text == path.read_text()


def test_every_operation_on_columns_rows_missing_and_values_has_a_golden() -> None:
    families = {"Columns", "Rows", "Missing", "Values", "Schema"}
    shared = {"handle_outliers"}  # recorded with the other operations on numbers
    wanted = {name for name, operation in CATALOGUE.items() if operation.family in families} - shared
    assert wanted <= {op for op, _ in CASES.values()}
