"""What somebody may ask for, settled when they ask: rights that the task keeps, and whose tasks and talks are whose."""

from __future__ import annotations

from pydantic import JsonValue

from retort_api.access import member_repository as members
from retort_api.access.authoriser import Right
from retort_api.conversations import repository as conversations
from retort_api.kit.watching.tracing import traceparent
from retort_api.scopes import InDataset, InProject, denied
from retort_api.tasks.records import TaskRecord
from retort_api.tasks.service import Asked
from retort_core import names
from retort_core.errors import NotFound

CHANGE: Right = ("update", "branches")
PROTECTED: Right = ("update", "branches/protected")
OTHERS: Right = ("run", "tasks/others")


async def asked(scope: InDataset, branch: str, **facts: JsonValue) -> Asked:
    """Whoever may not change data may still ask: what changes data then waits for a yes, as on a protected branch. A
    conversation may be on a tag since before it was refused to switch to one."""
    names.branch(branch)
    async with scope.services.database.single() as connection:
        guarded = await members.is_protected(connection, scope.dataset.id, branch)
    change = await scope.may(CHANGE)
    return Asked(
        project=scope.project.id,
        namespace=scope.project.name,
        dataset=scope.dataset.id,
        dataset_name=scope.dataset.name,
        requester=scope.caller.name,
        change=change,
        protected=await scope.may(PROTECTED),
        reviewed=guarded or not change,
        user=scope.act.user,
        addresses=scope.act.addresses,
        note=scope.note,
        traceparent=traceparent(),
        facts=facts,
    )


async def may_approve(scope: InProject, task: TaskRecord) -> bool:
    """Whether this person's yes counts on a protected branch; raises where it is needed and does not."""
    async with scope.services.database.single() as connection:
        guarded = await members.is_protected(connection, task.dataset, task.branch)
    allowed = await scope.may(PROTECTED)
    if guarded and not allowed:
        raise denied(PROTECTED)
    return allowed


async def own_task(scope: InProject, task: TaskRecord) -> None:
    """Others' questions are answered, and others' tasks cancelled, by those who may change data."""
    if task.requester != scope.caller.name and not await scope.may(OTHERS):
        raise denied(OTHERS)


async def own_conversation(scope: InDataset, conversation: str) -> None:
    """A new instruction takes the place of an open question, so not everybody may speak everywhere."""
    async with scope.services.database.single() as connection:
        owner = await members.owner(connection, conversation)
    if owner != scope.caller.name and not await scope.may(OTHERS):
        raise denied(OTHERS)


async def conversation(scope: InDataset, identifier: str) -> None:
    """A conversation of this dataset that the caller may speak in."""
    async with scope.services.database.read() as connection:
        found = await conversations.find(connection, scope.dataset.id, identifier)
    if found is None:
        raise NotFound(f"There is no conversation {identifier[:40]!r} on this dataset.")
    await own_conversation(scope, identifier)
