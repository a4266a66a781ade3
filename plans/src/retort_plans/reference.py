"""The meaning of every operation, once more: row by row, in plain Python, without a data engine.

Property tests hold each emitted script against `Operation.reference` over these rows. Slow and obvious on purpose.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias

from retort_core.numerals import canonical_float

Value: TypeAlias = "str | int | float | Decimal | bool | date | datetime | timedelta"


@dataclass(frozen=True)
class Valid:
    value: Value


@dataclass(frozen=True)
class Missing:
    pass


@dataclass(frozen=True)
class Invalid:
    raw: str


Cell: TypeAlias = Valid | Missing | Invalid
MISSING: Final = Missing()


@dataclass(frozen=True)
class Row:
    """One row: hidden id and cells by column name."""

    id: int
    cells: Mapping[str, Cell] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Cell:
        return self.cells[name]

    def value(self, name: str) -> Value | None:
        """The valid value, or None."""
        cell = self.cells[name]
        return cell.value if isinstance(cell, Valid) else None

    def set(self, cells: Mapping[str, Cell]) -> Row:
        return replace(self, cells={**self.cells, **cells})

    def only(self, names: Sequence[str]) -> Row:
        return replace(self, cells={name: self.cells[name] for name in names})


Rows: TypeAlias = Sequence[Row]


def cell(value: Value | None) -> Cell:
    """A value as a cell: None is missing."""
    return MISSING if value is None else Valid(value)


# White space as Unicode's White_Space has it; Python's `str.strip` would also take U+001C..U+001F.
SPACES: Final = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"


# Full width as half width: the ideographic space and ！ to ～. Emitted scripts hold the same two lists.
_WIDE: Final = dict(zip((0x3000, *range(0xFF01, 0xFF5F)), range(0x20, 0x7F), strict=True))


def compared_text(text: str) -> str:
    """Text as it is compared: full width as half width, surrounding spaces gone, letter case kept."""
    return text.translate(_WIDE).strip(SPACES)


def fold_text(text: str) -> str:
    """Text as it is parsed: compatibility forms folded, surrounding spaces gone, letter case kept."""
    return unicodedata.normalize("NFKC", text).strip(SPACES)


def canonical(value: Value) -> str:
    """The canonical text of a stored value: "1", "2.5", "3" for 3.0, "12.50", "true", "2024-01-31"."""
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return canonical_float(value)
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.isoformat(sep=" ")
    return str(value)


def key(value: Value) -> str | Value:
    """What duplicates are told by: text without space and width, everything else itself."""
    return value.translate(_WIDE).translate(_NO_SPACES) if isinstance(value, str) else value


_NO_SPACES: Final = dict.fromkeys(map(ord, SPACES))
