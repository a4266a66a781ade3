"""One comparison of a condition: its check, its Polars, its reference meaning and its words.

A date literal stands for its whole day, month or year, so `le "2024-01"` includes January 31st at 23:59.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import reduce
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import Field, model_validator

from retort_core.errors import StepError
from retort_core.models import Model
from retort_core.plans import Lang
from retort_core.schema import Column, DType, Kind, Schema
from retort_plans import patterns
from retort_plans.emission import Emitter
from retort_plans.literals import Span, scalar_text, span, typed
from retort_plans.operations.base import Scalar, need
from retort_plans.reference import SPACES, Invalid, Missing, Row, Valid, Value, compared_text
from retort_plans.syntax import Code, code, col, lit, one_of, regex_escape

Op: TypeAlias = Literal[
    "eq", "ne", "lt", "le", "gt", "ge", "in", "nin", "between", "contains", "not_contains",
    "starts", "ends", "matches", "is_missing", "is_invalid", "is_valid",
]  # fmt: skip
STATES: Final = ("is_missing", "is_invalid", "is_valid")
TEXT_ONLY: Final = ("contains", "not_contains", "starts", "ends", "matches")
ORDERED: Final = ("lt", "le", "gt", "ge", "between")
NEGATED: Final = {"ne": "eq", "nin": "in", "not_contains": "contains"}


class Range(Model):
    """Both ends are included."""

    low: Scalar
    high: Scalar


class Compare(Model):
    """`column op value`."""

    column: str
    op: Op
    value: Scalar | Range | Annotated[tuple[Scalar, ...], Field(max_length=1000)] | None = None

    @model_validator(mode="after")
    def _value_fits(self) -> Compare:
        shape = {"between": Range, "in": tuple, "nin": tuple}.get(self.op)
        if self.op in STATES:
            if self.value is not None:
                raise ValueError(f"{self.op} takes no value")
        elif self.value is None:
            raise ValueError(f"{self.op} needs a value; use is_missing to find missing cells")
        elif shape is None and isinstance(self.value, Range | tuple):
            raise ValueError(f"{self.op} needs one value")
        elif shape is not None and not isinstance(self.value, shape):
            raise ValueError(f"{self.op} needs " + ("low and high" if shape is Range else "a list of values"))
        elif self.value == ():
            raise ValueError(f"{self.op} needs at least one value")
        return self

    # -- literals -----------------------------------------------------------------------------------------
    @property
    def literals(self) -> tuple[Scalar, ...]:
        match self.value:
            case None:
                return ()
            case Range():
                return (self.value.low, self.value.high)
            case tuple():
                return self.value
        return (self.value,)

    def check(self, schema: Schema) -> None:
        column = need(schema, self.column)
        if self.op in STATES:
            return
        if self._is_single_code(column):
            self._check_typed(column)
            return
        if self.op in TEXT_ONLY and column.dtype is not DType.text:
            raise StepError(
                f"{self.op} looks inside text, but column {column.name!r} is {column.dtype.value}; "
                "compare its values, or convert it to text with cast_type",
                column=column.name,
            )
        if self.op == "matches":
            patterns.check(scalar_text(self.literals[0]))
        elif column.dtype is DType.text:
            self._check_text(column)
        else:
            self._check_typed(column)

    def _is_single_code(self, column: Column) -> bool:
        """A multiple answer of which nobody chose two is stored as a number: has the code = equals it."""
        return column.kind is Kind.multi and column.dtype is not DType.text and "contains" in self.op

    def _check_text(self, column: Column) -> None:
        if self.op not in ORDERED:
            return
        if column.kind is Kind.multi:
            raise StepError(
                f"column {column.name!r} holds several codes a cell; ask which codes it has (in)",
                column=column.name,
            )
        numeric = [literal for literal in self.literals if _is_number(literal)]
        if numeric:
            raise StepError(
                f"column {column.name!r} is text, so {self.op} {numeric[0]!r} would compare letters; "
                "convert it first with cast_type",
                column=column.name,
            )

    def _check_typed(self, column: Column) -> None:
        if column.dtype is DType.boolean and self.op in ORDERED:
            raise StepError(
                f"column {column.name!r} is true or false; compare it with eq", column=column.name
            )
        for literal in self.literals:
            _ = span(literal, column) if column.dtype.temporal else typed(literal, column)

    # -- Polars -------------------------------------------------------------------------------------------
    def code(self, out: Emitter) -> Code:  # noqa: PLR0911 - one return for each kind
        column = out.schema[self.column]
        match self.op:
            case "is_missing":
                return out.is_missing(self.column)
            case "is_invalid":
                return out.is_invalid(self.column)
            case "is_valid":
                return col(self.column).call("is_not_null")
        if self.op in NEGATED:
            positive = self.model_copy(update={"op": NEGATED[self.op]})
            same = self.op == "ne" and not column.dtype.temporal and column.kind is not Kind.multi
            return (
                self._left(out, column).ne(lit_value(self._literal(column))) if same else ~positive.code(out)
            )
        if self._is_single_code(column):
            return self.model_copy(update={"op": "eq"}).code(out)
        if column.kind is Kind.multi and column.dtype is DType.text and self.op in ("eq", "in", "contains"):
            return self._codes(out, column)
        if column.dtype is DType.text:
            return self._text(out, column)
        return self._dates(column) if column.dtype.temporal else self._plain(out, column)

    def _left(self, out: Emitter, column: Column) -> Code:
        return out.folded(column.name) if column.dtype is DType.text else col(column.name)

    def _literal(self, column: Column, index: int = 0) -> Value:
        value = typed(self.literals[index], column)
        return compared_text(value) if isinstance(value, str) else value

    def _codes(self, out: Emitter, column: Column) -> Code:
        """Codes between separators, found by a pattern: 1 is not 10."""
        text, wanted = out.folded(column.name), self._wanted(column)
        if self.op == "in":
            return text.call("str.contains", _code_pattern(wanted, column))
        return reduce(Code.__and__, [text.call("str.contains", _code_pattern([c], column)) for c in wanted])

    def _wanted(self, column: Column) -> list[str]:
        return [c for literal in self.literals for c in codes_of(scalar_text(literal), column)]

    def _text(self, out: Emitter, column: Column) -> Code:
        left = out.folded(column.name)
        text = compared_text(scalar_text(self.literals[0]))
        match self.op:
            case "contains":
                return left.call("str.contains", text, literal=True)
            case "starts":
                return left.call("str.starts_with", text)
            case "ends":
                return left.call("str.ends_with", text)
            case "matches":
                return col(column.name).call("str.contains", scalar_text(self.literals[0]))
        return self._plain(out, column)

    def _plain(self, out: Emitter, column: Column) -> Code:
        left = self._left(out, column)
        literals = [self._literal(column, i) for i in range(len(self.literals))]
        if self.op == "between":
            return left.call("is_between", lit(literals[0]), lit(literals[1]))
        if self.op != "in":
            return _compared(left, self.op, lit_value(literals[0]))
        if column.dtype is DType.integer:  # a fraction equals no whole number
            literals = [literal for literal in literals if isinstance(literal, int)]
        return one_of(left, literals)

    def _dates(self, column: Column) -> Code:
        left = col(column.name)
        spans = [span(literal, column) for literal in self.literals]
        match self.op:
            case "lt":
                return left.lt(_moment(spans[0].start))
            case "ge":
                return left.ge(_moment(spans[0].start))
            case "gt":
                return left.ge(_moment(spans[0].end))
            case "le":
                return left.lt(_moment(spans[0].end))
            case "between":
                return left.ge(_moment(spans[0].start)) & left.lt(_moment(spans[1].end))
        return reduce(Code.__or__, [_within(left, s, column) for s in spans])

    # -- reference ----------------------------------------------------------------------------------------
    def holds(self, row: Row, schema: Schema) -> bool | None:  # noqa: PLR0911 - one return for each kind
        cell = row[self.column]
        if self.op in STATES:
            return isinstance(
                cell, {"is_missing": Missing, "is_invalid": Invalid, "is_valid": Valid}[self.op]
            )
        if not isinstance(cell, Valid):
            return None
        if self.op in NEGATED:
            truth = self.model_copy(update={"op": NEGATED[self.op]}).holds(row, schema)
            return None if truth is None else not truth
        column = schema[self.column]
        if self._is_single_code(column):
            return self.model_copy(update={"op": "eq"}).holds(row, schema)
        if column.dtype.temporal:
            return self._holds_date(cell.value, column)
        if column.kind is Kind.multi and self.op in ("eq", "in", "contains") and isinstance(cell.value, str):
            held, wanted = codes_of(cell.value, column), self._wanted(column)
            return any(c in held for c in wanted) if self.op == "in" else all(c in held for c in wanted)
        return self._holds_plain(cell.value, column)

    def _holds_plain(self, value: Value, column: Column) -> bool:
        if self.op == "matches":
            return patterns.compiled(scalar_text(self.literals[0])).search(str(value)) is not None
        left: Any = compared_text(value) if isinstance(value, str) else value
        literals: list[Any] = [self._literal(column, i) for i in range(len(self.literals))]
        tests: dict[str, Callable[[], bool]] = {
            "eq": lambda: left == literals[0],
            "lt": lambda: left < literals[0],
            "le": lambda: left <= literals[0],
            "gt": lambda: left > literals[0],
            "ge": lambda: left >= literals[0],
            "in": lambda: left in literals,
            "between": lambda: literals[0] <= left <= literals[1],
            "contains": lambda: literals[0] in left,
            "starts": lambda: left.startswith(literals[0]),
            "ends": lambda: left.endswith(literals[0]),
        }
        return bool(tests[self.op]())

    def _holds_date(self, value: Value, column: Column) -> bool:
        moment = _as_moment(value)
        spans = [span(literal, column) for literal in self.literals]
        first = spans[0]
        tests = {
            "lt": moment < first.start,
            "le": moment < first.end,
            "gt": moment >= first.end,
            "ge": moment >= first.start,
            "between": first.start <= moment < spans[-1].end,
        }
        return tests.get(self.op, any(s.start <= moment < s.end for s in spans))

    # -- words --------------------------------------------------------------------------------------------
    def explain(self, lang: Lang) -> str:
        return sentence(lang, self.column, self.op, [scalar_text(literal) for literal in self.literals])


def _is_number(literal: Scalar) -> bool:
    if isinstance(literal, bool | int | float):
        return True
    return re.fullmatch(r"[+-]?\d+(\.\d+)?", compared_text(literal)) is not None


def _compared(left: Code, op: str, right: Code) -> Code:
    """`left op right`."""
    by_op: dict[str, Callable[[Any], Code]] = {
        "eq": left.eq, "lt": left.lt, "le": left.le, "gt": left.gt, "ge": left.ge,
    }  # fmt: skip
    return by_op[op](right)


def lit_value(value: Value) -> Code:
    """The right side of a comparison, where Polars reads a text as text."""
    return code(value)


def codes_of(text: str, column: Column) -> list[str]:
    """The codes in a cell of multiple answers."""
    separator = compared_text(column.separator) or column.separator or ";"
    parts = (part.strip(SPACES) for part in compared_text(text).split(separator))
    return [part for part in parts if part]


def _code_pattern(codes: Sequence[str], column: Column) -> str:
    separator = regex_escape(compared_text(column.separator) or column.separator or ";")
    wanted = "|".join(map(regex_escape, codes)) or r"\b\B"  # no code at all: nothing matches
    return rf"(?:^|{separator})\s*(?:{wanted})\s*(?:{separator}|$)"


def _moment(moment: datetime) -> Code:
    """A moment as literal: midnight is a date, which Polars compares with dates and date-times alike."""
    return code(
        moment.date() if moment == moment.replace(hour=0, minute=0, second=0, microsecond=0) else moment
    )


def _within(left: Code, days: Span, column: Column) -> Code:
    if column.dtype is DType.date and (days.end - days.start).days == 1:
        return left.eq(_moment(days.start))
    return left.ge(_moment(days.start)) & left.lt(_moment(days.end))


def _as_moment(value: Value) -> datetime:
    if isinstance(value, datetime):
        return value
    assert isinstance(value, date)
    return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - tables hold no time zone


_WORDS: Final[dict[Lang, dict[str, str]]] = {
    "zh": {
        "eq": "{c} 等于 {v}", "ne": "{c} 不等于 {v}", "lt": "{c} 小于 {v}", "le": "{c} 不超过 {v}",
        "gt": "{c} 大于 {v}", "ge": "{c} 不小于 {v}", "in": "{c} 为 {v} 之一", "nin": "{c} 不为 {v}",
        "between": "{c} 在 {v} 之间（含两端）", "contains": "{c} 包含 {v}", "not_contains": "{c} 不包含 {v}",
        "starts": "{c} 以 {v} 开头", "ends": "{c} 以 {v} 结尾", "matches": "{c} 匹配 {v}",
        "is_missing": "{c} 缺失", "is_invalid": "{c} 无效", "is_valid": "{c} 有效",
    },
    "en": {
        "eq": "{c} is {v}", "ne": "{c} is not {v}", "lt": "{c} is less than {v}", "le": "{c} is at most {v}",
        "gt": "{c} is more than {v}", "ge": "{c} is at least {v}", "in": "{c} is one of {v}",
        "nin": "{c} is none of {v}", "between": "{c} is between {v} (both included)",
        "contains": "{c} contains {v}", "not_contains": "{c} does not contain {v}", "starts": "{c} starts with {v}",
        "ends": "{c} ends with {v}", "matches": "{c} matches {v}", "is_missing": "{c} is missing",
        "is_invalid": "{c} is invalid", "is_valid": "{c} is valid",
    },
}  # fmt: skip


def sentence(lang: Lang, column: str, op: str, values: Sequence[str]) -> str:
    """One comparison in words."""
    joiner = {"between": " 到 " if lang == "zh" else " and "}.get(op, "、" if lang == "zh" else ", ")
    return _WORDS[lang][op].replace("{v}", joiner.join(values)).replace("{c}", column)
