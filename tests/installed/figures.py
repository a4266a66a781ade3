"""Figures of measurements, and telling them to whoever watches the tests."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest


def percentile(values: Sequence[float], share: float) -> float:
    """The value that at least `share` of all are not above; of few values the greatest."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def told(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """At once, whatever pytest does with what tests print."""
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")
