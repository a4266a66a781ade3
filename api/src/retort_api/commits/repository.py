"""SQL of commits, refs and the reflog. Every function works inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.commits.records import CommitRecord, Move, Ref, RefKind
from retort_api.kit.sequenced import insert_later, waiting
from retort_api.records import commits, reflog, refs
from retort_core.lifecycle.statuses import Counts
from retort_core.plans import Plan


async def add_commit(connection: AsyncConnection, record: CommitRecord) -> None:
    """Numbered at the end of the transaction, so that readers of new versions miss none."""
    line = insert(commits).values(
            **{
                name: getattr(record, name)
                for name in (
                    "id", "dataset", "root", "snapshot", "generation", "kind", "title", "instruction",
                    "author", "task", "attempt", "script", "details", "created_at",
                )
            },
            parents=list(record.parents),
            counts=record.counts.model_dump(mode="json"),
            plan=record.plan.model_dump(mode="json") if record.plan is not None else None,
        )  # fmt: skip
    insert_later(connection, line, record)


def _commit(row: Row[Any]) -> CommitRecord:
    values = dict(row._mapping)  # noqa: SLF001 - the public accessor of SQLAlchemy
    values["parents"] = tuple(values["parents"])
    values["counts"] = Counts.model_validate(values["counts"])
    values["plan"] = Plan.model_validate(values["plan"]) if values["plan"] is not None else None
    return CommitRecord(**values)


async def commit(connection: AsyncConnection, dataset: str, identifier: str) -> CommitRecord | None:
    query = select(commits).where(commits.c.dataset == dataset, commits.c.id == identifier)
    row = (await connection.execute(query)).first()
    return _commit(row) if row is not None else None


async def parents(connection: AsyncConnection, dataset: str, identifier: str) -> tuple[str, ...]:
    """Of a version that may be of this very transaction; none when there is no such version."""
    new = [one.parents for one in waiting(connection, CommitRecord) if one.id == identifier]
    if new:
        return new[0]
    query = select(commits.c.parents).where(commits.c.dataset == dataset, commits.c.id == identifier)
    return tuple((await connection.execute(query)).scalar_one_or_none() or ())


async def commit_of_attempt(connection: AsyncConnection, attempt: str) -> CommitRecord | None:
    row = (await connection.execute(select(commits).where(commits.c.attempt == attempt))).first()
    return _commit(row) if row is not None else None


async def commits_by_prefix(connection: AsyncConnection, dataset: str, prefix: str, limit: int) -> list[str]:
    """`prefix` is hexadecimal, so the next prefix in order bounds the range and an index serves it."""
    query = select(commits.c.id).where(
        commits.c.dataset == dataset, commits.c.id >= prefix, commits.c.id < prefix + "g"
    )
    return list((await connection.execute(query.limit(limit))).scalars())


async def all_commits(connection: AsyncConnection, dataset: str) -> list[CommitRecord]:
    """Newest first; a parent is always older than its child."""
    query = select(commits).where(commits.c.dataset == dataset).order_by(commits.c.seq.desc())
    return [_commit(row) for row in await connection.execute(query)]


async def commit_ids(connection: AsyncConnection, dataset: str) -> list[str]:
    """Newest first; a parent is always older than its child."""
    query = select(commits.c.id).where(commits.c.dataset == dataset).order_by(commits.c.seq.desc())
    return list((await connection.execute(query)).scalars())


async def some_commits(
    connection: AsyncConnection, dataset: str, identifiers: Sequence[str]
) -> list[CommitRecord]:
    query = select(commits).where(commits.c.dataset == dataset, commits.c.id.in_(identifiers))
    return [_commit(row) for row in await connection.execute(query)]


async def line_ids(connection: AsyncConnection, dataset: str, head: str, limit: int) -> list[str]:
    """From `head` back along first parents, so many at most."""
    inside, first = commits.c.dataset == dataset, commits.c.parents[0].as_string()
    line = select(commits.c.id, first.label("parent")).where(inside, commits.c.id == head).cte(recursive=True)
    line = line.union_all(select(commits.c.id, first).where(inside, commits.c.id == line.c.parent))
    return list((await connection.execute(select(line.c.id).limit(limit))).scalars())


async def lineage(connection: AsyncConnection, dataset: str) -> dict[str, tuple[str, ...]]:
    """Commit -> parents, for walks over the history without loading it; with those of this transaction."""
    query = select(commits.c.id, commits.c.parents).where(commits.c.dataset == dataset)
    found = {row.id: tuple(row.parents) for row in await connection.execute(query)}
    new = {one.id: one.parents for one in waiting(connection, CommitRecord) if one.dataset == dataset}
    return found | new


def _ref(row: Row[Any]) -> Ref:
    return Ref(**row._mapping)  # noqa: SLF001


async def ref(connection: AsyncConnection, dataset: str, name: str) -> Ref | None:
    query = select(refs).where(refs.c.dataset == dataset, refs.c.name == name)
    row = (await connection.execute(query)).first()
    return _ref(row) if row is not None else None


async def all_refs(connection: AsyncConnection, dataset: str) -> list[Ref]:
    query = select(refs).where(refs.c.dataset == dataset).order_by(refs.c.name)
    return [_ref(row) for row in await connection.execute(query)]


async def add_ref(
    connection: AsyncConnection, dataset: str, name: str, kind: RefKind, head: str, now: datetime
) -> None:
    await connection.execute(
        insert(refs).values(dataset=dataset, name=name, kind=kind, head=head, version=1, updated_at=now)
    )


async def swap_ref(
    connection: AsyncConnection, dataset: str, name: str, expect: str, to: str, now: datetime
) -> bool:
    """Compare and swap: one statement, so it is right on any server at any isolation."""
    statement = (
        update(refs)
        .where(and_(refs.c.dataset == dataset, refs.c.name == name, refs.c.head == expect))
        .values(head=to, version=refs.c.version + 1, updated_at=now)
    )
    return (await connection.execute(statement)).rowcount == 1


async def drop_ref(connection: AsyncConnection, dataset: str, name: str) -> None:
    await connection.execute(delete(refs).where(refs.c.dataset == dataset, refs.c.name == name))


async def log_move(connection: AsyncConnection, dataset: str, move: Move) -> None:
    """Numbered at the end of the transaction."""
    line = insert(reflog).values(
        dataset=dataset, name=move.name, was=move.was, now=move.now, why=move.why, by=move.by, at=move.at
    )
    insert_later(connection, line)


async def moves(
    connection: AsyncConnection, dataset: str, name: str = "", after: int = 0, limit: int | None = None
) -> list[Move]:
    """Oldest first; of one ref, or of all of them."""
    query = select(reflog).where(reflog.c.dataset == dataset, reflog.c.seq > after).order_by(reflog.c.seq)
    if name:
        query = query.where(reflog.c.name == name)
    rows = await connection.execute(query.limit(limit) if limit is not None else query)
    return [
        Move(seq=row.seq, name=row.name, was=row.was, now=row.now, why=row.why, by=row.by, at=row.at)
        for row in rows
    ]
