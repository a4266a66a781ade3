"""Spans of what is done for a task: children of the request that asked for it, whatever process they are done in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository
from retort_api.kit.database import Database
from retort_api.kit.watching.tracing import Tracing
from retort_api.tasks.records import TaskRecord

TRACEPARENT: Final = "traceparent"  # among the facts that are kept of whoever asked for a task


async def traceparent_of(connection: AsyncConnection, task: str) -> str:
    """Of the request that asked for it; empty when it was not traced, or when there was none (`kubectl`)."""
    asker = await member_repository.asker(connection, task)
    return str(asker.facts.get(TRACEPARENT, "")) if asker is not None else ""


@dataclass(frozen=True, kw_only=True)
class TaskTraces:
    tracing: Tracing
    database: Database

    @asynccontextmanager
    async def span(self, name: str, task: TaskRecord, attempt: int = 0) -> AsyncIterator[None]:
        """Where nothing is traced, nothing is read either. `attempt`: of a run."""
        if not self.tracing.on:
            yield
            return
        async with self.database.read() as connection:
            parent = await traceparent_of(connection, task.uid)
        with self.tracing.span(name, parent, task=task.uid, source=task.source.kind, attempt=attempt):
            yield
