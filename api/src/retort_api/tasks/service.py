"""Tasks as people meet them: asked for, waited for, answered, approved, cancelled."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeAlias

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository
from retort_api.access.member_repository import Asker
from retort_api.audit.acts import words
from retort_api.kit import signals
from retort_api.kit.problems import HttpProblem
from retort_api.runs.traces import TRACEPARENT
from retort_api.services import Services
from retort_api.tasks import events, repository
from retort_api.tasks.languages import of_source
from retort_api.tasks.records import TaskRecord
from retort_api.tasks.store import Wish
from retort_core.errors import BadInput, Conflict, NotFound
from retort_core.http.tasks import TaskCreate
from retort_core.lifecycle.sources import Answer, Approval

TAKEN_UP_SECONDS: Final = 5.0  # an answer usually shows in the status after a few milliseconds


Note: TypeAlias = Callable[..., Awaitable[None]]  # the line of an act: (connection, name, **facts)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Where and by whom a task is asked for, and with what rights; `note` writes the line of the act."""

    project: str
    namespace: str  # the project's name
    dataset: str
    dataset_name: str
    requester: str
    change: bool
    protected: bool
    reviewed: bool  # whether every change waits for a yes
    user: dict[str, JsonValue]
    addresses: tuple[str, ...]
    note: Note
    traceparent: str = ""  # of the request, so that what is done for it later is seen as its child
    facts: dict[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Yes:
    """Who says yes; `protected`: whether it counts on a protected branch."""

    by: str
    protected: bool


async def create(
    services: Services,
    asked: Asked,
    body: TaskCreate,
    key: str = "",
    also: Callable[[AsyncConnection, TaskRecord], Awaitable[None]] | None = None,
) -> TaskRecord:
    """A new task, or the one that the same key made before; `also` runs in the same transaction."""
    digest = hashlib.sha256((asked.dataset + body.model_dump_json()).encode()).hexdigest()

    async def known(connection: AsyncConnection) -> TaskRecord | None:
        return await _earlier(connection, asked.project, key, digest) if key else None

    async def admitted(connection: AsyncConnection) -> None:
        await services.quotas.admit_task(connection, asked.project)

    async def written(connection: AsyncConnection, task: TaskRecord) -> None:
        if await repository.add(connection, task):
            data = {"phase": "Pending", "message": ""}
            await events.add(
                connection, "task", data, task=task.uid, dataset=task.dataset, project=task.project
            )
        await member_repository.add_asker(connection, _asker(asked, task))
        await asked.note(connection, task.uid, code=202, **_told(task), **asked.facts)
        if key:
            await repository.remember_key(connection, asked.project, key, digest, task.uid, task.created_at)
        if also is not None:
            await also(connection, task)

    task = _record(asked, body)
    wish = Wish(
        task=task, namespace=asked.namespace, dataset=asked.dataset_name, key=key, asker=_asker(asked, task),
        known=known, admitted=admitted, written=written,
    )  # fmt: skip
    task = await services.tasks.store(wish)
    services.signal.notify()
    services.waker.wake(task.uid)
    return task


def _record(asked: Asked, body: TaskCreate) -> TaskRecord:
    return TaskRecord(
        uid=uuid.uuid4().hex,
        project=asked.project,
        dataset=asked.dataset,
        branch=body.branch,
        base=body.base,
        source=body.source,
        review="Always" if asked.reviewed else body.review,
        requester=asked.requester,
        lang=of_source(body.source, body.lang),
        conversation=body.conversation,
        deadline_seconds=body.active_deadline_seconds,
        created_at=datetime.now(UTC),
    )


def _traced(asked: Asked) -> dict[str, str]:
    return {TRACEPARENT: asked.traceparent} if asked.traceparent else {}


def _asker(asked: Asked, task: TaskRecord) -> Asker:
    return Asker(
        task=task.uid, project=task.project, name=task.requester, change=asked.change, protected=asked.protected,
        facts={"user": asked.user, "addresses": list(asked.addresses), **_traced(asked)},
    )  # fmt: skip


def _told(task: TaskRecord) -> dict[str, JsonValue]:
    """What the audit says of a task: never its words, which may repeat cells."""
    instruction = task.source.instruction
    told: dict[str, JsonValue] = {"task": task.uid, "branch": task.branch, "source": task.source.kind}
    return {**told, "promptHash": words(instruction.text)} if instruction is not None else told


async def _earlier(connection: AsyncConnection, project: str, key: str, digest: str) -> TaskRecord | None:
    found = await repository.repeated(connection, project, key)
    if found is None:
        return None
    if found[0] != digest:
        raise HttpProblem(422, "This Idempotency-Key was used for another request; use a new one.")
    return await repository.find(connection, project, found[1])


async def get(services: Services, project: str, uid: str) -> TaskRecord:
    async with services.database.single() as connection:
        found = await repository.find(connection, project, uid)
    if found is None:
        raise NotFound(f"There is no task {uid[:40]!r} in this project.")
    return found


async def wait(services: Services, project: str, uid: str, seconds: float) -> TaskRecord:
    """The task as soon as it is over or needs a person, at the latest after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        event = services.signal.listen(uid)
        task = await get(services, project, uid)
        left = end - time.monotonic()
        if task.status.terminal or task.waits or left <= 0:
            return task
        await signals.wait(event, left)


async def answer(services: Services, project: str, uid: str, given: Answer, note: Note) -> TaskRecord:
    async with services.database.write() as connection:
        task = await _open(connection, project, uid)
        question = task.status.question
        if question is None:
            raise Conflict("This task asks nothing (any more).", phase=task.status.phase)
        if given.question not in ("", question.id):
            raise Conflict("This task asks something else by now.", question=question.id)
        _check_choice(task, given)
        await repository.save_answer(connection, uid, given.model_copy(update={"question": question.id}))
        await note(connection, uid, task=uid, question=question.id, remember=given.remember)
    services.waker.wake(uid)
    return await _taken_up(services, task)


async def _taken_up(services: Services, before: TaskRecord) -> TaskRecord:
    """The task once the answer shows in its status, so that nobody mistakes the old question for a new one."""
    end = time.monotonic() + TAKEN_UP_SECONDS
    while True:
        event = services.signal.listen()
        task = await get(services, before.project, before.uid)
        left = end - time.monotonic()
        if task.status != before.status or left <= 0:
            return task
        await signals.wait(event, left)


def _check_choice(task: TaskRecord, given: Answer) -> None:
    """A click that names no button is refused here, where it can still be corrected."""
    question = task.status.question
    if question is None or not given.choice:
        return
    chosen = given.choice.split("+")
    fits = len(chosen) == len(question.slots) and all(
        choice in {option.id for option in slot.options}
        for choice, slot in zip(chosen, question.slots, strict=True)
    )
    if not fits:
        offered = "; ".join(", ".join(option.id for option in slot.options) for slot in question.slots)
        raise BadInput(f"{given.choice!r} is none of the choices: {offered} (one of each, joined by '+').")


async def approve(
    services: Services, project: str, uid: str, given: Approval, yes: Yes, note: Note
) -> TaskRecord:
    async with services.database.write() as connection:
        task = await _open(connection, project, uid)
        staged = task.status.staged
        if staged is None or task.status.phase != "AwaitingInput":
            raise Conflict("Nothing of this task waits for a yes (any more).", phase=task.status.phase)
        if given.commit != staged.commit:
            raise Conflict(
                "Another version waits for the yes by now; look at it first.", commit=staged.commit
            )
        await repository.save_approval(connection, uid, given)
        if given.approved:
            await member_repository.say_yes(connection, uid, given.commit, yes.by, protected=yes.protected)
        await note(
            connection, uid, task=uid, branch=task.branch, commit=given.commit, approved=given.approved
        )
    services.waker.wake(uid)
    return await _taken_up(services, task)


async def cancel(services: Services, project: str, uid: str, note: Note) -> TaskRecord:
    """Too late is no error: the reply says what the task became."""
    async with services.database.write() as connection:
        task = await repository.find(connection, project, uid, held=True)
        if task is None:
            raise NotFound(f"There is no task {uid[:40]!r} in this project.")
        if not task.status.terminal:
            await repository.cancel(connection, uid)
        await note(connection, uid, task=uid, late=task.status.terminal)
    services.waker.wake(uid)
    return await wait(services, project, uid, 5)


async def _open(connection: AsyncConnection, project: str, uid: str) -> TaskRecord:
    task = await repository.find(connection, project, uid, held=True)
    if task is None:
        raise NotFound(f"There is no task {uid[:40]!r} in this project.")
    if task.status.terminal:
        raise Conflict(f"This task is over ({task.status.phase}).", phase=task.status.phase)
    return task
