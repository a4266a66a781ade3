"""SQL of projects. Every function works inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.records import projects
from retort_core.http.datasets import Project


async def add(connection: AsyncConnection, identifier: str, name: str, now: datetime) -> None:
    await connection.execute(
        insert(projects).values(id=identifier, name=name, conventions={}, created_at=now)
    )


async def find(connection: AsyncConnection, name: str) -> Project | None:
    """By name or id; a name wins."""
    query = select(projects).where(or_(projects.c.name == name, projects.c.id == name))
    rows = sorted(await connection.execute(query), key=lambda row: row.name != name)
    return _project(rows[0]) if rows else None


async def name_of(connection: AsyncConnection, identifier: str) -> str:
    return (
        await connection.execute(select(projects.c.name).where(projects.c.id == identifier))
    ).scalar() or ""


async def page(
    connection: AsyncConnection, after: str, limit: int, only: frozenset[str] | None = None
) -> list[Project]:
    """`only`: the ids that may be seen; None = all."""
    query = select(projects).where(projects.c.name > after).order_by(projects.c.name).limit(limit)
    if only is not None:
        query = query.where(projects.c.id.in_(only))
    return [_project(row) for row in await connection.execute(query)]


def _project(row: Row[Any]) -> Project:
    return Project(**row._mapping)  # noqa: SLF001 - the public accessor of SQLAlchemy
