"""The gate a task passes where it would change something, and the record of what came of it.

A port, because the tasks' own code knows nothing of people. What is not allowed is `PolicyDenied`.
"""

from __future__ import annotations

from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.tasks.records import TaskRecord
from retort_core.lifecycle.sources import Approval, Approver
from retort_core.lifecycle.statuses import TaskStatus

MOVES: Final = frozenset({"undo", "redo", "undo_step"})  # of the task's own branch
CHANGES: Final = frozenset({"branch", "remember", "forget"})  # of the dataset and the project
DECIDES: Final = frozenset({"approve", "reject"})  # about the task that waits


class Gate(Protocol):
    async def command(self, task: TaskRecord, verb: str, pending: TaskRecord | None) -> None:
        """Before a command is carried out; `pending`: the task of the conversation that waits for a person."""

    async def approved(
        self, connection: AsyncConnection, task: TaskRecord, pending: TaskRecord, approval: Approval
    ) -> None:
        """A yes said in words: who said it counts for `pending`."""

    async def said(
        self, connection: AsyncConnection, task: TaskRecord, approval: Approval, approver: Approver | None
    ) -> bool:
        """A yes or no on the task's object, in the transaction that takes it; whether it is one that counts."""

    async def stores(self, connection: AsyncConnection, project: str) -> None:
        """Before a run that adds to what the project holds. Raises QuotaExceeded when it holds all it may."""

    async def promoted(self, connection: AsyncConnection, task: TaskRecord, commit: str) -> None:
        """In the transaction that moves the branch: the last moment to say no."""

    async def ended(self, connection: AsyncConnection, task: TaskRecord, status: TaskStatus) -> None:
        """In the transaction that ends the task: its line in the audit. `task` is as it was before."""
