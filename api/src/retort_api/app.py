"""The HTTP application: routes, guards and problems put together. Services are given to it, nothing is opened here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute

from retort_api.access import account_endpoints as accounts
from retort_api.access import endpoints as people
from retort_api.access.rules import RULES
from retort_api.audit import endpoints as audit
from retort_api.audit.acts import Act
from retort_api.commits import endpoints as commits
from retort_api.commits import file_endpoints as files
from retort_api.commits import result_endpoints as results
from retort_api.conventions import endpoints as conventions
from retort_api.conversations import endpoints as conversations
from retort_api.datasets import endpoints as datasets
from retort_api.datasets import session_endpoints as sessions
from retort_api.kit import conditional, problems
from retort_api.kit.guards import Guards
from retort_api.kit.watching.requests import Watched
from retort_api.kit.watching.watch import Watch
from retort_api.projects import endpoints as projects
from retort_api.projects import member_endpoints as members
from retort_api.services import Services
from retort_api.tasks import endpoints as tasks
from retort_api.templates import endpoints as templates
from retort_core.http.pages import Problem
from retort_core.http.routes import PROBLEM

VERSION = "0.1.0"
REFUSALS = frozenset(
    {401, 403, 404}
)  # what is only too much is not: what came before it is on record already
ROUTERS = tuple(
    module.router
    for module in (
        projects,
        members,
        datasets,
        sessions,
        commits,
        files,
        results,
        conversations,
        tasks,
        conventions,
        templates,
        people,
        accounts,
        audit,
    )
)
Opened = Callable[[], AbstractAsyncContextManager[Services]]


class Described(FastAPI):
    """Its document says of errors what they are: problems, and not the JSON that FastAPI takes every model for."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            for operation in _operations(super().openapi()):
                for code in ("4XX", "5XX"):
                    content = operation["responses"][code]["content"]
                    content[PROBLEM] = content.pop("application/json")
        return super().openapi()


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]


def create_app(
    opened: Opened, hosts: tuple[str, ...], body_bytes: int, watch: Watch | None = None
) -> FastAPI:
    """`opened` builds the services and takes them down again with the application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opened() as services:
            app.state.services = services
            yield

    app = Described(
        title="Retort",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
        },  # `Watched` does it, without paths and queries
        responses={"4XX": {"model": Problem}, "5XX": {"model": Problem}},
    )
    for router in ROUTERS:
        app.include_router(router)
    check_rules(ROUTERS)
    problems.install(app, _refused)
    conditional.install(app)
    app.add_middleware(Guards, hosts=hosts, body_bytes=body_bytes)
    app.add_middleware(Watched, watch=watch or Watch())
    return app


def already_open(services: Services) -> Opened:
    """For a main that has opened them itself, so that what cannot start says why before anybody is served."""

    @asynccontextmanager
    async def given() -> AsyncIterator[Services]:
        yield services

    return given


async def _refused(request: Request, status: int, code: str) -> None:
    """Whatever was refused to somebody leaves a line: also what is only said not to exist. Not what came too often: a line
    for ever and a transaction would cost more than what the rate keeps away, and a stranger could ask for any number."""
    act: Act | None = getattr(request.state, "act", None)
    asked = act is not None and (act.caller is not None or "authorization" in request.headers)
    if act is not None and asked and status in REFUSALS and not act.noted:
        services: Services = request.app.state.services
        await services.recorder.refused(act, status, code)


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
