"""Two sandboxes, one waiting for what the other makes: ready early, taken back politely, never left hanging."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import polars as pl
import pytest
import pytest_asyncio

from retort_api.local.sandboxes import LocalSandbox, start
from retort_api.runs.arrivals import Arrival, meanwhile
from retort_api.runs.session import Input, Listener
from retort_core.errors import Cancelled, DataError, Unavailable
from retort_core.jobs import End, Job, Limits
from retort_core.wire import read_parts

BOTH = "import polars as pl\ndef run(a, b):\n    return pl.concat([a, b])\n"


def stream(values: list[int]) -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"x": values}).write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
    return out.getvalue()


def source(data: bytes) -> Input:
    async def blocks() -> AsyncIterator[bytes]:
        for start_ in range(0, len(data), 100):
            yield data[start_ : start_ + 100]

    return blocks


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[LocalSandbox]:
    made = await start("retort_executor.worker:main", 2)
    yield made
    await made.close()


async def run(sandbox: LocalSandbox, late: Input, parts: bytearray | None = None) -> End:
    job = Job("attempt", "script", {"source": BOTH}, Limits(seconds=20), ("a", "b"), ("b",))
    got = parts if parts is not None else bytearray()
    return await sandbox.session.run(job, [source(stream([1, 2])), late], Listener(chunk=got.extend))


async def waiting(sandbox: LocalSandbox, arrival: Arrival, parts: bytearray) -> None:
    end = await run(sandbox, arrival.then(source(stream([3]))), parts)
    end.raise_for_error()


@pytest.mark.asyncio
async def test_what_waits_goes_on_when_it_has_come(sandbox: LocalSandbox) -> None:
    arrival, parts = Arrival(), bytearray()
    async with meanwhile(asyncio.create_task(waiting(sandbox, arrival, parts)), arrival):
        await asyncio.sleep(0)
        assert not parts
    table = pl.read_ipc_stream(bytes(read_parts(bytes(parts))["table"]))
    assert table["x"].to_list() == [1, 2, 3]
    assert arrival.at


@pytest.mark.asyncio
async def test_what_waits_for_something_that_fails_is_taken_back_and_its_sandbox_goes_on(
    sandbox: LocalSandbox,
) -> None:
    arrival = Arrival()
    ahead = asyncio.create_task(waiting(sandbox, arrival, bytearray()))
    with pytest.raises(DataError, match="the script is wrong"):
        async with meanwhile(ahead, arrival):
            raise DataError("the script is wrong")
    assert isinstance(ahead.exception(), Cancelled)
    assert sandbox.usable
    parts = bytearray()
    assert (await run(sandbox, source(stream([3])), parts)).ok
    assert read_parts(bytes(parts))


@pytest.mark.asyncio
async def test_what_waits_ends_with_a_run_that_is_cancelled(sandbox: LocalSandbox) -> None:
    arrival = Arrival()
    ahead = asyncio.create_task(waiting(sandbox, arrival, bytearray()))

    async def runs_for_ever() -> None:
        async with meanwhile(ahead, arrival):
            await asyncio.Event().wait()

    running = asyncio.create_task(runs_for_ever())
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ahead.cancelled()


@pytest.mark.asyncio
async def test_a_failure_of_what_waits_is_told_when_the_run_is_done(sandbox: LocalSandbox) -> None:
    arrival = Arrival()

    async def fails() -> None:
        raise DataError("the base cannot be read")

    with pytest.raises(DataError, match="base cannot be read"):
        async with meanwhile(asyncio.create_task(fails()), arrival):
            await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_an_input_that_fails_on_its_way_fails_the_run_at_once(sandbox: LocalSandbox) -> None:
    """An object store that goes away in the middle of a table: the worker waits for the rest, nobody else may."""

    async def blocks() -> AsyncIterator[bytes]:
        yield stream([3])[:100]
        raise Unavailable("The object store stopped in the middle of an object.")

    async with asyncio.timeout(10) as limit:
        with pytest.raises(Unavailable, match="stopped in the middle"):
            await run(sandbox, blocks)
    assert not limit.expired()
