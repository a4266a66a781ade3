"""Figures of the reference semantics: means and medians as the product states them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import TypeAlias

from retort_core.schema import Column, DType

Number: TypeAlias = "int | float | Decimal"


def half_away(value: Number, digits: int) -> Decimal:
    """Rounded half away from zero on the decimal text of `value`: 2.675 -> 2.68, -2.5 -> -3."""
    text = value if isinstance(value, Decimal) else Decimal(repr(value))
    return text.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def mean(values: Sequence[Number], column: Column) -> float | Decimal:
    """The mean; of a decimal column with its decimals, half away from zero."""
    exact = sum((Fraction(value) for value in values), Fraction(0)) / len(values)
    return _as_stored(exact, column)


def median(values: Sequence[Number], column: Column) -> float | Decimal:
    """The middle value, or the mean of the two in the middle."""
    ordered = sorted(values)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return _as_stored((Fraction(low) + Fraction(high)) / 2, column)


def _as_stored(exact: Fraction, column: Column) -> float | Decimal:
    if column.dtype is not DType.decimal:
        return float(exact)
    return half_away(Decimal(exact.numerator) / Decimal(exact.denominator), column.digits)
