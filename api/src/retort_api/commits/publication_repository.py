"""Which versions are published, in which order, and on which branch: SQL inside the caller's transaction.

A version is published when a branch or a tag first leads to it, with what it came from. One that waits for a yes, got a no or
was too late is stored and known by its id, and is not published.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from sqlalchemy import exists, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.commits import repository
from retort_api.commits.records import CommitRecord
from retort_api.kit.sequenced import insert_later, waiting
from retort_api.records import commits, publications


@dataclass(frozen=True)
class Publication:
    commit: str
    branch: str  # empty for a tag


async def publish(connection: AsyncConnection, dataset: str, tip: str, branch: str) -> None:
    """`tip` and those it came from, as far as they are not yet; the oldest first, numbered at the end of the transaction."""
    for one in await _unpublished(connection, dataset, tip):
        there = exists().where(publications.c.commit == one)  # by another transaction meanwhile
        found = select(commits.c.id, literal(branch)).where(commits.c.id == one, ~there)
        line = insert(publications).from_select(["commit", "branch"], found)
        insert_later(connection, line, Publication(one, branch))


async def _unpublished(connection: AsyncConnection, dataset: str, tip: str) -> list[str]:
    found: list[str] = []
    level = await _without_published(connection, [tip])
    while level:
        found = level + [one for one in found if one not in level]
        parents = [await repository.parents(connection, dataset, one) for one in level]
        level = await _without_published(connection, chain.from_iterable(parents))
    return found


async def _without_published(connection: AsyncConnection, ids: Iterable[str]) -> list[str]:
    told = {one.commit for one in waiting(connection, Publication)}
    new = {one.id for one in waiting(connection, CommitRecord)}
    ids = [one for one in dict.fromkeys(ids) if one not in told]
    if asked := [one for one in ids if one not in new]:
        query = select(publications.c.commit).where(publications.c.commit.in_(asked))
        told |= set((await connection.execute(query)).scalars())
    return [one for one in ids if one not in told]
