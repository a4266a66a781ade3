"""Values as their canonical text, in Polars: what merging, joining and converting to text write."""

from __future__ import annotations

from retort_core.errors import StepError
from retort_core.schema import Column, DType
from retort_plans.syntax import Code, pl_name


def as_text(value: Code, column: Column) -> Code:
    """The canonical text of `value`, an expression of the type of `column`."""
    if column.dtype is DType.text:
        return value
    text = value.call("cast", pl_name("String"))
    if column.dtype is DType.number:
        return text.call("str.strip_suffix", ".0")
    if column.dtype is DType.datetime:
        return text.call("str.strip_suffix", ".000000")
    return text


def check_text(column: Column) -> None:
    """Raises StepError for a type without a canonical text."""
    if column.dtype is DType.duration:
        raise StepError(f"column {column.name!r} is a duration, which has no text form", column=column.name)
