"""Multi-answer cells: `1;2;5;` is one question with several codes, `Yes; but late` is a sentence.

A separator is believed when it comes in enough cells and the parts behave like codes: few, short, used again and
again, none twice in one cell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

SEPARATORS: Final = (
    ";",
    "；",
    "|",
    "┋",
    ",",
    "，",
    "、",
    "/",
)  # ┋ is how a common Chinese questionnaire exports
_MOST_CODES: Final = 80
_LONGEST_CODE: Final = 24


def separator_of(texts: Mapping[str, int]) -> str:
    """Separator of a multi-answer column, or ""; `texts` are its distinct valid texts with rows."""
    return next((mark for mark in SEPARATORS if _separates(texts, mark)), "")


def codes_of(texts: Iterable[tuple[str, int]], separator: str) -> Counter[str]:
    """Rows per code; a code counts once per row."""
    codes: Counter[str] = Counter()
    for text, rows in texts:
        for code in dict.fromkeys(parts(text, separator)):
            codes[code] += rows
    return codes


def parts(text: str, separator: str) -> list[str]:
    """Codes of one cell, without spaces around them."""
    return [part for piece in text.split(separator) if (part := piece.strip())]


def _separates(texts: Mapping[str, int], mark: str) -> bool:
    total = sum(texts.values())
    holding = {text: rows for text, rows in texts.items() if mark in text}
    if not holding or sum(holding.values()) < 0.1 * total:
        return False
    ended = sum(rows for text, rows in holding.items() if text.rstrip().endswith(mark))
    if ended < 0.9 * total and not any(len(parts(text, mark)) > 1 for text in holding):
        return False
    seen: Counter[str] = Counter()
    cells: Counter[str] = Counter()
    joined: set[str] = set()
    for text, rows in texts.items():
        found = parts(text, mark)
        cells.update(found)
        joined.update(found if len(found) > 1 else ())
        if len(found) != len(set(found)) or any(len(part) > _LONGEST_CODE for part in found):
            return False
        for part in found:
            seen[part] += rows
    again = sum(cells[part] > 1 for part in joined)
    return again >= 0.6 * len(joined) and _like_codes(seen, numeric_mark=mark in ",，/")


def _like_codes(seen: Counter[str], *, numeric_mark: bool) -> bool:
    uses = seen.total()
    if not 2 <= len(seen) <= _MOST_CODES or uses < 3 * len(seen):
        return False
    # 1,234 and 3/4 are numbers; lists of small codes are not, and no code is longer than two digits then.
    return not numeric_mark or not any(part.isdigit() and len(part) > 2 for part in seen)
