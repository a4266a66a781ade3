"""The HTTP application: routes, guards and problems put together. Services are given to it, nothing is opened here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from retort_api.access.rules import RULES
from retort_api.commits import endpoints as commits
from retort_api.commits import file_endpoints as files
from retort_api.commits import result_endpoints as results
from retort_api.conversations import endpoints as conversations
from retort_api.datasets import endpoints as datasets
from retort_api.kit import problems
from retort_api.kit.guards import Guards
from retort_api.projects import endpoints as projects
from retort_api.services import Services
from retort_api.tasks import endpoints as tasks
from retort_api.templates import endpoints as templates
from retort_core.http.pages import Problem

VERSION = "0.1.0"
ROUTERS = tuple(
    module.router for module in (projects, datasets, commits, files, results, conversations, tasks, templates)
)
Opened = Callable[[], AbstractAsyncContextManager[Services]]


def create_app(opened: Opened, hosts: tuple[str, ...], body_bytes: int) -> FastAPI:
    """`opened` builds the services and takes them down again with the application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened() as services:
            app.state.services = services
            yield

    app = FastAPI(
        title="Retort",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        responses={"4XX": {"model": Problem}, "5XX": {"model": Problem}},
    )
    for router in ROUTERS:
        app.include_router(router)
    check_rules(ROUTERS)
    problems.install(app)
    app.add_middleware(Guards, hosts=hosts, body_bytes=body_bytes)
    return app


def check_rules(routers: Iterable[APIRouter]) -> None:
    """Every route has a rule and every rule a route; a service with a forgotten one does not start."""
    found = {
        (method, route.path)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    missing, needless = found - RULES.keys(), RULES.keys() - found
    if missing or needless:
        raise RuntimeError(
            f"routes without a rule: {sorted(missing)}; rules without a route: {sorted(needless)}"
        )
