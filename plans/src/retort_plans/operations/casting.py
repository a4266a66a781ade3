"""Converting columns to another type, with what does not convert kept, emptied, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from retort_core.cells import companion
from retort_core.errors import DataError
from retort_core.plans import Lang
from retort_core.schema import Column, DType, Kind, Schema
from retort_plans import casts
from retort_plans.emission import Emitter
from retort_plans.operations.base import DEFAULT_KIND, Loss, Names, Operation, require
from retort_plans.reference import MISSING, Cell, Invalid, Missing, Row, Rows, Valid, canonical
from retort_plans.syntax import Code, col, pl, when
from retort_plans.textual import as_text
from retort_plans.wording import listed

_CODED = (Kind.id, Kind.single, Kind.multi)
_NUMBERS = (Kind.numeric, Kind.scale, Kind.weight)
_NAMES = {
    "zh": {
        DType.text: "文本", DType.integer: "整数", DType.number: "数字", DType.decimal: "定点小数",
        DType.boolean: "是否", DType.date: "日期", DType.datetime: "日期时间",
    },
    "en": {
        DType.text: "text", DType.integer: "whole numbers", DType.number: "numbers", DType.decimal: "decimals",
        DType.boolean: "true or false", DType.date: "dates", DType.datetime: "dates with time",
    },
}  # fmt: skip


class CastType(Operation):
    """Converts columns to another type. Raw texts of invalid cells are converted too where they can be.

    What does not convert stays as an invalid cell with its raw text (`on_error: keep`), becomes missing, or stops the
    run (`fail`). A date keeps its day when a time of day is dropped; other conversions lose nothing.
    """

    name = "cast_type"
    family = "Columns"
    example: ClassVar = {"columns": ["打分"], "dtype": "integer", "on_error": "keep"}
    columns: Names
    dtype: Literal["text", "integer", "number", "decimal", "boolean", "date", "datetime"]
    on_error: Literal["keep", "missing", "fail"] = "keep"

    # -- schema -------------------------------------------------------------------------------------------
    def check(self, schema: Schema) -> Schema:
        columns = require(schema, self.columns)
        for column in columns:
            casts.check(column, DType(self.dtype))
        return schema.replace(*map(self._target, columns))

    def _target(self, column: Column) -> Column:
        dtype = DType(self.dtype)
        if dtype is column.dtype:
            return column
        digits = casts.DECIMAL_DIGITS if dtype is DType.decimal else 0
        scale = column.scale if dtype.numeric else None
        return column.with_(dtype=dtype, digits=digits, kind=self._kind(column, dtype), scale=scale)

    def _kind(self, column: Column, dtype: DType) -> Kind:
        if column.kind in _CODED and not dtype.temporal:
            return column.kind
        if column.kind in _NUMBERS and dtype.numeric:
            return column.kind
        return Kind.single if column.kind is Kind.scale and dtype is DType.text else DEFAULT_KIND[dtype]

    # -- Polars -------------------------------------------------------------------------------------------
    def emit(self, out: Emitter) -> None:
        columns = [out.schema[name] for name in self.columns if out.schema[name].dtype.value != self.dtype]
        if self.on_error == "fail":
            for column in columns:
                self._refuse(out, column)
        entries = [entry for column in columns for entry in self._entries(out, column)]
        out.with_columns(*entries)

    def _value(self, out: Emitter, column: Column) -> Code:
        target = self._target(column)
        value = casts.converted(col(column.name), column, target, out.local)
        if column.name in out.invalid:
            value = pl("coalesce", value, casts.from_text(col(companion(column.name)), target, out.local))
        direct = casts.loses_nothing(column, target.dtype) and column.name not in out.invalid
        return value if direct else out.local("converted", value)

    def _entries(self, out: Emitter, column: Column) -> list[Code]:
        value = self._value(out, column)
        if self.on_error != "keep" or self.dtype == "text":
            return out.cells(column.name, value)
        raw = as_text(col(column.name), column)
        if column.name in out.invalid:
            raw = pl("coalesce", raw, col(companion(column.name)))
        elif casts.loses_nothing(column, DType(self.dtype)) or not out.row_ids:
            return [value.call("alias", column.name)]
        out.invalid |= {column.name}
        left = when(value.call("is_null"), raw)
        return [value.call("alias", column.name), left.call("alias", companion(column.name))]

    def _refuse(self, out: Emitter, column: Column) -> None:
        if casts.loses_nothing(column, DType(self.dtype)) and column.name not in out.invalid:
            return
        lost = self._value(out, column).call("is_null") & ~out.is_missing(column.name)
        table = out.frame()
        out.refuse(
            table.call("select", lost.call("any")).call("item"),
            f"cast_type: some cells of {column.name} cannot become {self.dtype}; "
            "keep them as invalid cells, make them missing, or correct them first",
        )

    # -- words --------------------------------------------------------------------------------------------
    def explain(self, lang: Lang) -> str:
        names, target = listed(self.columns, lang), _NAMES[lang][DType(self.dtype)]
        if lang == "zh":
            tail = {"keep": "", "missing": "，无法转换的设为空", "fail": "，不允许有无法转换的值"}[
                self.on_error
            ]
            return f"将 {names} 转为{target}{tail}"
        tails = {
            "keep": "",
            "missing": ", what does not convert becomes missing",
            "fail": ", all must convert",
        }
        return f"convert {names} to {target}{tails[self.on_error]}"

    def entitles(self) -> Loss:
        return Loss(cells=frozenset(self.columns))

    # -- reference ----------------------------------------------------------------------------------------
    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        columns = require(schema, self.columns)
        return [
            row.set({column.name: self._cast(row[column.name], column) for column in columns}) for row in rows
        ]

    def _cast(self, own: Cell, column: Column) -> Cell:
        if isinstance(own, Missing) or self.dtype == column.dtype.value:
            return own
        target = self._target(column)
        if isinstance(own, Valid):
            raw, made = canonical(own.value), casts.convert(own.value, column, target)
        else:
            raw, made = own.raw, casts.parse_text(own.raw, target)
        if made is not None:
            return Valid(made)
        if self.on_error == "fail":
            raise DataError("a cell does not convert", column=column.name)
        return Invalid(raw) if self.on_error == "keep" else MISSING
