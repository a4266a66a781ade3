"""The operator's part of a task's trace, sent to a collector as OTLP in JSON. Off unless OTEL_EXPORTER_OTLP_ENDPOINT is set.

    task     from the object to its terminal condition; below the request that asked for it
    queue    from the object to its first run; below `task`, as are
    claim    from the wish for an executor to the claimed one

Three spans a task, known when they are over: a library for that would be a tenth of the image. Nothing waits for the
collector; what it does not take is dropped, and so is what comes while too much waits for it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import unquote

import aiohttp
import structlog

log = structlog.get_logger(__name__)
SECONDS: Final = 5.0  # between two batches
LAST_SECONDS: Final = 1.0  # for the last batch: the Lease is given back after it
BATCH: Final = 512
KEPT: Final = 4096
TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
SAMPLED: Final = 1


class Traces:
    """`environment`: the variables of OpenTelemetry that are known here: endpoint, headers, the name of this process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        whole = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").rstrip("/")
        self._url = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or (whole and f"{whole}/v1/traces")
        self._headers = _headers(environment.get("OTEL_EXPORTER_OTLP_HEADERS", ""))
        self._name = environment.get("OTEL_SERVICE_NAME") or "retort-operator"
        self._spans: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def task(self, uid: str, parent: str, began: float, ended: float, *, failed: bool, **facts: str) -> None:
        """Seconds since the epoch, here and below. `parent`: a traceparent."""
        self._add("task", uid, parent, _id(uid), (began, ended), failed=failed, **facts)

    def part(self, name: str, uid: str, parent: str, began: float, ended: float) -> None:
        head, trace, _, flags = (parent or "---").split("-")
        below = "-".join((head, trace, _id(uid), flags))
        self._add(name, uid, below if trace else "", os.urandom(8).hex(), (began, ended))

    def _add(
        self, name: str, uid: str, parent: str, own: str, at: tuple[float, float], *, failed: bool = False,
        **facts: str,
    ) -> None:  # fmt: skip
        if not self._url or not parent:
            return
        _, trace, above, flags = parent.split("-")
        if not int(flags, 16) & SAMPLED:
            return
        began, ended = (str(int(max(at[0], moment) * 1e9)) for moment in at)
        self._spans.append(
            {
                "traceId": trace, "spanId": own, "parentSpanId": above, "name": name, "kind": 1,
                "startTimeUnixNano": began, "endTimeUnixNano": ended,
                "attributes": [_text(f"retort.{key}", value) for key, value in {"task": uid, **facts}.items()],
                "status": {"code": 2} if failed else {},
            }
        )  # fmt: skip

    async def run(self) -> None:
        """Sends what there is, every few seconds and at the end."""
        if not self._url:
            await asyncio.Event().wait()
        async with aiohttp.ClientSession(timeout=TIMEOUT, headers=self._headers) as session:
            try:
                while True:
                    await asyncio.sleep(SECONDS)
                    await self._send(session)
            finally:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LAST_SECONDS):
                        await self._send(session)

    async def _send(self, session: aiohttp.ClientSession) -> None:
        while self._spans:
            batch = [self._spans.popleft() for _ in range(min(BATCH, len(self._spans)))]
            try:
                async with session.post(self._url, json=self._body(batch)) as answer:
                    answer.raise_for_status()
            except (aiohttp.ClientError, TimeoutError) as problem:
                log.warning("spans_dropped", spans=len(batch), problem=type(problem).__name__)
                return

    def _body(self, spans: list[dict[str, Any]]) -> dict[str, Any]:
        resource = {"attributes": [_text("service.name", self._name)]}
        return {
            "resourceSpans": [
                {"resource": resource, "scopeSpans": [{"scope": {"name": "retort"}, "spans": spans}]}
            ]
        }


def ago(asked_at: float) -> float:
    """A moment of the monotonic clock as one of the time of day."""
    return time.time() - (time.monotonic() - asked_at)


def _id(uid: str) -> str:
    """Of the span `task`: the same whoever leads when it ends, and known to its children before it is sent."""
    return uid[16:32]


def _text(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def _headers(text: str) -> dict[str, str]:
    """As OpenTelemetry writes them: name=value,name=value, with percent signs."""
    pairs = (part.partition("=") for part in text.split(",") if "=" in part)
    return {name.strip(): unquote(value.strip()) for name, _, value in pairs}
