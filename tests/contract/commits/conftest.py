"""A commit log on a fresh database of each kind, and commits to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from retort_api.commits.log import CommitLog
from retort_api.commits.records import CommitRecord
from retort_api.datasets.repository import DatasetRecord
from retort_api.datasets.repository import add as add_dataset
from retort_api.kit.database import Database
from retort_api.kit.postgres.database import PostgresDatabase
from retort_api.kit.postgres.settings import PostgresSettings
from retort_api.migrations import schema
from retort_api.projects.repository import add as add_project
from retort_core.identity import digest
from retort_core.lifecycle.statuses import Counts

START = datetime(2024, 6, 1, tzinfo=UTC)
DATASET = "d1"


def opened(kind: str, request: pytest.FixtureRequest) -> Database:
    if kind == "sqlite":
        return Database(f"sqlite+aiosqlite:///{request.getfixturevalue('tmp_path') / 'retort.db'}")
    return PostgresDatabase(PostgresSettings(database_url=request.getfixturevalue("postgres_url")))


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    database = opened(request.param, request)
    await schema.upgrade(database)
    async with database.write() as connection:
        await add_project(connection, "p1", "default", START)
        for name in (DATASET, "d2"):
            record = DatasetRecord(id=name, project="p1", name=name, title="", created_at=START)
            await add_dataset(connection, record)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def log(database: Database) -> CommitLog:
    return CommitLog(database)


@pytest.fixture
def make() -> Callable[..., CommitRecord]:
    """`make("c1", "c0")`: commit c1 on parent c0; ids are full digests of the short names."""

    def make(name: str, parent: str = "", dataset: str = DATASET, **changes: object) -> CommitRecord:
        values: dict[str, object] = {
            "id": full(name), "dataset": dataset, "root": digest("root", name), "snapshot": digest("manifest", name),
            "parents": (full(parent),) if parent else (), "generation": int(bool(parent)), "kind": "plan",
            "title": name, "instruction": name, "author": "somebody", "task": f"t-{name}",
            "attempt": f"{dataset}/{name}/1", "counts": Counts(rows_after=3),
            "created_at": START + timedelta(seconds=len(name)),
        }  # fmt: skip
        return CommitRecord(**{**values, **changes})  # type: ignore[arg-type]

    return make


def full(name: str) -> str:
    return digest("commit", name)
