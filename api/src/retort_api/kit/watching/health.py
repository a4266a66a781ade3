"""Whether the parts that a service stands on answer, each within its time. A part that hangs is asked once, not again and again.

Some parts decide whether a process is ready; others only until they have answered once. All replicas stand on the same object
store: one that was taken out because it is slow would take out all of them, and whoever asks would get a refused connection
instead of history, tasks and log-ins, which need no object, and of a 503 that says what is away. A replica that has never
reached it is configured wrongly and must not take the place of one that works.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, TypeAlias

import structlog

from retort_core.errors import RetortError

log = structlog.get_logger(__name__)
Ping: TypeAlias = Callable[[], Awaitable[object]]
SECONDS: Final = 2.0  # a probe of Kubernetes gives up after as long as its operator says, 1 s by default
OK: Final = "ok"


class Health:
    """`pings`: by the name that an operator knows the part by; each raises when its part is down."""

    def __init__(
        self, pings: Mapping[str, Ping], seconds: float = SECONDS, shared: Collection[str] = ()
    ) -> None:
        """`shared`: the parts that may be away once they have answered."""
        self._pings, self._seconds = dict(pings), seconds
        self._shared, self._seen = frozenset(shared), set[str]()
        self._under_way: dict[str, asyncio.Task[object]] = {}

    async def state(self) -> dict[str, str]:
        """Of every part: `ok`, or a sentence without names, addresses and secrets."""
        found = await asyncio.gather(*(self._asked(name) for name in self._pings))
        return dict(zip(self._pings, found, strict=True))

    def ready(self, state: Mapping[str, str]) -> bool:
        """Whether to send requests here, by what `state` found."""
        return all(told == OK or name in self._shared & self._seen for name, told in state.items())

    async def _asked(self, name: str) -> str:
        ping = self._under_way.get(name)
        if ping is None:
            ping = self._under_way[name] = asyncio.ensure_future(_called(self._pings[name]))
        done, _ = await asyncio.wait([ping], timeout=self._seconds)
        if not done:
            return f"no answer within {self._seconds:g} s"
        self._under_way.pop(name, None)
        told = _told(name, ping)
        if told == OK:
            self._seen.add(name)
        return told

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
