"""Building blocks of emitted Python: syntax-tree nodes behind a small chaining class, never text.

`col("年龄").call("fill_null", 0)` reads like the Polars it becomes. Only the names in `LISTED` can be called or
read as attributes: building anything else is a programming error, and a property test parses every script again.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from typing import Any, Final

# Every attribute an emitted script may use: the closed vocabulary of emission.
LISTED: Final = frozenset(  # one word list reads better than 200 quoted lines
    """
    DataFrame LazyFrame read_parquet write_parquet argv lazy collect
    Boolean Date Datetime Decimal Duration Float64 Int64 Int128 String Struct UInt32
    col lit when then otherwise date datetime struct concat concat_str coalesce element len int_range concat_list
    all_horizontal any_horizontal max_horizontal mean_horizontal min_horizontal sum_horizontal first last
    alias cast fill_null is_between is_duplicated is_finite is_first_distinct is_in is_last_distinct is_nan
    is_not_null is_null is_unique not_ null_count replace replace_strict strict_cast
    abs all any count cum_sum explode first floor forward_fill backward_fill last max mean median min mode n_unique over quantile
    rank round sign sqrt std sum clip cut unique unique_counts value_counts var weekday
    agg drop drop_nulls filter get_column group_by height is_empty item join remove rename reverse row select
    sort sort_by to_list to_series unpivot pivot vstack with_columns with_row_index unnest hstack head tail rows
    str contains ends_with extract extract_all extract_groups find head join json_decode len_chars normalize pad_end
    pad_start replace_all replace_many slice split split_exact splitn starts_with strip_chars strip_chars_end
    strip_chars_start strip_prefix strip_suffix strptime tail to_date to_datetime to_decimal to_integer
    to_lowercase to_titlecase to_uppercase zfill strip lower upper
    dt day hour minute month ordinal_day second total_days total_seconds to_string truncate year
    list eval get lengths set_difference
    ne_missing eq_missing field replace_many
    """.split()  # noqa: SIM905
)
# Plain names an emitted script may call.
LISTED_NAMES: Final = frozenset({"run", "ValueError", "len", "str", "list", "dict", "sorted", "int", "float"})


@dataclass(frozen=True, eq=False)
class Code:
    """An expression of the emitted script. Operators build the operator; everything else goes through `call`."""

    node: ast.expr

    def attr(self, path: str) -> Code:
        node = self.node
        for part in path.split("."):
            if part not in LISTED:
                raise AssertionError(f"{part} is not a listed name of emitted scripts")
            node = ast.Attribute(node, part, ast.Load())
        return Code(node)

    def call(self, path: str, *args: Any, **kwargs: Any) -> Code:
        """`self.path(args)`; a dotted path reaches a namespace: `call("str.strip_chars")`."""
        return Code(_call(self.attr(path).node, args, kwargs))

    def __getitem__(self, key: Any) -> Code:
        return Code(ast.Subscript(self.node, code(key).node, ast.Load()))

    def _binary(self, operator: ast.operator, other: Any) -> Code:
        return Code(ast.BinOp(self.node, operator, code(other).node))

    def _compare(self, operator: ast.cmpop, other: Any) -> Code:
        return Code(ast.Compare(self.node, [operator], [code(other).node]))

    def __add__(self, other: Any) -> Code:
        return self._binary(ast.Add(), other)

    def __sub__(self, other: Any) -> Code:
        return self._binary(ast.Sub(), other)

    def __mul__(self, other: Any) -> Code:
        return self._binary(ast.Mult(), other)

    def __truediv__(self, other: Any) -> Code:
        return self._binary(ast.Div(), other)

    def __and__(self, other: Any) -> Code:
        return self._binary(ast.BitAnd(), other)

    def __or__(self, other: Any) -> Code:
        return self._binary(ast.BitOr(), other)

    def __invert__(self) -> Code:
        return Code(ast.UnaryOp(ast.Invert(), self.node))

    def __neg__(self) -> Code:
        return Code(ast.UnaryOp(ast.USub(), self.node))

    def eq(self, other: Any) -> Code:
        return self._compare(ast.Eq(), other)

    def ne(self, other: Any) -> Code:
        return self._compare(ast.NotEq(), other)

    def lt(self, other: Any) -> Code:
        return self._compare(ast.Lt(), other)

    def le(self, other: Any) -> Code:
        return self._compare(ast.LtE(), other)

    def gt(self, other: Any) -> Code:
        return self._compare(ast.Gt(), other)

    def ge(self, other: Any) -> Code:
        return self._compare(ast.GtE(), other)

    def unparse(self) -> str:
        return ast.unparse(ast.fix_missing_locations(self.node))


def _call(function: ast.expr, args: Sequence[Any], kwargs: Mapping[str, Any]) -> ast.Call:
    return ast.Call(
        function,
        [code(arg).node for arg in args],
        [ast.keyword(key, code(value).node) for key, value in kwargs.items()],
    )


def code(value: Any) -> Code:  # noqa: PLR0911 - one return for each kind
    """A Python value as code: scalars, lists, tuples, dicts; dates and decimals as their Polars literals."""
    match value:
        case Code():
            return value
        case None | bool() | str():
            return Code(ast.Constant(value))
        case int() | float():
            return _number(value)
        case Decimal():
            return decimal_literal(value)
        case datetime():
            return pl("datetime", *value.timetuple()[:6], *([value.microsecond] if value.microsecond else []))
        case date():
            return pl("date", value.year, value.month, value.day)
        case list():
            return Code(ast.List([code(item).node for item in value], ast.Load()))
        case tuple():
            return Code(ast.Tuple([code(item).node for item in value], ast.Load()))
        case dict():
            keys: list[ast.expr | None] = [code(key).node for key in value]
            return Code(ast.Dict(keys, [code(item).node for item in value.values()]))
    raise AssertionError(f"no code for {type(value).__name__}")


def _number(value: float) -> Code:
    if isinstance(value, float) and not math.isfinite(value):
        raise AssertionError("numbers of a script are finite; the step's check lets no other through")
    if value < 0:  # as the parser builds it, so that unparsing and parsing agree
        return Code(ast.UnaryOp(ast.USub(), ast.Constant(-value)))
    return Code(ast.Constant(value))


def decimal_literal(value: Decimal) -> Code:
    """`pl.lit("12.50").cast(pl.Decimal(38, 2))`: exact, without another import in the script."""
    exponent = value.as_tuple().exponent
    digits = max(-exponent, 0) if isinstance(exponent, int) else 0
    return pl("lit", f"{value:f}").call("cast", pl("Decimal", 38, digits))


def name(identifier: str) -> Code:
    return Code(ast.Name(identifier, ast.Load()))


def pl(path: str, *args: Any, **kwargs: Any) -> Code:
    """`pl.path(args)`."""
    return name("pl").call(path, *args, **kwargs)


def pl_name(path: str) -> Code:
    """`pl.path`, for types such as `pl.Int64`."""
    return name("pl").attr(path)


def reading(column: str) -> str:
    """How a script names an existing column: Polars reads `*` and `^…$` as patterns, so such names are escaped
    into the pattern that matches only them. Not for `alias` and `rename`, which take names as they are."""
    if column == "*" or (column.startswith("^") and column.endswith("$")):
        return f"^{regex_escape(column)}$"
    return column


def col(column: str) -> Code:
    """`pl.col("column")`."""
    return pl("col", reading(column))


def regex_escape(text: str) -> str:
    """`text` as a pattern that means itself in Rust's regex and in Python's `re`."""
    return "".join("\\" + char if char in r"\.+*?()|[]{}^$#&-~" else char for char in text)


def lit(value: Any) -> Code:
    """`pl.lit(value)`; dates and decimals are literals already."""
    made = code(value)
    return made if isinstance(value, date | Decimal) else pl("lit", made)


def whole(value: Any) -> Code:
    """A literal that makes a whole column: Polars would hold a small number in 32 bits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return pl("lit", value, dtype=pl_name("Int64"))
    return lit(value)


def when(condition: Code, value: Any, otherwise: Any = None) -> Code:
    """`pl.when(condition).then(value)[.otherwise(otherwise)]`; texts are literals, not column names."""
    chosen = pl("when", condition).call("then", operand(value))
    return chosen if otherwise is None else chosen.call("otherwise", operand(otherwise))


def operand(value: Any) -> Code:
    """A value where Polars would read a plain text as a column name."""
    return lit(value) if isinstance(value, str) else code(value)


def one_of(left: Code, values: Sequence[Any]) -> Code:
    """`left.is_in([…])`; decimals and dates, which Polars takes as expressions only, one by one."""
    if any(isinstance(value, Decimal | date) for value in values):
        return reduce(Code.__or__, [left.eq(value) for value in values])
    return left.call("is_in", list(values))


def called(identifier: str, *args: Any) -> Code:
    """A call of a plain name such as `ValueError("…")`."""
    if identifier not in LISTED_NAMES:
        raise AssertionError(f"{identifier} is not a listed function of emitted scripts")
    return Code(_call(ast.Name(identifier, ast.Load()), args, {}))
