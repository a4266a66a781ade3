"""What goes after its time, what stays, and what somebody hears who comes back too late: on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api import retention
from retort_api.access import member_repository as members
from retort_api.access.member_repository import Asker
from retort_api.access.tables import askers
from retort_api.kit.database import Database
from retort_api.migrations import schema
from retort_api.records import events as lines
from retort_api.records import idempotency
from retort_api.retention import Retention
from retort_api.tasks import events, repository

pytestmark = pytest.mark.asyncio
Open = Callable[[], Database]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest_asyncio.fixture
async def again(fresh: Open) -> Open:
    """`again()`: another connection source to the same database, as another replica has it."""
    await schema.upgrade(fresh())
    return fresh


@pytest_asyncio.fixture
async def database(again: Open) -> Database:
    return again()


def swept(database: Database, days: int = 30) -> Retention:
    return Retention(database, days, now=lambda: NOW)


async def tell(database: Database, *ages: timedelta) -> None:
    """Events of such ages, numbered in this order."""
    rows = [
        {"project": "p1", "dataset": "d1", "task": "t1", "kind": "task", "data": {}, "at": NOW - age}
        for age in ages
    ]
    async with database.write() as connection:
        await connection.execute(insert(lines), rows)


async def numbers(database: Database) -> list[int]:
    async with database.read() as connection:
        return list((await connection.execute(select(lines.c.seq).order_by(lines.c.seq))).scalars())


async def kept(database: Database, *positions: int) -> list[bool]:
    async with database.read() as connection:
        return [await events.all_kept(connection, position) for position in positions]


async def test_events_go_when_they_are_old_and_those_after_them_stay(database: Database) -> None:
    """Regression: none ever went, and the table was the largest of all after months."""
    await tell(database, 40 * DAY, 31 * DAY, 29 * DAY, DAY)
    assert (await swept(database).sweep())["events"] == 2
    assert await numbers(database) == [3, 4]
    assert (await swept(database, days=10).sweep())["events"] == 1
    assert await numbers(database) == [4]


async def test_they_go_without_gaps_so_one_number_tells_what_is_missing(database: Database) -> None:
    """One that was written by a clock that was wrong keeps those after it."""
    await tell(database, 40 * DAY, 5 * DAY, 39 * DAY, DAY)
    assert (await swept(database).sweep())["events"] == 1
    assert await numbers(database) == [2, 3, 4]


async def test_who_comes_back_too_late_is_told_and_nobody_else(database: Database) -> None:
    assert await kept(database, 0, 7) == [True, True]  # of an empty table nothing went
    await tell(database, *[40 * DAY] * 5, DAY, DAY)
    await swept(database).sweep()
    assert await numbers(database) == [6, 7]
    assert await kept(database, 0, 4, 5, 6, 7) == [True, False, True, True, True]


async def test_the_newest_event_stays_whatever_its_age(database: Database) -> None:
    """Without it nobody could tell an empty log from one that lost everything."""
    await tell(database, *[400 * DAY] * 3)
    assert (await swept(database).sweep())["events"] == 2
    assert await numbers(database) == [3]
    assert await kept(database, 1, 2, 3) == [False, True, True]
    async with database.read() as connection:
        assert await events.latest(connection) == 3


async def test_a_statement_takes_a_thousand_rows_at_most(database: Database) -> None:
    counts: list[int] = []

    def heard(_: Any, cursor: Any, statement: str, *__: Any) -> None:
        if statement.startswith("DELETE FROM events"):
            counts.append(cursor.rowcount)

    await tell(database, *[40 * DAY] * 2500, DAY)
    for engine in {"_engine", "_writers"} & set(vars(database)):
        event.listen(getattr(database, engine).sync_engine, "after_cursor_execute", heard)
    assert (await swept(database).sweep())["events"] == 2500
    assert counts == [1000, 1000, 500]


async def remember(database: Database, *ages: timedelta) -> None:
    async with database.write() as connection:
        for number, age in enumerate(ages):
            await repository.remember_key(connection, "p1", f"k{number}", "d", f"t{number}", NOW - age)


async def test_keys_of_requests_go_after_a_week(database: Database) -> None:
    """Regression: every key of every request was kept for ever."""
    await remember(database, 8 * DAY, 6 * DAY)
    assert (await swept(database).sweep())["keys"] == 1
    async with database.read() as connection:
        assert await repository.repeated(connection, "p1", "k0") is None
        assert await repository.repeated(connection, "p1", "k1") == ("d", "t1")
    await remember(database, DAY)  # the key may be used again


async def promise(connection: AsyncConnection, name: str, age: timedelta) -> None:
    asker = Asker(task=name, project="p1", name="amy", change=True, protected=False, facts={})
    await members.promise_asker(connection, asker, "a" * 64, NOW - age)


async def test_promises_that_are_over_go_and_rights_of_tasks_stay(database: Database) -> None:
    """Regression: a promise whose object was refused stayed for ever."""
    async with database.write() as connection:
        await promise(connection, "old", 2 * DAY)
        await promise(connection, "new", timedelta(minutes=5))
        await promise(connection, "kept", 3 * DAY)
        await members.keep_promise(connection, "kept", "task of 3 days ago")
    assert (await swept(database).sweep())["promises"] == 1
    async with database.read() as connection:
        found = (await connection.execute(select(askers.c.task).order_by(askers.c.task))).scalars().all()
    assert found == ["new", "task of 3 days ago"]


async def test_replicas_that_sweep_at_once_delete_everything_once(
    again: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 50)
    database = again()
    await tell(database, *[40 * DAY] * 500, DAY)
    await remember(database, *[8 * DAY] * 300, DAY)
    gone = await asyncio.gather(*(swept(again()).sweep() for _ in range(4)))
    assert sum(one["keys"] for one in gone) == 300
    assert await numbers(database) == [501]
    async with database.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(idempotency))).scalar() == 1


async def test_a_sweep_begins_with_the_service_and_ends_with_it(database: Database) -> None:
    await tell(database, 40 * DAY, DAY)
    done = asyncio.Event()

    class Watched(Retention):
        async def sweep(self) -> dict[str, int]:
            try:
                return await super().sweep()
            finally:
                done.set()

    running = Watched(database, 30, now=lambda: NOW)
    running.open()
    await asyncio.wait_for(done.wait(), 30)
    await running.close()
    assert await numbers(database) == [2]
