"""SQL of tasks. Every function works inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.kit.inserts import insert_new
from retort_api.records import idempotency, tasks
from retort_api.tasks.records import Ending, Replies, TaskRecord
from retort_core.lifecycle.observations import Prepared, Promoted, Ran
from retort_core.lifecycle.sources import Answer, Approval, Source
from retort_core.lifecycle.statuses import TaskStatus
from retort_core.models import Model


def _json(model: Model | None) -> dict[str, Any] | None:
    return model.model_dump(mode="json", exclude_defaults=True) if model is not None else None


async def add(connection: AsyncConnection, task: TaskRecord) -> bool:
    """False when there is a row of it already; that one stays as it is."""
    values = {
        "uid": task.uid,
        "project": task.project,
        "dataset": task.dataset,
        "branch": task.branch,
        "base": task.base,
        "source": task.source.model_dump(mode="json", exclude_none=True),
        "review": task.review,
        "requester": task.requester,
        "lang": task.lang,
        "conversation": task.conversation,
        "deadline_seconds": task.deadline_seconds,
        "status": _json(task.status),
        "phase": task.status.phase,
        "created_at": task.created_at,
    }
    return await insert_new(connection, tasks, values)


def _record(row: Row[Any]) -> TaskRecord:
    return record_of(dict(row._mapping))  # noqa: SLF001 - the public accessor of SQLAlchemy


def record_of(values: dict[str, Any]) -> TaskRecord:
    """From the columns of its row."""
    values.pop("phase")
    replies = values["replies"]
    values["replies"] = Replies(
        prepared=Prepared.model_validate(replies["prepared"]) if "prepared" in replies else None,
        run=Ran.model_validate(replies["run"]) if "run" in replies else None,
        promoted=Promoted.model_validate(replies["promoted"]) if "promoted" in replies else None,
    )
    values["source"] = Source.model_validate(values["source"])
    values["status"] = TaskStatus.model_validate(values["status"])
    values["answer"] = Answer.model_validate(values["answer"]) if values["answer"] else None
    values["approval"] = Approval.model_validate(values["approval"]) if values["approval"] else None
    values["cancelled"] = bool(values["cancelled"])
    return TaskRecord(**values)


async def get(connection: AsyncConnection, uid: str) -> TaskRecord | None:
    row = (await connection.execute(select(tasks).where(tasks.c.uid == uid))).first()
    return _record(row) if row is not None else None


async def hold(connection: AsyncConnection, uid: str) -> TaskRecord | None:
    """The task, with its row locked until the transaction ends: what is decided from it stays true until it is saved.
    Deciding, settling, cancelling and answering all take this lock; SQLite has one writer anyway."""
    row = (await connection.execute(select(tasks).where(tasks.c.uid == uid).with_for_update())).first()
    return _record(row) if row is not None else None


async def find(
    connection: AsyncConnection, project: str, uid: str, *, held: bool = False
) -> TaskRecord | None:
    """As `get` and `hold`, for whoever works in one project: a task of another one is not there."""
    query = select(tasks).where(tasks.c.uid == uid, tasks.c.project == project)
    row = (await connection.execute(query.with_for_update() if held else query)).first()
    return _record(row) if row is not None else None


async def page(
    connection: AsyncConnection, dataset: str, before: int | None, limit: int, conversation: str = ""
) -> list[TaskRecord]:
    """Newest first."""
    query = select(tasks).where(tasks.c.dataset == dataset).order_by(tasks.c.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(tasks.c.seq < before)
    if conversation:
        query = query.where(tasks.c.conversation == conversation)
    return [_record(row) for row in await connection.execute(query)]


async def of_conversation(
    connection: AsyncConnection, dataset: str, conversation: str, limit: int
) -> list[TaskRecord]:
    """The latest `limit`, oldest first."""
    query = select(tasks).where(tasks.c.dataset == dataset, tasks.c.conversation == conversation)
    query = query.order_by(tasks.c.seq.desc())
    return [_record(row) for row in await connection.execute(query.limit(limit))][::-1]


async def waiting(connection: AsyncConnection, dataset: str, conversation: str) -> TaskRecord | None:
    """The latest task of a conversation that waits for an answer or a yes. An object in the cluster names its conversation as it
    likes: one about another dataset is never found."""
    query = select(tasks).where(
        tasks.c.dataset == dataset,
        tasks.c.conversation == conversation,
        tasks.c.phase == "AwaitingInput",
    )
    row = (await connection.execute(query.order_by(tasks.c.seq.desc()).limit(1))).first()
    return _record(row) if row is not None else None


async def open_uids(connection: AsyncConnection) -> list[str]:
    query = select(tasks.c.uid).where(tasks.c.phase.not_in(("Complete", "Failed"))).order_by(tasks.c.seq)
    return list((await connection.execute(query)).scalars())


async def save_status(
    connection: AsyncConnection, uid: str, status: TaskStatus, ending: Ending | None = None
) -> None:
    values = {"status": _json(status), "phase": status.phase, **_ended(ending)}
    await connection.execute(update(tasks).where(tasks.c.uid == uid).values(**values))


async def save_decision(
    connection: AsyncConnection,
    uid: str,
    replies: Replies,
    status: TaskStatus,
    ending: Ending | None = None,
) -> None:
    """What was found and what was decided from it, in one statement."""
    values = {
        "replies": _told(replies),
        "status": _json(status),
        "phase": status.phase,
        **_ended(ending),
    }
    await connection.execute(update(tasks).where(tasks.c.uid == uid).values(**values))


def _ended(ending: Ending | None) -> dict[str, Any]:
    return {"finished_at": ending.at, "work": ending.work} if ending is not None else {"finished_at": None}


async def save_replies(connection: AsyncConnection, uid: str, replies: Replies) -> None:
    """Of a task that is held: two that settle at once must not each leave out what the other brought."""
    await connection.execute(update(tasks).where(tasks.c.uid == uid).values(replies=_told(replies)))


def _told(replies: Replies) -> dict[str, Any]:
    found = {"prepared": replies.prepared, "run": replies.run, "promoted": replies.promoted}
    return {name: _json(reply) for name, reply in found.items() if reply is not None}


async def save_work(connection: AsyncConnection, uid: str, work: dict[str, Any]) -> None:
    await connection.execute(update(tasks).where(tasks.c.uid == uid).values(work=work))


async def save_answer(connection: AsyncConnection, uid: str, answer: Answer) -> None:
    await connection.execute(update(tasks).where(tasks.c.uid == uid).values(answer=_json(answer)))


async def save_approval(connection: AsyncConnection, uid: str, approval: Approval) -> None:
    values = approval.model_dump(mode="json")
    await connection.execute(update(tasks).where(tasks.c.uid == uid).values(approval=values))


async def cancel(connection: AsyncConnection, uid: str) -> None:
    await connection.execute(update(tasks).where(tasks.c.uid == uid).values(cancelled=1))


async def repeated(connection: AsyncConnection, project: str, key: str) -> tuple[str, str] | None:
    """(digest of the request, task) of an earlier request with this key."""
    query = select(idempotency.c.digest, idempotency.c.task).where(
        idempotency.c.project == project, idempotency.c.key == key
    )
    row = (await connection.execute(query)).first()
    return (row.digest, row.task) if row is not None else None


async def remember_key(
    connection: AsyncConnection, project: str, key: str, digest: str, task: str, at: datetime
) -> None:
    await connection.execute(
        insert(idempotency).values(project=project, key=key, digest=digest, task=task, at=at)
    )


async def forget_keys(connection: AsyncConnection, before: datetime, limit: int) -> int:
    """How many went, so many at most; what another process is about to forget is left to it."""
    name = (idempotency.c.project, idempotency.c.key)
    old = select(*name).where(idempotency.c.at < before).order_by(idempotency.c.at).limit(limit)
    gone = [tuple(row) for row in await connection.execute(old.with_for_update(skip_locked=True))]
    await connection.execute(delete(idempotency).where(tuple_(*name).in_(gone)))
    return len(gone)
