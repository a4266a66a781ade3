"""Every emitted script does what the row-by-row reference says: cells, marks, order, row ids and physical types."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import polars as pl
import pytest
from drawn_plans import PARAMS
from drawn_tables import POLARS, SCHEMA, frame, rows_of, tables
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.cells import ROW_ID, companion
from retort_core.errors import DataError, StepError
from retort_core.plans import Plan, Step
from retort_core.schema import Schema
from retort_plans.catalogue import parse_step
from retort_plans.reference import MISSING, Cell, Invalid, Row, Valid
from retort_plans.scripts import build_script
from retort_plans.simulation import simulate


def execute(source: str, table: pl.DataFrame) -> Any:
    space: dict[str, Any] = {"__name__": "retort_script"}
    exec(compile(source, "script", "exec"), space)
    made = space["run"](table)
    return made.collect() if isinstance(made, pl.LazyFrame) else made


def close(a: Cell, b: Cell) -> bool:
    if isinstance(a, Valid) and isinstance(b, Valid) and isinstance(a.value, float):
        return math.isclose(a.value, float(b.value), rel_tol=1e-12, abs_tol=1e-12)  # type: ignore[arg-type]
    return a == b and (not isinstance(a, Valid) or type(a.value) is type(b.value))  # type: ignore[union-attr]


def meet(
    op: str, params: dict[str, Any], rows: list[Row], invalid: Iterable[str] = (), schema: Schema = SCHEMA
) -> None:
    """The script of one step gives what its reference gives: cells, marks, order, ids and physical types."""
    step = Step(id="s1", op=op, params=params)
    plan = Plan(title="t", steps=(step,))
    after = simulate(plan, schema).final
    operation = parse_step(step)
    try:
        expected = list(operation.reference(rows, schema))
    except DataError:
        expected = None
    marks = frozenset(invalid)
    for row_ids in (True, False):
        if not row_ids and marks:
            continue
        source = build_script(plan, schema, marks, row_ids=row_ids).source
        table = frame(rows, schema, marks, row_ids=row_ids)
        if expected is None:
            with pytest.raises(ValueError, match=op):
                execute(source, table)
            continue
        made = execute(source, table)
        ids = None if row_ids else [row.id for row in expected]
        assert made.height == len(expected), source
        found = rows_of(made, after, ids)
        _same(found, expected, after, source, marks=row_ids)
        for it in after.columns:
            assert made.schema[it.name] == POLARS[it.dtype](it), (it.name, source)


def _same(found: list[Row], expected: list[Row], schema: Schema, source: str, *, marks: bool) -> None:
    assert [row.id for row in found] == [row.id for row in expected], source
    for left, right in zip(found, expected, strict=True):
        assert set(right.cells) == set(schema.names), "the reference keeps exactly the columns of the schema"
        for name in schema.names:
            want = right[name] if marks or not isinstance(right[name], Invalid) else MISSING
            assert close(left[name], want), f"row {left.id} {name}: {left[name]} is not {want}\n{source}"


MARKED = ("年龄", "身高", "打分")


@pytest.mark.parametrize("op", PARAMS)
def test_script_and_reference_agree(op: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(params=PARAMS[op], rows=tables())
    def without_invalid_cells(params: dict[str, Any], rows: list[Row]) -> None:
        meet(op, params, rows)

    @settings(max_examples=40, deadline=None)
    @given(params=PARAMS[op], rows=tables(invalid=MARKED))
    def with_invalid_cells(params: dict[str, Any], rows: list[Row]) -> None:
        meet(op, params, rows, MARKED)

    without_invalid_cells()
    with_invalid_cells()


@settings(max_examples=80, deadline=None)
@given(data=st.data(), rows=tables(invalid=MARKED))
def test_steps_in_a_row_agree_and_marks_travel_with_their_columns(
    data: st.DataObject, rows: list[Row]
) -> None:
    """Several steps run as one lazy query; invalid cells are followed through renames, casts and replacements."""
    steps: list[Step] = []
    for number in range(data.draw(st.integers(2, 4))):
        op = data.draw(st.sampled_from(sorted(PARAMS)))
        steps.append(Step(id=f"s{number}", op=op, params=data.draw(PARAMS[op])))
    plan = Plan(title="t", steps=tuple(steps))
    try:
        simulation = simulate(plan, SCHEMA)
        expected = list(rows)
        for operation, schema in zip(simulation.operations, simulation.schemas, strict=False):
            expected = list(operation.reference(expected, schema))
    except (StepError, DataError):
        return
    source = build_script(plan, SCHEMA, MARKED).source
    made = execute(source, frame(rows, SCHEMA, MARKED, row_ids=True))
    final = simulation.final
    _same(rows_of(made, final), expected, final, source, marks=True)
    hidden = {companion(name) for name in final.names} | {ROW_ID}
    assert set(made.columns) - hidden == set(final.names), "no companion is left behind"
    assert {it.name: made.schema[it.name] for it in final.columns} == {
        it.name: POLARS[it.dtype](it) for it in final.columns
    }
