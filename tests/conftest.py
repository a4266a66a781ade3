"""Real servers, each started once a test process, when the first test asks for it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
import servers


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.PostgreSQL]:
    """A server that tests share and never stop."""
    with servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """`new_database()`: URL of an empty PostgreSQL database. Of RETORT_TEST_DATABASE_URL's server, where that is set."""
    given = os.environ.get("RETORT_TEST_DATABASE_URL", "")
    url = given or request.getfixturevalue("postgres").url()
    made: list[str] = []

    def new() -> str:
        made.append(f"retort_test_{uuid.uuid4().hex}")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{made[-1]}"')
        base, mark, query = url.partition("?")
        return base.rpartition("/")[0] + "/" + made[-1] + mark + query

    yield new
    with psycopg.connect(url, autocommit=True) as connection:
        for name in made:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def postgres_url(new_database: Callable[[], str]) -> str:
    return new_database()
