"""Routes of projects."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from fastapi import APIRouter
from sqlalchemy.exc import IntegrityError

from retort_api.access import member_repository as members
from retort_api.kit import cursors
from retort_api.projects import repository
from retort_api.scopes import Cursor, Limit, ProjectScope, RootScope
from retort_core.errors import Conflict
from retort_core.http import routes
from retort_core.http.datasets import About, Project, ProjectCreate
from retort_core.http.pages import Page

router = APIRouter(tags=["projects"])


@router.get(routes.ABOUT, operation_id="getAbout")
async def about(scope: RootScope) -> About:
    """What this service is and which barriers it truly enforces around execution."""
    return scope.services.about


@router.get(routes.PROJECTS, operation_id="listProjects")
async def list_projects(scope: RootScope, cursor: Cursor = "", limit: Limit = 100) -> Page[Project]:
    """Those that are the caller's business."""
    await scope.services.projects.refresh()
    visible = await scope.services.access.authoriser.visible(scope.caller)
    async with scope.services.database.read() as connection:
        found = await repository.page(connection, cursors.text(cursor), limit + 1, visible)
    more = cursors.encode(found[limit - 1].name) if len(found) > limit else ""
    return Page(items=tuple(found[:limit]), next_cursor=more)


@router.post(routes.PROJECTS, operation_id="createProject", status_code=201)
async def create_project(scope: RootScope, body: ProjectCreate) -> Project:
    """Whoever makes a project administers it."""
    scope.services.projects.makable()
    now = datetime.now(UTC)
    identifier = uuid.uuid4().hex
    try:
        async with scope.services.database.write() as connection:
            await repository.add(connection, identifier, body.name, now)
            if scope.caller.kind != "local":
                await members.put(connection, identifier, scope.caller.name, "admin", scope.caller.name, now)
            await scope.note(connection, body.name, code=201, id=identifier)
    except IntegrityError:
        raise Conflict(f"There is a project {body.name!r} already.") from None
    return Project(id=identifier, name=body.name, created_at=now)


@router.get(routes.PROJECT, operation_id="getProject")
async def get_project(scope: ProjectScope) -> Project:
    return scope.project
