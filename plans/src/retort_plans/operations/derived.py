"""Operations that calculate a new column from others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import ClassVar

from pydantic import Field

from retort_core.errors import StepError
from retort_core.models import Model
from retort_core.plans import Lang
from retort_core.schema import DType, Kind, Schema
from retort_plans import conditions, expressions
from retort_plans.conditions import Condition
from retort_plans.emission import Emitter
from retort_plans.expressions import Expression
from retort_plans.inference import as_dtype, dtype_of
from retort_plans.operations.base import DEFAULT_KIND, Operation, Scalar, free_name, new_column
from retort_plans.reference import MISSING, Cell, Row, Rows, cell
from retort_plans.syntax import Code, pl, whole
from retort_plans.wording import shown

_KINDS = {dtype: {kind, Kind.id, Kind.single} for dtype, kind in DEFAULT_KIND.items()}
for _dtype in (DType.integer, DType.number, DType.decimal):
    _KINDS[_dtype] |= {Kind.weight, Kind.duration}


class DeriveColumn(Operation):
    """Calculates a new column from an expression. Cells that cannot be calculated are missing."""

    name = "derive_column"
    family = "Columns"
    example: ClassVar = {
        "new_name": "平均分",
        "expression": {"fn": "mean", "args": [{"column": "q1"}, {"column": "q2"}], "at_least": 2},
        "kind": "",
    }
    new_name: str
    expression: Expression
    kind_: str = Field(default="", alias="kind")

    model_config = {"validate_by_name": True, "validate_by_alias": True, "serialize_by_alias": True}

    def check(self, schema: Schema) -> Schema:
        made = expressions.check(self.expression, schema)
        return schema.insert(
            new_column(
                free_name(schema, self.new_name),
                made.dtype,
                self._kind(made.dtype),
                expressions.sources(self.expression),
                digits=made.digits,
            )
        )

    def _kind(self, dtype: DType) -> Kind | None:
        if not self.kind_:
            return None
        allowed = sorted(kind.value for kind in _KINDS[dtype])
        if self.kind_ not in allowed:
            raise StepError(f"a {dtype.value} result can be of kind {', '.join(allowed)}, not {self.kind_!r}")
        return Kind(self.kind_)

    def emit(self, out: Emitter) -> None:
        value = self.expression.code(out.schema)
        out.with_columns(value.call("alias", self.new_name))

    def explain(self, lang: Lang) -> str:
        formula = self.expression.explain(lang)
        return (
            f"新增列 {self.new_name} = {formula}"
            if lang == "zh"
            else f"new column {self.new_name} = {formula}"
        )

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        return [row.set({self.new_name: cell(self.expression.value_of(row, schema))}) for row in rows]


class Case(Model):
    """`value` where the condition is true."""

    where: Condition
    value: Scalar | None


class ConditionalColumn(Operation):
    """A new column by cases: the value of the first case that is true.

    `otherwise` is for rows where every case is false; where that cannot be known the cell is missing.
    """

    name = "conditional_column"
    family = "Columns"
    example: ClassVar = {
        "new_name": "年龄段",
        "cases": [{"where": {"column": "年龄", "op": "lt", "value": 18}, "value": "未成年"}],
        "otherwise": "成年",
    }
    new_name: str
    cases: tuple[Case, ...] = Field(min_length=1, max_length=200)
    otherwise: Scalar | None = None

    @property
    def _dtype(self) -> DType:
        return dtype_of([*(case.value for case in self.cases), self.otherwise])

    def check(self, schema: Schema) -> Schema:
        for case in self.cases:
            conditions.check(case.where, schema)
        if self.otherwise is None and all(case.value is None for case in self.cases):
            raise StepError("conditional_column: every value is empty; give at least one")
        sources = sorted({name for case in self.cases for name in conditions.columns_of(case.where)})
        kind = Kind.numeric if self._dtype is DType.number else Kind.single
        return schema.insert(new_column(free_name(schema, self.new_name), self._dtype, kind, sources))

    def emit(self, out: Emitter) -> None:
        tests = [case.where.code(out) for case in self.cases]
        made: Code | None = None
        for test, case in zip(tests, self.cases, strict=True):
            made = (pl("when", test) if made is None else made.call("when", test)).call(
                "then", self._code(case.value)
            )
        assert made is not None
        if self.otherwise is not None:
            # "otherwise" is a case of its own: false everywhere is not the same as unknown.
            made = made.call("when", ~reduce(Code.__or__, tests)).call("then", self._code(self.otherwise))
        out.with_columns(made.call("alias", self.new_name))

    def _code(self, literal: Scalar | None) -> Code:
        value = as_dtype(literal, self._dtype)
        return pl("lit", None) if value is None else whole(value)

    def explain(self, lang: Lang) -> str:
        parts = [(case.where.explain(lang), shown(case.value, lang)) for case in self.cases]
        rest = shown(self.otherwise, lang)
        if lang == "zh":
            return (
                f"新增列 {self.new_name}：" + "；".join(f"{w} 时为{v}" for w, v in parts) + f"；其余为{rest}"
            )
        return (
            f"new column {self.new_name}: "
            + "; ".join(f"{v} where {w}" for w, v in parts)
            + f"; otherwise {rest}"
        )

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        return [row.set({self.new_name: self._chosen(row, schema)}) for row in rows]

    def _chosen(self, row: Row, schema: Schema) -> Cell:
        truths = [case.where.holds(row, schema) for case in self.cases]
        for truth, case in zip(truths, self.cases, strict=True):
            if truth:
                return cell(as_dtype(case.value, self._dtype))
        return MISSING if None in truths else cell(as_dtype(self.otherwise, self._dtype))
