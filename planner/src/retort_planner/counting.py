"""Counting without running: how many rows a condition would touch, as far as the profile knows.

Exact for one comparison of a column whose distinct values are all in the profile; None when it cannot be known.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from retort_core.profiles import ColumnProfile, Profile
from retort_core.schema import Column, Kind, Schema
from retort_planner.text import narrow

_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def rows_where(where: dict[str, Any] | None, schema: Schema, profile: Profile | None) -> int | None:
    """Rows for which `where` is true, or None."""
    if where is None or profile is None:
        return profile.rows if profile is not None and where is None else None
    if "column" not in where:
        return _combined(where, schema, profile)
    column = schema.find(where["column"])
    known = profile.find(column.id) if column is not None else None
    if column is None or known is None:
        return None
    states = {"is_missing": known.missing, "is_invalid": known.invalid, "is_valid": known.valid}
    if where["op"] in states:
        return states[where["op"]]
    return _compared(where, column, known)


def _combined(where: dict[str, Any], schema: Schema, profile: Profile) -> int | None:
    """Parts joined by `any` over one column never overlap when they compare with outer bounds (< 0 or > 120)."""
    parts = where.get("any")
    if (
        not parts
        or any("column" not in part for part in parts)
        or len({part["column"] for part in parts}) > 1
    ):
        return None
    if {part["op"] for part in parts} - {"lt", "le", "gt", "ge"} or len(parts) > 2:
        return None
    counts = [rows_where(part, schema, profile) for part in parts]
    return None if None in counts else sum(count for count in counts if count is not None)


def _compared(where: dict[str, Any], column: Column, known: ColumnProfile) -> int | None:
    numbers = known.numbers
    op, value = where["op"], where["value"]
    if not known.complete and column.kind is not Kind.multi:
        if numbers is not None and isinstance(value, int | float):
            outside = (op in ("gt", "ge") and value > numbers.max) or (
                op in ("lt", "le") and value < numbers.min
            )
            return 0 if outside else None
        return None
    source = known.codes if column.kind is Kind.multi and known.codes else known.values
    holds = _test(op, value, numeric=column.dtype.numeric)
    try:
        return sum(item.count for item in source if holds(item.value)) if holds else None
    except (TypeError, ValueError):
        return None


def _test(op: str, value: Any, *, numeric: bool) -> Callable[[str], bool] | None:  # noqa: PLR0911
    def read(text: Any) -> Any:
        return float(text) if numeric else narrow(str(text))

    if op in _ORDER:
        compare = _ORDER[op]
        return lambda text: compare(read(text), read(value))
    if op == "between":
        return lambda text: read(value["low"]) <= read(text) <= read(value["high"])
    if op in ("in", "nin"):
        wanted = {read(item) for item in value}
        return lambda text: (read(text) in wanted) == (op == "in")
    if op in ("eq", "ne"):
        return lambda text: (read(text) == read(value)) == (op == "eq")
    if op in ("contains", "not_contains"):
        return lambda text: (str(value) in text) == (op == "contains")
    if op in ("starts", "ends"):
        return lambda text: text.startswith(str(value)) if op == "starts" else text.endswith(str(value))
    return None
