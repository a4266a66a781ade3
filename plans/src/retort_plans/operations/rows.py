"""Operations on rows that look at one row at a time or at their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

from retort_core.plans import Lang
from retort_core.schema import Schema
from retort_plans import conditions
from retort_plans.conditions import Condition
from retort_plans.emission import TABLE, Emitter
from retort_plans.operations.base import Loss, Operation
from retort_plans.reference import Row, Rows


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
        verb = "filter" if self.mode == "keep" else "remove"
        where = self.where.code(out)
        if self.unknown == "include" and self.mode == "keep":
            where = where.call("fill_null", value=True)
        if self.unknown == "exclude" and self.mode == "drop":
            where = where.call("fill_null", value=True)
        out.let(TABLE.call(verb, where))

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
