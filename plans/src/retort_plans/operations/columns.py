"""Operations on whole columns: keep, drop, rename, move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from retort_core.errors import StepError
from retort_core.plans import Lang
from retort_core.schema import Schema
from retort_plans.emission import Emitter
from retort_plans.operations.base import Loss, Names, Operation, require
from retort_plans.reference import Row, Rows
from retort_plans.wording import listed


class DropColumns(Operation):
    """Removes the named columns."""

    name = "drop_columns"
    family = "Columns"
    example: ClassVar = {"columns": ["备注"]}
    columns: Names

    def check(self, schema: Schema) -> Schema:
        require(schema, self.columns)
        left = schema.without(self.columns)
        if not left.columns:
            raise StepError("this would drop every column; leave at least one")
        return left

    def emit(self, out: Emitter) -> None:
        out.drop(self.columns)

    def explain(self, lang: Lang) -> str:
        names = listed(self.columns, lang)
        return f"删除列 {names}" if lang == "zh" else f"drop columns {names}"

    def entitles(self) -> Loss:
        return Loss(columns=frozenset(self.columns))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        kept = self.check(schema).names
        return [row.only(kept) for row in rows]
