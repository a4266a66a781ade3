"""From an AgentTask's words to a version, through the internal listeners, a broker and a door: all real but the API server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import select
from tests.cluster_service.conftest import LIMITS, NAMESPACE_UID, OVER, Pod, say, task_object

from retort_api.cluster import leases, service
from retort_api.cluster.leases import RunLease
from retort_api.commits.log import CommitLog
from retort_api.records import commits
from retort_api.tasks import events
from retort_core.errors import Conflict
from retort_core.http.internal import (
    TaskObject,
    TaskPut,
    TaskSeen,
    Wanted,
)
from retort_core.http.looks import decided
from retort_core.lifecycle.observations import Ran, Run
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
        assert [(fact.id, fact.branch) for fact in feed.items] == [(first, "main"), (result.commit, "main")]
        assert {(fact.dataset, fact.author) for fact in feed.items} == {("survey", "amy")}


async def test_a_version_is_shown_on_the_branch_it_came_to_whenever_it_is_asked_for(
    open_cluster: Any,
) -> None:
    """Regression: on one it was the head of just then, so on none or on another's when the answer came after the next version."""
    async with open_cluster() as cluster:
        first = await cluster.imported()
        aside = await cluster.decider.finish(say("去掉打分列", branch="a-side", base=first))
        assert aside.status.result is not None, aside.status
        log = CommitLog(cluster.database)
        async with cluster.database.read() as connection:
            dataset = (await connection.execute(select(commits.c.dataset).limit(1))).scalar_one()
        await log.create(dataset, "earlier", "branch", first, "amy")
        second = await cluster.decider.finish(say("只保留城市是上海的行"))
        await log.move(dataset, "main", first, second.status.result.commit, "undo", "amy")
        feed = await cluster.desk.commits(0, 10)
        assert [(fact.id, fact.branch) for fact in feed.items] == [
            (first, "main"), (aside.status.result.commit, "a-side"), (second.status.result.commit, "main"),
        ]  # fmt: skip


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
        assert [fact.id for fact in feed.items] == [first]


async def test_a_branch_that_moved_before_the_yes_is_worked_on_anew_and_the_yes_is_asked_for_again(
    open_cluster: Any,
) -> None:
    """Both keep what they did: the second is run again, in an executor of its own, on what the first left."""
    async with open_cluster() as cluster:
        first = await cluster.imported()
        task = say("删除打分列", review="Always")
        asked = await cluster.decider.finish(task, until=("AwaitingInput", "Complete", "Failed"))
        assert asked.status.staged is not None
        shown = asked.status.staged.commit
        waiting = await cluster.desk.commits(0, 10)
        assert [fact.id for fact in waiting.items] == [first], "what waits for a yes is not published"
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
        on_main = [first, other.status.result.commit, seen.status.result.commit]
        assert [(fact.id, fact.branch) for fact in feed.items] == [(one, "main") for one in on_main]


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
