"""SQL of conversations and messages. Every function works inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.records import conversations, messages
from retort_core.plans import Lang


@dataclass(frozen=True, kw_only=True)
class ConversationRecord:
    id: str
    dataset: str
    branch: str
    title: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class MessageRecord:
    seq: int
    text: str
    lang: Lang
    task: str
    at: datetime


async def add(connection: AsyncConnection, record: ConversationRecord) -> None:
    await connection.execute(insert(conversations).values(**vars(record)))


async def find(connection: AsyncConnection, dataset: str, identifier: str) -> ConversationRecord | None:
    """A conversation about another dataset is not there."""
    query = select(conversations).where(conversations.c.id == identifier, conversations.c.dataset == dataset)
    row = (await connection.execute(query)).first()
    return _conversation(row) if row is not None else None


async def page(connection: AsyncConnection, dataset: str, after: str, limit: int) -> list[ConversationRecord]:
    query = select(conversations).where(conversations.c.dataset == dataset, conversations.c.id > after)
    rows = await connection.execute(query.order_by(conversations.c.id).limit(limit))
    return [_conversation(row) for row in rows]


async def switch(connection: AsyncConnection, dataset: str, identifier: str, branch: str) -> None:
    mine = and_(conversations.c.id == identifier, conversations.c.dataset == dataset)
    await connection.execute(update(conversations).where(mine).values(branch=branch))


async def add_message(
    connection: AsyncConnection, conversation: str, text: str, lang: Lang, task: str, at: datetime
) -> None:
    await connection.execute(
        insert(messages).values(conversation=conversation, text=text, lang=lang, task=task, at=at)
    )


async def messages_after(
    connection: AsyncConnection, conversation: str, seq: int, limit: int
) -> list[MessageRecord]:
    query = select(messages).where(messages.c.conversation == conversation, messages.c.seq > seq)
    rows = await connection.execute(query.order_by(messages.c.seq).limit(limit))
    return [
        MessageRecord(seq=row.seq, text=row.text, lang=row.lang, task=row.task, at=row.at) for row in rows
    ]


def _conversation(row: Row[Any]) -> ConversationRecord:
    values = dict(row._mapping)  # noqa: SLF001 - the public accessor of SQLAlchemy
    fields = ConversationRecord.__dataclass_fields__
    return ConversationRecord(**{name: values[name] for name in fields})
