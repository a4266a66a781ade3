"""Why the text of a cell means "no answer" before any code is declared: empty, or a token such as N/A."""

from __future__ import annotations

from typing import Final

from retort_core.cells import MISSING_TOKENS, SOFT_MISSING_TOKENS, Reason, fold

# A token is short; longer texts need no folding. Twice the longest token leaves room for spaces and full width.
LONGEST_TOKEN: Final = 2 * max(len(token) for token in MISSING_TOKENS | SOFT_MISSING_TOKENS)


def missing_reason(text: str | None, *, free_text: bool = False) -> Reason | None:
    """Reason why `text` is missing, or None for an answer. In free text 无 and 没有 are answers."""
    if text is None or not text or text.isspace():
        return Reason.empty
    if len(text) > LONGEST_TOKEN or text[0] in "0123456789":  # no token begins with a digit
        return None
    folded = fold(text)
    if folded in MISSING_TOKENS or (not free_text and folded in SOFT_MISSING_TOKENS):
        return Reason.token
    return None


def is_soft_token(text: str) -> bool:
    """Whether `text` is a word (无, 没有) that is missing in coded columns and an answer in free text."""
    return len(text) <= LONGEST_TOKEN and fold(text) in SOFT_MISSING_TOKENS
