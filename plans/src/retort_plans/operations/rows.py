"""Operations on rows that look at one row at a time, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field

from retort_core.errors import StepError
from retort_core.models import Model
from retort_core.plans import Lang
from retort_core.schema import DType, Kind, Schema
from retort_plans import conditions
from retort_plans.conditions import Condition
from retort_plans.emission import TABLE, Emitter
from retort_plans.operations.base import Loss, NameList, Operation, free_name, new_column, require
from retort_plans.reference import MISSING, Missing, Row, Rows, Valid, cell
from retort_plans.syntax import Code, col, lit, pl, pl_name, reading, when
from retort_plans.wording import listed


class FilterRows(Operation):
    """Keeps (`mode: keep`) or drops (`mode: drop`) the rows for which the condition is true.

    Rows for which it is unknown are kept by `drop` and not kept by `keep`; `unknown: include` or `exclude`
    says whether the result has them.
    """

    name = "filter_rows"
    family = "Rows"
    example: ClassVar = {
        "where": {"column": "年龄", "op": "ge", "value": 18},
        "mode": "keep",
        "unknown": "default",
    }
    where: Condition
    mode: Literal["keep", "drop"]
    unknown: Literal["default", "include", "exclude"] = "default"

    def check(self, schema: Schema) -> Schema:
        conditions.check(self.where, schema)
        return schema

    def emit(self, out: Emitter) -> None:
        where = self.where.code(out)
        # `filter` leaves out what is null, `remove` leaves it in: the default of both modes.
        if (self.mode, self.unknown) in (("keep", "include"), ("drop", "exclude")):
            where = where.call("fill_null", value=True)
        out.let(TABLE.call("filter" if self.mode == "keep" else "remove", where))

    def explain(self, lang: Lang) -> str:
        where = self.where.explain(lang)
        if lang == "zh":
            verb = "只保留" if self.mode == "keep" else "删除"
            tail = {"include": "（无法判断的行保留）", "exclude": "（无法判断的行也不要）"}.get(
                self.unknown, ""
            )
            return f"{verb} {where} 的行{tail}"
        tail = {"include": " (undecidable rows stay)", "exclude": " (undecidable rows go)"}.get(
            self.unknown, ""
        )
        return f"{self.mode} the rows where {where}{tail}"

    def entitles(self) -> Loss:
        return Loss(rows=True)

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        unknown = {"default": self.mode == "drop", "include": True, "exclude": False}[self.unknown]
        verdicts = ((row, self.where.holds(row, schema)) for row in rows)
        return [
            row for row, truth in verdicts if (unknown if truth is None else truth is (self.mode == "keep"))
        ]


class SortKey(Model):
    """One column to sort by."""

    column: str
    descending: bool = False


class SortRows(Operation):
    """Sorts rows, stable; missing and invalid cells come last in both directions, text goes by code point."""

    name = "sort_rows"
    family = "Rows"
    example: ClassVar = {"keys": [{"column": "打分", "descending": True}]}
    keys: tuple[SortKey, ...] = Field(min_length=1, max_length=50)

    def check(self, schema: Schema) -> Schema:
        require(schema, [key.column for key in self.keys])
        return schema

    def emit(self, out: Emitter) -> None:
        columns = [reading(key.column) for key in self.keys]
        down = [key.descending for key in self.keys]
        options: dict[str, Any] = (
            {"descending": down[0] if len(set(down)) == 1 else down} if any(down) else {}
        )
        by = columns[0] if len(columns) == 1 else columns
        out.let(TABLE.call("sort", by, **options, nulls_last=True, maintain_order=True))

    def explain(self, lang: Lang) -> str:
        if lang == "zh":
            words = [f"{key.column}（{'降序' if key.descending else '升序'}）" for key in self.keys]
            return "按 " + "、".join(words) + " 排序"
        words = [f"{key.column} {'descending' if key.descending else 'ascending'}" for key in self.keys]
        return "sort by " + ", ".join(words)

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:  # noqa: ARG002
        ordered = list(rows)
        for key in reversed(self.keys):
            valid = [row for row in ordered if isinstance(row[key.column], Valid)]
            others = [row for row in ordered if not isinstance(row[key.column], Valid)]
            valid.sort(key=lambda row, name=key.column: row.value(name), reverse=key.descending)  # type: ignore[misc]
            ordered = [*valid, *others]
        return ordered


class DropMissing(Operation):
    """Drops rows with missing cells in the named columns (all columns when none is named).

    `how: any` drops a row with one missing cell, `all` only when every cell is missing; `min_valid` instead drops
    rows with fewer cells that are not missing. Invalid cells do not count as missing.
    """

    name = "drop_missing"
    family = "Rows"
    example: ClassVar = {"columns": ["年龄", "城市"], "how": "any", "min_valid": None}
    columns: NameList = ()
    how: Literal["any", "all"] = "any"
    min_valid: int | None = Field(default=None, ge=1)

    def check(self, schema: Schema) -> Schema:
        count = len(require(schema, self._names(schema)))
        if self.min_valid is not None and self.min_valid > count:
            raise StepError(
                f"min_valid is {self.min_valid}, but there are only {count} columns to count; give at most {count}"
            )
        return schema

    def _names(self, schema: Schema) -> tuple[str, ...]:
        return self.columns or schema.names

    def emit(self, out: Emitter) -> None:
        names = self._names(out.schema)
        missing = [out.is_missing(name) for name in names]
        if out.invalid.isdisjoint(names):
            every = pl("col", [reading(name) for name in names]) if len(names) > 1 else col(names[0])
            missing = [every.call("is_null")]
        if self.min_valid is not None:
            left = pl("sum_horizontal", *(~test for test in missing))
            out.let(TABLE.call("filter", left.ge(self.min_valid)))
        elif len(names) == 1:
            out.let(TABLE.call("remove", missing[0]))
        else:
            out.let(TABLE.call("remove", pl(f"{self.how}_horizontal", *missing)))

    def explain(self, lang: Lang) -> str:
        names = listed(self.columns, lang) or ("所有列" if lang == "zh" else "all columns")
        if self.min_valid is not None:
            if lang == "zh":
                return f"删除 {names} 中非缺失少于 {self.min_valid} 个的行"
            return f"drop rows with fewer than {self.min_valid} non-missing cells in {names}"
        if lang == "zh":
            return f"删除 {names} {'中有缺失' if self.how == 'any' else '全部缺失'}的行"
        return f"drop rows with {'a missing cell' if self.how == 'any' else 'nothing but missing cells'} in {names}"

    def entitles(self) -> Loss:
        return Loss(rows=True)

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        names = self._names(schema)

        def stays(row: Row) -> bool:
            gaps = sum(isinstance(row[name], Missing) for name in names)
            if self.min_valid is not None:
                return len(names) - gaps >= self.min_valid
            return gaps == 0 if self.how == "any" else gaps < len(names)

        return [row for row in rows if stays(row)]


class FlagRows(Operation):
    """Marks rows in a new column: `value` where the condition is true, missing where it is unknown.

    With the value "1" the other rows get 0; with any other text they stay empty.
    """

    name = "flag_rows"
    family = "Rows"
    example: ClassVar = {
        "where": {"column": "年龄", "op": "gt", "value": 120},
        "new_name": "年龄异常",
        "value": "1",
    }
    where: Condition
    new_name: str
    value: str = Field(default="1", min_length=1, max_length=200)

    @property
    def _binary(self) -> bool:
        return self.value == "1"

    def check(self, schema: Schema) -> Schema:
        conditions.check(self.where, schema)
        dtype = DType.integer if self._binary else DType.text
        sources = sorted(conditions.columns_of(self.where))
        return schema.insert(new_column(free_name(schema, self.new_name), dtype, Kind.single, sources))

    def emit(self, out: Emitter) -> None:
        where = self.where.code(out)
        flag: Code = where.call("cast", pl_name("Int64")) if self._binary else when(where, lit(self.value))
        out.with_columns(flag.call("alias", self.new_name))

    def explain(self, lang: Lang) -> str:
        where = self.where.explain(lang)
        if lang == "zh":
            return f"新增列 {self.new_name}，{where} 的行标为 {self.value}"
        return f"new column {self.new_name}: {self.value} where {where}"

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        made = {
            True: cell(1 if self._binary else self.value),
            False: cell(0 if self._binary else None),
            None: MISSING,
        }
        return [row.set({self.new_name: made[self.where.holds(row, schema)]}) for row in rows]
