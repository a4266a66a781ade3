"""Options of reading: what a person may decide instead of the guesses, checked before the file is opened.

By hand: pydantic would be a tenth of what a starting executor imports (0.1 of 0.9 s), for seven values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from retort_core.errors import BadInput

Check: TypeAlias = Callable[[Any], bool]


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """Unset (None) means: find it out and report what was found."""

    target: str = "table"  # or "codebook"; "as" to whoever asks
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None  # "" = quotation marks are ordinary text
    sheet: str | int | None = None  # name, or position from 1
    skip_rows: int | None = None  # lines above the header
    header_rows: int | None = None  # 0 = the file has no header


def _text(least: int, most: int) -> Check:
    return lambda value: isinstance(value, str) and least <= len(value) <= most


def _number(least: int, most: int) -> Check:
    return lambda value: type(value) is int and least <= value <= most


# What each option may be, as a person is told it.
KNOWN: Final[dict[str, tuple[str, Check]]] = {
    "as": ("'table' or 'codebook'", lambda value: value in ("table", "codebook")),
    "encoding": ("a name of at most 40 characters", _text(0, 40)),
    "delimiter": ("one character", _text(1, 1)),
    "quote": ("one character, or empty for none", _text(0, 1)),
    "sheet": ("a name or a position from 1", lambda value: isinstance(value, str) or type(value) is int),
    "skip_rows": ("a whole number from 0 to 1000", _number(0, 1000)),
    "header_rows": ("a whole number from 0 to 3", _number(0, 3)),
}


def parse_options(options: dict[str, Any]) -> ReadOptions:
    """The options, or BadInput that names the first wrong one; null is the same as left out."""
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name not in KNOWN:
            raise BadInput(
                f"There is no reading option {name[:40]!r}. Known options: {', '.join(KNOWN)}.",
                option=name[:40],
            )
        wanted, fits = KNOWN[name]
        if not fits(value):
            raise BadInput(f"The reading option {name!r} must be {wanted}, not {value!r:.60}.", option=name)
    return ReadOptions(**{"target" if name == "as" else name: value for name, value in given.items()})
