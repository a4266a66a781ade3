"""SQL of the check: what the database says there is, in one snapshot. Nothing is changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.commits import repository as commits
from retort_api.commits.records import CommitRecord, Move, Ref
from retort_api.records import datasets, results, tasks, upload_parts, uploads


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One history: commits oldest first, moves oldest first."""

    id: str
    name: str
    commits: tuple[CommitRecord, ...]
    refs: tuple[Ref, ...]
    moves: tuple[Move, ...]


@dataclass(frozen=True, kw_only=True)
class Named:
    """An object that something other than a version names."""

    object: str
    where: str


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A task, and the version it says it made ("" = none) or has staged."""

    uid: str
    dataset: str
    terminal: bool
    commit: str


async def histories(connection: AsyncConnection) -> AsyncIterator[Dataset]:
    query = select(datasets.c.id, datasets.c.name).order_by(datasets.c.id)
    for row in (await connection.execute(query)).all():
        yield Dataset(
            id=row.id,
            name=row.name,
            commits=tuple(reversed(await commits.all_commits(connection, row.id))),
            refs=tuple(await commits.all_refs(connection, row.id)),
            moves=tuple(await commits.moves(connection, row.id)),
        )


async def named_objects(connection: AsyncConnection) -> list[Named]:
    found = [
        Named(object=row.object, where=f"upload {row.id[:12]}")
        for row in await connection.execute(select(uploads.c.object, uploads.c.id))
    ]
    for row in await connection.execute(select(results.c.id, results.c.parts)):
        found += [Named(object=part["object"], where=f"result {row.id[:12]}") for part in row.parts.values()]
    return found


async def parts_of_uploads(connection: AsyncConnection) -> frozenset[str]:
    """Of files on their way: they come and go, so that one is missing means nothing."""
    return frozenset((await connection.execute(select(upload_parts.c.object))).scalars())


async def task_ends(connection: AsyncConnection) -> list[Ended]:
    rows = await connection.execute(select(tasks.c.uid, tasks.c.dataset, tasks.c.phase, tasks.c.status))
    return [
        Ended(
            uid=row.uid,
            dataset=row.dataset,
            terminal=row.phase in ("Complete", "Failed"),
            commit=_commit(row.status),
        )
        for row in rows
    ]


def _commit(status: dict[str, dict[str, str]]) -> str:
    """A status is stored without what is empty."""
    return (status.get("result") or status.get("staged") or {}).get("commit", "")
