"""Every request seen from outside: its id, its time, its line in the log, its span. Never its body, its path or its query."""

from __future__ import annotations

import re
import time
import uuid
from typing import Final

import structlog
from opentelemetry.trace import Span, SpanKind, StatusCode
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retort_api.kit.watching.watch import Watch

log = structlog.get_logger(__name__)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN: Final = (
    "other"  # of methods and paths that are none of this service: anybody may invent any number of them
)
REQUEST_ID: Final = "X-Request-Id"
_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
GONE: Final = 499  # the caller went away, or the service stopped, before there was an answer


class Watched:
    """The outermost layer of an application."""

    def __init__(self, app: ASGIApp, watch: Watch) -> None:
        self._app, self._watch = app, watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        identifier = request_id(headers.get(REQUEST_ID.lower(), ""))
        structlog.contextvars.bind_contextvars(request=identifier)
        method = scope["method"] if scope["method"] in METHODS else UNKNOWN
        started, code = time.perf_counter(), GONE

        async def telling(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = identifier
            await send(message)

        with self._watch.tracing.span(
            method, headers.get("traceparent", ""), SpanKind.SERVER, request=identifier
        ) as span:
            try:
                await self._app(scope, receive, telling)
            except Exception:
                code = 500  # written by the layer around this one
                raise
            finally:
                self._over(span, method, template(scope), code, time.perf_counter() - started)

    def _over(self, span: Span, method: str, route: str, code: int, seconds: float) -> None:
        self._watch.metrics.request(method, route, code, seconds)
        span.update_name(f"{method} {route}")
        span.set_attributes(
            {"http.request.method": method, "http.route": route, "http.response.status_code": code}
        )
        if code >= 500:
            span.set_status(StatusCode.ERROR)
        if self._watch.log_requests:
            log.info("request", method=method, route=route, code=code, seconds=round(seconds, 4))


def request_id(given: str) -> str:
    """The caller's own id where it is one, so that its log and this one meet."""
    return given if _ID.fullmatch(given) else uuid.uuid4().hex


def template(scope: Scope) -> str:
    """Of the route that took the request; its names are in the path, not in the template."""
    found = getattr(scope.get("route"), "path", None)
    return found if isinstance(found, str) else UNKNOWN
