"""SQL of members, protected branches, task askers and conversation owners. Works inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access.tables import askers, members, owners, protections, yeses
from retort_api.kit.inserts import insert_new
from retort_api.records import tasks
from retort_core.http.access import Member, Role

ORDER: tuple[Role, ...] = ("member", "analyst", "admin")


# -- members -----------------------------------------------------------------------------------------------


async def put(
    connection: AsyncConnection, project: str, subject: str, role: Role, by: str, now: datetime
) -> None:
    row = {"project": project, "subject": subject, "role": role, "by": by, "at": now}
    if not await insert_new(connection, members, row):
        mine = and_(members.c.project == project, members.c.subject == subject)
        await connection.execute(update(members).where(mine).values(role=role, by=by, at=now))


async def remove(connection: AsyncConnection, project: str, subject: str) -> bool:
    gone = delete(members).where(members.c.project == project, members.c.subject == subject)
    return (await connection.execute(gone)).rowcount == 1


async def page(connection: AsyncConnection, project: str, after: str, limit: int) -> list[Member]:
    query = select(members).where(members.c.project == project, members.c.subject > after)
    rows = await connection.execute(query.order_by(members.c.subject).limit(limit))
    return [Member(subject=row.subject, role=row.role) for row in rows]


async def role(connection: AsyncConnection, project: str, subjects: tuple[str, ...]) -> Role | None:
    """The highest that any of the caller's names and groups has."""
    query = select(members.c.role).where(members.c.project == project, members.c.subject.in_(subjects))
    found = list((await connection.execute(query)).scalars())
    return max(found, key=ORDER.index) if found else None


async def projects_of(connection: AsyncConnection, subjects: tuple[str, ...]) -> dict[str, Role]:
    """Project -> the highest role."""
    query = select(members.c.project, members.c.role).where(members.c.subject.in_(subjects))
    found: dict[str, Role] = {}
    for row in await connection.execute(query):
        found[row.project] = max(found.get(row.project, "member"), row.role, key=ORDER.index)
    return found


# -- protected branches ------------------------------------------------------------------------------------


async def protected(connection: AsyncConnection, dataset: str) -> frozenset[str]:
    query = select(protections.c.branch).where(protections.c.dataset == dataset)
    return frozenset((await connection.execute(query)).scalars())


async def is_protected(connection: AsyncConnection, dataset: str, branch: str) -> bool:
    query = select(protections.c.branch).where(
        protections.c.dataset == dataset, protections.c.branch == branch
    )
    return (await connection.execute(query)).first() is not None


async def protect(connection: AsyncConnection, dataset: str, branch: str, by: str, now: datetime) -> None:
    """Open tasks on the branch wait for a yes from now on."""
    await insert_new(connection, protections, {"dataset": dataset, "branch": branch, "by": by, "at": now})
    mine = and_(
        tasks.c.dataset == dataset, tasks.c.branch == branch, tasks.c.phase.not_in(("Complete", "Failed"))
    )
    await connection.execute(update(tasks).where(mine).values(review="Always"))


async def unprotect(connection: AsyncConnection, dataset: str, branch: str) -> bool:
    gone = delete(protections).where(protections.c.dataset == dataset, protections.c.branch == branch)
    return (await connection.execute(gone)).rowcount == 1


# -- who asked ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Asker:
    """`change`: may change data without somebody else's yes; `protected`: also where a branch is protected.

    `facts`: the user and the addresses as the audit shows them.
    """

    task: str
    project: str
    name: str
    change: bool
    protected: bool
    facts: dict[str, Any]


_ASKER = [askers.c[name] for name in Asker.__dataclass_fields__]


async def add_asker(connection: AsyncConnection, asker: Asker) -> None:
    """What is known of a task's requester already stays."""
    await insert_new(connection, askers, vars(asker))


@dataclass(frozen=True, kw_only=True)
class Promise:
    """`name`: whose rights; `asked`: digest of what for. Of an older release it has neither digest nor time."""

    name: str
    asked: str | None
    at: datetime | None


async def promise(connection: AsyncConnection, identifier: str) -> Promise | None:
    """Locked until the transaction ends: whoever keeps or replaces it decides by what it says."""
    query = select(askers.c.name, askers.c.asked, askers.c.promised_at).where(askers.c.task == identifier)
    row = (await connection.execute(query.with_for_update())).first()
    return Promise(name=row.name, asked=row.asked, at=row.promised_at) if row is not None else None


async def promise_asker(connection: AsyncConnection, asker: Asker, asked: str, at: datetime) -> None:
    """Before the task has its uid; `asker.task` is the promise it is kept under. An earlier one is replaced."""
    await forget_promise(connection, asker.task)
    await connection.execute(insert(askers).values(**vars(asker), asked=asked, promised_at=at))


async def forget_promise(connection: AsyncConnection, promise: str) -> None:
    """The rights stand under the task's own uid by now."""
    await connection.execute(delete(askers).where(askers.c.task == promise))


async def keep_promise(connection: AsyncConnection, promise: str, task: str) -> None:
    """The task has its uid now."""
    kept = {"task": task, "asked": None, "promised_at": None}
    await connection.execute(update(askers).where(askers.c.task == promise).values(**kept))


async def forget_promises(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """How many went, so many at most; what another process is about to forget is left to it."""
    old = select(askers.c.task).where(askers.c.promised_at < before).order_by(askers.c.promised_at)
    gone = (await connection.execute(old.limit(limit).with_for_update(skip_locked=True))).scalars().all()
    await connection.execute(delete(askers).where(askers.c.task.in_(gone)))
    return len(gone)


async def asker(connection: AsyncConnection, task: str) -> Asker | None:
    row = (await connection.execute(select(*_ASKER).where(askers.c.task == task))).first()
    return Asker(**row._mapping) if row is not None else None  # noqa: SLF001 - the public accessor of SQLAlchemy


async def lower(connection: AsyncConnection, project: str, name: str, to: Role | None) -> None:
    """Open tasks keep no right that their requester has lost: they wait for somebody else's yes."""
    mine = and_(askers.c.project == project, askers.c.name == name)
    rights = {"change": to in ("analyst", "admin"), "protected": to == "admin"}
    await connection.execute(update(askers).where(mine).values(**rights))
    if not rights["change"]:
        open_ones = and_(
            tasks.c.project == project,
            tasks.c.requester == name,
            tasks.c.phase.not_in(("Complete", "Failed")),
        )
        await connection.execute(update(tasks).where(open_ones).values(review="Always"))


async def say_yes(connection: AsyncConnection, task: str, commit: str, name: str, *, protected: bool) -> None:
    """`protected`: whether this person's yes counts on a protected branch."""
    row = {"task": task, "commit": commit, "name": name, "protected": protected}
    if not await insert_new(connection, yeses, row):
        mine = and_(yeses.c.task == task, yeses.c.commit == commit, yeses.c.name == name)
        await connection.execute(update(yeses).where(mine).values(protected=protected))


async def has_yes(connection: AsyncConnection, task: str, commit: str, *, protected: bool) -> bool:
    query = select(yeses.c.name).where(yeses.c.task == task, yeses.c.commit == commit)
    if protected:
        query = query.where(yeses.c.protected.is_(True))
    return (await connection.execute(query)).first() is not None


async def own(connection: AsyncConnection, conversation: str, name: str) -> None:
    await connection.execute(insert(owners).values(conversation=conversation, name=name))


async def owner(connection: AsyncConnection, conversation: str) -> str:
    query = select(owners.c.name).where(owners.c.conversation == conversation)
    return (await connection.execute(query)).scalar() or ""
