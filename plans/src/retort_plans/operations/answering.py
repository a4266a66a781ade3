"""What all read-only answers share: who counts, groups, labels beside codes, and the line of bases.

Rows whose condition is unknown and rows without a weight are left out of everything and counted. A group of a
multiple answer is a code: a respondent counts once in the group of each code given.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from retort_core.errors import StepError
from retort_core.plans import Lang
from retort_core.schema import Column, DType, Kind, Schema
from retort_plans import conditions
from retort_plans.conditions import Condition
from retort_plans.emission import TABLE, Emitter
from retort_plans.headings import heading, of
from retort_plans.operations.base import Operation, need
from retort_plans.statistics import FLOAT, Measure, codes, text
from retort_plans.syntax import Code, col, lit, name, pl, pl_name, reading

INT: Any = pl_name("Int64")
STRING: Any = pl_name("String")


@dataclass(frozen=True)
class LeftOut:
    """How many rows do not count, as expressions: without a weight, and with an unknown condition."""

    no_weight: Code
    unknown: Code | None = None  # None: the answer has no condition

    def entries(self, lang: Lang) -> list[Code]:
        told = [self.no_weight.call("cast", INT).call("alias", heading("no_weight", lang))]
        if self.unknown is not None:
            told.append(self.unknown.call("cast", INT).call("alias", heading("unknown", lang)))
        return told


class Answer(Operation):
    """What all answers share: an optional condition and an optional weight."""

    kind: ClassVar[Literal["version", "answer"]] = "answer"
    family = "Answers"
    weight: str = ""
    where: Condition | None = None

    def check_common(self, schema: Schema) -> None:
        if self.where is not None:
            conditions.check(self.where, schema)
        if self.weight and not need(schema, self.weight).dtype.numeric:
            raise StepError(f"the weight {self.weight!r} must be numeric", column=self.weight)

    def measure(self, schema: Schema, column: str) -> Measure:
        return Measure(schema[column], self.weight)

    def start(self, out: Emitter) -> LeftOut:
        """The rows that count, as the variable `table`; returns how many do not."""
        unknown = self._filtered(out)
        table = out.frame()
        if not self.weight:
            return LeftOut(lit(0), unknown)
        weight = col(self.weight)
        out.refuse(
            table.call("select", weight.lt(0).call("any")).call("item"),
            f"the weight {self.weight!r} is negative in some rows; weights must be 0 or more",
        )
        out.assign("unweighted", table.call("select", weight.call("null_count")).call("item"))
        out.let(TABLE.call("filter", weight.call("is_not_null")))
        return LeftOut(lit_name("unweighted"), unknown)

    def _filtered(self, out: Emitter) -> Code | None:
        if self.where is None:
            return None
        table = out.frame()
        wanted = out.local("wanted", self.where.code(out))
        out.assign("unknown", table.call("select", wanted.call("is_null").call("sum")).call("item"))
        out.let(TABLE.call("filter", wanted))
        return lit_name("unknown")

    def told(self, lang: Lang) -> str:
        """Condition and weight in words, in brackets behind the sentence."""
        parts = []
        if self.where is not None:
            parts.append(("条件：" if lang == "zh" else "where ") + self.where.explain(lang))
        if self.weight:
            parts.append(f"按 {self.weight} 加权" if lang == "zh" else f"weighted by {self.weight}")
        if not parts:
            return ""
        return f"（{'，'.join(parts)}）" if lang == "zh" else f" ({', '.join(parts)})"


def lit_name(identifier: str) -> Code:
    """`pl.lit(variable)`."""
    return pl("lit", name(identifier))


def multiple(column: Column) -> bool:
    """Whether a cell holds several codes."""
    return column.kind is Kind.multi and column.dtype is DType.text


def order(column: Column, value: str) -> list[Code]:
    """Sort keys of the values of `column`, which stand in a column called `value`; to be sorted nulls last.

    Texts with labels (bands, codes) come in the order of their labels, other texts with numbers by size before words.
    """
    if column.dtype is not DType.text:
        return [col(value)]
    return [*positions(column, value), col(value).call("cast", FLOAT, strict=False), col(value)]


def positions(column: Column, value: str) -> list[Code]:
    """The place of a text among the labels of its column, when it has labels."""
    places = {known.value: at for at, known in enumerate(column.value_labels)}
    if not places or column.dtype is not DType.text:
        return []
    return [col(value).call("replace_strict", places, default=None, return_dtype=FLOAT)]


def labels_of(column: Column) -> dict[str, str]:
    """Labels by code; empty when they say nothing that the codes do not."""
    if all(known.label in ("", known.value) for known in column.value_labels):
        return {}
    return {known.value: known.label for known in column.value_labels}


def labelled(column: Column, value: str, title: str) -> Code:
    """The labels of the codes in the column called `value`, headed `title`."""
    own = col(value) if multiple(column) else text(column.with_(name=value))
    return own.call("replace_strict", labels_of(column), default=None, return_dtype=STRING).call(
        "alias", title
    )


def spelled(out: Emitter, columns: Sequence[Column]) -> None:
    """Texts that conditions take for equal (北京, ` 北京`, ＨＲ and HR) get one spelling: that of the first row."""
    texts = {column.name for column in columns if column.dtype is DType.text and not multiple(column)}
    out.with_columns(
        *(
            col(name).call("first").call("over", out.folded(name)).call("str.strip_chars").call("alias", name)
            for name in sorted(texts)
        )
    )


@dataclass(frozen=True)
class Groups:
    """The columns an answer is split by; none of them means one line for everybody."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def prepare(self, out: Emitter) -> tuple[Code, Code]:
        """The rows that have a group, and how many have none."""
        if not self.columns:
            return TABLE, lit(0)
        spelled(out, self.columns)
        out.with_columns(*(codes(c).call("alias", c.name) for c in self.columns if multiple(c)))
        grouped = out.assign("grouped", TABLE.call("drop_nulls", [reading(key) for key in self.names]))
        out.assign("no_group", TABLE.attr("height") - grouped.attr("height"))
        return grouped, lit_name("no_group")

    def aggregate(self, source: Code, entries: Sequence[Code]) -> Code:
        """A line a group, in the order of the groups."""
        if not self.columns:
            return source.call("select", *entries)
        keys = [reading(key) for key in self.names]
        for column in self.columns:
            if multiple(column):
                source = source.call("explode", reading(column.name))
        by = [key for column in self.columns for key in order(column, column.name)]
        made = source.call("group_by", keys, maintain_order=True).call("agg", *entries)
        return made.call("sort", by, nulls_last=True)

    def shown(self, made: Code, titles: Sequence[str], lang: Lang, taken: Collection[str]) -> Code:
        """`made` with the labels of its groups beside their codes; `titles` are its other columns."""
        if not any(labels_of(column) for column in self.columns):
            return made
        picked: list[Any] = []
        for column in self.columns:
            picked.append(reading(column.name))
            if labels_of(column):
                picked.append(labelled(column, column.name, of("label", column.name, lang, taken)))
        return made.call("select", *picked, *map(reading, titles))


def base_line(out: Emitter, measure: Measure | None, source: Code, left_out: LeftOut, nobody: Code) -> Code:
    """One line of `bases`: of a column's measure, or of rows when None."""
    lang = out.lang
    told = [nobody.call("cast", INT).call("alias", heading("no_group", lang)), *left_out.entries(lang)]
    if measure is None:
        entries = [
            lit("").call("alias", heading("column", lang)),
            pl("len").call("cast", INT).call("alias", heading("base", lang)),
        ]
        return source.call("select", *entries, *told)
    column = measure.column.name
    entries = [
        lit(column).call("alias", heading("column", lang)),
        col(column).call("count").call("cast", INT).call("alias", heading("base", lang)),
    ]
    if measure.weight:
        entries.append(measure.total().call("alias", heading("weighted", lang)))
    entries += [
        out.is_missing(column).call("sum").call("cast", INT).call("alias", heading("missing", lang)),
        out.is_invalid(column).call("sum").call("cast", INT).call("alias", heading("invalid", lang)),
    ]
    return source.call("select", *entries, *told)
