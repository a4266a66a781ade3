"""A hostile worker's Arrow stream reaches the intake child behind the same walls: it may die, the service does not."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

import polars as pl
import pyarrow as pa
import pytest

from retort_core.errors import DataError, LimitExceeded, RetortError
from retort_core.jobs import MIB, Job, Limits
from retort_core.sessions import Session

TABLE = pl.DataFrame({"编号": ["1", "2", "3"], "城市": ["北京", "上海", None], "分": ["3", "x", "5"]})


@pytest.fixture(scope="module")
def intake_session() -> Iterator[Session]:
    with Session.start("retort_tables.intake:main", threads=2) as session:
        yield session


def arrow(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    table.write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
    return out.getvalue()


def take(session: Session, data: bytes) -> dict[str, bytes]:
    job = Job("attempt", "import", {}, Limits(seconds=20.0, memory_bytes=256 * MIB), ("table",))
    return dict(session.run(job, {"table": data}).parts)


@pytest.fixture
def intake(intake_session: Session) -> Iterator[Session]:
    yield intake_session
    assert "table.parquet" in take(intake_session, arrow(TABLE))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xff\xff\xff",
        b"\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"ARROW1\0\0",
        b"PAR1",
        b"not arrow at all" * 1000,
    ],
    ids=["empty", "marker", "2-GiB-metadata", "file", "parquet", "text"],
)
def test_what_is_no_arrow_is_refused(intake, data: bytes) -> None:
    with pytest.raises((DataError, LimitExceeded)):
        take(intake, data)


def test_a_stream_cut_short_is_refused(intake) -> None:
    data = arrow(TABLE)
    for end in range(8, len(data) - 8, 97):
        with pytest.raises((DataError, LimitExceeded)):
            take(intake, data[:end])


def test_flipped_bytes_end_in_a_table_or_a_refusal_never_in_a_lost_service(intake) -> None:
    chance, good = random.Random(3), arrow(TABLE)
    for _ in range(40):
        bad = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            bad[chance.randrange(len(bad))] = chance.randrange(256)
        try:
            take(intake, bytes(bad))
        except RetortError as refusal:
            assert not refusal.retryable, refusal.message  # noqa: PT017 - a table is an allowed end too


def test_unusual_types_end_in_a_table_or_a_refusal(intake) -> None:
    union = pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])])
    for column in (
        union,
        pa.array([[1]]),
        pa.array([{"a": 1}]),
        pa.array([b"x"]),
        pa.array([1]).dictionary_encode(),
    ):
        sink = io.BytesIO()
        table = pa.table({"x": column})
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        try:
            take(intake, sink.getvalue())
        except RetortError as refusal:
            assert not refusal.retryable  # noqa: PT017


def test_a_bomb_of_compressed_batches_meets_the_limit(intake) -> None:
    sink = io.BytesIO()
    table = pa.table({"x": pa.array(["a" * MIB] * 300)})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    assert len(sink.getvalue()) < MIB
    with pytest.raises((DataError, LimitExceeded)):
        take(intake, sink.getvalue())
