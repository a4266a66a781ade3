"""Exchange of whole-cell values: what replacing, merging and recoding share.

All pairs apply at once, so two values can swap. Texts are compared without surrounding spaces and width. On a typed
column a value that cannot be one of the column's matches the raw text of invalid cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from retort_core.cells import companion
from retort_core.errors import StepError
from retort_core.schema import Column, DType
from retort_plans.dtypes import polars_type
from retort_plans.emission import Emitter
from retort_plans.literals import scalar_text, stored
from retort_plans.operations.base import Scalar
from retort_plans.reference import MISSING, Cell, Invalid, Missing, Valid, Value, compared_text
from retort_plans.syntax import Code, col, lit, one_of, pl, when, whole


@dataclass(frozen=True)
class Exchange:
    """Pairs of old and new literals; None empties the cell."""

    pairs: tuple[tuple[Scalar, Scalar | None], ...]

    def check(self, column: Column) -> None:
        """Raises StepError when a new value does not fit the column or an old one is named twice."""
        for _, new in self.pairs:
            if new is not None:
                stored(new, column)
        keys = [old_value(old, column) for old, _ in self.pairs]
        for at, key in enumerate(keys):
            if key in keys[:at]:
                raise StepError(
                    f"{self.pairs[at][0]!r} is to become two things in column {column.name!r}; name it once",
                    column=column.name,
                )

    def values(self, column: Column) -> dict[Value, Value | None]:
        """Old values the column can hold, and what they become."""
        made = ((old_value(old, column), new) for old, new in self.pairs)
        return {
            key[1]: None if new is None else stored(new, column) for key, new in made if key[0] == "value"
        }

    def raws(self, column: Column) -> dict[str, Value | None]:
        """Raw texts of invalid cells, and what they become."""
        made = ((old_value(old, column), new) for old, new in self.pairs)
        return {
            str(key[1]): None if new is None else stored(new, column) for key, new in made if key[0] == "raw"
        }

    def entries(self, out: Emitter, name: str) -> list[Code]:
        """Entries for `with_columns`."""
        column = out.schema[name]
        values, raws = self.values(column), self.raws(column)
        dtype = polars_type(column)
        own = chosen(compared(out, column), values, col(name), dtype) if values else col(name)
        if name not in out.invalid or not raws:
            return [own.call("alias", name)] if values else []
        raw = out.folded(companion(name))
        hit = raw.call("is_in", list(raws))
        typed = chosen(raw, raws, own, dtype)
        return [typed.call("alias", name), when(~hit, col(companion(name))).call("alias", companion(name))]

    def replaced(self, cell: Cell, column: Column) -> Cell:
        """The reference."""
        if isinstance(cell, Missing):
            return cell
        if isinstance(cell, Invalid):
            raws = self.raws(column)
            return _cell(raws[compared_text(cell.raw)]) if compared_text(cell.raw) in raws else cell
        values = self.values(column)
        key = compared_text(cell.value) if isinstance(cell.value, str) else cell.value
        return _cell(values[key]) if key in values else cell


def _cell(value: Value | None) -> Cell:
    return MISSING if value is None else Valid(value)


def old_value(literal: Scalar, column: Column) -> tuple[str, Value]:
    """("value", typed) or, when the column cannot hold it, ("raw", text)."""
    if column.dtype is DType.text:
        return "value", compared_text(scalar_text(literal))
    try:
        return "value", stored(literal, column)
    except StepError:
        return "raw", compared_text(scalar_text(literal))


def compared(out: Emitter, column: Column) -> Code:
    """The column as exchanges compare it."""
    return out.folded(column.name) if column.dtype is DType.text else col(column.name)


def chosen(left: Code, values: Mapping[Any, Value | None], otherwise: Code | None, dtype: Code) -> Code:
    """`values[left]`, or `otherwise` where `left` is no key of it."""
    plain = not any(isinstance(v, Decimal | date) for pair in values.items() for v in pair)
    if plain and len(set(values.values())) > 1:
        return left.call("replace_strict", dict(values), default=otherwise, return_dtype=dtype)
    branches: dict[Value | None, list[Value]] = {}
    for old, new in values.items():
        branches.setdefault(new, []).append(old)
    made: Code | None = None
    for new, old in branches.items():
        test = one_of(left, old) if len(old) > 1 else left.eq(old[0])
        made = pl("when", test) if made is None else made.call("when", test)
        made = made.call(
            "then",
            pl("lit", None, dtype=dtype) if new is None else whole(new) if otherwise is None else lit(new),
        )
    assert made is not None
    return made if otherwise is None else made.call("otherwise", otherwise)
