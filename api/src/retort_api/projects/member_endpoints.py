"""Routes of a project's members, quota and protected branches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from retort_api.access import member_repository as members
from retort_api.access import repository as accounts
from retort_api.commits import service as commits
from retort_api.kit import cursors
from retort_api.projects import quota_repository
from retort_api.scopes import Cursor, DatasetScope, InDataset, Limit, ProjectScope
from retort_core.errors import Conflict, NotFound
from retort_core.http import routes
from retort_core.http.access import Member, Quota, QuotaChange, one_spelling
from retort_core.http.pages import Page
from retort_core.http.versions import Branch

router = APIRouter(tags=["projects"])
FOREIGN: Final = ":"  # in names that an identity provider or the cluster gives; local names have none


@router.get(routes.MEMBERS, operation_id="listMembers")
async def list_members(scope: ProjectScope, cursor: Cursor = "", limit: Limit = 100) -> Page[Member]:
    async with scope.services.database.read() as connection:
        found = await members.page(connection, scope.project.id, cursors.text(cursor), limit + 1)
    more = cursors.encode(found[limit - 1].subject) if len(found) > limit else ""
    return Page(items=tuple(found[:limit]), next_cursor=more)


@router.put(routes.MEMBERS, operation_id="putMember")
async def put_member(scope: ProjectScope, body: Member) -> Member:
    """Adds a member or changes its role. `subject`: an account, a name of an identity provider, or `group:NAME`."""
    scope.services.access.people  # noqa: B018 - where there are no accounts there are no members
    subject = body.subject if FOREIGN in body.subject else one_spelling(body.subject)
    now = datetime.now(UTC)
    async with scope.services.database.write() as connection:
        if FOREIGN not in subject and await accounts.by_name(connection, subject) is None:
            raise NotFound(f"There is no account {subject!r}; invite them with `retort members invite`.")
        await members.put(connection, scope.project.id, subject, body.role, scope.caller.name, now)
        await members.lower(connection, scope.project.id, subject, body.role)
        await scope.note(connection, subject, role=body.role)
    return Member(subject=subject, role=body.role)


@router.delete(routes.MEMBERS, operation_id="removeMember", status_code=204)
async def remove_member(
    scope: ProjectScope, subject: Annotated[str, Query(min_length=1, max_length=200)]
) -> None:
    """At once; what they have under way waits for somebody else's yes."""
    known = subject if FOREIGN in subject else one_spelling(subject)
    async with scope.services.database.write() as connection:
        if not await members.remove(connection, scope.project.id, known):
            raise NotFound(f"{subject!r} is no member of this project.")
        await members.lower(connection, scope.project.id, known, None)
        await scope.note(connection, known)


@router.get(routes.QUOTA, operation_id="getQuota")
async def get_quota(scope: ProjectScope) -> Quota:
    async with scope.services.database.read() as connection:
        return await scope.services.quotas.show(connection, scope.project.id)


@router.put(routes.QUOTA, operation_id="putQuota")
async def put_quota(scope: ProjectScope, body: QuotaChange) -> Quota:
    """Of a system administrator. What is held already stays; nothing is added beyond it."""
    async with scope.services.database.write() as connection:
        await quota_repository.put(connection, scope.project.id, body)
        await scope.note(connection, scope.project.name, **dict(body))
        return await scope.services.quotas.show(connection, scope.project.id)


@router.put(routes.PROTECTION, operation_id="protectBranch")
async def protect(scope: DatasetScope, branch: str, response: Response) -> Branch:
    """From now on every change of the branch needs the yes of an administrator of the project."""
    ref = await scope.services.log.ref(scope.dataset.id, branch)
    if ref.kind != "branch":
        raise Conflict(f"{branch!r} is a tag; tags do not move, so they need no protection.")
    async with scope.services.database.write() as connection:
        await members.protect(connection, scope.dataset.id, branch, scope.caller.name, datetime.now(UTC))
        await scope.note(connection, branch, protected=True)
    return await _branch(scope, branch, response)


@router.delete(routes.PROTECTION, operation_id="unprotectBranch")
async def unprotect(scope: DatasetScope, branch: str, response: Response) -> Branch:
    async with scope.services.database.write() as connection:
        if not await members.unprotect(connection, scope.dataset.id, branch):
            raise NotFound(f"Branch {branch[:100]!r} is not protected.")
        await scope.note(connection, branch, protected=False)
    return await _branch(scope, branch, response)


async def _branch(scope: InDataset, name: str, response: Response) -> Branch:
    ref = await scope.services.log.ref(scope.dataset.id, name)
    response.headers["ETag"] = f'"{ref.head}"'
    return commits.branch(ref, await commits.protected(scope))
