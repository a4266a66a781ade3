"""Operations on numbers: outliers by a stated rule, and bands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, ClassVar, Literal

from pydantic import Field, FiniteFloat, StrictInt, model_validator

from retort_core.errors import DataError, StepError
from retort_core.models import Model
from retort_core.plans import Lang
from retort_core.schema import Column, DType, Kind, Schema
from retort_plans.emission import TABLE, Emitter
from retort_plans.operations.base import NUMERIC, Loss, Operation, free_name, need, new_column, require_dtype
from retort_plans.reference import MISSING, Row, Rows, Valid, cell
from retort_plans.statistics import FLOAT
from retort_plans.syntax import Code, col, lit, name, pl, pl_name, when

# Usual multiples: Tukey's fences, the modified z-score of Iglewicz and Hoaglin, three standard deviations.
DEFAULT_K = {"iqr": 1.5, "mad": 3.5, "zscore": 3.0}
MAD_TO_SD = 0.6745  # the MAD of a normal distribution in units of its SD
Bound = StrictInt | FiniteFloat


class HandleOutliers(Operation):
    """Finds outliers by `method` and sets them missing, drops their rows, flags them or clips them.

    range: outside low..high (both inclusive, either may be absent); iqr: beyond k interquartile ranges from the
    quartiles; mad: |0.6745 (x − median) / MAD| > k; zscore: |x − mean| > k SD. iqr, mad and zscore refuse a column
    without spread. Limits come from the values before the step.
    """

    name = "handle_outliers"
    family = "Numbers"
    example: ClassVar = {
        "column": "年龄", "method": "range", "low": 0, "high": 120, "k": None, "action": "missing", "new_name": "",
    }  # fmt: skip
    column: str
    method: Literal["range", "iqr", "mad", "zscore"]
    low: Bound | None = None
    high: Bound | None = None
    k: Bound | None = Field(default=None, gt=0)
    action: Literal["missing", "drop", "flag", "clip"]
    new_name: str = ""

    @model_validator(mode="after")
    def _complete(self) -> HandleOutliers:
        if self.method == "range" and self.low is None and self.high is None:
            raise ValueError("range needs low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}; swap them")
        return self

    def check(self, schema: Schema) -> Schema:
        column = require_dtype(need(schema, self.column), NUMERIC, "outliers are numbers")
        if self.action == "clip" and column.dtype is DType.integer and self.method != "range":
            raise StepError(
                f"{self.method} gives limits that are no whole numbers, so {self.column!r} cannot be clipped to them; "
                "set the outliers missing, or convert the column to number first",
                column=self.column,
            )
        broken = any(isinstance(b, float) and not b.is_integer() for b in (self.low, self.high))
        if self.action == "clip" and column.dtype is DType.integer and broken:
            raise StepError(
                f"{self.column!r} holds whole numbers; give whole limits to clip to", column=self.column
            )
        if self.action != "flag":
            return schema
        flag = new_column(free_name(schema, self.new_name), DType.integer, Kind.single, [self.column])
        return schema.insert(flag, after=self.column)

    def emit(self, out: Emitter) -> None:
        x = col(self.column)
        low, high = (self.low, self.high) if self.method == "range" else self._limits(out)
        tests = ([x.lt(low)] if low is not None else []) + ([x.gt(high)] if high is not None else [])
        outside = tests[0] if len(tests) == 1 else tests[0] | tests[1]
        match self.action:
            case "missing":
                out.with_columns(*out.cells(self.column, None, outside))
            case "drop":
                out.let(TABLE.call("remove", outside))
            case "flag":
                out.with_columns(outside.call("cast", pl_name("Int64")).call("alias", self.new_name))
                out.place(self.check(out.schema))
            case "clip":
                out.with_columns(self._clipped(out.schema[self.column], low, high))

    def _clipped(self, column: Column, low: Any, high: Any) -> Code:
        def bound(value: Any) -> Any:
            if column.dtype is DType.decimal and isinstance(value, int | float):
                return Decimal(str(value))
            return int(value) if column.dtype is DType.integer and isinstance(value, float) else value

        return col(column.name).call("clip", bound(low), bound(high))

    def _limits(self, out: Emitter) -> tuple[Code, Code]:
        """Variables `low` and `high`, from the column as it is before the step."""
        table, x = out.frame(), col(self.column).call("cast", FLOAT)
        low, high, spread, k = self._spread(x)
        out.assign("spread", table.call("select", spread).call("item"))
        known = pl("lit", name("spread"), dtype=FLOAT).call("fill_null", 0.0)
        out.refuse(pl("select", known.le(0)).call("item"), self._no_spread())
        lowest = out.assign("low", table.call("select", low - name("spread") * k).call("item"))
        return lowest, out.assign("high", table.call("select", high + name("spread") * k).call("item"))

    def _spread(self, x: Code) -> tuple[Code, Code, Code, float]:
        """Where the limits start, below and above, the spread, and how many of it they lie away."""
        k = self.k or DEFAULT_K[self.method]
        if self.method == "iqr":
            q1, q3 = (x.call("quantile", share, interpolation="linear") for share in (0.25, 0.75))
            return q1, q3, q3 - q1, k
        if self.method == "mad":
            median = x.call("median")
            return median, median, (x - median).call("abs").call("median"), k / MAD_TO_SD
        return x.call("mean"), x.call("mean"), x.call("std"), k

    def _no_spread(self) -> str:
        return f"the values of {self.column!r} have no spread, so {self.method} finds no limits; name a range instead"

    def explain(self, lang: Lang) -> str:
        k = self.k or DEFAULT_K.get(self.method)
        if self.method == "range":
            ends = ["" if b is None else f"{b:g}" for b in (self.low, self.high)]
            rule = f"不在 {ends[0]}–{ends[1]}" if lang == "zh" else f"outside {ends[0]}–{ends[1]}"
        else:
            rule = (
                f"按 {self.method}（k={k:g}）离群" if lang == "zh" else f"outlying by {self.method} (k={k:g})"
            )
        if lang == "zh":
            verb = {
                "missing": "设为空",
                "drop": "整行删除",
                "flag": f"标记到 {self.new_name}",
                "clip": "截到界限",
            }
            return f"{self.column} 中{rule}的值{verb[self.action]}"
        verb = {
            "missing": "set empty",
            "drop": "drop their rows",
            "flag": f"flag in {self.new_name}",
            "clip": "clip to the limits",
        }
        return f"values of {self.column} {rule}: {verb[self.action]}"

    def entitles(self) -> Loss:
        if self.action == "drop":
            return Loss(rows=True)
        return Loss() if self.action == "flag" else Loss(cells=frozenset({self.column}))

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        low, high = self._reference_limits([row.value(self.column) for row in rows])
        made: list[Row] = []
        for row in rows:
            value: Any = row.value(self.column)
            out = (
                None
                if value is None
                else (low is not None and value < low) or (high is not None and value > high)
            )
            if self.action == "flag":
                flag = MISSING if out is None else cell(int(out))
                names = self.check(schema).names
                cells = {**row.cells, self.new_name: flag}
                made.append(Row(id=row.id, cells={n: cells[n] for n in names}))
            elif not out:
                made.append(row)
            elif self.action != "drop":
                clipped = self._reference_clip(schema[self.column], value, low, high)
                made.append(row.set({self.column: MISSING if self.action == "missing" else clipped}))
        return made

    def _reference_clip(self, column: Column, value: Any, low: Any, high: Any) -> Any:
        bound = low if low is not None and value < low else high
        match column.dtype:
            case DType.integer:
                return Valid(int(bound))
            case DType.decimal:
                return Valid(Decimal(str(bound)))
        return Valid(float(bound))

    def _reference_limits(self, values: Sequence[Any]) -> tuple[Any, Any]:
        if self.method == "range":
            return self.low, self.high
        numbers = sorted(float(value) for value in values if value is not None)
        k = self.k or DEFAULT_K[self.method]
        if self.method == "iqr":
            low, high = quantile(numbers, 0.25), quantile(numbers, 0.75)
            spread = None if low is None or high is None else high - low
        elif self.method == "mad":
            low = high = quantile(numbers, 0.5)
            spread = None if low is None else quantile(sorted(abs(n - low) for n in numbers), 0.5)
            k = k / MAD_TO_SD
        else:
            low = high = sum(numbers) / len(numbers) if numbers else None
            total = sum((n - low) ** 2 for n in numbers) if low is not None else 0.0
            spread = math.sqrt(total / (len(numbers) - 1)) if len(numbers) > 1 else None
        if not spread or low is None or high is None:
            raise DataError(self._no_spread())
        return low - spread * k, high + spread * k


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Type 7 of sorted numbers."""
    if not ordered:
        return None
    at = (len(ordered) - 1) * share
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


class Band(Model):
    """Values from `low` (inclusive) to below `high`; an absent end is open."""

    low: Bound | None = None
    high: Bound | None = None
    label: str = Field(min_length=1, max_length=200)

    def holds(self, value: Any) -> bool:
        return (self.low is None or value >= self.low) and (self.high is None or value < self.high)


class BinNumeric(Operation):
    """Puts numbers into bands [low, high) in a new column; values in no band are missing there, the source stays."""

    name = "bin_numeric"
    family = "Numbers"
    example: ClassVar = {
        "column": "年龄",
        "bands": [{"low": 18, "high": 25, "label": "18-24"}, {"low": 25, "high": None, "label": "25+"}],
        "new_name": "年龄段",
    }
    column: str
    bands: tuple[Band, ...] = Field(min_length=1, max_length=100)
    new_name: str

    @model_validator(mode="after")
    def _disjoint(self) -> BinNumeric:
        labels = [band.label for band in self.bands]
        if len(set(labels)) < len(labels):
            raise ValueError("two bands have the same label; give each its own")
        ends = [
            (-math.inf if b.low is None else b.low, math.inf if b.high is None else b.high, b.label)
            for b in self.bands
        ]
        for low, high, label in ends:
            if low >= high:
                raise ValueError(f"band {label!r} is empty: its high end must be above its low end")
        ends.sort()
        for (_, high, one), (low, _, other) in pairwise(ends):
            if low < high:
                raise ValueError(f"bands {one!r} and {other!r} overlap; make them share no value")
        return self

    def check(self, schema: Schema) -> Schema:
        require_dtype(need(schema, self.column), NUMERIC, "bands are made of numbers")
        made = new_column(free_name(schema, self.new_name), DType.text, Kind.single, [self.column])
        return schema.insert(made, after=self.column)

    def emit(self, out: Emitter) -> None:
        chosen: Code | None = None
        for band in self.bands:
            test = self._test(band)
            chosen = (
                when(test, lit(band.label))
                if chosen is None
                else chosen.call("when", test).call("then", lit(band.label))
            )
        assert chosen is not None
        out.with_columns(chosen.call("alias", self.new_name))
        out.place(self.check(out.schema))

    def _test(self, band: Band) -> Code:
        x = col(self.column)
        if band.low is not None and band.high is not None:
            return x.call("is_between", band.low, band.high, closed="left")
        if band.low is not None:
            return x.ge(band.low)
        return x.lt(band.high) if band.high is not None else x.call("is_not_null")

    def explain(self, lang: Lang) -> str:
        labels = ("、" if lang == "zh" else ", ").join(band.label for band in self.bands)
        if lang == "zh":
            return f"把 {self.column} 分段为 {labels}，写入新列 {self.new_name}"
        return f"new column {self.new_name}: bands {labels} of {self.column}"

    def reference(self, rows: Rows, schema: Schema) -> Sequence[Row]:
        names = self.check(schema).names

        def banded(row: Row) -> Row:
            held = row[self.column]
            found = (
                None
                if not isinstance(held, Valid)
                else next((b.label for b in self.bands if b.holds(held.value)), None)
            )
            cells = {**row.cells, self.new_name: cell(found)}
            return Row(id=row.id, cells={n: cells[n] for n in names})

        return [banded(row) for row in rows]
