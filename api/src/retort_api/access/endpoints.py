"""Routes of logging in and out, of one's own account, password and API keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository
from retort_api.access.grants import subjects
from retort_api.access.identities import bearer
from retort_api.access.sessions import Noted
from retort_api.kit import cursors
from retort_api.projects import repository as projects
from retort_api.scopes import Cursor, Limit, Root, RootScope
from retort_core.errors import NotFound, PolicyDenied
from retort_core.http import routes
from retort_core.http.access import (
    Account,
    AccountCreate,
    Key,
    KeyCreate,
    Login,
    Me,
    Membership,
    NewKey,
    PasswordChange,
    Refresh,
    Tokens,
    one_spelling,
)
from retort_core.http.pages import Page

router = APIRouter(tags=["people"])


def noted(scope: Root) -> Noted:
    async def note(connection: AsyncConnection, name: str, what: str, *, worked: bool = True) -> None:
        await scope.note(connection, name, code=200 if worked else 401, act=what)

    return note


@router.post(routes.LOGIN, operation_id="login")
async def login(scope: RootScope, body: Login, response: Response) -> Tokens:
    people, act = scope.services.access.people, scope.act
    response.headers["Cache-Control"] = "no-store"
    return await people.sessions.login(
        one_spelling(body.name.strip()), body.password, act.addresses[0], act.agent, noted(scope)
    )


@router.post(routes.REFRESH, operation_id="refresh")
async def refresh(scope: RootScope, body: Refresh, response: Response) -> Tokens:
    """The token is good for one time; who brings it again ends the session."""
    response.headers["Cache-Control"] = "no-store"
    return await scope.services.access.people.sessions.refresh(body.refresh_token, noted(scope))


@router.post(routes.LOGOUT, operation_id="logout", status_code=204)
async def logout(
    scope: RootScope,
    everywhere: Annotated[bool, Query(description="Every session of the account, not only this one")] = False,  # noqa: FBT002
) -> None:
    """An access token of ours and one of an identity provider are refused from now on."""
    people, caller = scope.services.access.people, scope.caller
    async with scope.services.database.write() as connection:
        if caller.kind == "account":
            await people.sessions.end(caller, everywhere=everywhere, connection=connection)
        elif caller.kind == "oidc" and people.foreign is not None:
            await people.foreign.end(connection, bearer(scope.request))
        else:
            raise PolicyDenied("This kind of credential is revoked where it was made, not by logging out.")
        await scope.note(connection, caller.name, act="logout", everywhere=everywhere)


@router.get(routes.ME, operation_id="getMe")
async def me(scope: RootScope) -> Me:
    caller = scope.caller
    async with scope.services.database.read() as connection:
        found = await member_repository.projects_of(connection, subjects(caller))
        names = {project: await projects.name_of(connection, project) for project in found}
    roles = [Membership(project=names[project], role=role) for project, role in found.items()]
    return Me(
        name=caller.name, kind=caller.kind, admin=caller.admin, groups=caller.groups,
        projects=tuple(sorted(roles, key=lambda one: one.project)),
    )  # fmt: skip


@router.put(routes.PASSWORD, operation_id="changePassword", status_code=204)
async def change_password(scope: RootScope, body: PasswordChange) -> None:
    """Every other session of the account ends."""
    people = scope.services.access.people
    _own(scope)
    address = scope.act.addresses[0]
    await people.sessions.change_password(scope.caller, body.old, body.new, address, noted(scope))


@router.post(routes.ACCOUNTS, operation_id="createAccount", status_code=201)
async def create_account(scope: RootScope, body: AccountCreate) -> Account:
    """By an invitation, or without one where people may register themselves."""
    return await scope.services.access.people.registration.register(body, noted(scope))


@router.post(routes.KEYS, operation_id="createKey", status_code=201)
async def create_key(scope: RootScope, body: KeyCreate, response: Response) -> NewKey:
    """The key is shown this once. It has no right that its owner has not."""
    people = scope.services.access.people
    _own(scope)
    project = await _visible(scope, body.project) if body.project else ""
    response.headers["Cache-Control"] = "no-store"
    async with scope.services.database.write() as connection:
        made = await people.keys.make(connection, scope.caller, body, project)
        await scope.note(connection, made.id, scopes=list(made.scopes), keyProject=project)
    return made


@router.get(routes.KEYS, operation_id="listKeys")
async def list_keys(scope: RootScope, cursor: Cursor = "", limit: Limit = 100) -> Page[Key]:
    found = await scope.services.access.people.keys.page(scope.caller, cursors.text(cursor), limit + 1)
    more = cursors.encode(found[limit - 1].id) if len(found) > limit else ""
    return Page(items=tuple(found[:limit]), next_cursor=more)


@router.delete(routes.KEY, operation_id="deleteKey", status_code=204)
async def delete_key(scope: RootScope, key: str) -> None:
    people = scope.services.access.people
    async with scope.services.database.write() as connection:
        await people.keys.end(connection, scope.caller, key)
        await scope.note(connection, key)


async def _visible(scope: Root, name: str) -> str:
    """Id of a project the caller may know of."""
    async with scope.services.database.read() as connection:
        found = await projects.find(connection, name)
    allowed = await scope.services.access.authoriser.visible(scope.caller)
    if found is None or (allowed is not None and found.id not in allowed):
        raise NotFound(f"There is no project {name[:100]!r}.")
    return found.id


def _own(scope: Root) -> None:
    if scope.caller.kind != "account":
        raise PolicyDenied("Passwords and keys belong to local accounts; log in with yours.")
