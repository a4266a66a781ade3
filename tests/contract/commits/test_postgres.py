"""What only a server with many writers can get wrong: numbers out of order, rows decided upon twice, lost connections."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import psycopg
import pytest
import pytest_asyncio
import servers
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.commits import repository
from retort_api.commits.log import CommitLog
from retort_api.commits.records import CommitRecord
from retort_api.datasets import repository as datasets
from retort_api.datasets.repository import DatasetRecord
from retort_api.kit import sequenced
from retort_api.kit.postgres import database as postgres_database
from retort_api.kit.postgres.database import PostgresDatabase
from retort_api.kit.postgres.settings import PostgresSettings
from retort_api.kit.postgres.signals import PostgresSignal
from retort_api.kit.signals import wait
from retort_api.migrations import schema
from retort_api.projects import repository as projects
from retort_api.records import commits
from retort_core.errors import BadInput, Conflict, Unavailable

pytestmark = pytest.mark.asyncio
Make = Callable[..., CommitRecord]
D = "d1"
NOW = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def own() -> Iterator[servers.PostgreSQL]:
    """A server that these tests stop and start."""
    with servers.postgresql(max_connections="30") as server:
        yield server


@pytest.fixture
def settings(own: servers.PostgreSQL) -> PostgresSettings:
    return PostgresSettings(
        database_url=own.create(f"t{own.created}"),
        database_connections=12,
        database_checkout_seconds=2,
        database_lock_seconds=2,
    )


@asynccontextmanager
async def opened(settings: PostgresSettings) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(settings)
    try:
        yield database
    finally:
        await database.close()


@pytest_asyncio.fixture
async def database(settings: PostgresSettings) -> AsyncIterator[PostgresDatabase]:
    async with opened(settings) as database:
        await schema.upgrade(database)
        async with database.write() as connection:
            await projects.add(connection, "p1", "default", NOW)
            await datasets.add(
                connection, DatasetRecord(id=D, project="p1", name=D, title="", created_at=NOW)
            )
        yield database


@pytest.fixture
def log(database: PostgresDatabase) -> CommitLog:
    return CommitLog(database)


async def count(database: PostgresDatabase) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(commits))).scalar_one()


async def test_who_numbers_later_is_seen_later(
    database: PostgresDatabase, log: CommitLog, make: Make
) -> None:
    numbered, release = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with database.write() as connection:
            await repository.add_commit(connection, make("slow"))
            await sequenced.finish(connection, postgres_database._lock)
            numbered.set()
            await release.wait()

    first = asyncio.create_task(slow())
    await numbered.wait()
    second = asyncio.create_task(log.publish([make("quick")], "main", ""))
    done, _ = await asyncio.wait({second}, timeout=0.3)
    assert not done
    release.set()
    await asyncio.gather(first, second)
    async with database.read() as connection:
        titles = list((await connection.execute(select(commits.c.title).order_by(commits.c.seq))).scalars())
    assert titles == ["slow", "quick"]


async def test_who_loses_the_race_by_a_moment_is_told_both_heads_too(
    database: PostgresDatabase, log: CommitLog, make: Make
) -> None:
    """Both saw the same head; the second waits for the row of the first, and finds it moved."""
    first = await log.publish([make("c0")], "main", "")
    others = [make("c1", "c0"), make("c2", "c0")]
    looked, release = asyncio.Event(), asyncio.Event()

    async def also(_: AsyncConnection) -> None:
        looked.set()
        await release.wait()

    winning = asyncio.create_task(log.publish([others[0]], "main", first.id, also=also))
    await looked.wait()
    losing = asyncio.create_task(log.publish([others[1]], "main", first.id))
    done, _ = await asyncio.wait({losing}, timeout=0.3)
    assert not done
    release.set()
    assert (await winning).id == others[0].id
    with pytest.raises(Conflict) as refused:
        await losing
    assert (refused.value.details["expected"], refused.value.details["head"]) == (first.id, others[0].id)
    assert await log.head(D, "main") == others[0].id


async def test_a_single_statement_is_one_and_leaves_snapshots_what_they_were(
    settings: PostgresSettings,
) -> None:
    """Singles go without a transaction over the same connections; the next reader has one that sees one state and writes nothing."""
    async with opened(settings) as database:
        for _ in range(2):
            async with database.single() as connection:
                mode = text("SELECT pg_backend_pid(), current_setting('transaction_isolation')")
                pid, isolation = (await connection.execute(mode)).one()
                assert isolation == "read committed"
                with pytest.raises(AssertionError, match="one statement"):
                    await connection.execute(text("SELECT 1"))
            async with database.read() as connection:
                assert (await connection.execute(mode)).one() == (pid, "repeatable read")
                only = text("SELECT current_setting('transaction_read_only')")
                assert (await connection.execute(only)).scalar_one() == "on"
                await connection.execute(text("SELECT 1"))


async def test_a_connection_lost_in_the_middle_changes_nothing_and_says_so(
    database: PostgresDatabase, make: Make
) -> None:
    async def write() -> None:
        async with database.write() as connection:
            await repository.add_commit(connection, make("c0"))
            await _kill(database, connection)
            await connection.execute(text("SELECT 1"))

    with pytest.raises(Unavailable, match="Nothing was changed"):
        await write()
    assert await count(database) == 0


@pytest.mark.parametrize("committed", [True, False])
async def test_a_connection_lost_while_it_commits_is_asked_what_became_of_it(
    database: PostgresDatabase, make: Make, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """Acknowledged when it was done, refused when it was not; never left open."""
    ending: list[AsyncConnection] = []

    async def losing(commit: Callable[[], object]) -> None:
        if committed:
            await real(commit)
        await _kill(database, ending[0])
        if committed:
            raise postgres_database.CommitUnknown
        await real(commit)

    real = postgres_database._commit
    monkeypatch.setattr(postgres_database, "_commit", losing)

    async def write() -> None:
        async with database.write() as connection:
            ending.append(connection)
            await repository.add_commit(connection, make("c0"))

    if committed:
        await write()
    else:
        with pytest.raises(Unavailable, match="connection to the database was lost"):
            await write()
    assert await count(database) == int(committed)


async def _kill(database: PostgresDatabase, connection: AsyncConnection) -> None:
    raw = await connection.get_raw_connection()
    assert raw.driver_connection is not None
    victim = raw.driver_connection.info.backend_pid
    async with database.read() as other:
        await other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": victim})


async def test_a_deadlock_is_run_again(database: PostgresDatabase) -> None:
    both = asyncio.Barrier(2)
    first_time = {"a": True, "b": True}

    async def swap(mine: str, other: str) -> None:
        async def body(connection: AsyncConnection) -> None:
            await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": mine})
            if first_time[mine]:
                first_time[mine] = False
                await both.wait()
            await connection.execute(text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": other})

        await database.transact(body)

    await asyncio.gather(swap("a", "b"), swap("b", "a"))


async def test_a_serialization_failure_is_run_again_and_given_up_in_the_end(
    database: PostgresDatabase, make: Make
) -> None:
    """As a server in a stricter isolation, or a replica behind a proxy, may answer at any statement."""
    fail = text("DO $$ BEGIN RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '40001'; END $$")
    runs = 0

    async def body(connection: AsyncConnection, failing: int) -> None:
        nonlocal runs
        runs += 1
        await repository.add_commit(connection, make("c0"))
        if runs <= failing:
            await connection.execute(fail)

    await database.transact(lambda connection: body(connection, 2))
    assert (runs, await count(database)) == (3, 1)
    runs = -1000
    with pytest.raises(Unavailable, match="Nothing was changed"):
        await database.transact(lambda connection: body(connection, 0))
    assert (runs, await count(database)) == (-1000 + postgres_database.TRIES, 1)


async def test_as_many_writers_as_connections_that_also_read_get_through(
    database: PostgresDatabase, log: CommitLog, make: Make
) -> None:
    async def one(number: int) -> None:
        async def also(_connection: AsyncConnection) -> None:
            await log.head(D, "main")  # on a connection of its own, beside the transaction

        await log.publish([make(f"n{number}")], f"b{number}", "", also=also)

    await asyncio.gather(*(one(number) for number in range(40)))
    assert await count(database) == 40


async def test_when_every_connection_is_in_use_the_answer_is_try_again(database: PostgresDatabase) -> None:
    release = asyncio.Event()
    holding = asyncio.Semaphore(0)

    async def hold() -> None:
        async with database.write():
            holding.release()
            await release.wait()

    holders = [asyncio.create_task(hold()) for _ in range(6)]
    for _ in holders:
        await holding.acquire()
    with pytest.raises(Unavailable, match="All connections to the database are in use"):
        await hold()
    release.set()
    await asyncio.gather(*holders)
    async with database.write():
        pass


async def test_a_server_without_connections_says_so_and_recovers(
    own: servers.PostgreSQL, settings: PostgresSettings, database: PostgresDatabase
) -> None:
    taken: list[psycopg.Connection[tuple[object, ...]]] = []
    with pytest.raises(psycopg.OperationalError):
        taken.extend(iter(lambda: psycopg.connect(own.url()), None))
    async with opened(settings) as other:
        with pytest.raises(Unavailable, match="no connection left"):
            async with other.read():
                pass
        for connection in taken:
            connection.close()
        async with other.read() as connection:
            assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


async def test_a_row_that_does_not_come_free_is_try_again(database: PostgresDatabase) -> None:
    lock = text("SELECT id FROM projects WHERE id = 'p1' FOR UPDATE")
    async with database.write() as holder:
        await holder.execute(lock)
        with pytest.raises(Unavailable, match="did not come free"):
            async with database.write() as other:
                await other.execute(lock)


async def test_what_cannot_be_stored_is_the_callers_fault(database: PostgresDatabase) -> None:
    with pytest.raises(BadInput, match="NUL"):
        async with database.write() as connection:
            await projects.add(connection, "p2", "a\0b", NOW)
    with pytest.raises(BadInput, match="too long"):
        async with database.write() as connection:
            await projects.add(connection, "p2", "x" * 101, NOW)


async def test_an_address_without_a_server_is_told_without_the_password() -> None:
    url = f"postgresql://retort:geheim@127.0.0.1:{servers.free_port()}/x"
    async with opened(PostgresSettings(database_url=url)) as nowhere:
        with pytest.raises(Unavailable, match="cannot be reached") as refused:
            async with nowhere.read():
                pass
    assert "geheim" not in str(refused.value) + repr(refused.value.__cause__)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_server_that_was_restarted_is_used_again_at_once(
    own: servers.PostgreSQL, database: PostgresDatabase, log: CommitLog, make: Make, how: signal.Signals
) -> None:
    await asyncio.gather(*(log.publish([make(f"n{n}")], f"b{n}", "") for n in range(12)))
    await asyncio.to_thread(own.stop, how)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await log.head(D, "b1")
    await asyncio.to_thread(own.start)
    assert await count(database) == 12
    await asyncio.gather(*(log.publish([make(f"m{n}")], f"c{n}", "") for n in range(12)))
    assert await count(database) == 24


async def test_another_replica_is_woken_by_the_commit_and_after_a_restart(
    own: servers.PostgreSQL,
    settings: PostgresSettings,
    database: PostgresDatabase,
    log: CommitLog,
    make: Make,
) -> None:
    other = PostgresSignal(settings)
    await other.open()
    heard = other.listen()
    await log.publish([make("c0")], "main", "")
    assert await wait(heard, 10)
    heard = other.listen()
    await asyncio.to_thread(own.stop)
    await asyncio.to_thread(own.start)
    assert await wait(heard, 20), "what was written meanwhile must be looked for"
    heard = other.listen()
    await log.publish([make("c1", "c0")], "main", make("c0").id)
    assert await wait(heard, 10)
    await other.close()
