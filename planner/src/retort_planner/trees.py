"""Trees of conditions: joining, negating, dates as whole days. No words here, only their outcome."""

from __future__ import annotations

from typing import Any

from retort_core.schema import Column
from retort_planner import literals
from retort_planner.comparators import NEGATED

Where = dict[str, Any]
_ENDS: dict[str, str] = {"lt": "high", "le": "high", "gt": "low", "ge": "low"}


def joined(how: str, parts: list[Where | None]) -> Where | None:
    """One tree; equal comparisons of one column become in / not in."""
    if not parts or any(part is None for part in parts):
        return None
    nodes = [part for part in parts if part is not None]
    listed = _listed(how, nodes)
    if listed is not None:
        return listed
    how = "any" if how == "all" and _apart(nodes) else how
    return nodes[0] if len(nodes) == 1 else {how: nodes}


def _listed(how: str, nodes: list[Where]) -> Where | None:
    if len(nodes) < 2 or any(set(node) != {"column", "op", "value"} for node in nodes):
        return None
    columns = {node["column"] for node in nodes}
    ops = {node["op"] for node in nodes}
    if len(columns) > 1:
        return None
    # 「城市是北京和上海」 and 「北京或上海」 both mean: one of them. 「不是北京或上海」 means neither.
    if ops == {"eq"}:
        return {"column": nodes[0]["column"], "op": "in", "value": [node["value"] for node in nodes]}
    if ops == {"ne"}:
        return {"column": nodes[0]["column"], "op": "nin", "value": [node["value"] for node in nodes]}
    return {"all": nodes} if ops == {"not_contains"} and how == "any" else None


def negate(node: Where) -> Where:
    """The opposite under three-valued logic."""
    if "op" in node and node["op"] in NEGATED:
        return {**node, "op": NEGATED[node["op"]]}
    if node.get("op") in ("is_missing", "is_valid") and "column" in node:
        return {**node, "op": "is_valid" if node["op"] == "is_missing" else "is_missing"}
    opposite: Where = node.get("not", {"not": node})
    return opposite


def date_comparison(column: Column, op: str, span: literals.Days) -> Where:
    """Comparison with whole days: before a month is before its first day, after it is after its last.

    A date literal of a plan stands for its whole day, so a time of the last day still belongs to it.
    """
    if op in ("eq", "ne"):
        single = span.first == span.last
        node = (
            {"column": column.name, "op": "eq", "value": span.first.isoformat()}
            if single
            else date_between(column, span)
        )
        return node if op == "eq" else negate(node)
    edge = span.first if op in ("ge", "lt") else span.last
    return {"column": column.name, "op": op, "value": edge.isoformat()}


def date_between(column: Column, span: literals.Days) -> Where:
    return {
        "column": column.name,
        "op": "between",
        "value": {"low": span.first.isoformat(), "high": span.last.isoformat()},
    }


def conditioned_columns(where: Where) -> tuple[str, ...]:
    """Columns a condition speaks about, each once."""
    if "column" in where:
        return (where["column"],)
    parts = where.get("all") or where.get("any") or [where["not"]]
    return tuple(dict.fromkeys(name for part in parts for name in conditioned_columns(part)))


def _apart(nodes: list[Where]) -> bool:
    """「小于0的和大于120的」: two bounds of one column that no value meets at once can only be a union."""
    if len(nodes) != 2 or any(set(node) != {"column", "op", "value"} for node in nodes):
        return False
    ends = {_ENDS.get(node["op"], ""): node for node in nodes}
    if set(ends) != {"low", "high"} or nodes[0]["column"] != nodes[1]["column"]:
        return False
    low, high = ends["low"]["value"], ends["high"]["value"]
    return isinstance(low, int | float) and isinstance(high, int | float) and low >= high
