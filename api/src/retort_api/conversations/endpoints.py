"""Routes of conversations and messages: what is said becomes a task."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository
from retort_api.commits import results
from retort_api.conversations import repository
from retort_api.conversations.repository import ConversationRecord
from retort_api.kit import cursors
from retort_api.scopes import Cursor, DatasetScope, InDataset, Limit
from retort_api.tasks import asking, service
from retort_api.tasks import repository as tasks
from retort_api.tasks.records import TaskRecord
from retort_api.tasks.replies import accepted
from retort_core.errors import BadInput, NotFound
from retort_core.http import routes
from retort_core.http.datasets import Conversation, ConversationCreate, Message, MessageCreate
from retort_core.http.pages import Page
from retort_core.http.tasks import Task, TaskCreate
from retort_core.lifecycle.sources import Instruction, Source

router = APIRouter(tags=["conversations"])


@router.post(routes.CONVERSATIONS, operation_id="createConversation", status_code=201)
async def create_conversation(scope: DatasetScope, body: ConversationCreate) -> Conversation:
    record = ConversationRecord(
        id=uuid.uuid4().hex,
        dataset=scope.dataset.id,
        branch=body.branch,
        title=body.title,
        created_at=datetime.now(UTC),
    )
    async with scope.services.database.write() as connection:
        await repository.add(connection, record)
        await member_repository.own(connection, record.id, scope.caller.name)
        await scope.note(connection, record.id, code=201)
    return await _public(scope, record)


@router.get(routes.CONVERSATIONS, operation_id="listConversations")
async def list_conversations(
    scope: DatasetScope, cursor: Cursor = "", limit: Limit = 50
) -> Page[Conversation]:
    async with scope.services.database.read() as connection:
        found = await repository.page(connection, scope.dataset.id, cursors.text(cursor), limit + 1)
    more = cursors.encode(found[limit - 1].id) if len(found) > limit else ""
    items = [await _public(scope, record) for record in found[:limit]]
    return Page(items=tuple(items), next_cursor=more)


@router.get(routes.CONVERSATION, operation_id="getConversation")
async def get_conversation(scope: DatasetScope, conversation: str) -> Conversation:
    return await _public(scope, await find(scope, conversation))


@router.post(routes.MESSAGES, operation_id="createMessage", status_code=202)
async def create_message(
    scope: DatasetScope, conversation: str, body: MessageCreate, response: Response
) -> Task:
    """What is said becomes a task; its status has the reply."""
    record = await find(scope, conversation)
    if not body.text.strip():
        raise BadInput("The message is empty; say what should happen to the data.")
    await asking.own_conversation(scope, record.id)
    asked = await asking.asked(scope, record.branch)
    source = Source(instruction=Instruction(text=body.text))
    wanted = TaskCreate(source=source, branch=record.branch, conversation=record.id, lang=body.lang)

    async def also(connection: AsyncConnection, task: TaskRecord) -> None:
        await repository.add_message(connection, record.id, body.text, task.lang, task.uid, task.created_at)

    task = await service.create(scope.services, asked, wanted, also=also)
    return accepted(response, scope.project.name, task)


@router.get(routes.MESSAGES, operation_id="listMessages")
async def list_messages(
    scope: DatasetScope, conversation: str, cursor: Cursor = "", limit: Limit = 100
) -> Page[Message]:
    record = await find(scope, conversation)
    after = cursors.number(cursor) or 0
    async with scope.services.database.read() as connection:
        found = await repository.messages_after(connection, record.id, after, limit + 1)
        shown = [(one, await tasks.find(connection, scope.project.id, one.task)) for one in found[:limit]]
    items = tuple(_message(one, task) for one, task in shown if task is not None)
    more = cursors.encode(found[limit - 1].seq) if len(found) > limit else ""
    return Page(items=items, next_cursor=more)


async def find(scope: InDataset, identifier: str) -> ConversationRecord:
    async with scope.services.database.read() as connection:
        found = await repository.find(connection, scope.dataset.id, identifier)
    if found is None:
        raise NotFound(f"There is no conversation {identifier[:40]!r} on this dataset.")
    return found


async def _public(scope: InDataset, record: ConversationRecord) -> Conversation:
    async with scope.services.database.read() as connection:
        waiting = await tasks.waiting(connection, record.dataset, record.id)
        answers = await results.of_conversation(connection, record.dataset, record.id)
    return Conversation(
        id=record.id,
        dataset=record.dataset,
        branch=record.branch,
        title=record.title,
        created_at=record.created_at,
        task=waiting.uid if waiting is not None else "",
        question=waiting.status.question if waiting is not None else None,
        last_result=answers[-1].id if answers else "",
    )


def _message(one: repository.MessageRecord, task: TaskRecord) -> Message:
    outcome = task.status.result
    return Message(
        id=one.seq,
        text=one.text,
        lang=one.lang,
        at=one.at,
        task=one.task,
        phase=task.status.phase,
        reply=task.status.message,
        commit=outcome.commit if outcome is not None else "",
        result=outcome.result if outcome is not None else "",
    )
