"""From an AgentTask's words to a version, through the internal listeners, a broker and a door: all real but the API server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from unittest.mock import AsyncMock

import httpx2 as httpx
import pytest
from sqlalchemy import event, select
from tests.cluster_service.conftest import CSV, LIMITS, NAMESPACE_UID, OVER, Pod, say, task_object

from retort_api.cluster import leases, service
from retort_api.cluster.leases import RunLease
from retort_api.cluster.tables import run_leases
from retort_api.kit.postgres.failures import Contended
from retort_api.tasks import events
from retort_core.errors import Conflict, DataError, Unavailable
from retort_core.http.internal import (
    AttemptPut,
    PodAddress,
    RunLimits,
    TaskObject,
    TaskPut,
    TaskSeen,
    Wanted,
)
from retort_core.http.looks import decided
from retort_core.lifecycle.observations import Prepared, Ran, Run
from retort_core.lifecycle.sources import Answer, Approval
from retort_core.lifecycle.statuses import TaskStatus

pytestmark = pytest.mark.asyncio


async def test_words_on_an_object_become_a_version(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        first = await cluster.imported()
        seen = await cluster.decider.finish(say("只保留城市是上海的行"))
        assert seen.status.phase == "Complete", seen.status
        result = seen.status.result
        assert result is not None
        assert (result.parent, result.counts.rows_after) == (first, 20)
        assert seen.archived
        feed = await cluster.desk.commits(0, 10)
        assert [(fact.id, fact.branch) for fact in feed.items] == [(first, ""), (result.commit, "main")]
        assert {(fact.dataset, fact.author) for fact in feed.items} == {("survey", "amy")}


async def test_what_is_prepared_at_first_sight_and_what_is_decided_later_are_of_one_version(
    open_cluster: Any,
) -> None:
    """A new task is told of and asked to be prepared in one request; meanwhile its branch moves on."""
    async with open_cluster() as cluster:
        first = await cluster.imported()
        task = say("只保留城市是上海的行")
        told = await cluster.decider.put(task, TaskStatus(), 0, Wanted(prepare=0))
        assert (told.base, told.status.base_commit) == (first, first)
        await cluster.until(task.uid, lambda seen: seen.prepared is not None)
        other = await cluster.decider.finish(say("去掉打分列"))
        assert other.status.result.commit != first
        seen = await cluster.desk.get(task.uid)
        assert (seen.base, seen.prepared.round) == (first, 0)
        again = await cluster.decider.put(task, TaskStatus(), 0, Wanted(prepare=0))
        assert again == seen  # said again because an answer was lost: the row is the memory


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends soon counts as "at once", however busy the machine is."""
    monkeypatch.setattr(service, "AT_ONCE_SECONDS", 30.0)


async def test_what_is_replied_at_once_is_decided_on_at_once(open_cluster: Any, patient: None) -> None:
    """A task of rules costs three requests: told and planned; running; moved and ended. Each is decided as of the asker's clock."""
    async with open_cluster() as cluster:
        await cluster.imported()
        decider, task = cluster.decider, say("只保留城市是上海的行")
        at = datetime(2040, 1, 1, tzinfo=UTC)  # no clock of the service's
        task = task.model_copy(update={"created_at": at})
        sight = decider.sight(task).model_copy(update={"at": at})
        planned = await decider.put(task, TaskStatus(), 0, Wanted(), sight)
        assert planned.begun == (Wanted(prepare=0),)
        assert (planned.status.attempt, planned.status.plan is not None) == (1, True)
        assert {condition.at for condition in planned.status.conditions} == {at}

        decider.pods[task.uid] = (1, await Pod.start())
        sight = decider.sight(task).model_copy(update={"at": at})
        running = decided(task, planned, sight)
        assert running.actions == (Run(1),)
        seen = await decider.put(task, running.status, planned.revision, Wanted(), sight)
        await decider.run(task.uid, 1)
        ran = await cluster.until(task.uid, lambda found: found.run is not None)
        assert (ran.status, ran.revision) == (seen.status, seen.revision + 1)

        ended = await decider.put(task, seen.status, seen.revision, Wanted(), sight)
        assert (ended.status.phase, ended.archived) == ("Complete", True)
        assert ended.begun == (Wanted(promote=ended.status.result.commit),)
        assert decided(task, ended, sight).status == ended.status
        async with cluster.database.read() as connection:
            told = [one for one in await events.internal_after(connection, 0, 100) if one.uid == task.uid]
        assert all(one.data["revision"] <= ended.revision for one in told), "nothing of it is news"
        assert len(told) == 3
        await decider.pods.pop(task.uid)[1].stop()


async def test_a_sight_does_not_make_an_older_decision_a_newer_one(open_cluster: Any, patient: None) -> None:
    async with open_cluster() as cluster:
        await cluster.imported()
        task = say("只保留城市是上海的行")
        sight = cluster.decider.sight(task)
        planned = await cluster.decider.put(task, TaskStatus(), 0, Wanted(), sight)
        other = planned.status.model_copy(update={"attempt": 2})
        seen = await cluster.decider.put(task, other, planned.revision - 1, Wanted(), sight)
        assert seen.model_copy(update={"begun": planned.begun}) == planned


async def test_nothing_is_prepared_where_there_is_nothing_to_start_from(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        await cluster.imported()
        seen = await cluster.decider.put(say("去掉重复", base="nowhere"), TaskStatus(), 0, Wanted(prepare=0))
        assert (seen.base.code, seen.prepared) == ("not-found", None)


async def test_a_question_is_answered_on_the_object(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        await cluster.imported()
        task = say("处理一下打分列")
        asked = await cluster.decider.finish(task, until=("AwaitingInput", "Complete", "Failed"))
        question = asked.status.question
        assert question is not None
        choice = question.slots[0].options[0].id
        answer = Answer(
            question=question.id,
            choice="+".join([choice, *(slot.options[0].id for slot in question.slots[1:])]),
        )
        given = task.model_copy(update={"answer": answer})
        seen = await cluster.decider.put(given, asked.status, asked.revision, Wanted())
        assert seen.answer == answer
        assert (await cluster.decider.finish_from(given, seen)).status.phase == "Complete"


async def test_no_such_dataset_is_one_failure_with_a_sentence(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        seen = await cluster.decider.finish(say("去掉重复", dataset="nowhere"))
        assert seen.base.code == "not-found"
        assert "nowhere" in seen.base.message


async def test_a_namespace_made_again_is_no_heir(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        await cluster.imported()
        stranger = say("去掉重复", namespace_uid=NAMESPACE_UID[::-1])
        seen = await cluster.decider.put(stranger, TaskStatus(), 0, Wanted())
        assert seen.base.code == "project-rebound"  # type: ignore[union-attr]


async def test_a_decision_on_an_older_row_is_refused_with_the_newer_one(open_cluster: Any) -> None:
    """Two operators that both believe to lead: the second PUT on the same revision is told what the first decided."""
    async with open_cluster() as cluster:
        task = await cluster.upload()
        seen = await cluster.decider.put(task, TaskStatus(), 0, Wanted())
        later = TaskStatus(message="decided by the other one")
        await cluster.decider.put(task, later, seen.revision, Wanted())
        body = TaskPut(task=task, status=TaskStatus(message="too late"), revision=seen.revision)
        reply = await cluster.decider.api.put(
            f"/internal/v1/tasks/{task.uid}", content=body.model_dump_json()
        )
        assert reply.status_code == 409
        assert reply.json()["details"]["seen"]["status"]["message"] == later.message


async def test_asking_twice_prepares_once(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        task = await cluster.upload()
        seen = await cluster.decider.put(task, TaskStatus(), 0, Wanted())
        for _ in range(5):
            await cluster.decider.put(task, seen.status, seen.revision, Wanted(prepare=0))
        await cluster.until(task.uid, lambda seen: seen.prepared is not None)
        async with cluster.database.read() as connection:
            told = [one for one in await events.internal_after(connection, 0, 100) if one.uid == task.uid]
        assert len(told) == 1


async def test_who_does_not_know_the_token_is_nobody(open_cluster: Any) -> None:
    async with open_cluster() as cluster, httpx.AsyncClient(base_url=cluster.api_url) as stranger:
        for path in ("/internal/v1/tasks", "/internal/v1/commits", "/internal/v1/events"):
            assert (await stranger.get(path)).status_code == 401
            assert (await stranger.get(path, headers={"authorization": "Bearer x"})).status_code == 401
        assert (await stranger.get("/readyz")).status_code == 200


async def test_a_broker_that_dies_in_the_middle_is_a_new_attempt(open_cluster: Any) -> None:
    """Its lease runs out; another broker says so; the result of the dead one, should it come, is dropped."""
    async with open_cluster() as cluster:
        task = await cluster.upload(data=CSV.encode())
        before = await cluster.decider.put(task, TaskStatus(), 0, Wanted())
        dead = RunLease(task=task.uid, attempt=1, epoch=1, holder="a broker that is gone")
        async with cluster.database.write() as connection:
            assert await leases.take(connection, dead)
        finishing = asyncio.create_task(cluster.decider.finish_from(task, before))
        await cluster.until(task.uid, lambda seen: seen.status.phase == "Running")
        async with cluster.database.write() as connection:
            await leases.expire(connection, task.uid)
        await cluster.attempts.tend()
        seen = await finishing
        assert (seen.status.phase, seen.status.attempt) == ("Complete", 2)


async def test_a_lost_run_is_told_of_although_the_first_who_says_so_dies(
    open_cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease went in a transaction before the reply: a broker killed between them left the task running for ever."""
    async with open_cluster() as cluster:
        task = await cluster.upload(data=CSV.encode())
        before = await cluster.decider.put(task, TaskStatus(), 0, Wanted())
        dead = RunLease(task=task.uid, attempt=1, epoch=1, holder="a broker that is gone")
        async with cluster.database.write() as connection:
            assert await leases.take(connection, dead)
        finishing = asyncio.create_task(cluster.decider.finish_from(task, before))
        await cluster.until(task.uid, lambda seen: seen.status.phase == "Running")
        async with cluster.database.write() as connection:
            await leases.expire(connection, task.uid)
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
            await leases.expire(connection, uid)
            (seen,) = await leases.expired(connection)
            await leases.renew(connection, "b", {(uid, 1)})
        cluster.attempts._lost(seen)
        assert await cluster.attempts.acts.rest(uid, 10)
        assert (await cluster.desk.get(uid)).run is None
        assert await _expiry(cluster, uid) > datetime.now(UTC)


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
            await leases.expire(connection, uid)


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
            await leases.expire(connection, task.uid)
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


@pytest.mark.parametrize(
    ("limits", "body", "sentence"),
    [
        (
            {"memory_bytes": 256 << 20},
            "held = []\n    while True:\n        held.append(bytearray(b'x') * (16 << 20))",
            "needed more than 256 MiB of memory",
        ),
        (
            {"output_bytes": 1 << 20},
            "import polars\n    return polars.concat([table] * 5000)",
            "larger than 1 MiB",
        ),
        ({"seconds": 2}, "while True:\n        pass", "took longer than 2 s"),
    ],
    ids=["memory", "output", "seconds"],
)
async def test_the_limits_of_the_profile_end_a_run_with_their_sentence(
    open_cluster: Any, limits: dict[str, int], body: str, sentence: str
) -> None:
    """Regression: only the service's own limits were watched for, so the kernel killed first, or the door's alarm rang: three
    attempts, and nobody was told why."""
    async with open_cluster() as cluster:
        await cluster.imported()
        cluster.decider.limits = LIMITS.model_copy(update=limits)
        script = task_object({"script": {"source": f"def run(table):\n    {body}\n"}})
        seen = await asyncio.wait_for(cluster.decider.finish(script), 90)
        failure = seen.status.failure
        assert failure is not None, seen.status
        assert (failure.failure, failure.code, seen.status.attempt) == ("Limit", "limit-exceeded", 1)
        assert sentence in failure.message


async def test_what_an_attempt_that_was_given_up_still_brings_is_no_second_version(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        await cluster.imported()
        task = say("只保留城市是上海的行")
        seen = await cluster.decider.put(task, TaskStatus(), 0, Wanted())
        await cluster.decider.put(task, TaskStatus(attempt=2), seen.revision, Wanted())
        settled = asyncio.Event()

        async def late(settle: Any) -> None:
            try:
                async with cluster.database.write() as connection:
                    await settle(connection, Ran(attempt=1, message="too late"))
            finally:
                settled.set()

        cluster.attempts.acts.start(task.uid, "run/1", late, lambda failure: Ran(attempt=1, failure=failure))
        await settled.wait()
        assert (await cluster.desk.get(task.uid)).run is None


async def test_an_older_leader_starts_nothing(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        task = await cluster.upload()
        await cluster.decider.put(task, TaskStatus(), 0, Wanted())
        async with cluster.database.write() as connection:
            await leases.take(connection, RunLease(task=task.uid, attempt=2, epoch=5, holder="b"))
            for attempt, epoch in ((1, 5), (3, 4)):
                with pytest.raises(Conflict):
                    await leases.take(
                        connection, RunLease(task=task.uid, attempt=attempt, epoch=epoch, holder="c")
                    )


async def test_cancelling_between_stage_and_promotion_moves_no_branch(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        first = await cluster.imported()
        task = say("只保留城市是上海的行", review="Always")
        asked = await cluster.decider.finish(task, until=("AwaitingInput", "Complete", "Failed"))
        assert asked.status.staged is not None
        seen = await cluster.decider.finish_from(task.model_copy(update={"cancelled": True}), asked)
        assert seen.status.failure is not None
        assert seen.status.failure.code == "cancelled"
        feed = await cluster.desk.commits(0, 10)
        assert [fact.id for fact in feed.items if fact.branch == "main"] == [first]


async def test_a_branch_that_moved_before_the_yes_is_worked_on_anew_and_the_yes_is_asked_for_again(
    open_cluster: Any,
) -> None:
    """Both keep what they did: the second is run again, in an executor of its own, on what the first left."""
    async with open_cluster() as cluster:
        await cluster.imported()
        task = say("删除打分列", review="Always")
        asked = await cluster.decider.finish(task, until=("AwaitingInput", "Complete", "Failed"))
        assert asked.status.staged is not None
        shown = asked.status.staged.commit
        other = await cluster.decider.finish(say("把城市列改名为城"))
        assert other.status.result is not None, other.status

        given = task.model_copy(update={"approval": Approval(commit=shown)})
        again = await _asked_again(cluster, given, asked)
        assert again.status.staged is not None
        assert (again.status.attempt, again.status.rebases) == (2, 1)
        given = task.model_copy(update={"approval": Approval(commit=again.status.staged.commit)})
        seen = await cluster.decider.finish_from(given, again)
        assert seen.status.result is not None, seen.status
        assert seen.status.result.parent == other.status.result.commit
        assert seen.status.result.counts.columns_after == 2
        feed = await cluster.desk.commits(0, 10)
        assert [fact.id for fact in feed.items if fact.branch == "main"] == [seen.status.result.commit]


async def _asked_again(cluster: Any, given: TaskObject, asked: TaskSeen) -> TaskSeen:
    """From the yes to a version that is too late, to the question about the next one."""
    seen = await cluster.decider.put(given, asked.status, asked.revision, Wanted())
    moving = await cluster.decider.finish_from(given, seen, ("Preparing", *OVER))
    return await cluster.decider.finish_from(given, moving, ("AwaitingInput", *OVER))


async def test_both_replicas_find_the_branch_moved_and_one_reply_is_stored(open_cluster: Any) -> None:
    """The late version never gets on the branch, whoever tries how often: its parent is not the head."""
    async with open_cluster() as cluster:
        await cluster.imported()
        task = say("删除打分列", review="Always")
        asked = await cluster.decider.finish(task, until=("AwaitingInput", "Complete", "Failed"))
        assert asked.status.staged is not None
        shown = asked.status.staged.commit
        other = await cluster.decider.finish(say("把城市列改名为城"))
        assert other.status.result is not None
        status = asked.status.model_copy(update={"promoting": True})
        seen = await cluster.decider.put(task, status, asked.revision, Wanted(promote=shown))
        seen = await cluster.until(task.uid, lambda found: found.promoted is not None)
        assert (seen.promoted.commit, seen.promoted.head) == (shown, other.status.result.commit)
        await cluster.decider.put(task, status, seen.revision, Wanted(promote=shown))
        later = await cluster.desk.get(task.uid)
        assert (later.promoted, later.revision) == (seen.promoted, seen.revision)
