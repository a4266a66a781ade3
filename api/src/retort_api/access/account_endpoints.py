"""Routes of administrators: accounts and invitations."""

from __future__ import annotations

from fastapi import APIRouter, Response

from retort_api.kit import cursors
from retort_api.scopes import Cursor, Limit, ProjectScope, RootScope
from retort_core.errors import BadInput
from retort_core.http import routes
from retort_core.http.access import Account, AccountChange, InvitationCreate, NewInvitation
from retort_core.http.pages import Page

router = APIRouter(tags=["people"])


@router.get(routes.ACCOUNTS, operation_id="listAccounts")
async def list_accounts(scope: RootScope, cursor: Cursor = "", limit: Limit = 100) -> Page[Account]:
    found = await scope.services.access.people.registration.page(cursors.text(cursor), limit + 1)
    more = cursors.encode(found[limit - 1].name) if len(found) > limit else ""
    return Page(items=tuple(found[:limit]), next_cursor=more)


@router.patch(routes.ACCOUNT, operation_id="changeAccount")
async def change_account(scope: RootScope, account: str, body: AccountChange) -> Account:
    """By id or name. Disabling ends its sessions and keys at once."""
    people = scope.services.access.people
    async with scope.services.database.write() as connection:
        changed = await people.registration.change(connection, account, body)
        await scope.note(connection, changed.name, disabled=changed.disabled, admin=changed.admin)
    return changed


@router.post(routes.INVITATIONS, operation_id="inviteToSystem", status_code=201)
async def invite(scope: RootScope, body: InvitationCreate, response: Response) -> NewInvitation:
    """Opens an account that is in no project yet; with `admin`, one of a system administrator."""
    people = scope.services.access.people
    response.headers["Cache-Control"] = "no-store"
    async with scope.services.database.write() as connection:
        made = await people.registration.invite(connection, scope.caller, "", body)
        await scope.note(connection, made.id, admin=body.admin)
    return made


@router.post(routes.PROJECT_INVITATIONS, operation_id="inviteToProject", status_code=201)
async def invite_to_project(scope: ProjectScope, body: InvitationCreate, response: Response) -> NewInvitation:
    """Opens an account that is a member of this project."""
    people = scope.services.access.people
    if body.admin:
        raise BadInput("An invitation to a project cannot make an administrator of the system.")
    response.headers["Cache-Control"] = "no-store"
    async with scope.services.database.write() as connection:
        made = await people.registration.invite(connection, scope.caller, scope.project.id, body)
        await scope.note(connection, made.id, role=body.role)
    return made
