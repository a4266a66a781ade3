"""Who guesses passwords waits longer and longer, also when they guess all at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import lockouts
from retort_api.access.lockouts import ANYWHERE, AT_ADDRESS
from retort_api.kit.database import Database
from retort_api.kit.postgres.database import PostgresDatabase
from retort_api.kit.postgres.settings import PostgresSettings
from retort_api.migrations import schema
from retort_core.errors import TooMany

START = datetime(2026, 1, 1, tzinfo=UTC)


def opened(kind: str, request: pytest.FixtureRequest) -> Database:
    if kind == "sqlite":
        return Database(f"sqlite+aiosqlite:///{request.getfixturevalue('tmp_path') / 'retort.db'}")
    return PostgresDatabase(PostgresSettings(database_url=request.getfixturevalue("postgres_url")))


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    database = opened(request.param, request)
    await schema.upgrade(database)
    yield database
    await database.close()


class Undone(Exception):
    """Takes a transaction back."""


async def attempt(database: Database, now: datetime, name: str = "anna", address: str = "1.1.1.1") -> bool:
    try:
        await database.transact(lambda connection: lockouts.attempt(connection, name, address, now))
    except TooMany as error:
        return bool(error.details["retry_after"] < 1)
    return True


@pytest.mark.asyncio
async def test_the_wait_doubles_and_the_right_time_lets_in_again(database: Database) -> None:
    now, waits = START, []
    for _ in range(AT_ADDRESS.free - 1):
        assert await attempt(database, now)
    for _ in range(6):
        assert await attempt(database, now)
        wait = next(one for one in (15, 30, 60, 120, 240, 480) if one > (waits or [0])[-1])
        assert not await attempt_would_pass(database, now + timedelta(seconds=wait - 1))
        now += timedelta(seconds=wait)
        waits.append(wait)
    assert waits == [15, 30, 60, 120, 240, 480]


async def attempt_would_pass(database: Database, now: datetime) -> bool:
    """Without counting it."""

    async def body(connection: AsyncConnection) -> None:
        await lockouts.attempt(connection, "anna", "1.1.1.1", now)
        raise Undone

    try:
        await database.transact(body)
    except Undone:
        return True
    except TooMany:
        return False
    raise AssertionError


@pytest.mark.asyncio
async def test_a_hundred_guesses_at_the_same_moment_are_not_more_than_the_free_ones(
    database: Database,
) -> None:
    passed = await asyncio.gather(*(attempt(database, START) for _ in range(100)))
    assert sum(passed) == AT_ADDRESS.free


@pytest.mark.asyncio
async def test_a_stranger_elsewhere_does_not_lock_the_owner_out(database: Database) -> None:
    while await attempt(database, START, address="6.6.6.6"):
        pass
    assert await attempt(database, START, address="1.1.1.1")


@pytest.mark.asyncio
async def test_many_addresses_together_are_slowed_down_but_never_for_long(database: Database) -> None:
    passed = [await attempt(database, START, address=f"6.6.6.{n}") for n in range(60)]
    assert sum(passed) == ANYWHERE.free
    assert await attempt(database, START + timedelta(seconds=ANYWHERE.longest), address="1.1.1.1")


@pytest.mark.asyncio
async def test_the_right_password_takes_its_attempt_back(database: Database) -> None:
    for _ in range(60):
        assert await attempt(database, START)
        async with database.write() as connection:
            await lockouts.succeeded(connection, "anna", "1.1.1.1", START)


@pytest.mark.asyncio
async def test_a_day_forgets(database: Database) -> None:
    while await attempt(database, START):
        pass
    later = START + timedelta(days=1)
    passed = 0
    while await attempt(database, later):
        passed += 1
    assert passed == AT_ADDRESS.free
