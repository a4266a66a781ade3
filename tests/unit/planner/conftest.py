"""The two surveys the planner is spoken to about, and a way to speak."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from retort_core.plans import Outcome
from retort_planner.eval.run import request
from retort_planner.rules import plan

Say = Callable[..., Outcome]


@pytest.fixture
def say() -> Say:
    def speak(text: str, lang: str = "zh", **more: Any) -> Outcome:
        return plan(request(text, lang, **more))  # type: ignore[arg-type]

    return speak
