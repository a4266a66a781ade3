"""Spans of what is done for a task: children of the request that asked for it, whatever process they are done in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository
from retort_api.kit.database import Database
from retort_api.kit.watching.tracing import Tracing, traceparent
from retort_api.tasks.records import TaskRecord
from retort_core.traceparents import own_traceparent

TRACEPARENT: Final = "traceparent"  # among the facts that are kept of whoever asked for a task
_SESSION: Final[ContextVar[str]] = ContextVar("task of the session that is open", default="")


async def traceparent_of(connection: AsyncConnection, task: str) -> str:
    """Of the request that asked for it, else one of its own."""
    asker = await member_repository.asker(connection, task)
    found = str(asker.facts.get(TRACEPARENT, "")) if asker is not None else ""
    return found or own_traceparent(task)


@dataclass(frozen=True, kw_only=True)
class TaskTraces:
    tracing: Tracing
    database: Database

    @asynccontextmanager
    async def span(
        self, name: str, task: TaskRecord, attempt: int = 0, executor: str = ""
    ) -> AsyncIterator[None]:
        """Where nothing is traced, nothing is read either. `attempt`: of a run; `executor`: the Pod of a session, whose
        child is what is begun in it. What a run settles is not: it has ended by then."""
        if not self.tracing.on:
            yield
            return
        parent = await self._parent(task.uid)
        with self.tracing.span(name, parent, task=task.uid, source=task.source.kind, attempt=attempt) as span:
            if executor:
                span.set_attribute("retort.executor", executor)
            outer = _SESSION.set(task.uid if executor else "")
            try:
                yield
            finally:
                _SESSION.reset(outer)

    async def _parent(self, task: str) -> str:
        if _SESSION.get() == task:
            return traceparent()
        async with self.database.single() as connection:
            return await traceparent_of(connection, task)
