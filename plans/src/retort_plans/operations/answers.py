"""Read-only answers: figures by group, frequencies, NPS. Each shows its bases and what was left out.

Scripts return `{"table": …, "bases": …}`. Rows without a weight are left out of everything and counted; missing and
invalid cells are left out of the statistic of their column and counted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from pydantic import Field

from retort_core.errors import StepError
from retort_core.models import Model
from retort_core.plans import Lang
from retort_core.schema import Column, DType, Schema
from retort_plans.emission import TABLE, Emitter
from retort_plans.headings import heading, of
from retort_plans.operations.answering import (
    INT,
    Answer,
    Groups,
    LeftOut,
    base_line,
    labelled,
    labels_of,
    lit_name,
    multiple,
    order,
    spelled,
)
from retort_plans.operations.base import NameList, Names, need, require
from retort_plans.statistics import NPS_SCALE, Fn, Measure, check_fn, codes, text
from retort_plans.syntax import Code, col, lit, name, pl, pl_name, reading, when
from retort_plans.wording import listed


class Aggregation(Model):
    """One figure: `column` may be "" for a count of rows; `as` is its heading."""

    column: str = ""
    fn: Fn
    as_: str = Field(default="", alias="as")

    model_config = {"validate_by_name": True, "validate_by_alias": True, "serialize_by_alias": True}


class GroupAggregate(Answer):
    """Figures for each group of `by`, or for the whole table when no column is named.

    Groups come in the order of their values; rows whose group is missing are left out and counted. Every figure
    stands beside the unweighted base of its column.
    """

    name = "group_aggregate"
    example: ClassVar = {
        "by": ["城市"],
        "aggregations": [{"column": "打分", "fn": "mean", "as": ""}],
        "weight": "",
        "where": None,
    }
    by: NameList = ()
    aggregations: tuple[Aggregation, ...] = Field(min_length=1, max_length=100)

    def check(self, schema: Schema) -> Schema:
        self.check_common(schema)
        require(schema, self.by)
        for figure in self.aggregations:
            if figure.column:
                check_fn(figure.fn, need(schema, figure.column))
            elif figure.fn not in ("count", "share"):
                raise StepError(f"{figure.fn} needs a column; only count and share can go without")
        return schema

    def emit(self, out: Emitter) -> None:
        left_out = self.start(out)
        columns, groups = self._columns(), Groups(require(out.schema, self.by))
        counted = [figure.column for figure in self.aggregations if figure.fn == "distinct"]
        spelled(out, [out.schema[name] for name in counted if name not in self.by])
        source, nobody = groups.prepare(out)
        entries = self._entries(out.schema, columns, out.lang)
        made = groups.aggregate(source, [figure.call("alias", title) for title, figure in entries.items()])
        shares = [
            title for title, figure in zip(entries, self.aggregations, strict=False) if figure.fn == "share"
        ]
        if shares:
            whole = [(col(s) / col(s).call("sum")).call("alias", s) for s in shares]
            made = made.call("with_columns", *whole)
        out.assign("answer", groups.shown(made, list(entries), out.lang, [*self.by, *entries]))
        bases = self._bases(out, columns, source, left_out, nobody)
        out.answer({"table": name("answer"), "bases": bases})

    def _columns(self) -> list[str]:
        return list(dict.fromkeys(f.column for f in self.aggregations if f.column))

    def _entries(self, schema: Schema, columns: Sequence[str], lang: Lang) -> dict[str, Code]:
        """Title -> figure: what was asked for, then the bases of each column."""
        made: dict[str, Code] = {}
        for figure in self.aggregations:
            made[self._title(figure, lang, [*self.by, *made])] = self._figure(figure, schema)
        for column in columns:
            base = col(column).call("count").call("cast", INT)
            made[self._base_title("base", column, lang, [*self.by, *made])] = base
            if self.weight:
                title = self._base_title("weighted", column, lang, [*self.by, *made])
                made[title] = self.measure(schema, column).total()
        return made

    def titles(self, functions: Collection[str], lang: Lang) -> list[str]:
        """The headings of the figures made by `functions`."""
        made: list[tuple[str, str]] = []
        for figure in self.aggregations:
            title = self._title(figure, lang, [*self.by, *(known for known, _ in made)])
            made.append((title, figure.fn))
        return [title for title, fn in made if fn in functions]

    def _figure(self, figure: Aggregation, schema: Schema) -> Code:
        if figure.column:
            return self.measure(schema, figure.column).expression(figure.fn)
        if self.weight:
            return col(self.weight).call("sum")
        return pl("len").call("cast", INT)

    def _title(self, figure: Aggregation, lang: Lang, taken: Sequence[str]) -> str:
        if figure.as_:
            if figure.as_ in taken:
                raise StepError(
                    f"two columns of the answer are called {figure.as_!r}; name one of them otherwise"
                )
            return figure.as_
        if len({f.column for f in self.aggregations}) == 1:
            return heading(figure.fn, lang, taken)
        return of(figure.fn, figure.column, lang, taken) if figure.column else heading(figure.fn, lang, taken)

    def _base_title(self, key: str, column: str, lang: Lang, taken: Sequence[str]) -> str:
        if len(self._columns()) == 1:
            return heading(key, lang, taken)
        return of(key, column, lang, taken)

    def _bases(
        self, out: Emitter, columns: Sequence[str], source: Code, left_out: LeftOut, nobody: Code
    ) -> Code:
        """A line a column: valid, weighted, missing, invalid, and what was left out."""
        measures: list[Measure | None] = [self.measure(out.schema, column) for column in columns]
        lines = [base_line(out, measure, source, left_out, nobody) for measure in measures or [None]]
        return pl("concat", lines) if len(lines) > 1 else lines[0]

    def explain(self, lang: Lang) -> str:
        figures = [self._said(figure, lang) for figure in self.aggregations]
        joined = ("、" if lang == "zh" else ", ").join(figures)
        if lang == "zh":
            group = f"按 {listed(self.by, lang)} 统计 " if self.by else "统计 "
            return f"{group}{joined}{self.told(lang)}"
        group = f" by {listed(self.by, lang)}" if self.by else ""
        return f"{joined}{group}{self.told(lang)}"

    def _said(self, figure: Aggregation, lang: Lang) -> str:
        what = heading(figure.fn, lang)
        if not figure.column:
            return what
        return f"{figure.column}的{what}" if lang == "zh" else f"{what} of {figure.column}"


class ValueCounts(Answer):
    """How many rows hold each value, with its share of the valid ones; each code of a multiple answer counts once
    per respondent, and its base is the respondents with at least one code."""

    name = "value_counts"
    example: ClassVar = {"column": "城市", "weight": "", "where": None}
    column: str

    def check(self, schema: Schema) -> Schema:
        self.check_common(schema)
        need(schema, self.column)
        return schema

    def emit(self, out: Emitter) -> None:
        left_out = self.start(out)
        column, lang = out.schema[self.column], out.lang
        measure = Measure(column, self.weight)
        value, count, share = (heading(key, lang) for key in ("value", "count", "share"))
        weighted = heading("weighted_count", lang)
        multi = multiple(column)
        spelled(out, [column])
        if multi:
            out.with_columns(codes(column).call("alias", self.column))
        base = self._base(out)
        picked = [col(self.column).call("alias", value)]
        picked += [col(self.weight).call("alias", weighted)] if self.weight else []
        rows = TABLE.call("select", *picked)
        rows = rows.call("explode", value) if multi else rows
        figures = [pl("len").call("cast", INT).call("alias", count)]
        if self.weight:
            figures.append(col(weighted).call("sum"))
        counted = rows.call("drop_nulls", value).call("group_by", value).call("agg", *figures)
        counted = counted.call(
            "sort", self._order(column, value, count), descending=self._down(column), nulls_last=True
        )
        top = col(weighted if self.weight else count)
        out.assign("answer", counted.call("with_columns", when(base.gt(0), top / base).call("alias", share)))
        if labels_of(column):
            out.assign("answer", self._labelled(column, value, heading("label", lang), lang))
        out.answer({"table": name("answer"), "bases": base_line(out, measure, TABLE, left_out, lit(0))})

    def _base(self, out: Emitter) -> Code:
        """`base`: the (weighted) respondents with an answer, as a variable."""
        answered = col(self.column).call("is_not_null")
        figure = (
            col(self.weight).call("filter", answered).call("sum") if self.weight else answered.call("sum")
        )
        out.assign("base", TABLE.call("select", figure).call("item"))
        return lit_name("base")

    def _order(self, column: Column, value: str, count: str) -> list[Any]:
        return [col(count), col(value)] if self._by_count(column) else order(column, value)

    def _down(self, column: Column) -> Any:
        return [True, False] if self._by_count(column) else False

    @staticmethod
    def _by_count(column: Column) -> bool:
        """Words without an order of their own come by frequency."""
        return column.dtype is DType.text and not multiple(column) and not column.value_labels

    def _labelled(self, column: Column, value: str, label: str, lang: Lang) -> Code:
        rest = [
            heading("count", lang),
            *([heading("weighted_count", lang)] if self.weight else []),
            heading("share", lang),
        ]
        return name("answer").call("select", reading(value), labelled(column, value, label), *rest)

    def explain(self, lang: Lang) -> str:
        if lang == "zh":
            return f"统计 {self.column} 各值的人数和占比{self.told(lang)}"
        return f"count the values of {self.column}{self.told(lang)}"


class Nps(Answer):
    """Net promoter score: 100 · (share of 9–10 − share of 0–6) of the answers on 0–10.

    Anything else is missing, never a detractor; how many there were stands in `bases`.
    """

    name = "nps"
    example: ClassVar = {"column": "打分", "by": ["城市"], "weight": "", "where": None}
    column: str
    by: NameList = ()

    def check(self, schema: Schema) -> Schema:
        self.check_common(schema)
        require(schema, self.by)
        check_fn("nps", need(schema, self.column))
        return schema

    def emit(self, out: Emitter) -> None:
        left_out, groups = self.start(out), Groups(require(out.schema, self.by))
        measure, lang, taken = self.measure(out.schema, self.column), out.lang, list(self.by)
        answered = measure.on_scale(NPS_SCALE)
        source, nobody = groups.prepare(out)
        figures = {
            "nps": measure.expression("nps"),
            "promoters": measure.share_between(9, 10, NPS_SCALE),
            "passives": measure.share_between(7, 8, NPS_SCALE),
            "detractors": measure.share_between(0, 6, NPS_SCALE),
            "base": answered.call("sum").call("cast", INT),
            **({"weighted": measure.total(answered)} if self.weight else {}),
        }
        entries = {heading(key, lang, taken): figure for key, figure in figures.items()}
        made = groups.aggregate(source, [figure.call("alias", title) for title, figure in entries.items()])
        out.assign("answer", groups.shown(made, list(entries), lang, [*self.by, *entries]))
        outside = (col(self.column).call("is_not_null") & ~answered).call("sum").call("cast", INT)
        beyond = source.call("select", outside).call("to_series").call("alias", heading("out_of_range", lang))
        out.assign("bases", base_line(out, measure, source, left_out, nobody).call("with_columns", beyond))
        out.answer({"table": name("answer"), "bases": name("bases")})

    def explain(self, lang: Lang) -> str:
        if lang == "zh":
            group = f"按 {listed(self.by, lang)} 统计 " if self.by else ""
            return f"{group}{self.column} 的 NPS{self.told(lang)}"
        return f"NPS of {self.column}" + (f" by {listed(self.by, lang)}" if self.by else "") + self.told(lang)


class Describe(Answer):
    """A line a column: base, missing, invalid, distinct values; numbers with mean, SD, range and quartiles."""

    name = "describe"
    example: ClassVar = {"columns": ["年龄", "打分"], "weight": "", "where": None}
    columns: NameList = ()

    def check(self, schema: Schema) -> Schema:
        self.check_common(schema)
        require(schema, self.columns)
        return schema

    def emit(self, out: Emitter) -> None:
        left_out = self.start(out)
        names: Names = self.columns or out.schema.names
        lines = [TABLE.call("select", *self._line(out, column)) for column in names]
        bases = TABLE.call(
            "select",
            pl("len").call("cast", INT).call("alias", heading("base", out.lang)),
            *left_out.entries(out.lang),
        )
        out.answer({"table": pl("concat", lines) if len(lines) > 1 else lines[0], "bases": bases})

    def _line(self, out: Emitter, column_name: str) -> list[Code]:
        lang, column = out.lang, out.schema[column_name]
        measure = self.measure(out.schema, column_name)
        entries = {
            "column": lit(column_name),
            "kind": lit(column.kind.value),
            "base": col(column_name).call("count").call("cast", INT),
            **({"weighted": measure.total().call("cast", pl_name("Float64"))} if self.weight else {}),
            "missing": out.is_missing(column_name).call("sum").call("cast", INT),
            "invalid": out.is_invalid(column_name).call("sum").call("cast", INT),
            "distinct": measure.expression("distinct"),
        }
        numbers: dict[str, Code] = {
            key: pl("lit", None, dtype=pl_name("Float64"))
            for key in ("mean", "sd", "min", "q1", "median", "q3", "max")
        }
        if column.dtype.numeric:
            numbers = {
                "mean": measure.expression("mean"),
                "sd": measure.expression("sd"),
                "min": measure.real.call("min"),
                "q1": measure.quantile(0.25),
                "median": measure.quantile(0.5),
                "q3": measure.quantile(0.75),
                "max": measure.real.call("max"),
            }
        most = (
            text(column)
            .call("drop_nulls")
            .call("mode")
            .call("sort")
            .call("first")
            .call("alias", heading("most", lang))
        )
        return [
            figure.call("alias", heading(key, lang)) for key, figure in {**entries, **numbers}.items()
        ] + [most]

    def explain(self, lang: Lang) -> str:
        names = listed(self.columns, lang) or ("所有列" if lang == "zh" else "all columns")
        return (
            f"{names} 的描述统计{self.told(lang)}" if lang == "zh" else f"describe {names}{self.told(lang)}"
        )
