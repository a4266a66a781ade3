"""Opaque cursors: a position as URL-safe text. A cursor that was not given out here is bad input, never an error."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from retort_core.errors import BadInput


def encode(position: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(position, ensure_ascii=False).encode()).decode().rstrip("=")


def _decode(cursor: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise BadInput(
            "The cursor is not one of this service; leave it out to start at the first page."
        ) from None


def number(cursor: str) -> int | None:
    """Position of a list ordered by number; None = the first page."""
    position: int | None = _checked(cursor, int)
    return position


def text(cursor: str) -> str:
    """Position of a list ordered by name; empty = the first page."""
    return _checked(cursor, str) or ""


def _checked(cursor: str, kind: type[Any]) -> Any:
    if not cursor:
        return None
    position = _decode(cursor)
    if (
        not isinstance(position, kind)
        or isinstance(position, bool)
        or (kind is int and abs(position) > 1 << 53)
    ):
        raise BadInput("The cursor belongs to another list; leave it out to start at the first page.")
    return position
