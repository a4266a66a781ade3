"""What was sent by a service of another release and cannot be read here: told of without a word of what stood in it."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

MOST: Final = 5


def faults(problem: ValidationError) -> list[str]:
    """Where and what kind of fault, never the value: it may be of a tenant's rows."""
    found = problem.errors(include_url=False, include_context=False, include_input=False)
    return [f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in found[:MOST]]
