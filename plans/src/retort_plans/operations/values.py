"""Operations that set or replace values of existing columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import ConfigDict, Field

from retort_core.errors import StepError
from retort_core.models import Model
from retort_core.plans import Lang
from retort_core.schema import Schema
from retort_plans import conditions, patterns
from retort_plans.conditions import Condition
from retort_plans.dtypes import polars_type
from retort_plans.emission import Emitter
from retort_plans.exchange import Exchange
from retort_plans.literals import scalar_text, stored
from retort_plans.operations.base import Loss, Names, Operation, Scalar, need, require, require_text
from retort_plans.reference import MISSING, Cell, Row, Rows, Valid, cell
from retort_plans.syntax import Code, col, lit, pl, whole
from retort_plans.wording import listed, pairs, shown


class Replacement(Model):
    """`from` becomes `to`; `to: null` empties the cell."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)
    from_: Scalar = Field(alias="from")
    to: Scalar | None


Pairs: TypeAlias = Annotated[tuple[Replacement, ...], Field(min_length=1, max_length=5000)]


class ReplaceValues(Operation):
    """Replaces values, all pairs at once for `exact` and one after another inside texts.

    `exact` compares whole cells (texts without surrounding spaces and width); on a typed column a `from` that cannot
    be a value matches the raw text of invalid cells. `substring` and `regex` replace every occurrence in text columns
    (`to` is plain text); a text that becomes empty is missing.
    """

    name = "replace_values"
    family = "Values"
    example: ClassVar = {
        "columns": ["城市"],
        "mapping": [{"from": "beijing", "to": "北京"}],
        "match": "exact",
    }
    columns: Names
    mapping: Pairs
    match: Literal["exact", "substring", "regex"] = "exact"

    def check(self, schema: Schema) -> Schema:
        if self.match == "exact":
            for column in require(schema, self.columns):
                self._exchange.check(column)
            return schema
        require_text(schema, self.columns)
        for pair in self.mapping:
            text = scalar_text(pair.from_)
            if self.match == "regex":
                patterns.check(text)
                patterns.check_not_empty(text)
            elif not text:
                raise StepError("replace_values: an empty text is inside every text; say what to replace")
        return schema

    @property
    def _exchange(self) -> Exchange:
        return Exchange(tuple((pair.from_, pair.to) for pair in self.mapping))

    @property
    def _texts(self) -> list[tuple[str, str]]:
        return [(scalar_text(p.from_), "" if p.to is None else scalar_text(p.to)) for p in self.mapping]

    def emit(self, out: Emitter) -> None:
        if self.match == "exact":
            out.with_columns(*(entry for name in self.columns for entry in self._exchange.entries(out, name)))
        else:
            out.with_columns(*(self._inside(name).call("alias", name) for name in self.columns))

    def _inside(self, name: str) -> Code:
        text = col(name)
        for old, new in self._texts:
            options = {"literal": True} if self.match == "substring" else {}
            # "$1" would name a group; a dollar is doubled to mean itself.
            plain = new if options else new.replace("$", "$$")
            text = text.call("str.replace_all", old, plain, **options)
        return text.call("replace", "", None)

    def explain(self, lang: Lang) -> str:
        names = listed(self.columns, lang)
        changes = pairs(((shown(p.from_, lang), shown(p.to, lang)) for p in self.mapping), lang)
        if lang == "zh":
            how = {"exact": "", "substring": "文字片段 ", "regex": "匹配的文字 "}[self.match]
            return f"在 {names} 中替换{how}{changes}"
        how = {"exact": "", "substring": "text parts ", "regex": "matches "}[self.match]
        return f"replace {how}in {names}: {changes}"

    def entitles(self) -> Loss:
        return Loss(cells=frozenset(self.columns))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        if self.match == "exact":
            return [
                row.set({n: self._exchange.replaced(row[n], schema[n]) for n in self.columns}) for row in rows
            ]
        return [row.set({n: self._replaced_inside(row[n]) for n in self.columns}) for row in rows]

    def _replaced_inside(self, own: Cell) -> Cell:
        if not isinstance(own, Valid) or not isinstance(own.value, str):
            return own
        text = own.value
        for old, new in self._texts:
            if self.match == "substring":
                text = text.replace(old, new)
            else:
                text = patterns.compiled(old).sub(lambda _, new=new: new, text)  # type: ignore[misc]
        return cell(text or None)


class MergeGroup(Model):
    """Several values that become one."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)
    from_: tuple[Scalar, ...] = Field(alias="from", min_length=1, max_length=5000)
    to: Scalar


class MergeValues(Operation):
    """Makes several spellings of a value one. Compared as whole cells, without surrounding spaces and width."""

    name = "merge_values"
    family = "Values"
    example: ClassVar = {"column": "城市", "groups": [{"from": ["北京市", "beijing"], "to": "北京"}]}
    column: str
    groups: tuple[MergeGroup, ...] = Field(min_length=1, max_length=1000)

    @property
    def _exchange(self) -> Exchange:
        return Exchange(tuple((old, group.to) for group in self.groups for old in group.from_))

    def check(self, schema: Schema) -> Schema:
        self._exchange.check(need(schema, self.column))
        return schema

    def emit(self, out: Emitter) -> None:
        out.with_columns(*self._exchange.entries(out, self.column))

    def explain(self, lang: Lang) -> str:
        joiner = "、" if lang == "zh" else ", "
        groups = [
            (joiner.join(shown(old, lang) for old in group.from_), shown(group.to, lang))
            for group in self.groups
        ]
        if lang == "zh":
            return f"合并 {self.column} 的取值：" + "；".join(f"{old} 统一为{to}" for old, to in groups)
        return f"merge values of {self.column}: " + "; ".join(f"{old} become {to}" for old, to in groups)

    def entitles(self) -> Loss:
        return Loss(cells=frozenset({self.column}))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        own = schema[self.column]
        return [row.set({own.name: self._exchange.replaced(row[own.name], own)}) for row in rows]


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
        value: object = None
        if self.value is not None:
            made = stored(self.value, column)
            value = whole(made) if where is None else lit(made)
        elif where is None:
            value = pl("lit", None, dtype=polars_type(column))
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
