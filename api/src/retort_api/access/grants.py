"""The authoriser of members and roles kept in our own tables: who is in which project, as what."""

from __future__ import annotations

from retort_api.access import member_repository
from retort_api.access.authoriser import Caller, Right
from retort_api.access.roles import EVERYBODY, RIGHTS, within
from retort_api.kit.database import Database
from retort_core.http.access import Role
from retort_core.http.datasets import Project

GROUP = "group:"


def subjects(caller: Caller) -> tuple[str, ...]:
    """The names under which a caller can be a member."""
    return (caller.name, *(GROUP + group for group in caller.groups))


class Grants:
    def __init__(self, database: Database, *, creators: bool) -> None:
        """`creators`: whether everybody who is logged in may make projects."""
        self._database = database
        self._everybody = EVERYBODY | ({("create", "projects")} if creators else set())

    async def may(self, caller: Caller, right: Right, project: Project | None) -> bool:
        if caller.scopes is not None and not within(caller.scopes, right):
            return False
        if caller.project and (project.id if project is not None else "") != caller.project:
            return project is None and right in EVERYBODY  # a key of one project opens no other
        if project is None:
            return caller.admin or right in self._everybody
        if caller.admin:
            return True
        role = await self.role(caller, project.id)
        return role is not None and right in RIGHTS[role]

    async def role(self, caller: Caller, project: str) -> Role | None:
        async with self._database.single() as connection:
            return await member_repository.role(connection, project, subjects(caller))

    async def visible(self, caller: Caller) -> frozenset[str] | None:
        if caller.admin:
            return frozenset({caller.project}) if caller.project else None
        async with self._database.read() as connection:
            found = await member_repository.projects_of(connection, subjects(caller))
        return frozenset(found) & {caller.project} if caller.project else frozenset(found)
