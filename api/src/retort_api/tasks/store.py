"""The port to where a task is first written down: its row here, or an object of the cluster that gets a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from retort_api.tasks.records import TaskRecord


@dataclass(frozen=True, kw_only=True)
class Place:
    """Names of where a task belongs, as people and the cluster know them."""

    project: str
    dataset: str


class TaskStore(Protocol):
    async def admit(self, task: TaskRecord, place: Place, key: str) -> TaskRecord:
        """The task with the uid it will have; asked again with the same key, the same uid."""


class Rows:
    """Without a cluster a task is its row, and the uid it was given stays."""

    async def admit(self, task: TaskRecord, place: Place, key: str) -> TaskRecord:
        del place, key
        return task
