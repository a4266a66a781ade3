"""Cross tables as market research reads them: questions in rows, banner blocks side by side, column percentages.

`table` has a line for each value of each row question and a column for each value of each banner variable, headed by
a total; percentages are of the valid answers of the column (respondents with at least one code of a multiple answer).
A scale adds its mean and top-2-box. `bases` has the unweighted base, the weighted base and the missing answers under
every column, `counts` the (weighted) counts behind the percentages.
"""

from __future__ import annotations

from typing import Any, ClassVar

from retort_core.errors import StepError
from retort_core.plans import Lang
from retort_core.schema import Column, DType, Scale, Schema
from retort_plans.emission import TABLE, Emitter
from retort_plans.headings import heading
from retort_plans.operations.answering import INT, STRING, Answer, LeftOut, labels_of, positions, spelled
from retort_plans.operations.answering import multiple as multi
from retort_plans.operations.base import Names, require
from retort_plans.statistics import FLOAT, best_two, by_value, codes, text
from retort_plans.syntax import Code, col, lit, name, pl, when
from retort_plans.wording import listed

# Columns of the long table that the wide ones are made from; they never meet a person's columns.
KEYS = ("place", "question", "block", "head")
INDEX = ("place", "question", "value")


class Crosstab(Answer):
    """Row questions by banner variables, column percentages on valid answers; `nested` crosses the banner variables.

    Respondents without an answer to a banner variable are left out of its block only.
    """

    name = "crosstab"
    example: ClassVar = {
        "rows": ["购买意愿"],
        "banner": ["城市", "年龄段"],
        "nested": False,
        "weight": "",
        "where": None,
    }
    rows: Names
    banner: Names
    nested: bool = False

    def check(self, schema: Schema) -> Schema:
        self.check_common(schema)
        require(schema, self.rows)
        for column in require(schema, self.banner):
            if multi(column):
                raise StepError(
                    f"{column.name!r} is a multiple answer; it can be a row question, not a banner",
                    column=column.name,
                )
        return schema

    def emit(self, out: Emitter) -> None:
        left_out = self.start(out)
        spelled(out, [out.schema[name] for name in dict.fromkeys((*self.rows, *self.banner))])
        multiple = [out.schema[row] for row in self.rows if multi(out.schema[row])]
        out.with_columns(*(codes(column).call("alias", column.name) for column in multiple))
        weight = col(self.weight).call("cast", FLOAT) if self.weight else lit(1.0)
        lines = [
            TABLE.call("select", *self._person(out.schema, row, block, weight))
            for row in self.rows
            for block in self._blocks(out)
        ]
        people = pl("concat", lines) if len(lines) > 1 else lines[0]
        out.assign("people", people.call("drop_nulls", "head").call("sort", *self._order()))
        self._counted(out)
        out.answer(
            {
                "table": self._wide_shares(out),
                "bases": self._bases(out, left_out),
                "counts": self._wide_counts(out),
            }
        )

    # -- one line a respondent, question and block --------------------------------------------------------
    def _blocks(self, out: Emitter) -> list[tuple[int, Code]]:
        """Number and header of each block; the header is missing where the banner variable is."""
        blocks = [(0, lit(heading("total", out.lang)))]
        columns = [out.schema[banner] for banner in self.banner]
        if self.nested:
            parts = [
                part
                for column in columns
                for part in (lit(f"{column.name}: "), self._shown(column), lit(" / "))
            ]
            return [*blocks, (1, pl("concat_str", parts[:-1]))]
        made = [pl("concat_str", [lit(f"{column.name}: "), self._shown(column)]) for column in columns]
        return [*blocks, *enumerate(made, start=1)]

    def _shown(self, column: Column) -> Code:
        """The value with its label: `1 男`."""
        own = text(column)
        names = {value: f"{value} {label}".rstrip() for value, label in labels_of(column).items()}
        return own.call("replace", names) if names else own

    def _person(self, schema: Schema, row: str, block: tuple[int, Code], weight: Code) -> list[Code]:
        column = schema[row]
        value = (
            col(row) if multi(column) else when(col(row).call("is_not_null"), pl("concat_list", text(column)))
        )
        score = (
            col(row).call("cast", FLOAT)
            if column.scale and column.dtype.numeric
            else pl("lit", None, dtype=FLOAT)
        )
        number, head = block
        numeric = self._size(schema, number)
        entries = {
            "place": lit(self.rows.index(row)), "question": lit(row), "block": lit(number), "head": head.call("cast", STRING), "size": numeric,
            "value": value, "score": score, "weight": weight,
        }  # fmt: skip
        return [entry.call("alias", key) for key, entry in entries.items()]

    def _size(self, schema: Schema, number: int) -> Code:
        """What the heads of a block are ordered by: labels of texts, else numbers; dates and truth values as texts."""
        if not number or self.nested:
            return pl("lit", None, dtype=FLOAT)
        banner = schema[self.banner[number - 1]]
        if banner.dtype.numeric or banner.dtype is DType.text:
            labelled = positions(banner, banner.name)
            return labelled[0] if labelled else col(banner.name).call("cast", FLOAT, strict=False)
        return pl("lit", None, dtype=FLOAT)

    def _order(self) -> list[Any]:
        return ["block", "size", "head"]

    # -- counts and bases ---------------------------------------------------------------------------------
    def _counted(self, out: Emitter) -> None:
        answered = col("value").call("is_not_null")
        keys = list(KEYS)
        figures = {
            "base": answered.call("sum").call("cast", INT),
            "weighted": col("weight").call("filter", answered).call("sum"),
            "missing": answered.call("not_").call("sum").call("cast", INT),
        }
        entries = [figure.call("alias", key) for key, figure in figures.items()]
        out.assign("bases", name("people").call("group_by", keys, maintain_order=True).call("agg", *entries))
        cells = name("people").call("drop_nulls", "value").call("explode", "value")
        counts = cells.call("group_by", [*keys, "value"]).call(
            "agg", col("weight").call("sum").call("alias", "n")
        )
        out.assign("counts", counts)
        # Every value meets every column of its question: where nobody gave it, the count is 0, not missing.
        grid = (
            name("counts")
            .call("select", *INDEX)
            .call("unique")
            .call("join", name("bases"), on=["place", "question"])
        )
        full = grid.call("join", name("counts"), on=[*keys, "value"], how="left")
        share = when(col("weighted").gt(0), col("n") / col("weighted")).call("alias", "share")
        order = ["place", *self._places(out.schema), *by_value("value", numeric=False)]
        out.assign(
            "cells",
            full.call("with_columns", col("n").call("fill_null", 0.0))
            .call("with_columns", share)
            .call("sort", order, nulls_last=True),
        )

    def _places(self, schema: Schema) -> list[Code]:
        """Where a value stands among the labels of its question."""
        chain: Code | None = None
        for row in self.rows:
            for place in positions(schema[row], "value"):
                test = col("question").eq(row)
                chain = when(test, place) if chain is None else chain.call("when", test).call("then", place)
        return [] if chain is None else [chain]

    def _wide(self, source: Code, values: str) -> Code:
        heads = name("people").call("get_column", "head").call("unique", maintain_order=True)
        return source.call("pivot", "head", on_columns=heads, index=list(INDEX), values=values)

    def _lines(self, values: str) -> Code:
        """The wide lines of the values, in the order of questions and of values."""
        return self._wide(name("cells"), values)

    def _wide_shares(self, out: Emitter) -> Code:
        out.assign("shares", self._lines("share"))
        parts = [name("shares"), *self._scale_lines(out)]
        whole = pl("concat", parts) if len(parts) > 1 else parts[0]
        return self._titled(out, whole)

    def _wide_counts(self, out: Emitter) -> Code:
        return self._titled(out, self._lines("n"))

    def _titled(self, out: Emitter, wide: Code) -> Code:
        """Localised headings, and labels beside the codes."""
        lang = out.lang
        renamed = self._ordered(wide, lang)
        chain: Code | None = None
        for row in self.rows:
            names = labels_of(out.schema[row])
            if names:
                test = col(heading("question", lang)).eq(row)
                shown = col(heading("value", lang)).call(
                    "replace_strict", names, default=None, return_dtype=STRING
                )
                chain = when(test, shown) if chain is None else chain.call("when", test).call("then", shown)
        if chain is None:
            return renamed
        return renamed.call("with_columns", chain.call("alias", heading("label", lang)))

    def _ordered(self, wide: Code, lang: Lang) -> Code:
        placed = wide.call("sort", "place", maintain_order=True).call("drop", "place")
        return placed.call("rename", {"question": heading("question", lang), "value": heading("value", lang)})

    # -- means under a scale ------------------------------------------------------------------------------
    def _scale_lines(self, out: Emitter) -> list[Code]:
        """Mean and top-2-box of every row question with a scale, as further lines of the wide table."""
        lines: list[Code] = []
        for row in self.rows:
            column = out.schema[row]
            if column.scale is None or not column.dtype.numeric:
                continue
            mine = name("people").call("filter", col("question").eq(row))
            for key, figure in (("mean", self._mean()), ("top2box", self._best(column.scale))):
                made = mine.call("group_by", list(KEYS), maintain_order=True).call(
                    "agg", figure.call("alias", "share")
                )
                made = made.call("with_columns", lit(heading(key, out.lang)).call("alias", "value"))
                lines.append(self._wide(made, "share"))
        return lines

    def _mean(self) -> Code:
        weights = col("weight").call("filter", col("score").call("is_not_null")).call("sum")
        return when(weights.gt(0), (col("score") * col("weight")).call("sum") / weights)

    def _best(self, scale: Scale) -> Code:
        low, high = best_two(scale)
        on_scale = (
            col("weight").call("filter", col("score").call("is_between", scale.min, scale.max)).call("sum")
        )
        best = col("weight").call("filter", col("score").call("is_between", low, high)).call("sum")
        return when(on_scale.gt(0), best / on_scale)

    # -- under the table ----------------------------------------------------------------------------------
    def _bases(self, out: Emitter, left_out: LeftOut) -> Code:
        lang, lines = out.lang, []
        kinds = ["base", *(["weighted"] if self.weight else []), "missing"]
        for kind in kinds:
            made = name("bases").call(
                "select",
                *KEYS,
                lit(heading(kind, lang)).call("alias", "value"),
                col(kind).call("cast", FLOAT).call("alias", "n"),
            )
            lines.append(self._wide(made, "n"))
        renamed = self._ordered(pl("concat", lines), lang)
        return renamed.call("with_columns", *left_out.entries(lang))

    def explain(self, lang: Lang) -> str:
        rows, banner = listed(self.rows, lang), listed(self.banner, lang)
        if lang == "zh":
            how = "嵌套" if self.nested else "并列"
            return f"{rows} 按 {banner}（{how}）的交叉表，列百分比，基数为有效回答{self.told(lang)}"
        how = "nested" if self.nested else "side by side"
        return f"{rows} by {banner} ({how}), column % on valid answers{self.told(lang)}"
