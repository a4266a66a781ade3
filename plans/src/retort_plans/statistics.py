"""Statistics as Polars expressions, each with and without weight: what answers are made of.

With x the valid cells and w their weights (rows without a weight are left out before):

mean      Σwx / Σw
sd        √(Σw(x − mean)² / (Σw − 1)): weights as frequencies, which is n − 1 when every weight is 1
quantile  type 7 (linear); weighted, weights as frequencies: with h = 1 + (Σw − 1)·p, between the values that the
          cumulated weight first reaches at ⌊h⌋ and at ⌊h⌋ + 1 (`wtd.quantile` of R's Hmisc), so that whole weights
          give what the repeated rows would
nps       100 · (share of 9–10 − share of 0–6) of the answers on 0–10
top2box   share of the two best points of the scale among answers on the scale
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from retort_core.errors import StepError
from retort_core.schema import Column, DType, Kind, Scale
from retort_plans.syntax import Code, col, pl, pl_name, when

Fn: TypeAlias = Literal[
    "count", "mean", "sum", "min", "max", "median", "sd", "share", "distinct", "top2box", "nps"
]  # fmt: skip
NUMERIC_ONLY: Final = ("mean", "sum", "median", "sd", "top2box", "nps")
ON_SCALE: Final = ("top2box", "nps")
SHARES: Final = ("share", "top2box")  # stored as 0 to 1
NPS_SCALE: Final = Scale(min=0, max=10)
FLOAT: Final = pl_name("Float64")
ROUNDING: Final = 1e-6  # cumulated weights are sums of floats; weights of surveys are far larger


def check_fn(fn: str, column: Column) -> None:
    """Raises StepError when the statistic has no meaning for the column."""
    if fn in NUMERIC_ONLY and not column.dtype.numeric:
        raise StepError(
            f"{fn} needs numbers, but column {column.name!r} is {column.dtype.value}; convert it first with cast_type",
            column=column.name,
        )
    if fn in ("min", "max") and column.dtype is DType.boolean:
        raise StepError(f"{fn} has no meaning for the truth values of {column.name!r}", column=column.name)
    if fn == "nps" and not _nps_question(column):
        ends = f" ({column.scale.min}–{column.scale.max})" if column.scale else ""
        raise StepError(
            f"NPS is of answers on 0 to 10, and column {column.name!r} is no such question{ends}; on another scale use "
            "the mean or top-2-box, or declare the scale first with annotate_columns",
            column=column.name,
            zh=f"NPS 只能用于 0–10 分的题，「{column.name}」不是{ends}；别的量表请用均值或前两项占比，若它其实是 0–10 分，"
            f"先说「{column.name} 是 0-10 的量表」",
        )
    if fn == "top2box" and column.scale is None:
        raise StepError(
            f"top-2-box needs a scale, and column {column.name!r} has none; declare it first with annotate_columns",
            column=column.name,
        )


def _nps_question(column: Column) -> bool:
    """Whether answers can be on 0 to 10: of a declared scale its ends say it (nobody may have answered 0), of choices
    their labels; plain numbers are counted as far as they are on it."""
    if column.scale is not None:
        return column.scale.max == NPS_SCALE.max and column.scale.min in (0, 1)
    if column.kind is Kind.single:
        return str(NPS_SCALE.max) in {label.value for label in column.value_labels}
    return column.kind in (Kind.numeric, Kind.scale)


def best_two(scale: Scale) -> tuple[int, int]:
    """The two best points: the two highest of an ascending scale, the two lowest of a descending one."""
    if scale.direction == "ascending":
        return scale.max - 1, scale.max
    return scale.min, scale.min + 1


@dataclass(frozen=True)
class Measure:
    """A column and its weight as expressions; every statistic of it is a method of its name."""

    column: Column
    weight: str = ""

    @property
    def x(self) -> Code:
        return col(self.column.name)

    @property
    def real(self) -> Code:
        """The column as floats; integers below 2^53 and decimals as usual keep their value."""
        return self.x if self.column.dtype is DType.number else self.x.call("cast", FLOAT)

    @property
    def w(self) -> Code:
        return col(self.weight).call("cast", FLOAT)

    def expression(self, fn: str) -> Code:
        made: Code = getattr(self, f"_{fn}")()
        return made

    def total(self, among: Code | None = None) -> Code:
        """Σw of the rows where `among` is true: of the valid cells when None."""
        rows = among if among is not None else self.x.call("is_not_null")
        if not self.weight:
            return rows.call("sum").call("cast", pl_name("Int64"))
        return self.w.call("filter", rows).call("sum")

    def _count(self) -> Code:
        return self.total()

    def _share(self) -> Code:
        """Of all valid cells of the table; made from counts afterwards."""
        return self.total()

    def _mean(self) -> Code:
        if not self.weight:
            return self.real.call("mean")
        return self._ratio((self.real * self.w).call("sum"), self.total())

    def _sum(self) -> Code:
        summed = self.x.call("sum") if not self.weight else (self.real * self.w).call("sum")
        return when(self.x.call("is_not_null").call("any"), summed)

    def _min(self) -> Code:
        return self.x.call("min")

    def _max(self) -> Code:
        return self.x.call("max")

    def _distinct(self) -> Code:
        return self.x.call("drop_nulls").call("n_unique").call("cast", pl_name("Int64"))

    def _median(self) -> Code:
        return self.quantile(0.5)

    def quantile(self, share: float) -> Code:
        if not self.weight:
            return self.real.call("quantile", share, interpolation="linear")
        valid = self.x.call("is_not_null")
        values, weights = self.real.call("filter", valid), self.w.call("filter", valid)
        whole, reached = weights.call("sum"), weights.call("sort_by", values).call("cum_sum")
        rank = ((whole - 1) * share + 1).call("clip", 1)
        below = rank.call("floor")
        above = pl("min_horizontal", below + 1, whole)
        lower, upper = (
            values.call("sort").call("filter", reached.ge(place - ROUNDING)).call("first")
            for place in (below, above)
        )
        return lower + (upper - lower) * (rank - below)

    def _sd(self) -> Code:
        if not self.weight:
            return self.real.call("std")
        deviation = self.real - self._mean()
        squares = (deviation * deviation * self.w).call("sum")
        left = self.total() - 1
        return when(left.gt(0), (squares / left).call("sqrt"))

    def on_scale(self, scale: Scale) -> Code:
        return self.x.call("is_between", scale.min, scale.max).call("fill_null", value=False)

    def scale(self, fn: str) -> Scale | None:
        """The scale whose answers count; None when every valid cell does."""
        if fn == "nps":
            return NPS_SCALE
        return self.column.scale if fn == "top2box" else None

    def share_between(self, low: int, high: int, scale: Scale) -> Code:
        """Share of the answers on `scale` that lie in low..high."""
        inside = self.x.call("is_between", low, high).call("fill_null", value=False)
        return self._ratio(self.total(inside), self.total(self.on_scale(scale)))

    def _top2box(self) -> Code:
        assert self.column.scale is not None  # check_fn
        return self.share_between(*best_two(self.column.scale), self.column.scale)

    def _nps(self) -> Code:
        promoters = self.share_between(9, 10, NPS_SCALE)
        return (promoters - self.share_between(0, 6, NPS_SCALE)) * 100

    @staticmethod
    def _ratio(part: Code, whole: Code) -> Code:
        """Missing where nothing is counted."""
        return when(whole.gt(0), part / whole)


def by_value(name: str, *, numeric: bool) -> list[Any]:
    """Sort keys of a column of texts: numbers by size before words, words by code point."""
    if numeric:
        return [col(name)]
    return [col(name).call("cast", FLOAT, strict=False), col(name)]


def text(column: Column) -> Code:
    """The cells as texts that headers and labels can carry: 3.0 is "3"."""
    own = col(column.name)
    if column.dtype is DType.text:
        return own.call("str.strip_chars")
    if column.dtype is DType.number:
        whole = own.call("floor").eq(own)
        integral = own.call("cast", pl_name("Int64"), strict=False).call("cast", pl_name("String"))
        return pl("when", whole).call("then", integral).call("otherwise", own.call("cast", pl_name("String")))
    return own.call("cast", pl_name("String"))


def codes(column: Column) -> Code:
    """The distinct codes of a multiple answer, as a list; a cell without any code is null."""
    separator = column.separator or ";"
    split = (
        col(column.name)
        .call("str.normalize", "NFKC")
        .call("str.split", separator)
        .call("list.eval", pl("element").call("str.strip_chars"))
        .call("list.set_difference", [""])
    )
    return when(split.call("list.len").gt(0), split)
