"""SQL of conventions, kept with their project. Every function works inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.conventions.choices import Kept
from retort_api.records import projects


async def of_project(connection: AsyncConnection, project: str) -> Kept:
    """In the order they were remembered; what an older service stored in another shape is left out."""
    found = (
        await connection.execute(select(projects.c.conventions).where(projects.c.id == project))
    ).scalar()
    return {key: one for key, one in (found or {}).items() if isinstance(one, dict)}


async def remember(connection: AsyncConnection, project: str, more: Kept) -> None:
    """The newest last, also when it was there before."""
    old = await _held(connection, project)
    kept = {key: one for key, one in old.items() if key not in more}
    await _save(connection, project, {**kept, **more})


async def forget(connection: AsyncConnection, project: str, keys: Iterable[str]) -> None:
    gone = set(keys)
    old = await _held(connection, project)
    await _save(connection, project, {key: one for key, one in old.items() if key not in gone})


async def _held(connection: AsyncConnection, project: str) -> Kept:
    query = select(projects.c.conventions).where(projects.c.id == project).with_for_update()
    return dict((await connection.execute(query)).scalar() or {})


async def _save(connection: AsyncConnection, project: str, kept: Kept) -> None:
    await connection.execute(update(projects).where(projects.c.id == project).values(conventions=kept))
