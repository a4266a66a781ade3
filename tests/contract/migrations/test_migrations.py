"""Every database gets the same tables: made at once, walked through all revisions, or adopted from an earlier release."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

import retort_api
from retort_api.access import member_repository as members
from retort_api.commits import publication_repository as publications
from retort_api.datasets import repository as datasets
from retort_api.datasets.repository import DatasetRecord
from retort_api.kit.database import Database
from retort_api.migrations import schema
from retort_api.projects import repository as projects
from retort_api.tasks import repository as tasks
from retort_api.tasks.records import TaskRecord
from retort_core.errors import Conflict
from retort_core.lifecycle.sources import Source

Open = Callable[[], Database]
NOW = datetime(2024, 6, 1, tzinfo=UTC)


async def run(database: Database, act: Callable[[sa.Connection], Any]) -> Any:
    async with database.write() as connection:
        return await connection.run_sync(act)


def walk(connection: sa.Connection, to: str = "head") -> None:
    command.upgrade(schema.configuration(connection), to)


def check(connection: sa.Connection) -> None:
    """Raises when the tables of the code and of the database differ."""
    command.check(schema.configuration(connection))


def test_there_is_one_head_and_it_is_the_last_file() -> None:
    scripts = ScriptDirectory(str(schema.FOLDER))
    assert scripts.get_heads() == [schema.HEAD]
    assert scripts.get_bases() == [schema.FIRST]


def test_no_module_with_tables_is_forgotten() -> None:
    source = Path(retort_api.__file__).parent
    named = (source / "tables.py").read_text()
    for path in source.glob("*/**/tables.py"):
        if "metadata" in path.read_text():
            module = ".".join(("retort_api", *path.relative_to(source).parent.parts))
            assert f"from {module} import tables as" in named, f"{path}: add it to retort_api.tables"


@pytest.mark.asyncio
async def test_revisions_and_tables_agree(fresh: Open) -> None:
    database = fresh()
    await run(database, walk)
    await run(database, check)
    assert await schema.upgrade(database) == schema.HEAD


@pytest.mark.asyncio
async def test_a_database_made_at_once_is_the_same(fresh: Open) -> None:
    database = fresh()
    assert await schema.upgrade(database) == ""
    await run(database, check)
    await schema.ready(database)


@pytest.mark.asyncio
async def test_a_database_of_a_release_before_revisions_is_adopted_with_what_is_in_it(fresh: Open) -> None:
    database = fresh()
    await run(database, lambda connection: walk(connection, schema.FIRST))
    await run(database, lambda connection: connection.execute(sa.text(f"DROP TABLE {schema.VERSIONS}")))
    async with database.write() as connection:
        await projects.add(connection, "p1", "default", NOW)
    assert await schema.upgrade(database) == schema.FIRST
    await run(database, check)
    async with database.read() as connection:
        found = await projects.find(connection, "default")
    assert found is not None
    assert found.created_at == NOW


@pytest.mark.asyncio
async def test_what_is_not_migrated_says_how_to(fresh: Open) -> None:
    database = fresh()
    with pytest.raises(Conflict, match=r"empty.*retort migrate"):
        await schema.ready(database)
    await run(database, lambda connection: walk(connection, schema.FIRST))
    with pytest.raises(Conflict, match=rf"revision {schema.FIRST}.*retort migrate"):
        await schema.ready(database)


@pytest.mark.asyncio
async def test_a_newer_database_is_left_alone(fresh: Open) -> None:
    database = fresh()
    await schema.upgrade(database)
    newer = sa.text(f"UPDATE {schema.VERSIONS} SET version_num = '9999'")
    await run(database, lambda connection: connection.execute(newer))
    for act in (schema.upgrade, schema.ready):
        with pytest.raises(Conflict, match="newer than this release"):
            await act(database)


@pytest.mark.asyncio
async def test_replicas_that_start_together_migrate_once(fresh: Open) -> None:
    found = await asyncio.gather(*(schema.upgrade(fresh()) for _ in range(4)))
    assert set(found) <= {"", schema.HEAD}
    assert "" in found
    await run(fresh(), check)


@pytest.mark.asyncio
async def test_a_revision_that_fails_leaves_the_database_as_it_was(
    fresh: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = fresh()
    await run(database, lambda connection: walk(connection, schema.FIRST))

    def broken(connection: sa.Connection, was: str) -> None:
        walk(connection)
        raise RuntimeError(f"half-way from {was}")

    with monkeypatch.context() as patch:
        patch.setattr(schema, "_migrate", broken)
        with pytest.raises(RuntimeError, match="half-way"):
            await schema.upgrade(database)
    async with database.read() as connection:
        assert await schema.revision(connection) == schema.FIRST
    assert await schema.upgrade(database) == schema.FIRST


@pytest.mark.asyncio
async def test_promises_of_earlier_releases_get_an_end_and_rights_of_tasks_none(fresh: Open) -> None:
    database = fresh()
    source = Source.model_validate({"instruction": {"text": "x"}})
    task = TaskRecord(
        uid="t" * 32, project="p1", dataset="d1", branch="main", base="", source=source, review="Auto",
        requester="amy", lang="en", conversation="", deadline_seconds=600, created_at=NOW,
    )  # fmt: skip
    asker = "INSERT INTO task_askers VALUES (:task, 'p1', 'amy', :yes, :yes, '{}')"
    await run(database, lambda connection: walk(connection, "0006"))
    async with database.write() as connection:
        await projects.add(connection, "p1", "default", NOW)
        dataset = DatasetRecord(id="d1", project="p1", name="d1", title="", created_at=NOW)
        await datasets.add(connection, dataset)
        await tasks.add(connection, task)
        for name in (task.uid, "promise"):
            await connection.execute(sa.text(asker), {"task": name, "yes": True})
    began = datetime.now(UTC)
    assert await schema.upgrade(database) == "0006"
    async with database.write() as connection:
        kept, given = (
            await members.promise(connection, task.uid),
            await members.promise(connection, "promise"),
        )
        assert await members.forget_promises(connection, began, 10) == 0
        assert await members.forget_promises(connection, datetime.now(UTC), 10) == 1
        assert await members.asker(connection, task.uid) is not None
    assert kept is not None
    assert given is not None
    assert given.at is not None
    assert (kept.at, given.asked, given.at >= began) == (None, None, True)


@pytest.mark.asyncio
async def test_regression_a_new_database_that_somebody_else_writes_to_was_locked(tmp_path: Path) -> None:
    """To change a database to its write-ahead log SQLite waits for nobody: of six that opened a new one at the same moment one
    was refused in every fifth try."""
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE theirs (a)")
    other.execute("BEGIN IMMEDIATE")
    asyncio.get_running_loop().call_later(0.1, other.execute, "COMMIT")
    base = Database(f"sqlite+aiosqlite:///{path}")
    async with base.read() as connection:
        assert (await connection.execute(sa.text("PRAGMA journal_mode"))).scalar() == "wal"
    await base.close()
    other.close()


@pytest.mark.asyncio
async def test_versions_of_earlier_releases_keep_their_numbers_and_get_the_branch_they_came_to(
    fresh: Open,
) -> None:
    """All but what waits for a yes, which is published with it; the next number follows on the last."""
    database = fresh()
    await run(database, lambda connection: walk(connection, "0007"))
    async with database.write() as connection:
        await projects.add(connection, "p1", "default", NOW)
        dataset = DatasetRecord(id="d1", project="p1", name="d1", title="", created_at=NOW)
        await datasets.add(connection, dataset)
        for seq, one in ((3, "first"), (7, "second"), (8, "waits")):
            await connection.execute(sa.text(COMMIT), {"seq": seq, "id": one, "now": NOW})
        for kind, name, head in (
            ("branch", "main", "second"),
            ("branch", "aside", "first"),
            ("staging", "s/1", "waits"),
        ):
            await connection.execute(sa.text(REF), {"kind": kind, "name": name, "head": head, "now": NOW})
        for name, to in (("main", "first"), ("aside", "first"), ("main", "second")):
            await connection.execute(sa.text(MOVE), {"name": name, "to": to, "now": NOW})
    await schema.upgrade(database)
    async with database.write() as connection:
        await publications.publish(connection, "d1", "waits", "main")
    async with database.read() as connection:
        rows = await connection.execute(
            sa.text('SELECT seq, publications."commit", branch FROM publications ORDER BY seq')
        )
        assert [tuple(row) for row in rows] == [
            (3, "first", "main"),
            (7, "second", "main"),
            (8, "waits", "main"),
        ]


COMMIT = """
INSERT INTO commits (seq, id, dataset, root, snapshot, parents, generation, kind, title, instruction, author, task, attempt, counts,
                     script, details, created_at)
VALUES (:seq, :id, 'd1', '', '', '[]', 1, 'plan', '', '', 'amy', '', :id, '{}', '', '{}', :now)
"""
REF = "INSERT INTO refs (dataset, name, kind, head, version, updated_at) VALUES ('d1', :name, :kind, :head, 1, :now)"
MOVE = "INSERT INTO reflog (dataset, name, was, now, why, by, at) VALUES ('d1', :name, '', :to, 'commit', 'amy', :now)"
