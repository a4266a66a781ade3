"""Spans of what is done for a task: children of the request that asked for it, whatever process they are done in."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository
from retort_api.kit.database import Database
from retort_api.kit.watching.tracing import Tracing
from retort_api.tasks.records import TaskRecord

_TRACE: Final = re.compile(r"(?=.{0,15}[1-9a-f])[0-9a-f]{32}")  # W3C: no half of it is all zeros
TRACEPARENT: Final = "traceparent"  # among the facts that are kept of whoever asked for a task


async def traceparent_of(connection: AsyncConnection, task: str) -> str:
    """Of the request that asked for it, else one of its own."""
    asker = await member_repository.asker(connection, task)
    found = str(asker.facts.get(TRACEPARENT, "")) if asker is not None else ""
    return found or own_traceparent(task)


def own_traceparent(task: str) -> str:
    """Of a task that no traced request asked for, as those of `kubectl`: its id is its trace's, so that what the service
    and the broker do for it lies in one, and is found by whoever has the object. Empty for ids of another shape."""
    return f"00-{task}-{task[:16]}-01" if _TRACE.fullmatch(task) else ""


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
        async with self.database.single() as connection:
            parent = await traceparent_of(connection, task.uid)
        with self.tracing.span(name, parent, task=task.uid, source=task.source.kind, attempt=attempt):
            yield
