"""The life of one task, from its object to its end, with every write counted."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from fake_service import Behaviour, commit_of, question
from stage import EXECUTORS, PROFILE, Stage

from retort_core.lifecycle.observations import Prepared, Promoted, Ran
from retort_core.lifecycle.sources import Answer, Approval
from retort_core.lifecycle.statuses import Counts, Failure, Outcome, PlannedWork, Staged
from retort_operator.beginnings import YOUNG
from retort_operator.board import PREPARING
from retort_operator.claims import MANY
from retort_operator.pool import Pools
from retort_operator.work_queue import AHEAD

pytestmark = pytest.mark.asyncio
STEADY = ("leases", "executorprofiles")


def counted(stage: Stage) -> dict[str, int]:
    return {key: count for key, count in stage.writes().items() if not any(word in key for word in STEADY)}


async def settled(stage: Stage) -> None:
    await stage.until(lambda: len(stage.cluster.all("datacommits")) == 1 and stage.ready() == 2)


async def test_a_short_task_takes_five_writes_of_which_one_is_its_status() -> None:
    async with Stage() as stage:
        await stage.start()
        await stage.warm()
        stage.cluster.by_name.clear()
        name = stage.task()
        status = await stage.complete(name)
        assert status["result"]["commit"] == commit_of(stage.uid(name))
        assert status["observedGeneration"] == 1
        assert stage.condition(name, "Accepted")["status"] == "True"
        await settled(stage)
        assert counted(stage) == {
            "patch agenttasks/status": 1,
            "patch pods": 1,
            "delete pods": 1,
            "create pods": 1,
            "create datacommits": 1,
        }


async def test_a_new_executor_gives_way_to_the_run_that_took_one_for_a_second_at_most() -> None:
    async with Stage(Behaviour(run_seconds=4)) as stage:
        await stage.start()
        await stage.warm()
        made, uid = stage.kubelet.made, stage.uid(stage.task())
        await stage.until(lambda: uid in stage.service.running)
        assert stage.kubelet.made == made
        await stage.until(lambda: stage.kubelet.made == made + 1)
        assert uid in stage.service.running


async def test_a_task_that_lasts_shows_that_it_runs_and_takes_six() -> None:
    async with Stage(Behaviour(run_seconds=1.0)) as stage:
        await stage.start()
        await stage.warm()
        stage.cluster.by_name.clear()
        name = stage.task()
        status = await stage.phase(name, "Running")
        assert status["podName"] == stage.service.running[stage.uid(name)]
        assert status["plan"]["title"] == "Remove a column"
        await stage.complete(name)
        await settled(stage)
        assert sum(counted(stage).values()) == 6
        assert counted(stage)["patch agenttasks/status"] == 2


async def test_the_version_is_shown_as_an_object_with_the_facts_of_the_feed() -> None:
    async with Stage() as stage:
        await stage.start()
        await stage.warm()
        name = stage.task()
        await stage.complete(name)
        await settled(stage)
        (shown,) = stage.cluster.all("datacommits")
        assert shown["metadata"]["name"] == f"people-{commit_of(stage.uid(name))[:12]}"
        assert shown["spec"]["commit"] == commit_of(stage.uid(name))
        assert shown["spec"]["taskUID"] == stage.uid(name)
        assert shown["metadata"]["namespace"] == "survey"


def asks(task: Any, round_: int, answer: Any) -> Prepared:
    if round_ == 0:
        return Prepared(round=0, asked=question())
    assert answer is not None
    return Prepared(round=1, done=Outcome(), message=f"chosen: {answer.choice}")


@pytest.mark.parametrize("way", ["object", "http"])
async def test_a_question_is_shown_and_answered_by_either_way(way: str) -> None:
    async with Stage(Behaviour(prepare=asks)) as stage:
        await stage.start()
        await stage.warm()
        name = stage.task()
        status = await stage.phase(name, "AwaitingInput")
        assert status["question"]["id"] == "q1"
        assert [one["label"] for one in status["question"]["slots"][0]["options"]] == ["first", "last"]
        if way == "object":
            stage.edit(name, answer={"questionID": "q1", "choice": "b"})
        else:
            stage.service.say(stage.uid(name), answer=Answer(question="q1", choice="b"))
        status = await stage.complete(name)
        assert status["message"] == "chosen: b"
        assert "question" not in status


def surprises(task: Any, attempt: int) -> Ran:
    return Ran(
        attempt=attempt,
        staged=Staged(commit=commit_of(task.uid), code="rows-beyond-words", why="57 rows would go"),
    )


@pytest.mark.parametrize(("decision", "phase"), [("Approved", "Complete"), ("Rejected", "Failed")])
async def test_what_goes_beyond_the_words_waits_for_a_yes_to_exactly_this_version(
    decision: str, phase: str
) -> None:
    async with Stage(Behaviour(run=surprises)) as stage:
        await stage.start()
        await stage.warm()
        name = stage.task()
        status = await stage.phase(name, "AwaitingInput")
        staged = status["staged"]["commit"]
        assert status["staged"]["why"] == "57 rows would go"
        await stage.until(lambda: stage.ready() == 2)  # nobody waits inside an executor
        stage.edit(name, approval={"commit": staged, "decision": decision})
        await stage.phase(name, phase)
        assert len(stage.service.facts) == (1 if phase == "Complete" else 0)


async def test_an_approval_over_http_counts_as_well() -> None:
    async with Stage(Behaviour(run=surprises)) as stage:
        await stage.start()
        await stage.warm()
        name = stage.task()
        status = await stage.phase(name, "AwaitingInput")
        stage.service.say(stage.uid(name), approval=Approval(commit=status["staged"]["commit"]))
        await stage.complete(name)


def retries(stage: Stage) -> dict[str, float]:
    """By reason, as it is measured."""
    (family,) = stage.operators[0].operator.metrics.retries.collect()
    return {one.labels["reason"]: one.value for one in family.samples if one.name == "retort_retries_total"}


async def test_a_branch_that_moved_is_another_attempt_in_another_executor() -> None:
    """The first version comes too late; the work is done again, and only what it gives then is promoted."""
    tried: list[str] = []

    def promote(task: Any, commit: str) -> Promoted:
        tried.append(commit)
        late = Failure(failure="Input", code="conflict", message="moved")
        if len(tried) == 1:
            return Promoted(commit=commit, head="e" * 64, failure=late)
        return Promoted(commit=commit, done=Outcome(commit=commit, branch="main"), message="done")

    def run(task: Any, attempt: int) -> Ran:
        return Ran(attempt=attempt, staged=Staged(commit=commit_of(task.uid, attempt)))

    async with Stage(Behaviour(promote=promote, run=run)) as stage:
        await stage.start()
        await stage.warm()
        name = stage.task()
        status = await stage.complete(name)
        uid = stage.uid(name)
        assert tried == [commit_of(uid, 1), commit_of(uid, 2)]
        assert status["result"]["commit"] == commit_of(uid, 2)
        assert status["attempt"] == 2
        assert retries(stage) == {"Rebasing": 1}
        first, second = [(attempt, pod) for task, attempt, pod in stage.service.runs if task == uid]
        assert (first[0], second[0]) == (1, 2)
        assert first[1] != second[1]


async def test_a_base_that_is_not_there_ends_the_task_with_the_services_sentence() -> None:
    missing = Failure(
        failure="Input", code="not-found", message="there is no branch 'drft'; did you mean 'draft'?"
    )
    async with Stage(Behaviour(base=lambda _: missing)) as stage:
        await stage.start()
        name = stage.task(branch="drft")
        status = await stage.phase(name, "Failed")
        assert status["message"] == missing.message
        assert stage.condition(name, "Failed")["reason"] == "Input"
        assert status["failure"] == {"class": "Input", "code": "not-found"}
        await stage.until(lambda: bool(stage.cluster.all("events")))
        note = stage.cluster.all("events")[0]["note"]
        assert note == missing.message  # names of branches are no cells


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (
            {"profileName": "huge"},
            "there is no executor profile 'huge' for the project 'survey'; usable here: default",
        ),
        ({"source": {"plan": {"json": '{"title": 3}'}}}, "spec.source cannot be used: "),
        ({"source": {}}, "spec.source is empty"),
        ({"queueTimeoutSeconds": "soon"}, "spec.queue"),
    ],
)
async def test_what_cannot_be_used_ends_with_one_condition_that_helps(
    spec: dict[str, Any], says: str
) -> None:
    async with Stage() as stage:
        await stage.start()
        name = stage.task(**spec)
        status = await stage.phase(name, "Failed")
        assert says in status["message"]
        ended = [
            one
            for one in status["conditions"]
            if one["status"] == "True" and one["type"] in ("Complete", "Failed")
        ]
        assert len(ended) == 1


async def test_a_profile_is_only_for_the_projects_it_names() -> None:
    profile = {"image": "x@sha256:" + "0" * 64, "replicas": 1, "capacity": 2, "allowedNamespaces": ["other"]}
    async with Stage(profile=profile) as stage:
        await stage.start()
        status = await stage.phase(stage.task(), "Failed")
        assert "there is none for this project" in status["message"]


async def test_a_namespace_that_takes_no_part_is_told_how_to() -> None:
    async with Stage() as stage:
        stage.cluster.add("namespaces", "other")
        await stage.start()
        name = stage.task(namespace="other")
        await stage.until(lambda: "opt this namespace in" in stage.status(name, "other").get("message", ""))
        assert not stage.service.rows


async def test_a_command_needs_no_executor_and_no_profile() -> None:
    def done(task: Any, round_: int, _: Any) -> Prepared:
        return Prepared(round=round_, done=Outcome(branch="main"), message="undone")

    async with Stage(Behaviour(prepare=done), profile=None) as stage:
        await stage.start()
        status = await stage.complete(stage.task(source={"command": {"verb": "undo"}}))
        assert status["message"] == "undone"
        assert not stage.service.runs


async def test_a_finished_task_goes_when_its_time_is_over_and_its_version_stays() -> None:
    async with Stage() as stage:
        await stage.start()
        await stage.warm()
        name = stage.task(ttlSecondsAfterFinished=1)
        kept = stage.task()
        await stage.complete(name)
        await stage.complete(kept)
        await stage.until(lambda: stage.cluster.get("agenttasks", name, "survey") is None)
        assert stage.cluster.get("agenttasks", kept, "survey") is not None
        assert len(stage.cluster.all("datacommits")) == 2


async def test_a_deleted_task_leaves_nothing_behind() -> None:
    async with Stage(Behaviour(run_seconds=60)) as stage:
        await stage.start()
        await stage.warm()
        name = stage.task()
        await stage.until(lambda: bool(stage.service.running))
        uid = stage.uid(name)
        pod = stage.service.running[uid]
        stage.cluster.remove("agenttasks", name, "survey")
        await stage.until(lambda: stage.service.gone == [uid])
        await stage.until(lambda: stage.cluster.get("pods", pod, EXECUTORS) is None and stage.ready() == 2)


async def test_questions_that_nobody_answers_hold_up_no_other_task_of_the_project() -> None:
    """Regression: a task that waits for an answer counted as one that is being planned, and of these a project has 32."""

    def some(task: Any, round_: int, answer: Any) -> Prepared:
        if task.name.startswith("asks"):
            return asks(task, round_, answer)
        return Prepared(round=round_, done=Outcome(), message="done")

    async with Stage(Behaviour(prepare=some)) as stage:
        await stage.start()
        for number in range(PREPARING):
            await stage.phase(stage.task(f"asks-{number}"), "AwaitingInput")
        await stage.complete(stage.task(), 10)


async def first_executors(stage: Stage, weight: str) -> list[str]:
    """Whose the first four runs are, both having enough that waits when the executors come."""
    stage.namespace("other", **({"retort.dev/weight": weight} if weight else {}))
    stage.kubelet.held = True
    await stage.start()
    names = [(f"{tenant}-{n}", tenant) for n in range(6) for tenant in ("survey", "other")]
    for name, tenant in names:
        stage.task(name, namespace=tenant)
    await stage.until(
        lambda: all(row.prepared for row in stage.service.rows.values()) and len(stage.service.rows) == 12
    )
    stage.kubelet.held = False
    await stage.until(lambda: len(stage.service.runs) == 4)
    return sorted(stage.service.rows[uid].task.namespace for uid, _, _ in stage.service.runs)


@pytest.mark.parametrize(("weight", "others"), [("", 2), ("3", 3), ("much", 2), ("0", 2)])
async def test_executors_are_shared_by_the_weights_that_the_namespaces_say(weight: str, others: int) -> None:
    behaviour = Behaviour(run=lambda task, attempt: None)
    async with Stage(behaviour, profile={**PROFILE, "replicas": 4, "capacity": 4}) as stage:
        assert (await first_executors(stage, weight)).count("other") == others


async def test_a_project_with_much_to_do_leaves_an_executor_to_one_with_little() -> None:
    """Regression: beside another project's flood a task waited for the start of an executor, or for the end of a long run."""

    def run(task: Any, attempt: int) -> Ran | None:
        staged = Staged(commit=commit_of(task.uid, attempt), counts=Counts(rows_after=7))
        return None if task.namespace == "other" else Ran(attempt=attempt, staged=staged)

    behaviour = Behaviour(run=run)
    async with Stage(behaviour, profile={**PROFILE, "replicas": 2, "capacity": 4}) as stage:
        stage.namespace("other")
        await stage.start()
        await stage.warm()
        await stage.complete(stage.task())
        for number in range(12):
            stage.task(f"long-{number}", namespace="other")
        await stage.until(lambda: len(stage.service.running) == 3 and stage.ready() == 1)
        for _ in range(3):
            await stage.complete(stage.task(), 5)
            await stage.until(lambda: stage.ready() == 1)
        assert len(stage.service.running) == 3


async def test_a_project_whose_tasks_wait_for_executors_is_planned_further_one_at_a_time() -> None:
    """So is the queue wired: what it asks is answered by those that hand out executors."""
    most = [0]

    def prepare(task: Any, round_: int, answer: Any) -> Prepared:
        under_way = sum(part.startswith("prepare") for _, part in stage.service._flying)
        most[0] = max(most[0], under_way)
        return Prepared(round=round_, ready=PlannedWork(digest="d" * 64, title="Remove a column"))

    async with Stage(Behaviour(prepare=prepare, prepare_seconds=0.03)) as stage:
        stage.kubelet.held = True
        await stage.start()
        for number in range(MANY):
            stage.task(f"first-{number}")
        await stage.until(
            lambda: [row.prepared is not None for row in stage.service.rows.values()] == [True] * MANY
        )
        assert most[0] > AHEAD
        await stage.until(lambda: not stage.service._flying)
        most[0] = 0
        for number in range(6):
            stage.task(f"later-{number}")
        await stage.until(
            lambda: len([row for row in stage.service.rows.values() if row.prepared]) == MANY + 6
        )
        assert most[0] == AHEAD


async def test_no_more_runs_begin_at_a_time_than_starts_have_shown_that_nodes_bear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So are claims wired: what they ask is answered by those that make executors."""
    monkeypatch.setattr(Pools, "bearable", lambda _, profile: 2.0 if profile == "default" else math.inf)
    begun: list[float] = []

    def run(_task: Any, _attempt: int) -> None:
        begun.append(time.monotonic())

    async with Stage(Behaviour(run=run), profile={**PROFILE, "replicas": 4}) as stage:
        await stage.start()
        await stage.warm(4)
        for _ in range(3):
            stage.task()
        await stage.until(lambda: len(begun) == 3)
        assert begun[1] - begun[0] < YOUNG / 2
        assert begun[2] - begun[0] > YOUNG / 2
