"""Emitted scripts of texts, numbers and regions do what their reference says, with row ids and companions."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from retort_core.cells import ROW_ID, companion
from retort_core.errors import DataError, StepError
from retort_core.plans import Plan, Step
from retort_core.profiles import ColumnProfile, Profile, ValueCount
from retort_core.schema import Column, DType, Kind, Schema
from retort_plans.catalogue import parse_step
from retort_plans.operations.regions import StandardizeRegion
from retort_plans.reference import MISSING, Cell, Invalid, Row, Valid
from retort_plans.scripts import build_script
from retort_plans.simulation import simulate

SCHEMA = Schema(
    columns=(
        Column(id="c1", name="城市", dtype=DType.text, kind=Kind.single),
        Column(id="c2", name="年龄", dtype=DType.integer, kind=Kind.numeric),
        Column(id="c3", name="身高", dtype=DType.number, kind=Kind.numeric),
    )
)
TEXTS = [
    " 北京 ",
    "北京市",
    "BEIJING",
    "bei jing",
    "朝阳区",
    "a\u200bb  c",
    "hello wORLD 1st",
    "tel 13812345678.",
    "a.b@c-d.com x",
    "-3.5元",
    "　",
    "襄樊",
    "１２",
]
texts: st.SearchStrategy[Cell] = st.one_of(
    st.just(MISSING),
    st.sampled_from(TEXTS).map(Valid),
    st.text(alphabet=" aB1-北\u3000\u200b.@", max_size=6).map(lambda t: Valid(t) if t else MISSING),
)
ages: st.SearchStrategy[Cell] = st.one_of(
    st.just(MISSING),
    st.just(Invalid("十八")),
    st.sampled_from([-5, 0, 17, 18, 24, 25, 40, 120, 199]).map(Valid),
)
heights: st.SearchStrategy[Cell] = st.one_of(
    st.just(MISSING), st.sampled_from([-1.5, 0.0, 1.5, 1.75, 2.5, 99.25]).map(Valid)
)
tables = st.lists(st.tuples(texts, ages, heights), max_size=8)


def run(
    rows: list[tuple[Cell, Cell, Cell]], op: str, params: dict[str, Any]
) -> tuple[list[dict[str, Cell]], list[dict[str, Cell]]]:
    """(cells after the script, cells after the reference), in order."""
    step = Step(id="s", op=op, params=params)
    after = simulate(Plan(title="t", steps=(step,)), SCHEMA).final
    given_rows = [
        Row(id=i, cells=dict(zip(SCHEMA.names, cells, strict=True))) for i, cells in enumerate(rows)
    ]
    columns: dict[str, Any] = {ROW_ID: pl.Series([row.id for row in given_rows], dtype=pl.Int64)}
    for column, dtype in zip(SCHEMA.names, (pl.String, pl.Int64, pl.Float64), strict=True):
        columns[column] = pl.Series([row.value(column) for row in given_rows], dtype=dtype)
    raw = [c.raw if isinstance(c := row["年龄"], Invalid) else None for row in given_rows]
    columns[companion("年龄")] = pl.Series(raw, dtype=pl.String)
    space: dict[str, Any] = {"__name__": "retort_script"}
    exec(compile(build_script(Plan(title="t", steps=(step,)), SCHEMA, ["年龄"]).source, "s", "exec"), space)
    made = space["run"](pl.DataFrame(columns))
    found = []
    for record in made.iter_rows(named=True):
        cells: dict[str, Cell] = {}
        for name in after.names:
            value, text = record[name], record.get(companion(name))
            cells[name] = Valid(value) if value is not None else MISSING if text is None else Invalid(text)
        found.append(cells)
    expected = [dict(row.cells) for row in parse_step(step).reference(given_rows, SCHEMA)]
    return found, expected


@pytest.mark.parametrize(
    ("op", "params"),
    [
        ("trim_text", {"columns": ["城市"]}),
        ("change_case", {"columns": ["城市"], "to": "upper"}),
        ("change_case", {"columns": ["城市"], "to": "lower"}),
        ("change_case", {"columns": ["城市"], "to": "title"}),
        *[("extract_text", {"column": "城市", "preset": preset, "new_name": "新"}) for preset in ("number", "phone", "email", "chinese", "letters")],
        ("extract_text", {"column": "城市", "pattern": "([a-z])[0-9]?", "new_name": "新"}),
        ("standardize_region", {"columns": ["城市"]}),
        ("standardize_region", {"columns": ["城市"], "style": "full", "unmatched": "missing"}),
        ("standardize_region", {"columns": ["城市"], "mapping": [{"from": " 北京 ", "to": "京"}]}),
        *[("handle_outliers", {"column": "年龄", "method": "range", "low": 0, "high": 120, "action": a, "new_name": "旗"}) for a in ("missing", "drop", "flag", "clip")],
        ("handle_outliers", {"column": "身高", "method": "range", "low": 0.5, "high": None, "action": "clip"}),
        ("bin_numeric", {"column": "年龄", "bands": [{"low": 18, "high": 25, "label": "18-24"}, {"low": 25, "high": None, "label": "25+"}], "new_name": "段"}),
        ("bin_numeric", {"column": "身高", "bands": [{"low": None, "high": 0, "label": "负"}, {"low": 1.5, "high": 2.5, "label": "中"}], "new_name": "段"}),
    ],
)  # fmt: skip
@given(rows=tables)
@settings(max_examples=25, deadline=None)
def test_the_script_is_the_reference(
    rows: list[tuple[Cell, Cell, Cell]], op: str, params: dict[str, Any]
) -> None:
    found, expected = run(rows, op, params)
    assert found == expected


@pytest.mark.parametrize("method", ["iqr", "mad", "zscore"])
@pytest.mark.parametrize("action", ["missing", "drop", "clip"])
@given(rows=tables)
@settings(max_examples=20, deadline=None)
def test_limits_come_from_the_data_or_are_refused(
    rows: list[tuple[Cell, Cell, Cell]], method: str, action: str
) -> None:
    params = {"column": "身高", "method": method, "action": action, "k": 1.0}
    values = [row[2].value for row in rows if isinstance(row[2], Valid)]
    if len(set(values)) < 2:
        with pytest.raises((ValueError, DataError), match="no spread"):
            run(rows, "handle_outliers", params)
        return
    try:
        found, expected = run(rows, "handle_outliers", params)
    except ValueError:  # most values equal: quartiles and MAD have no spread although there are two values
        event("no spread")
        assume(method != "zscore")
        return
    for got, wanted in zip(found, expected, strict=True):
        for name, cell in got.items():
            other = wanted[name]
            if isinstance(cell, Valid) and isinstance(other, Valid) and isinstance(cell.value, float):
                assert math.isclose(cell.value, other.value, rel_tol=1e-12, abs_tol=1e-12)
            else:
                assert cell == other


def test_a_step_is_grounded_in_the_values_of_the_dataset() -> None:
    values = tuple(ValueCount(value=v, count=1) for v in ("北京市", "朝阳区", "河北石家庄", "火星"))
    profile = Profile(
        rows=4,
        columns=(
            ColumnProfile(column="c1", rows=4, valid=4, missing=0, invalid=0, distinct=4, values=values),
        ),
    )
    step = StandardizeRegion(columns=("城市",)).grounded(SCHEMA, profile)
    assert [(s.from_, s.to) for s in step.mapping] == [("北京市", "北京"), ("河北石家庄", "石家庄")]


@pytest.mark.parametrize(
    ("op", "params", "message"),
    [
        ("bin_numeric", {"column": "年龄", "bands": [{"low": 1, "high": 5, "label": "a"}, {"low": 4, "high": 9, "label": "b"}], "new_name": "n"}, "overlap"),
        ("bin_numeric", {"column": "城市", "bands": [{"low": 1, "high": 5, "label": "a"}], "new_name": "n"}, "made of numbers"),
        ("handle_outliers", {"column": "年龄", "method": "range", "action": "drop"}, "needs low"),
        ("handle_outliers", {"column": "年龄", "method": "range", "low": 9, "high": 1, "action": "drop"}, "swap"),
        ("extract_text", {"column": "城市", "new_name": "n"}, "either a pattern or a preset"),
        ("extract_text", {"column": "城市", "pattern": "(?=a)", "new_name": "n"}, "cannot be used"),
    ],
)  # fmt: skip
def test_a_step_that_cannot_run_says_why(op: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(StepError, match=message):
        simulate(Plan(title="t", steps=(Step(id="s", op=op, params=params),)), SCHEMA)
