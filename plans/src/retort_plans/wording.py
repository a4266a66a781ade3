"""Small words that explanations share, in Chinese and English."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from retort_core.plans import Lang
from retort_plans.operations.base import Scalar

MOST_LISTED = 8


def listed(names: Sequence[str], lang: Lang) -> str:
    """`A、B、C` / `A, B, C`; long lists end in their count."""
    joiner = "、" if lang == "zh" else ", "
    head = joiner.join(names[:MOST_LISTED])
    if len(names) <= MOST_LISTED:
        return head
    return f"{head} 等 {len(names)} 列" if lang == "zh" else f"{head} and {len(names) - MOST_LISTED} more"


def shown(value: Scalar | None, lang: Lang) -> str:
    """A literal in a sentence; nothing is "empty"."""
    if value is None:
        return "空" if lang == "zh" else "empty"
    if isinstance(value, bool):
        return str(value).lower()
    return f"“{value}”" if isinstance(value, str) else str(value)


def pairs(items: Iterable[tuple[object, object]], lang: Lang) -> str:
    """`a→b、c→d`."""
    return ("、" if lang == "zh" else ", ").join(f"{a}→{b}" for a, b in items)
