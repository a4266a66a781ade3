"""Operations that set or replace values of existing columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from retort_core.plans import Lang
from retort_core.schema import Schema
from retort_plans import conditions
from retort_plans.conditions import Condition
from retort_plans.dtypes import polars_type
from retort_plans.emission import Emitter
from retort_plans.literals import stored
from retort_plans.operations.base import Loss, Operation, Scalar, need
from retort_plans.reference import MISSING, Row, Rows, cell
from retort_plans.syntax import lit, pl
from retort_plans.wording import shown


class SetValue(Operation):
    """Sets the cells of a column where a condition is true (all cells without one). `value: null` empties them."""

    name = "set_value"
    family = "Values"
    example: ClassVar = {
        "column": "打分",
        "where": {"column": "打分", "op": "gt", "value": 10},
        "value": None,
    }
    column: str
    where: Condition | None = None
    value: Scalar | None

    def check(self, schema: Schema) -> Schema:
        column = need(schema, self.column)
        if self.where is not None:
            conditions.check(self.where, schema)
        if self.value is not None:
            stored(self.value, column)
        return schema

    def emit(self, out: Emitter) -> None:
        column = out.schema[self.column]
        where = None if self.where is None else self.where.code(out)
        if self.value is None:
            value = pl("lit", None, dtype=polars_type(column)) if where is None else pl("lit", None)
        else:
            value = lit(stored(self.value, column))
        out.with_columns(*out.cells(self.column, value, where))

    def explain(self, lang: Lang) -> str:
        value = shown(self.value, lang)
        if self.where is None:
            return (
                f"将 {self.column} 全部设为{value}"
                if lang == "zh"
                else f"set all of {self.column} to {value}"
            )
        where = self.where.explain(lang)
        if lang == "zh":
            return f"将 {where} 的行的 {self.column} 设为{value}"
        return f"set {self.column} to {value} where {where}"

    def entitles(self) -> Loss:
        return Loss(cells=frozenset({self.column}))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        made = MISSING if self.value is None else cell(stored(self.value, schema[self.column]))
        where = self.where
        return [
            row.set({self.column: made}) if where is None or where.holds(row, schema) is True else row
            for row in rows
        ]
