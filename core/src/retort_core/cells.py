"""Cells: valid, missing (with a reason) or invalid (raw text kept), and the hidden columns that carry this.

A typed column holds null wherever a cell is not valid. Why it is null stands in the sparse *marks* table of a
version, keyed by (row id, column id); see `docs/reference/semantics.md`. Inside a script two kinds of hidden
column travel with the data and never reach a person:

- `__row_id`: the 64-bit identity of a row, minted at import, only in scripts emitted from plans;
- `NAME__invalid`: next to a column NAME that has invalid cells, their raw text (null elsewhere).

A null cell whose companion is null (or absent) is *missing*; with a companion text it is *invalid*.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import Final

ROW_ID: Final = "__row_id"
INVALID_SUFFIX: Final = "__invalid"


class CellState(StrEnum):
    """State of a cell that is not valid."""

    missing = "missing"
    invalid = "invalid"


class Reason(StrEnum):
    """Why a cell is missing, when it is not a declared code (then the code's label says it)."""

    empty = "empty"
    token = "token"  # noqa: S105 - a word such as N/A, not a secret
    code = "code"
    set_empty = "set empty"
    computed = "not computable"


# Whole-cell words that mean "no answer" anywhere, compared after `fold`.
MISSING_TOKENS: Final = frozenset(
    {
        "n/a", "na", "#n/a", "null", "none", "nan", "nil", "-", "--", "—", "/", "?", ".",
        "(空)", "空", "(跳过)", "跳过", "(空白)", "缺失", "未填", "未填写", "(blank)", "(skip)", "missing",
    }
)  # fmt: skip
# Tokens in every column but free text, where they are an answer and are only proposed.
SOFT_MISSING_TOKENS: Final = frozenset({"无", "没有"})


def fold(text: str) -> str:
    """`text` without regard to case, surrounding or inner spaces, and full/half width."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def companion(name: str) -> str:
    """Name of the hidden column that carries the raw text of invalid cells of column `name`."""
    return name + INVALID_SUFFIX


def is_hidden(name: str) -> bool:
    """Whether a column name is reserved for Retort; readers rename a person's column that collides."""
    return name == ROW_ID or name.endswith(INVALID_SUFFIX)
