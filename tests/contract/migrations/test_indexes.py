"""Statements that run all the time use an index, on a PostgreSQL that has a history to look through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.cluster import repository as objects
from retort_api.commits import repository as commits
from retort_api.kit.database import Database
from retort_api.kit.postgres.database import PostgresDatabase
from retort_api.kit.postgres.settings import PostgresSettings
from retort_api.migrations import schema
from retort_api.tasks import events

Read = Callable[[AsyncConnection], Awaitable[Any]]
# Two projects, 50 datasets, 5,000 of everything: a few tasks are open, a hundredth of it all is about one dataset.
HISTORY = """
INSERT INTO projects (id, name, conventions, created_at) SELECT 'p' || n, 'p' || n, '{}', now() FROM generate_series(0, 1) n;
INSERT INTO namespaces (project, uid) SELECT id, id FROM projects;
INSERT INTO datasets (id, project, name, title, created_at)
    SELECT 'd' || n, 'p' || n % 2, 'd' || n, '', now() FROM generate_series(0, 49) n;
INSERT INTO tasks (uid, project, dataset, branch, base, source, review, requester, lang, conversation, deadline_seconds,
                   cancelled, status, phase, replies, work, created_at)
    SELECT 't' || n, 'p' || n % 2, 'd' || n % 50, 'main', '', '{}', 'Auto', 'amy', 'en', '', 600, 0, '{}', 'Complete', '{}', '{}',
           now() FROM generate_series(1, 5000) n;
INSERT INTO task_objects (task, name, revision, archived) SELECT 't' || n, 't' || n, 1, n <= 4990 FROM generate_series(1, 5000) n;
INSERT INTO events (project, dataset, task, kind, data, at)
    SELECT 'p' || n % 2, 'd' || n % 50, 't' || n, 'task', '{}', now() FROM generate_series(1, 5000) n;
INSERT INTO commits (id, dataset, root, snapshot, parents, generation, kind, title, instruction, author, task, attempt, counts,
                     script, details, created_at)
    SELECT 'c' || n, 'd' || n % 50, '', '', '[]', 1, 'plan', '', '', 'amy', 't' || n, 'c' || n, '{}', '', '{}', now()
    FROM generate_series(1, 5000) n;
INSERT INTO publications (commit, branch) SELECT 'c' || n, 'main' FROM generate_series(1, 5000) n;
INSERT INTO refs (dataset, name, kind, head, version, updated_at)
    SELECT 'd' || n % 50, 'b' || n, 'branch', 'c' || n, 1, now() FROM generate_series(1, 5000) n;
INSERT INTO reflog (dataset, name, was, now, why, by, at)
    SELECT 'd' || n % 50, 'b' || n % 500, '', '', 'commit', 'amy', now() FROM generate_series(1, 5000) n;
"""


@pytest_asyncio.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    database = PostgresDatabase(PostgresSettings(database_url=postgres_url))
    await schema.upgrade(database)
    async with database.write() as connection:
        for statement in HISTORY.strip().split(";\n"):
            await connection.execute(text(statement.rstrip(";")))
        await connection.execute(text("ANALYZE"))
    yield database
    await database.close()


async def plans(connection: AsyncConnection, read: Read) -> list[str]:
    """What the server does for each statement of `read`, as it is sent, with its parameters."""
    sent: list[tuple[str, Any]] = []

    def heard(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        sent.append((statement, parameters))

    assert connection.sync_connection is not None
    event.listen(connection.sync_connection, "before_cursor_execute", heard)
    await read(connection)
    event.remove(connection.sync_connection, "before_cursor_execute", heard)
    await connection.execute(text("SET LOCAL enable_seqscan = off"))
    found = []
    for statement, parameters in sent:
        lines = await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        found.append("\n".join(lines.scalars()))
    return found


READS: dict[str, Read] = {
    "ix_task_objects_open": lambda connection: objects.open_tasks(connection, 0, 200),
    "pk_publications": lambda connection: objects.commit_facts(connection, 4900, 50),
    "ix_reflog_dataset_name_seq": lambda connection: commits.moves(connection, "d7", "b7"),
    "ix_events_dataset_seq": lambda connection: events.after(connection, "p1", 10, dataset="d7", limit=200),
}


@pytest.mark.asyncio
@pytest.mark.parametrize("index", READS)
async def test_what_is_read_all_the_time_does_not_walk_a_history(database: Database, index: str) -> None:
    """Regression: each of them looked at every row there ever was, of its table, project or dataset."""
    async with database.write() as connection:
        found = await plans(connection, READS[index])
    assert any(f"using {index} " in plan or f"on {index} " in plan for plan in found), "\n\n".join(found)
