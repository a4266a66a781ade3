"""An empty database with its tables."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from retort_api.kit.database import Database
from retort_api.migrations import schema


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'retort.db'}")
    await schema.upgrade(database)
    yield database
    await database.close()
