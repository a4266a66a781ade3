"""Operations on missing cells: declaring codes as missing, and filling. Invalid cells are never filled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any, ClassVar, Literal

from pydantic import Field

from retort_core.errors import DataError, StepError
from retort_core.models import Model
from retort_core.plans import Lang
from retort_core.schema import Column, DType, Schema
from retort_plans.codes import declare, is_code, mark_codes
from retort_plans.dtypes import polars_type
from retort_plans.emission import Emitter
from retort_plans.literals import scalar_text, stored
from retort_plans.operations.base import (
    Loss,
    NameList,
    Names,
    Operation,
    Scalar,
    need,
    require,
    require_numeric,
)
from retort_plans.reference import MISSING, Cell, Missing, Row, Rows, Valid, Value, cell, compared_text
from retort_plans.rounding import mean, median
from retort_plans.syntax import Code, col, lit, pl_name, reading, when
from retort_plans.wording import listed, shown

Strategy = Literal["constant", "mean", "median", "mode", "forward", "backward"]


class CodeLabel(Model):
    """A value that means "no answer", and why: refused, don't know, not applicable."""

    value: Scalar
    label: str = Field(default="", max_length=200)


class NormalizeMissing(Operation):
    """Declares values as missing codes: their cells become missing, with the label as reason.

    Texts match without regard to case, spaces and width. The schema remembers the codes; the raw values stay
    with the marks, so the step can be taken back. Without a label the value's own label is the reason.
    """

    name = "normalize_missing"
    family = "Missing"
    example: ClassVar = {"columns": ["打分"], "values": [{"value": 98, "label": "不知道"}]}
    columns: Names
    values: tuple[CodeLabel, ...] = Field(min_length=1, max_length=200)

    @property
    def _codes(self) -> list[tuple[str, str]]:
        return [(scalar_text(code.value), code.label) for code in self.values]

    def check(self, schema: Schema) -> Schema:
        for column in require(schema, self.columns):
            schema = schema.replace(declare(column, self._codes))
        return schema

    def emit(self, out: Emitter) -> None:
        texts = [text for text, _ in self._codes]
        out.with_columns(*(entry for name in self.columns for entry in mark_codes(out, name, texts)))

    def explain(self, lang: Lang) -> str:
        joiner = "、" if lang == "zh" else ", "
        codes = joiner.join(f"{text}（{label}）" if label else text for text, label in self._codes)
        names = listed(self.columns, lang)
        return f"将 {names} 中的 {codes} 视为缺失" if lang == "zh" else f"treat {codes} in {names} as missing"

    def entitles(self) -> Loss:
        return Loss(cells=frozenset(self.columns))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        texts = [text for text, _ in self._codes]
        return [
            row.set({n: MISSING for n in self.columns if is_code(row[n], schema[n], texts)}) for row in rows
        ]


class FillMissing(Operation):
    """Fills missing cells; invalid ones are left alone. Figures are of the valid cells before the step.

    `constant` writes `value`; `mean`, `median` (whole-number columns become decimal numbers) and `mode` are of the
    column, or of the row's group with `by`; `forward` and `backward` take the nearest valid cell in displayed order.
    Groups are told apart as conditions compare: without surrounding spaces and width. Rows whose group is missing, and
    groups without a valid cell, stay missing. A tie of modes is an error that asks.
    """

    name = "fill_missing"
    family = "Missing"
    example: ClassVar = {"columns": ["年龄"], "strategy": "median", "value": None, "by": ["城市"]}
    columns: Names
    strategy: Strategy
    value: Scalar | None = None
    by: NameList = ()

    def check(self, schema: Schema) -> Schema:
        columns = require(schema, self.columns)
        self._check_parameters(columns)
        for name in self.by:
            if need(schema, name) in columns:
                raise StepError(f"column {name!r} cannot be filled by groups of itself", column=name)
        require(schema, self.by)
        if self.strategy in ("mean", "median"):
            require_numeric(schema, self.columns)
            for column in columns:
                if column.dtype is DType.integer:
                    schema = schema.replace(column.with_(dtype=DType.number))
        return schema

    def _check_parameters(self, columns: Sequence[Column]) -> None:
        if (self.strategy == "constant") != (self.value is not None):
            raise StepError("fill_missing: give `value` with the strategy constant, and only then")
        if self.strategy == "constant" and self.by:
            raise StepError("fill_missing: a constant is the same in every group; leave `by` empty")
        if self.value is not None:
            for column in columns:
                stored(self.value, column)

    # -- Polars -------------------------------------------------------------------------------------------
    def emit(self, out: Emitter) -> None:
        if self.strategy == "mode":
            for name in self.columns:
                self._refuse_ties(out, name)
        entries = []
        for name in self.columns:
            filled = self._filled(out, out.schema[name])
            entries.append(filled.call("alias", name))
        out.with_columns(*entries)

    def _filled(self, out: Emitter, column: Column) -> Code:
        value = self._value(out, column)
        own = col(column.name)
        if column.dtype is DType.integer and self.strategy in ("mean", "median"):
            own = own.call("cast", pl_name("Float64"))
        if column.name in out.invalid:
            test = out.is_missing(column.name)
            return when(test, value, own)
        if self.strategy in ("forward", "backward") and not self.by:
            return value
        return own.call("fill_null", value)

    def _value(self, out: Emitter, column: Column) -> Code:
        own = col(column.name)
        match self.strategy:
            case "constant":
                assert self.value is not None
                return lit(stored(self.value, column))
            case "mean" | "median":
                return self._grouped(out, _figure(column, self.strategy))
            case "mode":
                return self._grouped(out, own.call("drop_nulls").call("mode").call("first"))
        return self._grouped(out, own.call(f"{self.strategy}_fill"))

    def _grouped(self, out: Emitter, value: Code) -> Code:
        if not self.by:
            return value
        return when(self._keyed, value.call("over", *self._keys(out)))

    def _keys(self, out: Emitter) -> list[Any]:
        """What the rows of a group share: texts as conditions compare them."""
        texts = {name for name in self.by if out.schema[name].dtype is DType.text}
        return [out.folded(name) if name in texts else reading(name) for name in self.by]

    @property
    def _keyed(self) -> Code:
        return reduce(Code.__and__, [col(name).call("is_not_null") for name in self.by])

    def _refuse_ties(self, out: Emitter, name: str) -> None:
        """A tie matters only where a cell is to be filled."""
        table = out.frame()
        gap, modes = out.is_missing(name), col(name).call("drop_nulls").call("mode").call("len")
        if self.by:
            keyed = self._keyed
            groups = table.call("filter", keyed).call("group_by", self._keys(out))
            tied = groups.call("agg", gap.call("any").call("alias", "gap"), modes.call("alias", "modes"))
            ties = tied.call("filter", col("gap") & col("modes").gt(1)).attr("height").gt(0)
        else:
            ties = table.call("select", gap.call("any") & modes.gt(1)).call("item")
        out.refuse(
            ties,
            f"fill_missing: several values of {name} are equally frequent, so there is no single mode; "
            "choose a constant",
        )

    # -- words --------------------------------------------------------------------------------------------
    def explain(self, lang: Lang) -> str:
        names = listed(self.columns, lang)
        by = listed(self.by, lang)
        if lang == "zh":
            what = {
                "constant": shown(self.value, lang), "mean": "均值", "median": "中位数", "mode": "众数",
                "forward": "上一个有效值", "backward": "下一个有效值",
            }  # fmt: skip
            return f"用{f' {by} 各组的' if by else ''}{what[self.strategy]}填充 {names} 的缺失"
        what = {
            "constant": shown(self.value, lang), "mean": "the mean", "median": "the median", "mode": "the mode",
            "forward": "the last valid value before", "backward": "the next valid value",
        }  # fmt: skip
        return f"fill missing {names} with {what[self.strategy]}{f' within {by}' if by else ''}"

    def entitles(self) -> Loss:
        return Loss(cells=frozenset(self.columns))

    # -- reference ----------------------------------------------------------------------------------------
    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        rows = list(rows)
        after = self.check(schema)
        return [
            row.set(
                {name: self._reference_cell(rows, at, schema[name], after[name]) for name in self.columns}
            )
            for at, row in enumerate(rows)
        ]

    def _reference_cell(self, rows: Sequence[Row], at: int, column: Column, after: Column) -> Cell:
        own = rows[at][column.name]
        if isinstance(own, Missing):
            own = cell(self._reference_value(rows, at, column))
        if isinstance(own, Valid) and after.dtype is DType.number and isinstance(own.value, int):
            return Valid(float(own.value))
        return own

    def _reference_value(self, rows: Sequence[Row], at: int, column: Column) -> Value | None:
        if self.value is not None:
            return stored(self.value, column)
        group = self._group(rows[at])
        if group is None:
            return None
        near = [(i, row.value(column.name)) for i, row in enumerate(rows) if self._group(row) == group]
        valid = [(i, value) for i, value in near if value is not None]
        if self.strategy == "forward":
            return max((pair for pair in valid if pair[0] < at), default=(0, None), key=lambda pair: pair[0])[
                1
            ]
        if self.strategy == "backward":
            return min((pair for pair in valid if pair[0] > at), default=(0, None), key=lambda pair: pair[0])[
                1
            ]
        return self._figure_of([value for _, value in valid], column) if valid else None

    def _group(self, row: Row) -> Hashable | None:
        cells = (row.value(name) for name in self.by)
        values = tuple(compared_text(value) if isinstance(value, str) else value for value in cells)
        return None if None in values else values

    def _figure_of(self, values: Sequence[Value], column: Column) -> Value:
        if self.strategy == "mode":
            ranked = Counter(values).most_common(2)
            if len(ranked) > 1 and ranked[0][1] == ranked[1][1]:
                raise DataError("several values are equally frequent", column=column.name)
            return ranked[0][0]
        numbers = [v for v in values if isinstance(v, int | float | Decimal)]
        return (mean if self.strategy == "mean" else median)(numbers, column)


def _figure(column: Column, strategy: str) -> Code:
    """Mean or median; a decimal column keeps its decimals, rounded half away from zero."""
    figure = col(column.name).call(strategy)
    return figure.call("cast", polars_type(column)) if column.dtype is DType.decimal else figure
