"""What an object in the cluster says about others' talks and about versions that wait: nobody's word but its requester's counts."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select
from tests.cluster_service.conftest import say, task_object

from retort_api.access import member_repository as members
from retort_api.access.member_repository import Asker
from retort_api.audit.tables import lines
from retort_api.cluster.promises import promise_of, told_of
from retort_api.conversations import repository as conversations
from retort_api.conversations.repository import ConversationRecord
from retort_api.tasks import repository as tasks
from retort_core.http.internal import TaskObject, TaskSeen, Wanted
from retort_core.lifecycle.sources import Answer, Approval, Approver

pytestmark = pytest.mark.asyncio
OVER = ("AwaitingInput", "Complete", "Failed")
BOSS = Approver(name="boss", protected=True)


async def talk(cluster: Any, uid: str, owner: str) -> str:
    """A conversation about the dataset of a task."""
    now = datetime.now(UTC)
    async with cluster.database.write() as connection:
        task = await tasks.get(connection, uid)
        found = ConversationRecord(
            id=uuid.uuid4().hex, dataset=task.dataset, branch="main", title="", created_at=now
        )
        await conversations.add(connection, found)
        await members.own(connection, found.id, owner)
    return found.id


async def protect(cluster: Any, uid: str) -> None:
    async with cluster.database.write() as connection:
        task = await tasks.get(connection, uid)
        await members.protect(connection, task.dataset, "main", "boss", datetime.now(UTC))


async def promised(cluster: Any, task: TaskObject, *, change: bool, protected: bool) -> None:
    """The rights of a requester over HTTP, before the object is made."""
    asker = Asker(
        task=promise_of(task.namespace, task.name), project="", name=task.requester, change=change, protected=protected, facts={}
    )  # fmt: skip
    async with cluster.database.write() as connection:
        await members.promise_asker(connection, asker, told_of(task), datetime.now(UTC))


async def approved(cluster: Any, task: Any, asked: TaskSeen, approver: Approver | None) -> TaskSeen:
    """The task after somebody's yes on the object, as far as it gets by one look."""
    assert asked.status.staged is not None
    yes = {"approval": Approval(commit=asked.status.staged.commit), "approver": approver}
    given = task.model_copy(update=yes)
    seen: TaskSeen = await cluster.decider.put(given, asked.status, asked.revision, Wanted())
    return seen


async def said_yes(cluster: Any) -> list[dict[str, Any]]:
    """Lines of the audit about a yes or no."""
    async with cluster.database.read() as connection:
        found = [json.loads(text) for text in (await connection.execute(select(lines.c.event))).scalars()]
    return [one for one in found if one["verb"] == "approve"]


async def waiting(cluster: Any, **rest: Any) -> tuple[Any, TaskSeen]:
    task = say("删除打分列", review="Always", **rest)
    asked = await cluster.decider.finish(task, until=OVER)
    assert asked.status.phase == "AwaitingInput", asked.status
    return task, asked


@pytest.mark.parametrize("whose", ["somebody else's", "of another dataset", "nobody's"])
@pytest.mark.parametrize(
    "source",
    [
        {"instruction": {"text": "把城市列改名为城"}},
        {"command": {"verb": "approve"}},
        {"command": {"verb": "reject"}},
    ],
)
async def test_an_object_does_not_speak_in_a_conversation_that_is_not_its_requesters(
    open_cluster: Any, whose: str, source: dict[str, Any]
) -> None:
    """Regression: it cancelled, approved or answered whatever waited there, of any project."""
    async with open_cluster() as cluster:
        await cluster.imported()
        task, asked = await waiting(cluster)
        theirs = await talk(cluster, task.uid, "amy")
        async with cluster.database.write() as connection:
            row = tasks.tasks
            await connection.execute(row.update().where(row.c.uid == task.uid).values(conversation=theirs))
        if whose == "of another dataset":
            await cluster.imported("other")
        stranger = task_object(
            source,
            conversation="c" * 32 if whose == "nobody's" else theirs,
            requester="mallory" if whose == "somebody else's" else "amy",
            dataset="other" if whose == "of another dataset" else "survey",
        )
        seen = await cluster.decider.finish(stranger, until=OVER)
        assert (seen.base.code, seen.prepared) == ("not-found", None)
        left = await cluster.desk.get(task.uid)
        assert (left.status, left.cancelled, left.approval) == (asked.status, False, None)


async def test_a_yes_by_command_is_no_way_around_the_right_to_give_it(open_cluster: Any) -> None:
    """Regression: admission asks for that right where `spec.approval` changes, and a task with the command needed none."""
    async with open_cluster() as cluster:
        await cluster.imported()
        first = say("把城市列改名为城")
        done = await cluster.decider.finish(first)
        own = await talk(cluster, first.uid, "amy")
        task, asked = await waiting(cluster, conversation=own)
        yes = task_object({"command": {"verb": "approve"}}, conversation=own)
        seen = await cluster.decider.finish(yes, until=OVER)
        assert (seen.status.phase, seen.status.failure.failure) == ("Failed", "Policy")
        assert "kubectl retort approve" in seen.status.failure.message
        left = await cluster.desk.get(task.uid)
        assert (left.status, left.approval) == (asked.status, None)
        no = await cluster.decider.finish(
            task_object({"command": {"verb": "reject"}}, conversation=own), until=OVER
        )
        assert no.status.phase == "Complete", "one's own may be taken back"
        assert done.status.result is not None


async def test_a_readers_task_takes_effect_with_somebodys_yes_on_the_object(open_cluster: Any) -> None:
    """Regression: nobody was on record as having said so, and the task failed with what it had made."""
    async with open_cluster() as cluster:
        await cluster.imported()
        task = say("删除打分列", review="Always", requester="rob")
        await promised(cluster, task, change=False, protected=False)
        asked = await cluster.decider.finish(task, until=OVER)
        seen = await approved(cluster, task, asked, Approver(name="amy"))
        ended = await cluster.decider.finish_from(task, seen)
        assert ended.status.phase == "Complete", ended.status
        (line,) = await said_yes(cluster)
        assert line["user"]["username"] == "amy"
        assert (line["retort"]["commit"], line["retort"]["approved"]) == (asked.status.staged.commit, True)


@pytest.mark.parametrize("protected", ["before", "meanwhile"])
async def test_on_a_protected_branch_every_change_waits_for_who_may_change_those(
    open_cluster: Any, protected: str
) -> None:
    """Regression: an object's own `review` was believed, and its task failed where the branch was to be moved."""
    async with open_cluster() as cluster:
        await cluster.imported()
        other = say("把城市列改名为城")
        await cluster.decider.finish(other)
        if protected == "before":
            await protect(cluster, other.uid)
            task = say("删除打分列", review="Auto")
            asked = await cluster.decider.finish(task, until=OVER)
        else:
            task, asked = await waiting(cluster)
            await protect(cluster, other.uid)
        assert asked.status.phase == "AwaitingInput", asked.status
        for approver in (None, Approver(name="amy")):
            seen = await approved(cluster, task, asked, approver)
            assert (seen.status, seen.approval) == (asked.status, None), "it goes on waiting, nothing is lost"
        seen = await approved(cluster, task, asked, BOSS)
        ended = await cluster.decider.finish_from(task, seen)
        assert ended.status.phase == "Complete", ended.status
        assert [line["user"]["username"] for line in await said_yes(cluster)] == ["boss"]


async def test_a_no_needs_no_right_to_a_protected_branch(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        await cluster.imported()
        task, asked = await waiting(cluster)
        await protect(cluster, task.uid)
        no = Approval(commit=asked.status.staged.commit, approved=False)
        given = task.model_copy(update={"approval": no, "approver": Approver(name="amy")})
        seen = await cluster.decider.put(given, asked.status, asked.revision, Wanted())
        ended = await cluster.decider.finish_from(given, seen)
        assert ended.status.phase == "Failed"
        (line,) = await said_yes(cluster)
        assert line["retort"]["approved"] is False


@pytest.mark.parametrize("words", ["撤销", "撤销两步", "忘掉所有约定"])
async def test_an_answer_in_words_is_no_command_with_the_rights_of_who_asked(
    open_cluster: Any, words: str
) -> None:
    """Regression: whoever may answer others' questions undid steps of a protected branch in an administrator's name."""
    async with open_cluster() as cluster:
        imported = await cluster.imported()
        first = say("把城市列改名为城")
        done = await cluster.decider.finish(first)
        await protect(cluster, first.uid)
        task = say("处理一下打分列", requester="boss")
        await promised(cluster, task, change=True, protected=True)
        asked = await cluster.decider.finish(task, until=OVER)
        assert asked.status.question is not None, asked.status
        answer = Answer(question=asked.status.question.id, text=words)
        given = task.model_copy(update={"answer": answer})
        sight = cluster.decider.sight(task)
        seen = await cluster.decider.put(given, asked.status, asked.revision, Wanted(), sight)
        again = await cluster.decider.finish_from(given, seen, OVER)
        assert again.status.phase == "AwaitingInput", again.status
        assert again.status.question is not None
        assert again.status.question.id != asked.status.question.id
        feed = await cluster.desk.commits(0, 10)
        assert [one.id for one in feed.items] == [imported, done.status.result.commit]


@pytest.mark.parametrize(
    "command",
    [
        {"verb": "branch", "args": {"name": "release"}},
        {"verb": "forget", "args": {"which": "*"}},
        {"verb": "remember"},
    ],
)
async def test_what_admission_asked_no_right_for_is_not_done_by_command(
    open_cluster: Any, command: Any
) -> None:
    """Regression: a right to one branch made others, and rules of the whole project went."""
    async with open_cluster() as cluster:
        await cluster.imported()
        seen = await cluster.decider.finish(task_object({"command": command}))
        assert (seen.status.phase, seen.status.failure.failure) == ("Failed", "Policy")
        assert "by the service" in seen.status.failure.message
