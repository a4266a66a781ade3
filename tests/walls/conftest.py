"""A real supervisor per module, hostile scripts for it, and proof after every test that the service goes on."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import polars as pl
import pytest

from retort_core.jobs import MIB, End, Job, Limits
from retort_core.sessions import Result, Session

WORKER = "retort_executor.worker:main"
HONEST = "import polars as pl\ndef run(table):\n    return table.select(total=pl.col('x').sum())\n"


def stream(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    table.write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
    return out.getvalue()


TABLE = stream(pl.DataFrame({"x": [1, 2, 3], "y": ["北京", "上海", None]}))


class Bench:
    """A session with the few calls that every test makes."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def job(self, source: str, limits: Limits | None = None, **params: Any) -> Job:
        return Job(
            "attempt", "script", {"source": source, **params}, limits or Limits(seconds=20.0), ("table",)
        )

    def run(self, source: str, limits: Limits | None = None, **params: Any) -> Result:
        return self.session.run(self.job(source, limits, **params), {"table": TABLE})

    def start(self, source: str, limits: Limits | None = None) -> None:
        self.session.send(self.job(source, limits), {"table": TABLE})

    def end(self) -> End:
        *_, last = self.session.frames()
        assert isinstance(last, End)
        return last

    def table(self, source: str, **params: Any) -> pl.DataFrame:
        return pl.read_ipc_stream(self.run(source, **params).parts["table"])

    def answer(self, source: str) -> pl.DataFrame:
        return pl.read_ipc_stream(self.run(source, yields="answer").parts["answer:table"])

    def honest(self) -> int:
        return int(self.table(HONEST).item())


@pytest.fixture(scope="module")
def shared_session() -> Iterator[Session]:
    with Session.start(WORKER, threads=2) as session:
        yield session


@pytest.fixture(scope="module")
def shared_bench(shared_session: Session) -> Bench:
    return Bench(shared_session)


@pytest.fixture
def bench(shared_bench: Bench) -> Iterator[Bench]:
    """The service goes on: the same supervisor does an honest job after whatever the test did to it."""
    yield shared_bench
    assert shared_bench.honest() == 6


@pytest.fixture
def fresh_bench() -> Iterator[Bench]:
    """Of its own, for tests that damage more than a worker."""
    with Session.start(WORKER, threads=2) as session:
        yield Bench(session)


@pytest.fixture(scope="session")
def table() -> bytes:
    return TABLE


@pytest.fixture(scope="session")
def bench_of() -> Callable[[Session], Bench]:
    return Bench


@pytest.fixture
def small() -> Callable[..., Limits]:
    def limits(**changes: Any) -> Limits:
        return Limits(**{"seconds": 10.0, "memory_bytes": 256 * MIB, "output_bytes": 8 * MIB, **changes})

    return limits
