"""What a run tells while it goes on: in few transactions, within bounds, and the end of it is never lost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event

from retort_api.datasets.repository import DatasetRecord
from retort_api.datasets.repository import add as add_dataset
from retort_api.kit.database import Database
from retort_api.kit.signals import Signal
from retort_api.projects.repository import add as add_project
from retort_api.runs import telling
from retort_api.runs.telling import Telling
from retort_api.tasks import events, repository
from retort_api.tasks.records import TaskRecord
from retort_core.errors import Unavailable
from retort_core.http.tasks import Event
from retort_core.lifecycle.sources import RestoreSource, Source

pytestmark = pytest.mark.asyncio
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest_asyncio.fixture
async def task(database: Database) -> TaskRecord:
    record = TaskRecord(
        uid="t1", project="p1", dataset="d1", branch="main", base="", review="Auto", requester="me",
        source=Source(restore=RestoreSource(commit="c0")), lang="en", conversation="", deadline_seconds=60,
        created_at=NOW,
    )  # fmt: skip
    async with database.write() as connection:
        await add_project(connection, "p1", "default", NOW)
        await add_dataset(
            connection, DatasetRecord(id="d1", project="p1", name="d1", title="", created_at=NOW)
        )
        await repository.add(connection, record)
    return record


async def told(database: Database) -> list[Event]:
    async with database.read() as connection:
        return await events.after(connection, "p1", 0, task="t1", limit=10_000)


async def test_regression_two_hundred_log_lines_at_once_were_two_hundred_transactions(
    database: Database, task: TaskRecord
) -> None:
    commits: list[Any] = []
    event.listen(database._engine.sync_engine, "commit", commits.append)
    tell = Telling(database, Signal(), task)
    for number in range(telling.LOG_LINES + 50):
        tell("log", {"text": f"line {number}"})
    await tell.close()
    assert len(commits) == 1
    assert [one.data["text"] for one in await told(database)] == [
        f"line {n}" for n in range(telling.LOG_LINES)
    ]


async def test_regression_previews_of_a_hostile_sandbox_had_no_bound(
    database: Database, task: TaskRecord
) -> None:
    tell = Telling(database, Signal(), task)
    tell("progress", {"stage": "preview", "columns": ["a" * telling.FACTS_BYTES], "rows": []})
    for number in range(1000):
        tell("progress", {"stage": "preview", "columns": ["a"], "rows": [[number]]})
    await tell.close()
    lines = await told(database)
    assert len(lines) == telling.PREVIEWS - 1  # the large one is not kept, and counts
    assert lines[0].data == {"columns": ["a"], "rows": [["0"]]}


async def test_a_long_line_is_cut(database: Database, task: TaskRecord) -> None:
    tell = Telling(database, Signal(), task)
    tell("log", {"text": "x" * (1 << 20)})
    await tell.close()
    assert [len(one.data["text"]) for one in await told(database)] == [telling.LINE_LENGTH]


async def test_what_comes_while_another_line_is_written_is_written_as_well(
    database: Database, task: TaskRecord
) -> None:
    tell = Telling(database, Signal(), task)
    async with database.write():  # nobody else writes now
        tell("log", {"text": "first"})
    tell("log", {"text": "second"})
    await tell.close()
    tell("log", {"text": "after the end"})
    await tell.close()
    assert [one.data["text"] for one in await told(database)] == ["first", "second", "after the end"]


async def test_a_database_that_fails_costs_the_lines_and_not_the_run(
    database: Database, task: TaskRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise Unavailable("a cell: 4711")

    tell = Telling(database, Signal(), task)
    with monkeypatch.context() as patched:
        patched.setattr(events, "add", fail)
        tell("log", {"text": "lost"})
        await tell.close()
    tell("log", {"text": "kept"})
    await tell.close()
    assert [one.data["text"] for one in await told(database)] == ["kept"]
    assert "4711" not in caplog.text
