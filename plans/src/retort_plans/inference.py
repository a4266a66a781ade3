"""The type of a column that is made from literals."""

from __future__ import annotations

from collections.abc import Iterable

from retort_core.schema import DType
from retort_plans.literals import scalar_text
from retort_plans.operations.base import Scalar
from retort_plans.reference import Value


def dtype_of(literals: Iterable[Scalar | None]) -> DType:
    """Truth values, whole numbers or numbers when all are; otherwise text."""
    kinds = {type(literal) for literal in literals if literal is not None}
    if kinds == {bool}:
        return DType.boolean
    if kinds == {int}:
        return DType.integer
    return DType.number if kinds and kinds <= {int, float} else DType.text


def as_dtype(literal: Scalar | None, dtype: DType) -> Value | None:
    """`literal` as a value of a column of `dtype` from `dtype_of`."""
    if literal is None:
        return None
    if dtype is DType.text:
        return scalar_text(literal)
    return float(literal) if dtype is DType.number else literal
