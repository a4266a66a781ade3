"""Times as the API server writes them, and as `decide` wants them."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(text: str) -> datetime:
    """From "2026-11-20T08:00:00Z", with or without a fraction."""
    return datetime.fromisoformat(text)


def seconds_of(text: str) -> float:
    return moment(text).timestamp()


def now() -> datetime:
    return datetime.now(UTC)
