"""Which project a namespace is: bound by name *and* uid, so that a namespace made again under the same name is no heir."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.cluster import repository
from retort_api.projects import repository as projects
from retort_core.errors import PolicyDenied


class ProjectRebound(PolicyDenied):
    """The data of a deleted namespace belongs to nobody who happens to choose its name."""

    code, reason = "project-rebound", "ProjectRebound"


async def project_of(connection: AsyncConnection, namespace: str, uid: str) -> str:
    """The project's id; made at first sight, because the operator only watches namespaces that an admin opted in."""
    found = await repository.project_of(connection, namespace)
    if found is None:
        identifier = uuid.uuid4().hex
        await projects.add(connection, identifier, namespace, datetime.now(UTC))
        await repository.bind(connection, identifier, uid)
        return identifier
    project, bound = found
    if bound is None:
        await repository.bind(connection, project, uid)
    elif bound != uid:
        raise ProjectRebound(
            f"The namespace {namespace!r} is not the one this project belonged to; an administrator must bind it anew."
        )
    return project
