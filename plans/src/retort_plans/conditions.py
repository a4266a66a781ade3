"""Conditions: the tree behind "rows where …", three-valued, with a reference meaning.

JSON: `{"all": […]}`, `{"any": […]}`, `{"not": {…}}` or `{"column": name, "op": op, "value": literal}`. A comparison
with a missing or invalid cell is *unknown* (None); and/or/not follow Kleene; only is_missing, is_invalid and
is_valid always know. Text is compared without surrounding spaces and width, but with its letter case. A column of
multiple answers is compared by its codes: eq, in and contains ask which codes a cell has. How one comparison is
compiled and evaluated is `retort_plans.comparisons`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Annotated, Any, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Tag

from retort_core.errors import StepError
from retort_core.models import Model
from retort_core.plans import Lang
from retort_core.schema import Schema
from retort_plans.comparisons import Compare
from retort_plans.emission import Emitter
from retort_plans.reference import Row
from retort_plans.syntax import Code

MOST_NODES = 200  # of one tree; deeper or wider ones are a mistake or an attack
Truth: TypeAlias = "bool | None"


class All(Model):
    """Every part is true: false beats unknown beats true."""

    model_config = ConfigDict(populate_by_name=True)
    all: tuple[Condition, ...] = Field(min_length=1, max_length=100)

    @property
    def parts(self) -> tuple[Condition, ...]:
        return self.all

    def holds(self, row: Row, schema: Schema) -> Truth:
        truths = [part.holds(row, schema) for part in self.all]
        if False in truths:
            return False
        return None if None in truths else True

    def code(self, out: Emitter) -> Code:
        return reduce(Code.__and__, (part.code(out) for part in self.all))

    def explain(self, lang: Lang) -> str:
        return _joined(self.all, "且" if lang == "zh" else " and ", lang)


class Any_(Model):  # noqa: N801 - `any` is a word of the tree
    """Some part is true: true beats unknown beats false."""

    any: tuple[Condition, ...] = Field(min_length=1, max_length=100)

    @property
    def parts(self) -> tuple[Condition, ...]:
        return self.any

    def holds(self, row: Row, schema: Schema) -> Truth:
        truths = [part.holds(row, schema) for part in self.any]
        if True in truths:
            return True
        return None if None in truths else False

    def code(self, out: Emitter) -> Code:
        return reduce(Code.__or__, (part.code(out) for part in self.any))

    def explain(self, lang: Lang) -> str:
        return _joined(self.any, "或" if lang == "zh" else " or ", lang)


class Not(Model):
    """The part is false; unknown stays unknown."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)
    part: Condition = Field(alias="not")

    @property
    def parts(self) -> tuple[Condition, ...]:
        return (self.part,)

    def holds(self, row: Row, schema: Schema) -> Truth:
        truth = self.part.holds(row, schema)
        return None if truth is None else not truth

    def code(self, out: Emitter) -> Code:
        return ~self.part.code(out)

    def explain(self, lang: Lang) -> str:
        inner = self.part.explain(lang)
        return f"并非（{inner}）" if lang == "zh" else f"not ({inner})"


def _tag(value: Any) -> str | None:
    """Which node a JSON object is, so that an error speaks of that node alone."""
    if isinstance(value, Model):
        return {All: "all", Any_: "any", Not: "not", Compare: "compare"}.get(type(value))
    if not isinstance(value, dict):
        return None
    return next((word for word in ("all", "any", "not") if word in value), "compare")


Condition: TypeAlias = Annotated[
    Annotated[All, Tag("all")]
    | Annotated[Any_, Tag("any")]
    | Annotated[Not, Tag("not")]
    | Annotated[Compare, Tag("compare")],
    Discriminator(_tag),
]
for _node in (All, Any_, Not):
    _node.model_rebuild()


def _joined(parts: tuple[Condition, ...], word: str, lang: Lang) -> str:
    def one(part: Condition) -> str:
        text = part.explain(lang)
        if len(parts) > 1 and isinstance(part, All | Any_):
            return f"（{text}）" if lang == "zh" else f"({text})"
        return text

    return word.join(one(part) for part in parts)


def leaves(condition: Condition) -> list[Compare]:
    """The comparisons of a tree, left to right."""
    if isinstance(condition, Compare):
        return [condition]
    return [leaf for part in condition.parts for leaf in leaves(part)]


def columns_of(condition: Condition) -> frozenset[str]:
    return frozenset(leaf.column for leaf in leaves(condition))


def check(condition: Condition, schema: Schema) -> None:
    """Raises StepError unless every comparison can be made on `schema`."""
    found = leaves(condition)
    if len(found) > MOST_NODES:
        raise StepError(f"the condition has {len(found)} comparisons, more than {MOST_NODES}; split the step")
    for leaf in found:
        leaf.check(schema)


def rows_where(rows: Iterable[Row], keep: Callable[[Row], bool]) -> list[Row]:
    return [row for row in rows if keep(row)]
