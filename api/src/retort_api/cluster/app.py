"""The internal applications: the API's second listener and the broker's only one."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from retort_api.cluster.endpoints import Internal
from retort_api.kit import problems
from retort_api.kit.watching.page import alive, ready
from retort_api.kit.watching.requests import Watched
from retort_api.kit.watching.watch import Watch


def internal_app(internal: Internal, router: APIRouter, watch: Watch | None = None) -> FastAPI:
    """Ready while the parts of `internal.health` answer: without them nothing can be told or settled."""
    app = FastAPI(
        title="Retort internal",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.internal = internal
    app.include_router(router)
    app.add_api_route("/livez", alive, methods=["GET"])
    app.add_api_route("/readyz", ready(internal.health), methods=["GET"])
    problems.install(app)
    app.add_middleware(Watched, watch=watch or Watch())
    return app
