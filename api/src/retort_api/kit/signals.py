"""A signal: "something was written", to those who wait for it in this process. The truth stays in the database.

Who waits for the end of one task need not look at its row after every event of every task: they listen to a topic.
"""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Signal:
    def __init__(self) -> None:
        self._every = asyncio.Event()
        self._topics: WeakValueDictionary[str, asyncio.Event] = WeakValueDictionary()

    def notify(self, about: str | None = None) -> None:
        """Wakes who listens to everything, and who listens to `about`; without it, whoever listens to any topic too."""
        event, self._every = self._every, asyncio.Event()
        event.set()
        for topic in list(self._topics) if about is None else [about]:
            found = self._topics.pop(topic, None)
            if found is not None:
                found.set()

    def listen(self, topic: str = "") -> asyncio.Event:
        """Take this before looking at the database, so that nothing written in between is missed."""
        if not topic:
            return self._every
        found = self._topics.get(topic)
        if found is None:
            found = self._topics[topic] = asyncio.Event()
        return found


async def wait(event: asyncio.Event, seconds: float) -> bool:
    """Whether it came in time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
