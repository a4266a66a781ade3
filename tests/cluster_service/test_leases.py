"""Runs and their leases: brokers that die or come late, last words and deadlocks, one attempt beside the next."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.cluster_service.conftest import CSV

from retort_api.cluster import leases
from retort_api.cluster.leases import RunLease
from retort_api.cluster.tables import run_leases
from retort_api.kit.postgres.failures import Contended
from retort_core.errors import DataError, SessionLost, Unavailable
from retort_core.http.internal import (
    AttemptPut,
    PodAddress,
    RunLimits,
    Wanted,
)
from retort_core.lifecycle.observations import Prepared
from retort_core.lifecycle.statuses import TaskStatus

pytestmark = pytest.mark.asyncio


async def test_a_broker_that_dies_in_the_middle_is_a_new_attempt(open_cluster: Any) -> None:
    """Its lease runs out; another broker says so; the result of the dead one, should it come, is dropped."""
    async with open_cluster() as cluster:
        _, finishing = await _left_by_its_broker(cluster)
        await cluster.attempts.tend()
        seen = await finishing
        assert (seen.status.phase, seen.status.attempt) == ("Complete", 2)


async def test_a_lost_run_is_told_of_although_the_first_who_says_so_dies(
    open_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease went in a transaction before the reply: a broker killed between them left the task running for ever."""
    async with open_cluster() as cluster:
        task, finishing = await _left_by_its_broker(cluster)
        died = asyncio.Event()

        async def dies(*_: Any) -> None:
            died.set()
            raise Unavailable("the database cannot be reached")

        acts = cluster.attempts.acts
        with monkeypatch.context() as patched:
            patched.setattr(acts, "_settle", dies)
            await cluster.attempts.tend()
            await asyncio.wait_for(died.wait(), 10)
            assert await acts.rest(task.uid, 10)
        await cluster.attempts.tend()
        seen = await finishing
        assert (seen.status.phase, seen.status.attempt) == ("Complete", 2)


async def test_after_the_database_was_away_every_broker_is_given_time_to_come_back(open_cluster: Any) -> None:
    """Regression: the first broker that came through renewed its own leases and told of all others as lost, though their
    brokers lived and came a moment later. One that is gone is still found, when that time is over."""
    async with open_cluster() as cluster:
        at = 0.0
        one, other = (
            replace(cluster.attempts, holder=holder, now=lambda: at, _mine=set()) for holder in "ab"
        )
        mine, its, dead = [await _taken(cluster, holder) for holder in ("a", "b", "a broker that is gone")]
        one._mine.add((mine, 1))
        other._mine.add((its, 1))
        for broker in (one, other):
            await broker.tend()

        at += 13
        await _expire(cluster, mine, its, dead)
        for broker in (one, other):
            await broker.tend()
        now = datetime.now(UTC)
        assert not cluster.attempts.acts._flying
        assert (
            min(await _expiry(cluster, mine), await _expiry(cluster, its))
            > now
            > await _expiry(cluster, dead)
        )

        for _ in range(4):
            at += leases.RENEWED_EVERY
            await one.tend()
        assert await one.acts.rest(dead, 10)
        assert (await cluster.desk.get(dead)).run.failure.code == "session-lost"
        assert [(await cluster.desk.get(uid)).run for uid in (mine, its)] == [None, None]


async def test_a_lease_that_is_renewed_before_its_loss_is_told_stays(open_cluster: Any) -> None:
    """Regression: what one broker had seen run out was told lost, also when its own broker had come back meanwhile."""
    async with open_cluster() as cluster:
        uid = await _taken(cluster, "b")
        async with cluster.database.write() as connection:
            await _expired(connection, uid)
            (seen,) = await leases.expired(connection)
            await leases.renew(connection, "b", {(uid, 1)})
        cluster.attempts._lost(seen)
        assert await cluster.attempts.acts.rest(uid, 10)
        assert (await cluster.desk.get(uid)).run is None
        assert await _expiry(cluster, uid) > datetime.now(UTC)


async def test_regression_a_result_was_dropped_because_the_database_was_away_for_the_life_of_a_lease(
    open_cluster: Any,
) -> None:
    """It may be stored until somebody has told that the run is lost, and never after that."""
    async with open_cluster() as cluster:
        uid = await _taken(cluster, "b")
        lease = RunLease(task=uid, attempt=1, epoch=1, holder="b")
        await _expire(cluster, uid)
        async with cluster.database.write() as connection:
            await leases.check(connection, lease)
            assert await leases.end(connection, lease)
            with pytest.raises(SessionLost):
                await leases.check(connection, lease)


async def _left_by_its_broker(cluster: Any) -> tuple[Any, asyncio.Task[Any]]:
    """A task at work whose broker is gone and its lease run out; and what waits for the task's end."""
    task = await cluster.upload(data=CSV.encode())
    before = await cluster.decider.put(task, TaskStatus(), 0, Wanted())
    dead = RunLease(task=task.uid, attempt=1, epoch=1, holder="a broker that is gone")
    async with cluster.database.write() as connection:
        assert await leases.take(connection, dead)
    finishing = asyncio.create_task(cluster.decider.finish_from(task, before))
    await cluster.until(task.uid, lambda seen: seen.status.phase == "Running")
    await _expire(cluster, task.uid)
    return task, finishing


async def _taken(cluster: Any, holder: str) -> str:
    """A task whose first attempt a broker has."""
    task = await cluster.upload()
    await cluster.decider.put(task, TaskStatus(attempt=1), 0, Wanted())
    async with cluster.database.write() as connection:
        assert await leases.take(connection, RunLease(task=task.uid, attempt=1, epoch=1, holder=holder))
    return str(task.uid)


async def _expire(cluster: Any, *uids: str) -> None:
    async with cluster.database.write() as connection:
        for uid in uids:
            await _expired(connection, uid)


async def _expired(connection: AsyncConnection, uid: str) -> None:
    past = {"expires_at": datetime.now(UTC)}
    await connection.execute(update(run_leases).where(run_leases.c.task == uid).values(**past))


@pytest.fixture
def contended(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`contended(cluster)`: the first settling meets somebody else at the same rows; the database repeats as PostgreSQL's does."""

    def make(cluster: Any) -> None:
        settle, transact, met = cluster.attempts.acts._settle, cluster.database.transact, []

        async def meets(connection: Any, uid: str, reply: Any) -> None:
            if not met:
                met.append(uid)
                raise Contended("a deadlock")
            await settle(connection, uid, reply)

        async def repeated(body: Any) -> Any:
            try:
                return await transact(body)
            except Contended:
                return await transact(body)

        monkeypatch.setattr(cluster.attempts.acts, "_settle", meets)
        monkeypatch.setattr(cluster.database, "transact", repeated)

    return make


async def test_the_last_words_of_a_run_outlive_a_deadlock(
    open_cluster: Any, monkeypatch: pytest.MonkeyPatch, contended: Any
) -> None:
    """Regression: they were dropped, the lease ran out, and what had failed for good was run again as a lost one."""
    async with open_cluster() as cluster:
        task = await cluster.upload()
        await cluster.decider.put(task, TaskStatus(attempt=1), 0, Wanted())

        async def fails(*_: Any) -> None:
            raise DataError("no such column")

        monkeypatch.setattr(cluster.attempts, "run", fails)
        monkeypatch.setattr(cluster.attempts, "dialler", AsyncMock())
        contended(cluster)
        await cluster.attempts.put(task.uid, 1, _on_a_pod())
        assert await cluster.attempts.acts.rest(task.uid, 10)
        ran = (await cluster.desk.get(task.uid)).run
        assert ran is not None
        assert (ran.failure.failure, ran.failure.message) == ("Data", "no such column")


async def test_the_reply_of_an_act_outlives_a_deadlock(open_cluster: Any, contended: Any) -> None:
    """Regression: it was dropped, and what was done had to be asked for and done again."""
    async with open_cluster() as cluster:
        task = await cluster.upload()
        await cluster.decider.put(task, TaskStatus(), 0, Wanted())

        async def fails(_: Any) -> None:
            raise DataError("no such column")

        contended(cluster)
        acts = cluster.attempts.acts
        acts.start(task.uid, "prepare/0", fails, lambda failure: Prepared(round=0, failure=failure))
        assert await acts.rest(task.uid, 10)
        assert (await cluster.desk.get(task.uid)).prepared is not None


async def test_a_lost_run_is_told_of_in_spite_of_a_deadlock(open_cluster: Any, contended: Any) -> None:
    """Regression: it was told only when a later look found the lease again."""
    async with open_cluster() as cluster:
        task = await cluster.upload()
        await cluster.decider.put(task, TaskStatus(attempt=1), 0, Wanted())
        async with cluster.database.write() as connection:
            await leases.take(connection, RunLease(task=task.uid, attempt=1, epoch=1, holder="gone"))
            await _expired(connection, task.uid)
        contended(cluster)
        await cluster.attempts.tend()
        assert await cluster.attempts.acts.rest(task.uid, 10)
        assert (await cluster.desk.get(task.uid)).run.failure.code == "session-lost"


async def test_decisions_and_replies_take_the_task_first(open_cluster: Any) -> None:
    """Regression: a decision changed the object's row before the task's and a reply the other way round, which is a deadlock
    where several write at once."""
    changed: list[str] = []

    def listen(_: Any, __: Any, statement: str, *___: Any) -> None:
        first = statement.split(maxsplit=2)[:2]
        if first[0] == "BEGIN" or first in (["UPDATE", "tasks"], ["UPDATE", "task_objects"]):
            changed.append(first[-1])

    async with open_cluster() as cluster:
        event.listen(cluster.database._engine.sync_engine, "before_cursor_execute", listen)
        await cluster.imported()
    assert {"tasks", "task_objects"} <= set(changed)
    backwards = [pair for pair in pairwise(changed) if pair == ("task_objects", "tasks")]
    assert backwards == []


async def test_an_attempt_that_ends_late_leaves_the_lease_of_the_next_one_alone(
    open_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: both on one broker; the second was renewed no more once the first had ended, and was told lost."""
    async with open_cluster() as cluster:
        task = await cluster.upload()
        await cluster.decider.put(task, TaskStatus(), 0, Wanted())
        ends = {1: asyncio.Event(), 2: asyncio.Event()}

        async def runs(_: Any, attempt: int, *__: Any) -> None:
            await ends[attempt].wait()

        monkeypatch.setattr(cluster.attempts, "run", runs)
        monkeypatch.setattr(cluster.attempts, "dialler", AsyncMock())
        for attempt in ends:
            await cluster.attempts.put(task.uid, attempt, _on_a_pod())
        first = cluster.attempts.acts._flying[task.uid, "run/1"]
        ends[1].set()
        await first
        before = await _expiry(cluster, task.uid)
        await cluster.attempts.tend()
        assert await _expiry(cluster, task.uid) > before
        ends[2].set()


def _on_a_pod() -> AttemptPut:
    return AttemptPut(
        pod=PodAddress(name="executor-1", uid="1", ip="127.0.0.1", port=1, nonce="0" * 32),
        limits=RunLimits(seconds=60, memory_bytes=1, output_bytes=1),
        epoch=1,
    )


async def _expiry(cluster: Any, uid: str) -> datetime:
    query = select(run_leases.c.expires_at).where(run_leases.c.task == uid)
    async with cluster.database.single() as connection:
        found: datetime = (await connection.execute(query)).scalar_one()
    return found
