"""Whether the parts that a service stands on answer, each within its time. A part that hangs is asked once, not again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

import structlog

from retort_core.errors import RetortError

log = structlog.get_logger(__name__)
Ping: TypeAlias = Callable[[], Awaitable[object]]
SECONDS: Final = 2.0  # a probe of Kubernetes gives up after as long as its operator says, 1 s by default
OK: Final = "ok"


class Health:
    """`pings`: by the name that an operator knows the part by; each raises when its part is down."""

    def __init__(self, pings: Mapping[str, Ping], seconds: float = SECONDS) -> None:
        self._pings, self._seconds = dict(pings), seconds
        self._under_way: dict[str, asyncio.Task[object]] = {}

    async def state(self) -> dict[str, str]:
        """Of every part: `ok`, or a sentence without names, addresses and secrets."""
        found = await asyncio.gather(*(self._asked(name) for name in self._pings))
        return dict(zip(self._pings, found, strict=True))

    async def _asked(self, name: str) -> str:
        ping = self._under_way.get(name)
        if ping is None:
            ping = self._under_way[name] = asyncio.ensure_future(_called(self._pings[name]))
        done, _ = await asyncio.wait([ping], timeout=self._seconds)
        if not done:
            return f"no answer within {self._seconds:g} s"
        self._under_way.pop(name, None)
        return _told(name, ping)

    async def close(self) -> None:
        for ping in self._under_way.values():
            ping.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)


async def _called(ping: Ping) -> object:
    return await ping()


def _told(name: str, ping: asyncio.Task[object]) -> str:
    error = ping.exception() if not ping.cancelled() else None
    if error is None:
        return OK
    log.warning("part_is_down", part=name, error=str(error)[:300])
    return f"down ({error.code if isinstance(error, RetortError) else type(error).__name__})"
