"""Pauses between failing tries: each twice as long as the one before it, up to a longest."""

from __future__ import annotations

_DOUBLINGS = 30  # beyond any longest; after a thousand failures no float holds the power


def growing(first: float, failures: int, longest: float) -> float:
    """Seconds after so many failures in a row, from 1."""
    return min(first * 2.0 ** min(failures - 1, _DOUBLINGS), longest)
