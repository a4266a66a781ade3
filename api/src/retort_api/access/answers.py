"""Answers of somebody else, remembered for a few seconds and never for more than so many questions."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

Answer = TypeVar("Answer")
LONGEST: Final = 10.0  # seconds a withdrawn right may still work
MOST: Final = 10_000


class Answers(Generic[Answer]):
    """Errors are not remembered: the next one asks again."""

    def __init__(self, seconds: float = LONGEST, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._now = min(seconds, LONGEST), now
        self._known: OrderedDict[object, tuple[float, Answer]] = OrderedDict()

    async def get(self, question: object, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        now = self._now()
        known = self._known.get(question)
        if known is not None and now < known[0]:
            return known[1]
        answer = await ask()
        self._known[question] = (now + self._seconds, answer)
        self._known.move_to_end(question)
        while len(self._known) > MOST:
            self._known.popitem(last=False)
        return answer
