"""When to look again: one heap for all tasks and one task of the loop that sleeps until the first.

A timer a task would be ten thousand handles; a key that is set again simply leaves its old entry in the heap, which is
recognised as outdated when it comes up.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from contextlib import suppress


class Timers:
    def __init__(self, fire: Callable[[str], None]) -> None:
        self._fire = fire
        self._due: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._sooner = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def set(self, key: str, delay: float) -> None:
        """Fires `key` after `delay` seconds; an earlier setting of it is forgotten."""
        due = asyncio.get_running_loop().time() + max(0.0, delay)
        if self._due.get(key) == due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, key))
        if self._heap[0] == (due, key):
            self._sooner.set()
        if len(self._heap) > 2 * len(self._due) + 1000:
            self._heap = [(due, key) for key, due in self._due.items()]
            heapq.heapify(self._heap)

    def within(self, key: str, delay: float) -> None:
        """Fires `key` after `delay` seconds unless it is to fire sooner anyway."""
        due = self._due.get(key)
        if due is None or due > asyncio.get_running_loop().time() + delay:
            self.set(key, delay)

    def drop(self, key: str) -> None:
        self._due.pop(key, None)

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._sooner.clear()
            for key in self._ripe(loop.time()):
                self._fire(key)
            delay = max(0.0, self._heap[0][0] - loop.time()) if self._heap else None
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._sooner.wait()

    def _ripe(self, now: float) -> list[str]:
        found = []
        while self._heap and self._heap[0][0] <= now:
            due, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                found.append(key)
        return found
