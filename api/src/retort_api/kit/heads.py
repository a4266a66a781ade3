"""Heads of requests that come too slowly are cut: a connection that dribbles a line now and then holds a place for ever.

uvicorn waits without end for the head of a first request and for the rest of one that has begun; bodies have their own limits
(`guards`). A head is one or two packets, so ten seconds are for the slowest of lines, not for the head.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from retort_api.kit.problems import problem
from retort_core.http.routes import PROBLEM

HEAD_SECONDS: Final = 10.0


class TimedHeads(H11Protocol):
    """From the connection, or from the first byte of a later request, to the end of its head."""

    def __init__(self, *args: Any, seconds: float = HEAD_SECONDS, **rest: Any) -> None:
        super().__init__(*args, **rest)
        self._seconds = seconds
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        self._wait()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._waiting is None and self.conn.their_state is h11.IDLE:
            self._waiting = self.loop.call_later(self._seconds, self._cut)

    def _stop(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _cut(self) -> None:
        """Told only to who has begun to ask."""
        self._waiting = None
        begun = bool(self.conn.trailing_data[0])
        if begun and not self.transport.is_closing():
            self.transport.write(_told(self._seconds))
        self.transport.close()


def _told(seconds: float) -> bytes:
    detail = f"The head of the request did not come within {seconds:g} seconds."
    body = problem(408, "timed-out", detail, "").model_dump_json(exclude_defaults=True).encode()
    head = (
        f"HTTP/1.1 408 Request Timeout\r\nContent-Type: {PROBLEM}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
