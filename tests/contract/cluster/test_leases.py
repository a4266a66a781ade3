"""Run leases on a server with many writers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from sqlalchemy import select

from retort_api.cluster import leases
from retort_api.cluster.leases import RunLease
from retort_api.cluster.tables import run_leases
from retort_api.datasets import repository as datasets
from retort_api.datasets.repository import DatasetRecord
from retort_api.kit.postgres.database import PostgresDatabase
from retort_api.kit.postgres.settings import PostgresSettings
from retort_api.migrations import schema
from retort_api.projects import repository as projects
from retort_api.tasks import repository as tasks
from retort_api.tasks.records import TaskRecord
from retort_core.lifecycle.sources import Source

START = datetime(2026, 1, 1, tzinfo=UTC)
HELD, FREE = (RunLease(task=digit * 32, attempt=1, epoch=1, holder="b") for digit in "12")


@pytest_asyncio.fixture
async def database(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    """With two tasks that one broker runs."""
    database = PostgresDatabase(PostgresSettings(database_url=postgres_url, database_lock_seconds=2))
    await schema.upgrade(database)
    async with database.write() as connection:
        await projects.add(connection, "p1", "default", START)
        dataset = DatasetRecord(id="d1", project="p1", name="d1", title="", created_at=START)
        await datasets.add(connection, dataset)
        for lease in (HELD, FREE):
            source = Source.model_validate({"instruction": {"text": "x"}})
            task = TaskRecord(
                uid=lease.task, project="p1", dataset="d1", branch="main", base="", source=source, review="Auto",
                requester="amy", lang="en", conversation="", deadline_seconds=600, created_at=START,
            )  # fmt: skip
            await tasks.add(connection, task)
            await leases.take(connection, lease)
    yield database
    await database.close()


async def expiries(database: PostgresDatabase) -> dict[str, datetime]:
    query = select(run_leases.c.task, run_leases.c.expires_at)
    async with database.single() as connection:
        return {row.task: row.expires_at for row in await connection.execute(query)}


@pytest.mark.asyncio
async def test_a_lease_that_is_being_settled_keeps_no_other_from_being_renewed(
    database: PostgresDatabase,
) -> None:
    """Regression: one row that did not come free in time failed the renewal of all, and all runs of the broker were lost."""
    before = await expiries(database)
    async with database.write() as settling:
        await leases.check(settling, HELD)
        async with database.write() as connection:
            await leases.renew(connection, "b", {(lease.task, 1) for lease in (HELD, FREE)})
    after = await expiries(database)
    assert after[FREE.task] > before[FREE.task]
    assert after[HELD.task] == before[HELD.task]
