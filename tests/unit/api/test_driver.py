"""The driver on a real database: what is decided together is saved together, and idle sandboxes are not waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event

from retort_api.datasets.repository import DatasetRecord
from retort_api.datasets.repository import add as add_dataset
from retort_api.kit.database import Database
from retort_api.kit.signals import Signal, wait
from retort_api.local.driver import Driver
from retort_api.migrations import schema
from retort_api.projects.repository import add as add_project
from retort_api.projects.repository import find as find_project
from retort_api.tasks import repository
from retort_api.tasks.records import TaskRecord
from retort_core.errors import Conflict
from retort_core.lifecycle.observations import Prepared, Promoted, Ran
from retort_core.lifecycle.sources import RestoreSource, Source
from retort_core.lifecycle.statuses import Outcome, PlannedWork, Staged, TaskStatus

NOW = datetime.now(UTC)


@dataclass
class Box:
    broken: bool = False
    session: Any = None

    async def close(self) -> None:
        self.broken = True


@dataclass
class Pool:
    """`idle` sandboxes at once; a claim beyond them comes when the test gives it."""

    idle: int
    given: asyncio.Queue[Box] = field(default_factory=asyncio.Queue)
    back: list[Box] = field(default_factory=list)

    def claim_idle(self) -> Box | None:
        self.idle -= 1
        return Box() if self.idle >= 0 else None

    async def claim(self, owner: str) -> Box:
        return await self.given.get()

    async def release(self, sandbox: Any) -> None:
        self.back.append(sandbox)

    @asynccontextmanager
    async def claimed(self, owner: str) -> AsyncIterator[Box]:
        yield await self.claim(owner)


@dataclass
class Work:
    database: Database
    promotion: Callable[[], Promoted]
    promotions: int = 0

    async def base(self, task: TaskRecord) -> str:
        return "base"

    async def prepare(self, task: TaskRecord, settle: Any) -> Prepared:
        return Prepared(round=task.status.round, ready=PlannedWork(digest="", title=""))

    async def run(self, task: TaskRecord, attempt: int, sandbox: Any, settle: Any) -> None:
        async with self.database.write() as connection:
            await settle(connection, Ran(attempt=attempt, staged=Staged(commit="c1")))

    async def promoted(self, connection: Any, task: TaskRecord, commit: str) -> Promoted:
        self.promotions += 1
        return self.promotion()

    def left(self, task: TaskRecord) -> dict[str, Any]:
        return {}

    async def record(self, connection: Any, task: TaskRecord, status: TaskStatus) -> None:
        """What came of a task is for the audit."""


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'retort.db'}")
    await schema.upgrade(database)
    async with database.write() as connection:
        await add_project(connection, "p1", "default", NOW)
        await add_dataset(
            connection, DatasetRecord(id="d1", project="p1", name="d1", title="", created_at=NOW)
        )
        await repository.add(connection, task())
    yield database
    await database.close()


def task() -> TaskRecord:
    return TaskRecord(
        uid="t1", project="p1", dataset="d1", branch="main", base="", review="WhenSurprising", requester="me",
        source=Source(restore=RestoreSource(commit="c0")), lang="en", conversation="", deadline_seconds=60,
        created_at=datetime.now(UTC),  # not of the file's import: a suite may be longer than a task's patience
    )  # fmt: skip


async def end(database: Database, signal: Signal) -> TaskRecord:
    async with asyncio.timeout(20):
        while True:
            heard = signal.listen("t1")
            async with database.read() as connection:
                found = await repository.get(connection, "t1")
            assert found is not None
            if found.status.terminal:
                return found
            await wait(heard, 20)


def done() -> Promoted:
    return Promoted(done=Outcome(commit="c1"))


@pytest.mark.asyncio
async def test_a_step_without_a_question_is_three_transactions_with_an_idle_sandbox(
    database: Database,
) -> None:
    commits: list[object] = []
    event.listen(
        database._engine.sync_engine, "commit", lambda connection: commits.append(written(connection))
    )
    signal, work, pool = Signal(), Work(database, done), Pool(idle=1)
    driver = Driver(database, work, pool, signal)
    driver.wake("t1")
    found = await end(database, signal)
    assert found.status.phase == "Complete"
    assert found.replies.promoted is not None
    assert sum(map(bool, commits)) == 3  # accepted; prepared and claimed; staged, promoted and complete
    await driver.close()
    assert len(pool.back) == 1


def written(connection: Any) -> bool:
    return bool(connection.get_execution_options().get("retort_write"))


@pytest.mark.asyncio
async def test_without_an_idle_sandbox_the_task_waits_for_one(database: Database) -> None:
    signal, pool = Signal(), Pool(idle=0)
    driver = Driver(database, Work(database, done), pool, signal)
    driver.wake("t1")
    pool.given.put_nowait(Box())
    assert (await end(database, signal)).status.phase == "Complete"
    await driver.close()
    assert len(pool.back) == 1


@pytest.mark.asyncio
async def test_regression_a_task_that_was_cancelled_went_on_waiting_for_a_sandbox(database: Database) -> None:
    """It cost its project a turn."""
    asked, gave_up = asyncio.Event(), asyncio.Event()
    owners: list[str] = []

    class Busy(Pool):
        async def claim(self, owner: str) -> Box:
            owners.append(owner)
            asked.set()
            try:
                return await self.given.get()
            except asyncio.CancelledError:
                gave_up.set()
                raise

    signal = Signal()
    driver = Driver(database, Work(database, done), Busy(idle=0), signal)
    driver.wake("t1")
    async with asyncio.timeout(20):
        await asked.wait()
        async with database.write() as connection:
            await repository.cancel(connection, "t1")
        driver.wake("t1")
        assert (await end(database, signal)).status.phase == "Failed"
        await gave_up.wait()
    assert owners == ["p1"]
    await driver.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("problem", [Conflict("it moved"), ZeroDivisionError("a fault of ours")])
@pytest.mark.usefixtures("capsys")
async def test_a_promotion_that_goes_wrong_fails_the_task_and_keeps_what_was_found(
    database: Database, problem: Exception
) -> None:
    def refuse() -> Promoted:
        raise problem

    signal, work = Signal(), Work(database, refuse)
    driver = Driver(database, work, Pool(idle=1), signal)
    driver.wake("t1")
    found = await end(database, signal)
    await driver.close()
    assert found.status.phase == "Failed"
    assert found.replies.run is not None
    assert work.promotions == 1


@pytest.mark.asyncio
async def test_what_comes_in_after_the_end_of_its_task_is_not_stored(database: Database) -> None:
    """Undoing a step or storing a version comes in one transaction with its reply; cancelled, none of it stands."""
    reached, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Work):
        async def prepare(self, task: TaskRecord, settle: Any) -> Any:
            reached.set()
            await go_on.wait()
            async with self.database.write() as connection:
                await add_project(connection, "late", "late", NOW)
                await settle(connection, Prepared(round=0, ready=PlannedWork(digest="", title="")))

    signal = Signal()
    driver = Driver(database, Slow(database, done), Pool(idle=1), signal)
    driver.wake("t1")
    await reached.wait()
    async with database.write() as connection:
        await repository.cancel(connection, "t1")
    driver.wake("t1")
    assert (await end(database, signal)).status.phase == "Failed"
    flights = list(driver._flying.values())
    go_on.set()
    await asyncio.gather(*flights)
    async with database.read() as connection:
        found = await repository.get(connection, "t1")
        assert await find_project(connection, "late") is None
    await driver.close()
    assert found is not None
    assert found.replies.prepared is None
