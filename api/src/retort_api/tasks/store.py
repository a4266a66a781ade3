"""The port to where a task is first written down: a row here, or an object of the cluster that gets a row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access.member_repository import Asker
from retort_api.kit.database import Database
from retort_api.tasks.records import TaskRecord

Known: TypeAlias = Callable[[AsyncConnection], Awaitable[TaskRecord | None]]
Admitted: TypeAlias = Callable[[AsyncConnection], Awaitable[None]]
Written: TypeAlias = Callable[[AsyncConnection, TaskRecord], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A task that somebody asks for. `namespace`, `dataset`: the names of project and dataset; `key`: of the request.

    `known`: the task that the same request made before. `admitted`: raises when no new one may be made.
    `written`: everything that is written of a new task, in one transaction; it may run twice.
    """

    task: TaskRecord
    namespace: str
    dataset: str
    key: str
    asker: Asker
    known: Known
    admitted: Admitted
    written: Written


class TaskStore(Protocol):
    async def store(self, wish: Wish) -> TaskRecord:
        """The task with the uid it has; asked again with the same key, the same one."""


class Rows:
    """Without a cluster a task is its row, and the uid it was given stays."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, wish: Wish) -> TaskRecord:
        async def both(connection: AsyncConnection) -> TaskRecord:
            earlier = await wish.known(connection)
            if earlier is not None:
                return earlier
            await wish.admitted(connection)
            await wish.written(connection, wish.task)
            return wish.task

        return await self._database.transact(both)
