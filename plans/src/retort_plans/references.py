"""Which parameters of a step name columns, and the same step with other names.

By key, wherever it stands in the parameters: conditions, expressions and lists of measures use the same keys as whole
operations do. A test holds this against what every operation really looks up in a schema.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pydantic import JsonValue

from retort_core.plans import Step

COLUMN_KEYS: Final = frozenset({"column", "columns", "by", "rows", "banner", "ignore", "weight", "anchor"})
RENAMING: Final = ("rename_columns", "from")  # here an ordinary word names a column


def columns_of(step: Step) -> tuple[str, ...]:
    """Names in the order they stand, each once; empty parameters name nothing."""
    found: list[str] = []

    def note(name: str) -> str:
        found.append(name)
        return name

    renamed(step, note)
    return tuple(dict.fromkeys(name for name in found if name))


def renamed(step: Step, new: Callable[[str], str]) -> Step:
    """The step with every column reference passed through `new`."""
    params = {key: _walked(step.op, key, value, new) for key, value in step.params.items()}
    return step.model_copy(update={"params": params})


def _walked(op: str, key: str, value: JsonValue, new: Callable[[str], str]) -> JsonValue:
    if _names_columns(op, key):
        if isinstance(value, str):
            return new(value) if value else value
        if isinstance(value, list):
            return [new(one) if isinstance(one, str) else _inside(op, one, new) for one in value]
    return _inside(op, value, new)


def _inside(op: str, value: JsonValue, new: Callable[[str], str]) -> JsonValue:
    if isinstance(value, dict):
        return {key: _walked(op, key, one, new) for key, one in value.items()}
    if isinstance(value, list):
        return [_inside(op, one, new) for one in value]
    return value


def _names_columns(op: str, key: str) -> bool:
    return key in COLUMN_KEYS or (op, key) == RENAMING


def literals_of(step: Step) -> Iterator[tuple[tuple[str | int, ...], JsonValue]]:
    """(path, value) of every number and text that is no name of a column: what could become a parameter."""

    def walk(
        value: JsonValue, path: tuple[str | int, ...], *, names: bool
    ) -> Iterator[tuple[tuple[str | int, ...], JsonValue]]:
        if isinstance(value, dict):
            for key, one in value.items():
                yield from walk(one, (*path, key), names=_names_columns(step.op, key))
        elif isinstance(value, list):
            for at, one in enumerate(value):
                yield from walk(one, (*path, at), names=names and isinstance(one, str))
        elif not names and value is not None and not isinstance(value, bool):
            yield path, value

    yield from walk(dict(step.params), (), names=False)
