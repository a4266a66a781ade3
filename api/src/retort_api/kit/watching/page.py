"""The application of the second port: figures, and whether the process and what it stands on are alive."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import structlog
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from retort_api.kit.watching.health import Health
from retort_api.kit.watching.metrics import Metrics

log = structlog.get_logger(__name__)
Refresh: TypeAlias = Callable[[Metrics], Awaitable[None]]
REFRESH_SECONDS: Final = 60.0  # figures from the database are as old as this at most
PATIENCE_SECONDS: Final = 5.0  # Prometheus gives up after 10


def watch_app(metrics: Metrics, health: Health, refresh: Refresh | None = None) -> FastAPI:
    """`refresh`: sets the figures that the database tells."""
    app = FastAPI(title="Retort, watched", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/livez", alive, methods=["GET"])
    app.add_api_route("/readyz", ready(health), methods=["GET"])
    app.add_api_route("/metrics", _metrics(metrics, refresh), methods=["GET"])
    return app


async def alive() -> Response:
    return Response("ok", media_type="text/plain")


def ready(health: Health) -> Callable[[], Awaitable[Response]]:
    """200 while the parts that decide it answer, else 503; the body names every part."""

    async def answer() -> Response:
        state = await health.state()
        code = 200 if health.ready(state) else 503
        return Response(json.dumps(state) + "\n", status_code=code, media_type="application/json")

    return answer


def _metrics(metrics: Metrics, refresh: Refresh | None) -> Callable[[], Awaitable[Response]]:
    last = float("-inf")

    async def answer() -> Response:
        nonlocal last
        if refresh is not None and time.monotonic() - last >= REFRESH_SECONDS:
            last = time.monotonic()
            await _refreshed(metrics, refresh)
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return answer


async def _refreshed(metrics: Metrics, refresh: Refresh) -> None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await refresh(metrics)
    except Exception as error:  # noqa: BLE001 - whatever it was, the other figures are told
        log.warning("figures_not_read", error=type(error).__name__)
        metrics.unknown_day()
