"""Guards in front of every route: a name for this service in `Host`, no foreign page, bodies of a stated size that arrive.

A page on the web can make a browser send requests to loopback. It cannot choose the `Host` header freely unless it
rebinds its own name to 127.0.0.1, and then the name is not ours; it cannot hide its `Origin` either. There is no CORS.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retort_api.kit.problems import problem, response

STALLED_SECONDS: Final = 30.0  # waited for the next bytes of a file, and for the whole of anything else


class BodyRefused(Exception):
    """Raised into whoever reads the body."""


class Guards:
    def __init__(
        self,
        app: ASGIApp,
        hosts: Iterable[str],
        body_bytes: int,
        free: str = r"/(uploads|upload-sessions/[^/]+)$",
        seconds: float = STALLED_SECONDS,
    ) -> None:
        """`free`: pattern of the paths that count their own bytes and may take as long as something comes."""
        self._app, self._hosts, self._body_bytes = app, frozenset(hosts), body_bytes
        self._free, self._seconds = re.compile(free), seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = self._refusal(scope["path"], headers)
        if refused is not None:
            status, code, detail = refused
            await response(problem(status, code, detail, scope["path"]))(scope, receive, send)
            return
        most = None if self._free.search(scope["path"]) else self._body_bytes
        body = Body(receive, most, self._seconds)
        answered = False

        async def watching(message: Message) -> None:
            """What the application answers to its cut-off body is not sent."""
            nonlocal answered
            if answered or body.refused is None:
                answered = True
                await send(message)

        with suppress(BodyRefused):
            await self._app(scope, body.receive, watching)
        if body.refused is not None and not answered:
            status, code, detail = body.refused
            closing = {"Connection": "close"}  # the rest of the body may still come
            await response(problem(status, code, detail, scope["path"]), closing)(scope, receive, send)

    def _refusal(self, path: str, headers: Headers) -> tuple[int, str, str] | None:
        host = _hostname("//" + headers.get("host", ""))
        if host not in self._hosts:
            return (
                421,
                "misdirected",
                "This service answers to its own name only; the Host header names another.",
            )
        origin = headers.get("origin")
        if origin is not None and _hostname(origin) not in self._hosts:
            return 403, "denied", "Requests from pages of other sites are refused."
        length = headers.get("content-length", "0")
        if not self._free.search(path) and length.isdigit() and int(length) > self._body_bytes:
            return 413, "limit-exceeded", f"The request is larger than {self._body_bytes} bytes."
        return None


class Body:
    """Stops reading above `most` bytes, and when nothing comes any more. `refused`: why it did."""

    def __init__(self, receive: Receive, most: int | None, seconds: float) -> None:
        self._receive, self._most, self._seconds = receive, most, seconds
        self._end: float | None = None
        self._received, self._whole = 0, False
        self.refused: tuple[int, str, str] | None = None

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()  # waits for the end of the connection, as long as that takes
        if self._end is None or self._most is None:
            self._end = asyncio.get_running_loop().time() + self._seconds
        try:
            async with asyncio.timeout_at(self._end):
                message = await self._receive()
        except TimeoutError:
            self.refused = (
                408,
                "timed-out",
                f"The rest of the body did not come within {self._seconds:g} seconds.",
            )
            raise BodyRefused from None
        self._whole = not message.get("more_body", False)
        self._received += len(message.get("body", b""))
        if self._most is not None and self._received > self._most:
            self.refused = (413, "limit-exceeded", f"The request is larger than {self._most} bytes.")
            raise BodyRefused
        return message


def _hostname(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
