"""Routes of conventions: what is remembered in a project, and forgetting one of it."""

from __future__ import annotations

from fastapi import APIRouter, Response

from retort_api.conventions import repository
from retort_api.conventions.choices import identifier, public
from retort_api.scopes import ProjectScope
from retort_core.errors import NotFound
from retort_core.http import routes
from retort_core.http.conventions import Convention
from retort_core.http.pages import Page

router = APIRouter(tags=["conventions"])


@router.get(routes.CONVENTIONS, operation_id="listConventions")
async def list_conventions(scope: ProjectScope) -> Page[Convention]:
    """Answers that hold from now on, in the order they were given; there are never many."""
    async with scope.services.database.read() as connection:
        return Page(items=public(await repository.of_project(connection, scope.project.id)))


@router.delete(routes.CONVENTION, operation_id="deleteConvention", status_code=204)
async def delete_convention(scope: ProjectScope, convention: str) -> Response:
    """The question is asked again the next time; what was done by the convention stays."""
    async with scope.services.database.write() as connection:
        kept = await repository.of_project(connection, scope.project.id)
        keys = [key for key in kept if identifier(key) == convention]
        if not keys:
            raise NotFound(f"There is no convention {convention[:40]!r} in project {scope.project.name!r}.")
        await repository.forget(connection, scope.project.id, keys)
        await scope.note(connection, convention)
    return Response(status_code=204)
