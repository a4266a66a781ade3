"""Expressions of derived columns: columns, literals and a closed list of functions, typed before they run.

JSON: `{"column": name}`, `{"value": literal}` or `{"fn": name, "args": […]}`. A result is missing if an argument is,
except for mean, sum, min and max of several items, which need `at_least` valid ones (1 unless said), and
count_valid. Whole numbers and decimals are exact; division by zero is missing. How each function is compiled and
evaluated stands in `retort_plans.functions`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from retort_core.errors import StepError
from retort_core.models import Model
from retort_core.plans import Lang
from retort_core.schema import DType, Schema
from retort_plans.functions import FUNCTIONS, Typed
from retort_plans.operations.base import Scalar, need
from retort_plans.reference import Row, Value
from retort_plans.syntax import Code, col, whole
from retort_plans.wording import shown

MOST_NODES = 200
Fn: TypeAlias = Literal[
    "add", "sub", "mul", "div", "neg", "abs", "round", "mean", "sum", "min", "max", "count_valid", "concat",
    "length", "upper", "lower", "year", "month", "day", "weekday", "days_between",
]  # fmt: skip


class ColumnOf(Model):
    """The cell of a column."""

    column: str

    @property
    def parts(self) -> tuple[Expression, ...]:
        return ()

    def typed(self, schema: Schema) -> Typed:
        column = need(schema, self.column)
        if column.dtype is DType.duration:
            raise StepError(
                f"column {column.name!r} is a duration, which cannot be calculated with", column=column.name
            )
        return Typed(column.dtype, column.digits, column.name)

    def code(self, schema: Schema) -> Code:  # noqa: ARG002
        return col(self.column)

    def value_of(self, row: Row, schema: Schema) -> Value | None:  # noqa: ARG002
        return row.value(self.column)

    def explain(self, lang: Lang) -> str:  # noqa: ARG002
        return self.column


class Constant(Model):
    """A literal."""

    value: Scalar

    @property
    def parts(self) -> tuple[Expression, ...]:
        return ()

    def typed(self, schema: Schema) -> Typed:  # noqa: ARG002
        if isinstance(self.value, bool):
            return Typed(DType.boolean)
        if isinstance(self.value, int):
            if abs(self.value) >= 2**63:
                raise StepError(f"the number {self.value} is larger than a table can hold")
            return Typed(DType.integer)
        return Typed(DType.number if isinstance(self.value, float) else DType.text)

    def code(self, schema: Schema) -> Code:  # noqa: ARG002
        return whole(self.value)

    def value_of(self, row: Row, schema: Schema) -> Value | None:  # noqa: ARG002
        return self.value

    def explain(self, lang: Lang) -> str:
        return shown(self.value, lang)


class Apply(Model):
    """A function of other expressions. `digits` belongs to round, `at_least` to mean, sum, min and max."""

    fn: Fn
    args: tuple[Expression, ...] = Field(min_length=1, max_length=100)
    digits: int | None = Field(default=None, ge=0, le=10)
    at_least: int | None = Field(default=None, ge=1, le=100)

    @property
    def parts(self) -> tuple[Expression, ...]:
        return self.args

    def typed(self, schema: Schema) -> Typed:
        function = FUNCTIONS[self.fn]
        if not function.fewest <= len(self.args) <= function.most:
            wanted = (
                f"{function.fewest}" if function.fewest == function.most else f"at least {function.fewest}"
            )
            raise StepError(f"{self.fn} takes {wanted} arguments, not {len(self.args)}")
        if self.at_least is not None and (not function.horizontal or self.at_least > len(self.args)):
            raise StepError(f"{self.fn}: at_least must not be more than its {len(self.args)} arguments")
        return function.result(self.fn, [arg.typed(schema) for arg in self.args], self.digits)

    def code(self, schema: Schema) -> Code:
        types = [arg.typed(schema) for arg in self.args]
        return FUNCTIONS[self.fn].code([arg.code(schema) for arg in self.args], types, self._options)

    def value_of(self, row: Row, schema: Schema) -> Value | None:
        types = [arg.typed(schema) for arg in self.args]
        values = [arg.value_of(row, schema) for arg in self.args]
        function = FUNCTIONS[self.fn]
        if not function.horizontal and None in values:
            return None
        return function.value(values, types, self._options)

    @property
    def _options(self) -> dict[str, int]:
        return {"digits": self.digits or 0, "at_least": self.at_least or 1}

    def explain(self, lang: Lang) -> str:
        return FUNCTIONS[self.fn].words([_grouped(arg, lang) for arg in self.args], lang, self._options)


def _grouped(arg: Expression, lang: Lang) -> str:
    text = arg.explain(lang)
    return f"({text})" if isinstance(arg, Apply) and arg.fn in ("add", "sub", "mul", "div", "neg") else text


def _tag(value: Any) -> str | None:
    if isinstance(value, Model):
        return {ColumnOf: "column", Constant: "value", Apply: "fn"}.get(type(value))
    if not isinstance(value, dict):
        return None
    return next((word for word in ("column", "value", "fn") if word in value), None)


Expression: TypeAlias = Annotated[
    Annotated[ColumnOf, Tag("column")] | Annotated[Constant, Tag("value")] | Annotated[Apply, Tag("fn")],
    Discriminator(_tag),
]
Apply.model_rebuild()


def nodes(expression: Expression) -> list[Expression]:
    return [expression, *(node for part in expression.parts for node in nodes(part))]


def check(expression: Expression, schema: Schema) -> Typed:
    """Type of the expression; StepError when it cannot be calculated on `schema`."""
    if len(nodes(expression)) > MOST_NODES:
        raise StepError(f"the expression has more than {MOST_NODES} parts; split it into several columns")
    return expression.typed(schema)


def sources(expression: Expression) -> tuple[str, ...]:
    """Columns it reads, each once."""
    return tuple(dict.fromkeys(node.column for node in nodes(expression) if isinstance(node, ColumnOf)))
