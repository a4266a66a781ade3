"""The asyncio side of a sandbox: the same frames, streamed inputs, cancellation and loss."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator

import polars as pl
import pytest

from retort_core.errors import Cancelled, Infrastructure, SessionLost
from retort_core.jobs import End, Job, Limits
from retort_core.sessions import AsyncSession, Chunk, Collector, Log, Progress

WORKER = "retort_executor.worker:main"
SLEEP = "import time\ndef run(table):\n    time.sleep(60)\n"
SUM = "import polars as pl\ndef run(table):\n    print('hello')\n    return table.select(pl.col('x').sum())\n"


def job(source: str) -> Job:
    return Job("a", "script", {"source": source}, Limits(seconds=20), ("table",))


def parquet() -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"x": range(100_000)}).write_parquet(out)
    return out.getvalue()


async def slowly(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 10_000):
        yield data[start : start + 10_000]
        await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_many_jobs_with_streamed_inputs_on_one_session() -> None:
    async with await AsyncSession.start(WORKER, threads=2) as session:
        for data in (parquet(), slowly(parquet()), memoryview(parquet())):
            result = await session.run(job(SUM), {"table": data}, ("table",))
            assert pl.read_ipc_stream(result.parts["table"]).item() == 4_999_950_000
            assert result.log == "hello\n"


@pytest.mark.asyncio
async def test_parts_flow_where_they_are_wanted() -> None:
    sink = io.BytesIO()
    async with await AsyncSession.start(WORKER, threads=2) as session:
        await session.send(job("def run(table):\n    return table\n"), {"table": parquet()})
        collector = Collector(("table",), lambda _: sink)
        kinds = []
        async for word in session.frames():
            kinds.append(type(word))
            collector.take(word)
    assert not collector.result().parts
    assert pl.read_ipc_stream(sink.getvalue()).height == 100_000
    assert kinds[-1] is End
    assert {Progress, Chunk} <= set(kinds) <= {Progress, Chunk, Log, End}


@pytest.mark.asyncio
async def test_cancelling_while_another_task_reads() -> None:
    async with await AsyncSession.start(WORKER, threads=2) as session:
        await session.send(job(SLEEP), {"table": parquet()})
        reading = asyncio.ensure_future(_last(session))
        await session.cancel()
        end = await reading
        with pytest.raises(Cancelled):
            end.raise_for_error()
        assert (await session.run(job(SUM), {"table": parquet()})).end.ok


async def _last(session: AsyncSession) -> End:
    words = [word async for word in session.frames()]
    assert isinstance(words[-1], End)
    return words[-1]


@pytest.mark.asyncio
async def test_a_lost_sandbox_is_told_to_reader_and_writer() -> None:
    async with await AsyncSession.start(WORKER, threads=2) as session:
        await session.send(job(SLEEP), {"table": parquet()})
        os.kill(session.process_id, signal.SIGKILL)
        with pytest.raises(SessionLost):
            await _last(session)
        with pytest.raises(SessionLost):
            await session.send(job(SUM), {"table": bytes(20 << 20)})


@pytest.mark.asyncio
async def test_a_worker_that_cannot_be_loaded_is_told_at_the_start() -> None:
    with pytest.raises(Infrastructure, match=r"could not be loaded: ModuleNotFoundError"):
        await AsyncSession.start("retort_core.nothing:main")
