"""What a sentence should come to: one plan, one of several that mean the same, a question, or a refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from retort_core.plans import Outcome, Planned

Expected: TypeAlias = dict[str, Any]
Steps: TypeAlias = tuple[tuple[str, Expected], ...]


@dataclass(frozen=True)
class Gold:
    """`plans`: every step list that is right; `outcome`: whether a question or a refusal is (too)."""

    plans: tuple[Steps, ...] = ()
    outcomes: frozenset[Literal["question", "declined"]] = frozenset()


def do(op: str, **params: Any) -> tuple[str, Expected]:
    """A step, and the parameters that must come out."""
    return op, params


def wanted(*steps: tuple[str, Expected]) -> Gold:
    return Gold(plans=(steps,))


def asked() -> Gold:
    return Gold(outcomes=frozenset({"question"}))


def refused() -> Gold:
    return Gold(outcomes=frozenset({"declined"}))


def either(*golds: Gold) -> Gold:
    """Any of them is right."""
    return Gold(
        plans=tuple(plan for gold in golds for plan in gold.plans),
        outcomes=frozenset().union(*(gold.outcomes for gold in golds)),
    )


def right(gold: Gold, outcome: Outcome) -> bool:
    if isinstance(outcome, Planned):
        found = tuple((step.op, step.params) for step in outcome.plan.steps)
        return any(same_steps(plan, found) for plan in gold.plans)
    return outcome.outcome in gold.outcomes


def same_steps(wanted: Steps, found: Steps) -> bool:
    return len(wanted) == len(found) and all(
        op == other and matches(params, given)
        for (op, params), (other, given) in zip(wanted, found, strict=True)
    )


def matches(expected: Any, actual: Any) -> bool:
    """Every value the gold names is there; lists pair up item by item."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            key in actual and matches(value, actual[key]) for key, value in expected.items()
        )
    if isinstance(expected, list | tuple):
        return (
            isinstance(actual, list | tuple)
            and len(expected) == len(actual)
            and all(map(matches, expected, actual))
        )
    return (bool(expected == actual) and type(expected) is type(actual)) or (
        isinstance(expected, float) and expected == actual
    )


def _compare(op: str, column: str, value: Any) -> Expected:
    return {"column": column, "op": op, "value": value}


def eq(column: str, value: Any) -> Expected:
    return _compare("eq", column, value)


def lt(column: str, value: Any) -> Expected:
    return _compare("lt", column, value)


def le(column: str, value: Any) -> Expected:
    return _compare("le", column, value)


def gt(column: str, value: Any) -> Expected:
    return _compare("gt", column, value)


def ge(column: str, value: Any) -> Expected:
    return _compare("ge", column, value)


def has(column: str, value: Any) -> Expected:
    return _compare("contains", column, value)


def inside(column: str, low: Any, high: Any) -> Expected:
    return _compare("between", column, {"low": low, "high": high})
