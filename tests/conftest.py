"""Real servers, each started once a test process, when the first test asks for it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import servers

CLUSTER = Path(__file__).parent / "cluster"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """tests/cluster runs when it is named (`make test-cluster` does), never along with the others."""
    if collection_path != CLUSTER:
        return None
    start = config.invocation_params.dir
    named = [(start / str(argument).partition("::")[0]).resolve() for argument in config.args]
    return None if any(path.is_relative_to(CLUSTER) for path in named) else True


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
