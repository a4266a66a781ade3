"""Guards in front of every route: a name for this service in `Host`, no foreign page, bodies of a stated size.

A page on the web can make a browser send requests to loopback. It cannot choose the `Host` header freely unless it
rebinds its own name to 127.0.0.1, and then the name is not ours; it cannot hide its `Origin` either. There is no CORS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retort_api.kit.problems import problem, response


class BodyTooLarge(Exception):
    """Raised into whoever reads the body."""


class Guards:
    def __init__(
        self,
        app: ASGIApp,
        hosts: Iterable[str],
        body_bytes: int,
        free: str = r"/(uploads|upload-sessions/[^/]+)$",
    ) -> None:
        """`free`: pattern of the paths that count their own bytes."""
        self._app, self._hosts, self._body_bytes = app, frozenset(hosts), body_bytes
        self._free = re.compile(free)

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
        if self._free.search(scope["path"]):
            await self._app(scope, receive, send)
            return
        await self._counted(scope, receive, send)

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

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stops reading above the limit; what the application answers to its cut-off body is not sent."""
        received, answered = 0, False

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._body_bytes:
                raise BodyTooLarge
            return message

        async def watching(message: Message) -> None:
            nonlocal answered
            if answered or received <= self._body_bytes:
                answered = True
                await send(message)

        with suppress(BodyTooLarge):
            await self._app(scope, counting, watching)
        if received > self._body_bytes and not answered:
            detail = f"The request is larger than {self._body_bytes} bytes."
            await response(problem(413, "limit-exceeded", detail, scope["path"]))(scope, receive, send)


def _hostname(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
