"""The internal applications: the API's second listener and the broker's only one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI
from starlette.responses import Response

from retort_api.cluster.endpoints import Internal
from retort_api.kit import problems


def internal_app(internal: Internal, router: APIRouter) -> FastAPI:
    app = FastAPI(title="Retort internal", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.internal = internal
    app.include_router(router)
    app.add_api_route("/livez", _alive, methods=["GET"])
    app.add_api_route("/readyz", _ready(internal), methods=["GET"])
    problems.install(app)
    return app


async def _alive() -> Response:
    return Response("ok", media_type="text/plain")


def _ready(internal: Internal) -> Callable[[], Awaitable[Response]]:
    async def ready() -> Response:
        """Ready while the database answers: without it nothing can be told or settled."""
        async with internal.database.read():
            return Response("ok", media_type="text/plain")

    return ready
