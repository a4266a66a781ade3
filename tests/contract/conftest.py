"""Databases of both kinds, as several processes have them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from retort_api.kit.database import Database
from retort_api.kit.postgres.database import PostgresDatabase
from retort_api.kit.postgres.settings import PostgresSettings

Open = Callable[[], Database]


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def fresh(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """`fresh()`: another connection source to the same empty database."""
    if request.param == "sqlite":
        url = f"sqlite+aiosqlite:///{request.getfixturevalue('tmp_path') / 'retort.db'}"
        make: Open = lambda: Database(url)  # noqa: E731
    else:
        settings = PostgresSettings(database_url=request.getfixturevalue("postgres_url"))
        make = lambda: PostgresDatabase(settings)  # noqa: E731
    opened: list[Database] = []

    def fresh() -> Database:
        opened.append(make())
        return opened[-1]

    yield fresh
    for database in opened:
        await database.close()
