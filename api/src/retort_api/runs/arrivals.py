"""An arrival: what one sandbox makes and another waits for, so that the second gets ready while the first still runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from retort_api.runs.session import Abandoned, Input


class Arrival:
    """`at`: when it came, by the monotonic clock; 0 before."""

    def __init__(self) -> None:
        self._settled = asyncio.Event()
        self.at = 0.0

    def came(self) -> None:
        self.at = time.monotonic()
        self._settled.set()

    def lost(self) -> None:
        """It will never come: whoever waits takes his own job back."""
        self._settled.set()

    def then(self, source: Input) -> Input:
        """`source`, once it is whole."""

        async def blocks() -> AsyncIterator[bytes]:
            await self._settled.wait()
            if not self.at:
                raise Abandoned
            async for block in source():
                yield block

        return blocks


@asynccontextmanager
async def meanwhile(ahead: asyncio.Task[None], arrival: Arrival) -> AsyncIterator[None]:
    """The block makes what `ahead` waits for. Fails it, its failure is the one that counts, and `ahead` ends first."""
    try:
        yield
    except BaseException as problem:
        arrival.lost()
        if not isinstance(problem, Exception):  # cancelled: nobody has time for a polite end
            ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)
        raise
    arrival.came()
    await ahead
