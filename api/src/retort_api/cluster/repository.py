"""SQL of objects and namespaces. Every function works inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.cluster.tables import namespaces, task_objects
from retort_api.records import commits, datasets, projects, publications, tasks
from retort_api.tasks import repository
from retort_api.tasks.records import TaskRecord
from retort_core.http.internal import CommitFact
from retort_core.lifecycle.statuses import Counts


@dataclass(frozen=True, kw_only=True)
class TaskObjectRecord:
    """`revision`: counts the decisions and replies that the row has seen."""

    task: str
    name: str
    revision: int = 0
    archived: bool = False


async def namespace_uid(connection: AsyncConnection, project: str) -> str | None:
    query = select(namespaces.c.uid).where(namespaces.c.project == project)
    return (await connection.execute(query)).scalar()


async def project_of(connection: AsyncConnection, namespace: str) -> tuple[str, str | None] | None:
    """(the project of this name, uid of the namespace that it is bound to)."""
    query = (
        select(projects.c.id, namespaces.c.uid)
        .outerjoin(namespaces, namespaces.c.project == projects.c.id)
        .where(projects.c.name == namespace)
    )
    row = (await connection.execute(query)).first()
    return (row.id, row.uid) if row is not None else None


async def bind(connection: AsyncConnection, project: str, uid: str) -> None:
    await connection.execute(insert(namespaces).values(project=project, uid=uid))


async def task_and_object(
    connection: AsyncConnection, uid: str
) -> tuple[TaskRecord | None, TaskObjectRecord | None]:
    """In one statement: it is asked for in every decision."""
    about = [column.label(f"object_{column.name}") for column in task_objects.c]
    query = select(tasks, *about).outerjoin(task_objects, task_objects.c.task == tasks.c.uid)
    row = (await connection.execute(query.where(tasks.c.uid == uid))).first()
    if row is None:
        return None, None
    values = dict(row._mapping)  # noqa: SLF001 - the public accessor of SQLAlchemy
    found = {column.name: values.pop(f"object_{column.name}") for column in task_objects.c}
    record = TaskObjectRecord(**found) if found["task"] is not None else None
    return repository.record_of(values), record


async def add_object(connection: AsyncConnection, record: TaskObjectRecord) -> None:
    await connection.execute(insert(task_objects).values(**vars(record)))


async def advance(connection: AsyncConnection, task: str, revision: int) -> bool:
    """The next revision, if `revision` is still the current one."""
    statement = (
        update(task_objects)
        .where(task_objects.c.task == task, task_objects.c.revision == revision)
        .values(revision=revision + 1)
    )
    return (await connection.execute(statement)).rowcount == 1


async def touch(connection: AsyncConnection, task: str) -> int:
    """The next revision: something was learned that every later decision must know. 0 for a task without an object."""
    current = task_objects.c.revision
    statement = update(task_objects).where(task_objects.c.task == task).values(revision=current + 1)
    return (await connection.execute(statement.returning(current))).scalar() or 0


async def archive(connection: AsyncConnection, task: str) -> None:
    await connection.execute(update(task_objects).where(task_objects.c.task == task).values(archived=True))


async def open_tasks(connection: AsyncConnection, after: int, limit: int) -> list[tuple[int, str]]:
    """(sequence number, uid) of tasks with an object that are not archived, oldest first."""
    query = (
        select(tasks.c.seq, tasks.c.uid)
        .join(task_objects, task_objects.c.task == tasks.c.uid)
        .where(task_objects.c.archived.is_(False), tasks.c.seq > after)
        .order_by(tasks.c.seq)
        .limit(limit)
    )
    return [(row.seq, row.uid) for row in await connection.execute(query)]


async def commit_facts(connection: AsyncConnection, after: int, limit: int) -> list[CommitFact]:
    """In the order of publication; only of projects that are namespaces."""
    query = (
        select(
            publications.c.seq.label("published"),
            publications.c.branch,
            commits,
            projects.c.name.label("namespace"),
            namespaces.c.uid,
            datasets.c.name.label("named"),
        )
        .join(commits, commits.c.id == publications.c.commit)
        .join(datasets, datasets.c.id == commits.c.dataset)
        .join(projects, projects.c.id == datasets.c.project)
        .join(namespaces, namespaces.c.project == projects.c.id)
        .where(publications.c.seq > after)
        .order_by(publications.c.seq)
        .limit(limit)
    )
    rows = list(await connection.execute(query))
    return [
        CommitFact(
            seq=row.published,
            id=row.id,
            namespace=row.namespace,
            namespace_uid=row.uid,
            dataset=row.named,
            root=row.root,
            parents=tuple(row.parents),
            title=row.title,
            kind=row.kind,
            author=row.author,
            task=row.task,
            branch=row.branch,
            counts=Counts.model_validate(row.counts),
            created_at=row.created_at,
        )
        for row in rows
    ]
