"""The functions of expressions: types, Polars, reference meaning and words, a line of the table each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from typing import Any, Final, TypeAlias

from retort_core.errors import StepError
from retort_core.plans import Lang
from retort_core.schema import Column, DType, Kind
from retort_plans.reference import Value, canonical
from retort_plans.rounding import half_away
from retort_plans.syntax import Code, pl, pl_name, when
from retort_plans.textual import as_text

Options: TypeAlias = Mapping[str, int]
INT64: Final = pl_name("Int64")
FLOAT64: Final = pl_name("Float64")
_MOST = 2**63


@dataclass(frozen=True)
class Typed:
    """Type of an expression; `digits` of a decimal; `name` of the column when it is one."""

    dtype: DType
    digits: int = 0
    name: str = ""

    @property
    def column(self) -> Column:
        """A column of this type, for what is shared with whole columns."""
        return Column(id="", name=self.name or "?", dtype=self.dtype, kind=Kind.text, digits=self.digits)


@dataclass(frozen=True)
class Function:
    """`horizontal`: sees missing arguments; all others are missing as soon as one is."""

    fewest: int
    most: int
    result: Callable[[str, Sequence[Typed], int | None], Typed]
    code: Callable[[Sequence[Code], Sequence[Typed], Options], Code]
    value: Callable[[Sequence[Any], Sequence[Typed], Options], Value | None]
    words: Callable[[Sequence[str], Lang, Options], str]
    horizontal: bool = False


# -- types ------------------------------------------------------------------------------------------------
def _need(fn: str, types: Sequence[Typed], allowed: Sequence[DType], what: str) -> None:
    for it in types:
        if it.dtype not in allowed:
            where = f"column {it.name!r} is" if it.name else "an argument is"
            raise StepError(
                f"{fn} needs {what}, but {where} {it.dtype.value}; convert it first with cast_type",
                column=it.name,
            )


_NUMERIC = (DType.integer, DType.number, DType.decimal)
_TEMPORAL = (DType.date, DType.datetime)


def widest(types: Sequence[Typed]) -> Typed:
    """The numeric type that holds all of `types`: decimals stay exact unless a float takes part."""
    found = {it.dtype for it in types}
    if DType.number in found:
        return Typed(DType.number)
    if DType.decimal in found:
        return Typed(DType.decimal, max(it.digits for it in types))
    return Typed(DType.integer)


def _arithmetic(fn: str, types: Sequence[Typed], _digits: int | None) -> Typed:
    _need(fn, types, _NUMERIC, "numbers")
    wide = widest(types)
    if fn == "mul" and wide.dtype is DType.decimal:
        digits = sum(it.digits for it in types)
        return Typed(DType.decimal, digits) if digits <= 18 else Typed(DType.number)
    return wide


def _number(fn: str, types: Sequence[Typed], _digits: int | None) -> Typed:
    _need(fn, types, _NUMERIC, "numbers")
    return Typed(DType.number)


def _rounded(fn: str, types: Sequence[Typed], digits: int | None) -> Typed:
    _need(fn, types, _NUMERIC, "a number")
    if types[0].dtype is DType.integer or not digits:
        return Typed(DType.integer)
    return Typed(types[0].dtype, min(digits, types[0].digits) if types[0].dtype is DType.decimal else 0)


def _extreme(fn: str, types: Sequence[Typed], _digits: int | None) -> Typed:
    if all(it.dtype is types[0].dtype and it.dtype in _TEMPORAL for it in types):
        return Typed(types[0].dtype)
    _need(fn, types, _NUMERIC, "numbers, or dates of one kind")
    return widest(types)


def _text_to(dtype: DType) -> Callable[[str, Sequence[Typed], int | None], Typed]:
    def result(fn: str, types: Sequence[Typed], _digits: int | None) -> Typed:
        _need(fn, types, (DType.text,), "text")
        return Typed(dtype)

    return result


def _any_to(dtype: DType) -> Callable[[str, Sequence[Typed], int | None], Typed]:
    return lambda _fn, _types, _digits: Typed(dtype)


def _dates(fn: str, types: Sequence[Typed], _digits: int | None) -> Typed:
    _need(fn, types, _TEMPORAL, "dates")
    return Typed(DType.integer)


# -- Polars -----------------------------------------------------------------------------------------------
def _same(codes: Sequence[Code], types: Sequence[Typed], digits: int = 0) -> list[Code]:
    """Decimals brought to one number of digits, so that nothing is rounded on the way."""
    if widest(types).dtype is not DType.decimal:
        return list(codes)
    target = pl("Decimal", 38, digits or widest(types).digits)
    return [code.call("cast", target) for code in codes]


def _operated(operator: Callable[[Code, Code], Code]) -> Callable[..., Code]:
    return lambda codes, types, _options: reduce(operator, _same(codes, types))


def _multiplied(codes: Sequence[Code], types: Sequence[Typed], _options: Options) -> Code:
    wide = _arithmetic("mul", types, None)
    if wide.dtype is DType.integer:  # 128 bits: a product that does not fit is missing, never wrong
        first, *rest = codes
        product = reduce(Code.__mul__, rest, first.call("cast", pl_name("Int128")))
        return product.call("cast", INT64, strict=False)
    if wide.dtype is DType.number:
        return reduce(Code.__mul__, [_float(c, t) for c, t in zip(codes, types, strict=True)])
    return reduce(Code.__mul__, _same(codes, types, wide.digits))


def _float(code: Code, typed: Typed) -> Code:
    return code.call("cast", FLOAT64) if typed.dtype is DType.decimal else code


def _divided(codes: Sequence[Code], types: Sequence[Typed], _options: Options) -> Code:
    above, below = (_float(c, t) for c, t in zip(codes, types, strict=True))
    return when(below.ne(0), above / below)


def _round_code(codes: Sequence[Code], types: Sequence[Typed], options: Options) -> Code:
    """On the decimal text: 2.675 -> 2.68, which its binary value (2.67499…) would not give."""
    if types[0].dtype is DType.integer:
        return codes[0]
    exact = codes[0]
    if types[0].dtype is DType.number:
        exact = exact.call("cast", pl_name("String")).call("cast", pl("Decimal", 38, 17), strict=False)
    rounded = exact.call("round", options["digits"], mode="half_away_from_zero")
    made = _rounded("round", types, options["digits"])
    if made.dtype is DType.decimal:
        return rounded.call("cast", pl("Decimal", 38, made.digits))
    return rounded.call("cast", INT64 if made.dtype is DType.integer else FLOAT64, strict=False)


def _horizontal(path: str) -> Callable[..., Code]:
    def code(codes: Sequence[Code], types: Sequence[Typed], options: Options) -> Code:
        numeric = types[0].dtype in _NUMERIC
        if path == "mean_horizontal":
            items = [_float(c, t) for c, t in zip(codes, types, strict=True)]
        else:
            items = _same(codes, types) if numeric else list(codes)
        made = pl(path, *items)
        if numeric and path != "mean_horizontal" and widest(types).dtype is DType.integer:
            made = made.call("cast", INT64) if path == "sum_horizontal" else made
        if options["at_least"] == 1 and path != "sum_horizontal":
            return made  # missing when all are
        return when(_count_code(codes, types, options).ge(options["at_least"]), made)

    return code


def _count_code(codes: Sequence[Code], _types: Sequence[Typed], _options: Options) -> Code:
    return pl("sum_horizontal", *(code.call("is_not_null") for code in codes)).call("cast", INT64)


def _concat_code(codes: Sequence[Code], types: Sequence[Typed], _options: Options) -> Code:
    return pl("concat_str", *(as_text(c, t.column) for c, t in zip(codes, types, strict=True)))


def _called(path: str) -> Callable[..., Code]:
    return lambda codes, _types, _options: codes[0].call(path)


def _part(path: str) -> Callable[..., Code]:
    return lambda codes, _types, _options: codes[0].call(path).call("cast", INT64)


def _days_code(codes: Sequence[Code], types: Sequence[Typed], _options: Options) -> Code:
    start, end = (
        c.call("cast", pl_name("Date")) if t.dtype is DType.datetime else c
        for c, t in zip(codes, types, strict=True)
    )
    return (end - start).call("dt.total_days")


# -- reference --------------------------------------------------------------------------------------------
def _exact(values: Sequence[Any], types: Sequence[Typed]) -> list[Any]:
    """Numbers brought to the type they are calculated in."""
    if widest(types).dtype is DType.number:
        return [float(value) for value in values]
    if widest(types).dtype is DType.decimal:
        return [Decimal(value) for value in values]
    return list(values)


def _fold(operator: Callable[[Any, Any], Any]) -> Callable[..., Value | None]:
    return lambda values, types, _options: reduce(operator, _exact(values, types))


def _product(values: Sequence[Any], types: Sequence[Typed], _options: Options) -> Value | None:
    product = reduce(lambda a, b: a * b, _exact(values, types))
    return None if isinstance(product, int) and not -_MOST <= product < _MOST else product


def _quotient(values: Sequence[Any], _types: Sequence[Typed], _options: Options) -> Value | None:
    return None if values[1] == 0 else float(values[0]) / float(values[1])


def _round_value(values: Sequence[Any], types: Sequence[Typed], options: Options) -> Value | None:
    made = _rounded("round", types, options["digits"])
    rounded = half_away(values[0], options["digits"])
    if made.dtype is DType.integer:
        return int(rounded)
    return rounded if made.dtype is DType.decimal else float(rounded)


def _of_valid(figure: Callable[[Sequence[Any]], Any]) -> Callable[..., Value | None]:
    def value(values: Sequence[Any], types: Sequence[Typed], options: Options) -> Value | None:
        valid = [value for value in values if value is not None]
        if len(valid) < options["at_least"]:
            return None
        made: Value = figure(_exact(valid, types) if types[0].dtype in _NUMERIC else valid)
        return made

    return value


def _mean(values: Sequence[Any]) -> float:
    return float(sum(values)) / len(values)


def _date(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


# -- words ------------------------------------------------------------------------------------------------
def _infix(sign: str) -> Callable[..., str]:
    return lambda args, _lang, _options: f" {sign} ".join(args)


def _named(zh: str, en: str) -> Callable[..., str]:
    def words(args: Sequence[str], lang: Lang, options: Options) -> str:
        joined = ("、" if lang == "zh" else ", ").join(args)
        text = f"{joined} 的{zh}" if lang == "zh" else f"{en} {joined}"
        text = text.replace("{digits}", str(options["digits"]))
        if options["at_least"] > 1:
            n = options["at_least"]
            text += f"（至少 {n} 项有效）" if lang == "zh" else f" (at least {n} valid)"
        return text

    return words


_MANY = 100
FUNCTIONS: Final[Mapping[str, Function]] = {
    "add": Function(2, _MANY, _arithmetic, _operated(Code.__add__), _fold(lambda a, b: a + b), _infix("+")),
    "sub": Function(2, 2, _arithmetic, _operated(Code.__sub__), _fold(lambda a, b: a - b), _infix("-")),
    "mul": Function(2, _MANY, _arithmetic, _multiplied, _product, _infix("×")),
    "div": Function(2, 2, _number, _divided, _quotient, _infix("÷")),
    "neg": Function(1, 1, _arithmetic, lambda c, _t, _o: -c[0], lambda v, _t, _o: -v[0], lambda a, _l, _o: f"-{a[0]}"),
    "abs": Function(1, 1, _arithmetic, _called("abs"), lambda v, _t, _o: abs(v[0]), _named("绝对值", "absolute value of")),
    "round": Function(
        1, 1, _rounded, _round_code, _round_value, _named("四舍五入（{digits} 位小数）", "rounded to {digits} decimals:")
    ),
    "mean": Function(1, _MANY, _number, _horizontal("mean_horizontal"), _of_valid(_mean), _named("平均", "mean of"), horizontal=True),
    "sum": Function(1, _MANY, _arithmetic, _horizontal("sum_horizontal"), _of_valid(sum), _named("合计", "sum of"), horizontal=True),
    "min": Function(1, _MANY, _extreme, _horizontal("min_horizontal"), _of_valid(min), _named("最小值", "smallest of"), horizontal=True),
    "max": Function(1, _MANY, _extreme, _horizontal("max_horizontal"), _of_valid(max), _named("最大值", "largest of"), horizontal=True),
    "count_valid": Function(
        1, _MANY, _any_to(DType.integer), _count_code, lambda v, _t, _o: sum(x is not None for x in v),
        _named("有效个数", "number of valid cells in"), horizontal=True,
    ),
    "concat": Function(
        1, _MANY, _any_to(DType.text), _concat_code, lambda v, _t, _o: "".join(map(canonical, v)), _named("拼接", "joined:")
    ),
    "length": Function(
        1, 1, _text_to(DType.integer), _part("str.len_chars"), lambda v, _t, _o: len(v[0]), _named("字数", "length of")
    ),
    "upper": Function(
        1, 1, _text_to(DType.text), _called("str.to_uppercase"), lambda v, _t, _o: v[0].upper(), _named("大写", "upper case of")
    ),
    "lower": Function(
        1, 1, _text_to(DType.text), _called("str.to_lowercase"), lambda v, _t, _o: v[0].lower(), _named("小写", "lower case of")
    ),
    "year": Function(1, 1, _dates, _part("dt.year"), lambda v, _t, _o: v[0].year, _named("年", "year of")),
    "month": Function(1, 1, _dates, _part("dt.month"), lambda v, _t, _o: v[0].month, _named("月", "month of")),
    "day": Function(1, 1, _dates, _part("dt.day"), lambda v, _t, _o: v[0].day, _named("日", "day of")),
    "weekday": Function(
        1, 1, _dates, _part("dt.weekday"), lambda v, _t, _o: v[0].isoweekday(), _named("星期（1=周一）", "weekday (1 = Monday) of")
    ),
    "days_between": Function(
        2, 2, _dates, _days_code, lambda v, _t, _o: (_date(v[1]) - _date(v[0])).days, _named("间隔天数", "days between")
    ),
}  # fmt: skip
