"""Operations on whole columns: keep, drop, rename, move. Everything a column carries (labels, codes) goes with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import ConfigDict, Field

from retort_core.cells import is_hidden
from retort_core.errors import StepError
from retort_core.models import Model
from retort_core.plans import Lang
from retort_core.schema import Schema
from retort_plans.emission import Emitter
from retort_plans.operations.base import Loss, Names, Operation, need, require
from retort_plans.reference import Row, Rows
from retort_plans.wording import listed, pairs


class SelectColumns(Operation):
    """Keeps only the named columns, in the order given."""

    name = "select_columns"
    family = "Columns"
    example: ClassVar = {"columns": ["用户ID", "城市", "打分"]}
    columns: Names

    def check(self, schema: Schema) -> Schema:
        return Schema(columns=require(schema, self.columns))

    def emit(self, out: Emitter) -> None:
        out.select(self.columns)

    def explain(self, lang: Lang) -> str:
        names = listed(self.columns, lang)
        return f"只保留列 {names}" if lang == "zh" else f"keep only the columns {names}"

    def entitles(self) -> Loss:
        return Loss(only=frozenset(self.columns))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        return [row.only(self.check(schema).names) for row in rows]


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
        return f"删除列 {names}" if lang == "zh" else f"drop the columns {names}"

    def entitles(self) -> Loss:
        return Loss(columns=frozenset(self.columns))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        kept = self.check(schema).names
        return [row.only(kept) for row in rows]


class Renaming(Model):
    """`from` becomes `to`."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)
    from_: str = Field(alias="from")
    to: str = Field(max_length=500)


class RenameColumns(Operation):
    """Renames columns, all at once: two columns can swap their names."""

    name = "rename_columns"
    family = "Columns"
    example: ClassVar = {"mapping": [{"from": "q1", "to": "满意度"}]}
    mapping: tuple[Renaming, ...] = Field(min_length=1, max_length=2000)

    @property
    def names(self) -> dict[str, str]:
        return {pair.from_: pair.to for pair in self.mapping}

    def check(self, schema: Schema) -> Schema:
        require(schema, [pair.from_ for pair in self.mapping])
        for pair in self.mapping:
            if not pair.to.strip() or is_hidden(pair.to):
                raise StepError(
                    f"a column cannot be called {pair.to!r}; choose another name", column=pair.from_
                )
        renamed = tuple(c.with_(name=self.names.get(c.name, c.name)) for c in schema.columns)
        twice = [name for name, count in Counter(c.name for c in renamed).items() if count > 1]
        if twice:
            raise StepError(
                f"two columns would be called {twice[0]!r}; choose another name, or drop or rename the other one",
                column=twice[0],
            )
        return Schema(columns=renamed)

    def emit(self, out: Emitter) -> None:
        out.rename(self.names)

    def explain(self, lang: Lang) -> str:
        names = pairs(self.names.items(), lang)
        return f"重命名列 {names}" if lang == "zh" else f"rename columns {names}"

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:  # noqa: ARG002
        new = self.names
        return [Row(row.id, {new.get(name, name): cell for name, cell in row.cells.items()}) for row in rows]


class ReorderColumns(Operation):
    """Moves the named columns, in the order given: to the front, the end, or next to `anchor`."""

    name = "reorder_columns"
    family = "Columns"
    example: ClassVar = {"columns": ["城市"], "position": "after", "anchor": "用户ID"}
    columns: Names
    position: Literal["first", "last", "before", "after"] = "first"
    anchor: str = ""

    def check(self, schema: Schema) -> Schema:
        moved = require(schema, self.columns)
        rest = schema.without(self.columns).columns
        if self.position in ("before", "after"):
            if self.anchor in self.columns:
                raise StepError(f"column {self.anchor!r} cannot be moved next to itself", column=self.anchor)
            at = rest.index(need(schema, self.anchor)) + (self.position == "after")
        else:
            at = 0 if self.position == "first" else len(rest)
        return Schema(columns=(*rest[:at], *moved, *rest[at:]))

    def emit(self, out: Emitter) -> None:
        out.select(self.check(out.schema).names)

    def explain(self, lang: Lang) -> str:
        names = listed(self.columns, lang)
        if lang == "zh":
            places = {
                "first": "最前",
                "last": "最后",
                "before": f"{self.anchor} 之前",
                "after": f"{self.anchor} 之后",
            }
            return f"将列 {names} 移到{places[self.position]}"
        places = {"first": "to the front", "last": "to the end"}
        return f"move the columns {names} " + places.get(self.position, f"{self.position} {self.anchor}")

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        return [row.only(self.check(schema).names) for row in rows]
