"""Real servers, each started once a test process, when the first test asks for it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import servers
from hypothesis import HealthCheck, settings

from retort_tables.objects.s3 import Bucket

# How long an example takes to be made or to run says how busy the machine is.
settings.register_profile("retort", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("retort")
CLUSTERS = [Path(__file__).parent / name for name in ("cluster", "installed")]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What needs a cluster runs when it is named (`make test-cluster` does), never along with the others."""
    if collection_path not in CLUSTERS:
        return None
    start = config.invocation_params.dir
    named = [(start / str(argument).partition("::")[0]).resolve() for argument in config.args]
    return None if any(path.is_relative_to(collection_path) for path in named) else True


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


@pytest.fixture(scope="session")
def s3() -> Iterator[servers.S3]:
    """An S3 server that tests share and never stop."""
    with servers.seaweedfs() as server:
        yield server


@pytest.fixture(scope="session")
def minio() -> Iterator[servers.S3]:
    """A second S3 server of another make, where one was built (see docs); such tests are asked for by name."""
    program = os.environ.get("RETORT_TEST_MINIO", "")
    assert program, "RETORT_TEST_MINIO names the program"
    with servers.minio(Path(program)) as server:
        yield server


@pytest.fixture
def new_bucket(request: pytest.FixtureRequest) -> Callable[[str], Bucket]:
    """`new_bucket("s3")`: a place of one's own in a bucket of one of the servers above."""

    def new(kind: str) -> Bucket:
        server: servers.S3 = request.getfixturevalue(kind)
        return server.bucket(uuid.uuid4().hex)

    return new
