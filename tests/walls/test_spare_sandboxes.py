"""Sandboxes for whoever has nothing for them to do yet: never more than half of all there may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from retort_api.local.sandboxes import LocalSandboxes


@pytest_asyncio.fixture
async def pool() -> AsyncIterator[LocalSandboxes]:
    made = LocalSandboxes("retort_executor.worker:main", 1, target=2, capacity=4)
    await made.open()
    yield made
    await made.close()


async def idle(pool: LocalSandboxes) -> None:
    """One stands ready."""
    async with pool.claimed("a"):
        pass


@pytest.mark.asyncio
async def test_half_of_them_are_kept_for_those_who_have_work(pool: LocalSandboxes) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await idle(pool)
            assert await stack.enter_async_context(pool.spare()) is not None
        await idle(pool)
        assert await stack.enter_async_context(pool.spare()) is None
        async with asyncio.timeout(60), pool.claimed("a"), pool.claimed("a"):
            pass  # both of the other half
    async with pool.spare() as again:
        assert again is not None


@pytest.mark.asyncio
async def test_regression_a_claim_at_the_moment_a_sandbox_came_waited_for_ever() -> None:
    """What had just come was still counted among those that start, so no other was started."""
    pool = LocalSandboxes("retort_executor.worker:main", 1, target=1, capacity=3)
    await pool.open()
    async with AsyncExitStack() as stack, asyncio.timeout(60):
        for _ in range(3):
            await stack.enter_async_context(pool.claimed("a"))
    await pool.close()


@pytest.mark.asyncio
async def test_nobody_waits_for_a_spare_one() -> None:
    pool = LocalSandboxes("retort_executor.worker:main", 1, target=1, capacity=2)
    async with pool.spare() as none_started_yet:
        assert none_started_yet is None
    await pool.close()


@pytest.mark.asyncio
async def test_regression_a_result_waited_for_all_results_of_another_project() -> None:
    pool = LocalSandboxes("retort_executor.worker:main", 1, target=1, capacity=1)
    await pool.open()
    came: list[str] = []

    async def use(owner: str) -> None:
        async with pool.claimed(owner):
            came.append(owner)

    async with asyncio.timeout(60), asyncio.TaskGroup() as group, pool.claimed("a"):
        for owner in ("a", "a", "a", "b"):
            group.create_task(use(owner))
        await asyncio.sleep(0)  # each of them waits now
    assert came == ["a", "b", "a", "a"]
    await pool.close()
