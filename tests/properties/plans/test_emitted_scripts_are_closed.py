"""Whatever names and values a plan holds, its script is the same few calls: nothing hostile becomes code."""

from __future__ import annotations

import ast
import io
import json
import tokenize
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.errors import StepError
from retort_core.plans import Plan, Step
from retort_core.schema import Column, DType, Kind, Schema
from retort_plans.catalogue import CATALOGUE
from retort_plans.scripts import build_script
from retort_plans.syntax import LISTED, LISTED_NAMES

HOSTILE = [
    "'; import os; '", '"; import os', "\\", "\\'", "a\rimport os", "a\nimport os", "a\u2028import os", "\x85x", "\x0c", "\x1c",
    "\x00", "{0.__class__}", "%s", "^.*$", "*", "^a$", "$1", "${1}", "#", "'''", '"""', "\u202eso tropmi", "\ud800", "__import__('os')",
    "pl.col", "table", "\N{BELL}", "年龄 ", " ",
]  # fmt: skip
hostile = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(min_size=1, max_size=12),
    st.tuples(st.sampled_from(HOSTILE), st.text(max_size=4)).map("".join),
)
NAMES = (
    frozenset({"pl", "table", "run", "sys", "str", "dict", "ValueError", "repeated", "copies", "__name__"})
    | LISTED_NAMES
)
WIDTHS = [
    "WIDE = [chr(code) for code in (12288, *range(65281, 65375))]",
    "NARROW = [chr(code) for code in range(32, 127)]",
]


def closed(source: str) -> None:
    """Only `import polars as pl`, `run`, the main block; only listed calls and attributes; comments stay comments."""
    tree = ast.parse(source)
    lists = [node for node in tree.body if isinstance(node, ast.Assign)]
    assert [ast.unparse(node) for node in lists] in ([], WIDTHS)
    tree.body = [node for node in tree.body if node not in lists]
    assert [type(node) for node in tree.body] == [ast.Import, ast.FunctionDef, ast.If]
    assert ast.unparse(tree.body[0]) == "import polars as pl"
    for node in ast.walk(tree.body[1]):
        assert (
            not isinstance(node, ast.Import | ast.ImportFrom | ast.Lambda | ast.FunctionDef)
            or node is tree.body[1]
        )
        if isinstance(node, ast.Attribute):
            assert node.attr in LISTED
        if isinstance(node, ast.Name):
            assert node.id in NAMES or node.id.isidentifier()
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Attribute) or (
                isinstance(node.func, ast.Name) and node.func.id in LISTED_NAMES
            )
    assert all(line.isprintable() for line in source.split("\n")), "one line is one line to every editor"
    list(tokenize.generate_tokens(io.StringIO(source).readline))


def schema_of(names: list[str]) -> Schema:
    dtypes = [DType.text, DType.integer, DType.number, DType.text]
    kinds = [Kind.text, Kind.numeric, Kind.numeric, Kind.multi]
    return Schema(
        columns=tuple(
            Column(
                id=f"c{at}",
                name=name,
                dtype=dtypes[at % 4],
                kind=kinds[at % 4],
                separator=";" if at % 4 == 3 else "",
            )
            for at, name in enumerate(names)
        )
    )


def plans(names: list[str], value: str) -> list[tuple[str, dict[str, Any]]]:
    """Steps that put hostile names and values wherever an operation takes one."""
    text, number, _, multi = names
    where = {
        "any": [
            {"column": text, "op": "eq", "value": value},
            {"column": text, "op": "contains", "value": value},
            {"column": multi, "op": "in", "value": [value, 1]},
            {"not": {"column": number, "op": "is_missing"}},
        ]
    }
    return [
        ("filter_rows", {"where": where, "mode": "drop"}),
        ("select_columns", {"columns": [text, number]}),
        ("drop_columns", {"columns": [text]}),
        ("reorder_columns", {"columns": [number], "position": "after", "anchor": text}),
        ("rename_columns", {"mapping": [{"from": text, "to": number}, {"from": number, "to": text}]}),
        ("sort_rows", {"keys": [{"column": text, "descending": True}, {"column": number}]}),
        ("drop_duplicates", {"columns": [text], "keep": "complete"}),
        ("drop_duplicates", {"columns": [], "ignore": [number]}),
        ("mark_duplicates", {"columns": [text, number], "new_name": value}),
        ("drop_missing", {"columns": [text, number], "how": "all"}),
        ("drop_missing", {"columns": [number], "min_valid": 1}),
        ("flag_rows", {"where": where, "new_name": value, "value": value}),
        ("normalize_missing", {"columns": [text, number], "values": [{"value": value, "label": value}]}),
        ("fill_missing", {"columns": [number], "strategy": "median", "by": [text]}),
        ("fill_missing", {"columns": [text], "strategy": "constant", "value": value}),
        ("fill_missing", {"columns": [text], "strategy": "mode", "by": []}),
        (
            "replace_values",
            {"columns": [text], "mapping": [{"from": value, "to": value}], "match": "substring"},
        ),
        ("replace_values", {"columns": [text, number], "mapping": [{"from": value, "to": None}]}),
        ("merge_values", {"column": text, "groups": [{"from": [value, "x"], "to": value}]}),
        ("set_value", {"column": text, "where": where, "value": value}),
        (
            "recode_values",
            {
                "column": text,
                "mapping": [{"from": value, "to": value}],
                "new_name": value,
                "otherwise": "keep",
            },
        ),
        ("split_column", {"column": text, "separator": value, "into": [value + "1", value + "2"]}),
        ("merge_columns", {"columns": [text, number], "separator": value, "new_name": value}),
        (
            "conditional_column",
            {"new_name": value, "cases": [{"where": where, "value": value}], "otherwise": value},
        ),
        (
            "derive_column",
            {"new_name": value, "expression": {"fn": "concat", "args": [{"column": text}, {"value": value}]}},
        ),
        ("cast_type", {"columns": [text, number], "dtype": "number"}),
        (
            "annotate_columns",
            {"changes": [{"column": text, "label": value, "missing_codes": [{"value": value}]}]},
        ),
    ]


@settings(max_examples=12, deadline=None)
@given(names=st.lists(hostile, min_size=4, max_size=4, unique=True), value=hostile, title=hostile)
def test_hostile_names_and_values_stay_data(names: list[str], value: str, title: str) -> None:
    schema = schema_of(names)
    for op, params in plans(names, value):
        plan = Plan(title=title, steps=(Step(id="s1", op=op, params=params),), assumptions=(value,))
        for row_ids in (True, False):
            try:
                source = build_script(plan, schema, names[1:2], row_ids=row_ids).source
            except StepError:
                continue  # a reserved or taken name, an impossible pattern: refused before any script
            closed(source)


@settings(max_examples=12, deadline=None)
@given(
    names=st.lists(
        st.sampled_from([name for name in HOSTILE if name.strip() and "\ud800" not in name]),
        min_size=4,
        max_size=4,
        unique=True,
    )
)
def test_scripts_read_and_write_columns_of_any_name(names: list[str]) -> None:
    text, number, other, multi = names
    table = pl.DataFrame(
        {
            "__row_id": [1, 2, 3],
            text: ["b", None, "a"],
            number: [1, 2, None],
            other: [0.5, None, 1.5],
            multi: ["1", "2;3", None],
        }
    )
    steps = [
        ("sort_rows", {"keys": [{"column": text}]}),
        ("fill_missing", {"columns": [number], "strategy": "mean", "by": [multi]}),
        ("drop_duplicates", {"columns": [text, number], "keep": "complete"}),
        ("reorder_columns", {"columns": [multi]}),
        ("rename_columns", {"mapping": [{"from": text, "to": other}, {"from": other, "to": text}]}),
        ("set_value", {"column": number, "value": 7.5, "where": {"column": number, "op": "is_missing"}}),
        ("drop_columns", {"columns": [multi]}),
    ]
    plan = Plan(title="t", steps=tuple(Step(id=f"s{n}", op=op, params=p) for n, (op, p) in enumerate(steps)))
    source = build_script(plan, schema_of(names)).source
    space: dict[str, Any] = {"__name__": "retort_script"}
    exec(compile(source, "script", "exec"), space)
    made = space["run"](table)
    assert made.columns == ["__row_id", other, number, text]
    assert made.rows() == [(3, "a", 7.5, 1.5), (1, "b", 1.0, 0.5), (2, None, 2.0, None)]


@pytest.mark.parametrize("op", CATALOGUE)
def test_the_example_of_every_operation_is_json_and_emits_listed_calls(op: str) -> None:
    operation = CATALOGUE[op]
    assert json.loads(json.dumps(operation.example)) == operation.example
    assert operation.model_validate(operation.example).explain("zh") != operation.model_validate(
        operation.example
    ).explain("en")
