"""What goes wrong: lost executors, refused writes, cut watches, a service that is away, an operator that dies."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_service import Behaviour, question
from stage import EXECUTORS, POLICY, PROFILE, Stage

from retort_core.errors import RetortError
from retort_core.http.internal import InternalEvent, TaskObject
from retort_core.lifecycle.observations import Prepared
from retort_operator import effects
from retort_operator.cluster import TRIES

pytestmark = pytest.mark.asyncio


async def running(stage: Stage, **spec: Any) -> tuple[str, str]:
    """A task that runs: its name and its Pod."""
    name = stage.task(**spec)
    uid = stage.uid(name)
    await stage.until(lambda: uid in stage.service.running)
    return name, stage.service.running[uid]


async def test_an_evicted_executor_is_another_attempt() -> None:
    async with Stage(Behaviour(run_seconds=1.5)) as stage:
        await stage.start()
        await stage.warm()
        name, pod = await running(stage)
        stage.kubelet.fail(pod, EXECUTORS)
        await stage.until(lambda: len(stage.service.runs) == 2)
        assert stage.service.runs[1][1] == 2
        assert stage.service.runs[1][2] != pod
        status = await stage.complete(name)
        assert status["attempt"] == 2
        assert len(stage.service.facts) == 1
        await stage.until(lambda: stage.cluster.get("pods", pod, EXECUTORS) is None)


async def test_executors_lost_too_often_end_the_task_with_the_reason() -> None:
    async with Stage(Behaviour(run_seconds=60)) as stage:
        await stage.start()
        await stage.warm()
        name, pod = await running(stage, infrastructureRetries=0)
        stage.kubelet.fail(pod, EXECUTORS)
        status = await stage.phase(name, "Failed")
        assert stage.condition(name, "Failed")["reason"] == "Infrastructure"
        assert "Evicted: the node was low on memory" in status["message"]


async def test_a_silent_broker_is_another_attempt_once_its_lease_is_over() -> None:
    async with Stage(Behaviour(run=lambda task, attempt: None)) as stage:
        await stage.start()
        await stage.warm()
        name, _ = await running(stage)
        await stage.until(lambda: not stage.service._flying)  # it ended, and nobody was told
        stage.service.does.run = None
        stage.service.lose(stage.uid(name), 1)
        status = await stage.complete(name)
        assert status["attempt"] == 2


async def test_a_run_that_nobody_ends_is_stopped_by_the_deadline() -> None:
    async with Stage(Behaviour(run=lambda task, attempt: None)) as stage:
        await stage.start()
        await stage.warm()
        name, _ = await running(stage, activeDeadlineSeconds=1)
        assert effects.BACKSTOP_SECONDS == 30
        effects.BACKSTOP_SECONDS = 0
        try:
            await stage.phase(name, "Failed")
        finally:
            effects.BACKSTOP_SECONDS = 30
        assert stage.condition(name, "Failed")["reason"] == "Deadline"


@pytest.mark.parametrize("status", [409, 500, 429])
async def test_a_refused_claim_is_made_again(status: int) -> None:
    async with Stage() as stage:
        await stage.start()
        await stage.warm()
        stage.cluster.fail("patch", "pods", status, times=1)
        await stage.complete(stage.task())


async def test_an_executor_that_could_not_be_claimed_for_a_moment_is_as_good_as_before() -> None:
    """Regression: the claim of a server that could not be reached put its executor aside until it changed, which an idle one
    never does. Where all were put aside and there was no room for more, tasks waited for ever."""
    async with Stage(profile={**PROFILE, "replicas": 2, "capacity": 2}) as stage:
        await stage.start()
        await stage.warm()
        stage.cluster.fail("patch", "pods", 503, times=3 * TRIES)
        await stage.complete(stage.task(), 15)


async def test_what_failed_while_the_api_server_was_away_is_tried_when_it_is_back() -> None:
    """Pauses had grown by then: of the looks at tasks, and of the pool by each of the creations that failed together."""
    async with Stage(Behaviour(run_seconds=0.5)) as stage:
        await stage.start(lease_seconds=30.0)
        await stage.warm()
        names = [stage.task() for _ in range(8)]
        await stage.until(lambda: bool(stage.service.running))
        stage.cluster.fail("*", "*", 503, times=10**6)
        await asyncio.sleep(6)
        assert not any(stage.status(name).get("phase") == "Complete" for name in names)
        stage.cluster.faults.clear()
        for name in names:
            await stage.complete(name, 5)


async def test_a_status_that_cannot_be_written_now_is_written_later() -> None:
    async with Stage() as stage:
        await stage.start()
        await stage.warm()
        stage.cluster.fail("patch", "agenttasks/status", 503, times=6)
        await stage.complete(stage.task())
        assert len(stage.service.facts) == 1


async def test_watches_that_are_cut_and_too_old_lose_nothing() -> None:
    async with Stage(Behaviour(run_seconds=0.3)) as stage:
        await stage.start()
        await stage.warm()
        names = [stage.task() for _ in range(3)]
        for _ in range(3):
            stage.cluster.expire()
            names.append(stage.task())
            await asyncio.sleep(0.1)
        for name in names:
            await stage.complete(name)
        assert len(stage.service.facts) == 6


async def test_a_deaf_watch_of_pods_makes_no_more_of_them_and_the_listing_heals_it() -> None:
    """Regression: a pool that believes a lagging watch makes executors without end."""
    async with Stage() as stage:
        stage.cluster.deaf.add("pods")
        stage.kubelet.linger = 4  # as a real one; it is asked for every two seconds
        await stage.start()
        await stage.warm()  # known by the listing alone
        await asyncio.sleep(1.5)
        assert stage.kubelet.made == 2
        await stage.complete(stage.task())


class LaterEvent(InternalEvent):
    """Of a service that is newer than the operator."""

    kind: str  # type: ignore[assignment]
    weight: int = 1


async def test_an_event_of_a_newer_service_does_not_cut_the_stream() -> None:
    """Regression: it was begun anew at the same place every two seconds, each time with a listing of all tasks."""
    async with Stage(settings={"resync_seconds": 600}) as stage:
        await stage.start()
        await stage.warm()
        await stage.until(lambda: stage.service.calls["events"] == 1)
        lists = stage.service.calls["list"]
        for kind in ("weather", "task"):
            stage.service.events.append(LaterEvent(seq=len(stage.service.events) + 1, kind=kind))
        stage.service._notify()
        await stage.complete(stage.task(), 10)
        assert (stage.service.calls["events"], stage.service.calls["list"]) == (1, lists)
        stage.service.cut()
        await stage.complete(stage.task(), 10)
        await asyncio.sleep(0.5)
        assert stage.service.calls["events"] == 2


async def test_lost_events_of_the_service_are_found_by_the_resync() -> None:
    async with Stage() as stage:
        stage.service.mute = True
        await stage.start()
        await stage.warm()
        await stage.complete(stage.task(), 15)


async def test_a_stream_that_is_cut_goes_on_where_it_was() -> None:
    async with Stage(Behaviour(run_seconds=0.4)) as stage:
        await stage.start()
        await stage.warm()
        name, _ = await running(stage)
        stage.service.cut()
        await stage.complete(name)


async def test_the_service_goes_away_and_comes_back() -> None:
    async with Stage(Behaviour(run_seconds=0.3)) as stage:
        await stage.start()
        await stage.warm()
        first, _ = await running(stage)
        stage.service.down = True
        second = stage.task()
        await asyncio.sleep(1)
        stage.service.down = False
        await stage.complete(first, 20)
        await stage.complete(second, 20)
        assert [attempt for _, attempt, _ in stage.service.runs] == [1, 1]


@pytest.mark.parametrize("away", [0.0, 1.5])
async def test_what_a_service_that_died_was_doing_is_asked_for_anew(away: float) -> None:
    """Regression: it was asked for again half a minute later, at the next resync."""
    async with Stage(Behaviour(prepare_seconds=60), {"resync_seconds": 60}) as stage:
        await stage.start()
        await stage.warm()
        name = stage.task()
        await stage.until(lambda: bool(stage.service._flying))
        stage.service.does.prepare_seconds = 0.002
        stage.service.down = bool(away)
        stage.service.die()
        await asyncio.sleep(away)
        stage.service.down = False
        await stage.complete(name, 5)


async def test_what_was_lost_unseen_is_asked_for_anew_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the stream is of another replica than the one that died."""
    monkeypatch.setattr(effects, "ASK_AGAIN", 0.5)
    asked: list[str] = []
    async with Stage(
        Behaviour(promote=lambda task, commit: asked.append(commit)), {"resync_seconds": 60}
    ) as stage:
        await stage.start()
        await stage.warm()
        name = stage.task()
        await stage.until(lambda: bool(asked))
        stage.service.does.promote = None
        await stage.complete(name, 5)


async def test_what_the_service_does_not_take_yet_waits_and_says_so() -> None:
    """As while operator and service of two releases work side by side."""
    async with Stage(Behaviour(refuse=lambda _: "body.task.lang: unknown")) as stage:
        await stage.start()
        await stage.warm()
        name = stage.task()
        await stage.until(lambda: "body.task.lang" in stage.status(name).get("message", ""))
        assert stage.status(name)["phase"] == "Pending"
        stage.service.does.refuse = lambda _: ""
        await stage.complete(name, 20)


async def test_what_the_service_never_takes_ends_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "REFUSED", 0.5)
    told: list[str] = []

    def refuse(task: TaskObject) -> str:
        told.append(task.name)
        return "too old" if task.name == "bad" else ""

    async with Stage(Behaviour(refuse=refuse)) as stage:
        await stage.start()
        await stage.warm()
        bad, good = stage.task("bad"), stage.task()
        await stage.complete(good)
        await stage.until(lambda: stage.status(bad).get("phase") == "Failed", 20)
        assert "too old" in stage.status(bad)["message"]
        told.clear()
        await stage.complete(stage.task())
        assert "bad" not in told


async def test_the_broker_goes_away_and_comes_back() -> None:
    async with Stage() as stage:
        stage.service.broker_down = True
        await stage.start()
        await stage.warm()
        name = stage.task()
        await asyncio.sleep(0.5)
        stage.service.broker_down = False
        assert (await stage.complete(name))["attempt"] == 1


def wait_for_ever(*_: Any) -> Prepared:
    return Prepared(round=0, asked=question())


@pytest.mark.parametrize("stage_", ["waiting", "preparing", "running", "asking"])
async def test_cancelling_ends_a_task_wherever_it_is(stage_: str) -> None:
    behaviour = Behaviour(run_seconds=60, prepare_seconds=60 if stage_ == "preparing" else 0.001)
    behaviour.prepare = wait_for_ever if stage_ == "asking" else None
    async with Stage(behaviour) as stage:
        stage.kubelet.held = stage_ == "waiting"
        await stage.start()
        name = stage.task()
        uid = stage.uid(name)
        reached = {
            "waiting": lambda: bool(stage.service.rows.get(uid) and stage.service.rows[uid].prepared),
            "preparing": lambda: stage.service.calls["put"] >= 2,
            "running": lambda: uid in stage.service.running,
            "asking": lambda: stage.status(name).get("phase") == "AwaitingInput",
        }
        await stage.until(reached[stage_])
        stage.edit(name, desiredState="Cancelled")
        await stage.phase(name, "Failed")
        assert stage.condition(name, "Failed")["reason"] == "Cancelled"
        assert stage.service.rows[uid].archived
        stage.kubelet.held = False
        await stage.until(
            lambda: (
                not [
                    pod
                    for pod in stage.kubelet.executors()
                    if pod["metadata"]["labels"].get("retort.dev/task")
                ]
            )
        )


async def test_cancelling_over_http_ends_it_as_well() -> None:
    async with Stage(Behaviour(run_seconds=60)) as stage:
        await stage.start()
        await stage.warm()
        name, _ = await running(stage)
        stage.service.say(stage.uid(name), cancelled=True)
        await stage.phase(name, "Failed")


async def test_a_task_that_finds_no_executor_in_time_says_so() -> None:
    async with Stage() as stage:
        stage.kubelet.held = True
        await stage.start()
        name = stage.task(queueTimeoutSeconds=2)
        await stage.phase(name, "Failed")
        assert stage.condition(name, "Failed")["reason"] == "QueueTimeout"


async def test_an_operator_killed_in_the_middle_of_a_run_is_followed_by_one_that_goes_on() -> None:
    async with Stage(Behaviour(run_seconds=2.0)) as stage:
        first = await stage.start()
        await stage.warm()
        name, _ = await running(stage)
        stage.operators.remove(first)
        await first.kill()
        await stage.start()
        status = await stage.complete(name, 15)
        assert status["attempt"] == 1
        assert [attempt for _, attempt, _ in stage.service.runs] == [1]
        assert len(stage.service.facts) == 1


async def test_deleting_a_namespace_with_running_tasks_does_not_hang() -> None:
    async with Stage(Behaviour(run_seconds=60)) as stage:
        await stage.start()
        await stage.warm()
        names = [stage.task() for _ in range(2)]
        await stage.until(lambda: len(stage.service.running) == 2)
        uids = {stage.uid(name) for name in names}
        stage.cluster.change(
            "namespaces", "survey", "", {"metadata": {"deletionTimestamp": "2026-11-20T08:00:00Z"}}
        )
        for name in names:
            stage.cluster.remove("agenttasks", name, "survey")
        await stage.until(lambda: set(stage.service.gone) == uids)
        await stage.until(lambda: stage.ready() == 2 and len(stage.kubelet.executors()) == 2)
        assert not stage.cluster.all("datacommits")


async def test_a_row_whose_object_went_while_nobody_watched_is_told_of() -> None:
    async with Stage(Behaviour(run_seconds=60)) as stage:
        first = await stage.start()
        await stage.warm()
        name, pod = await running(stage)
        uid = stage.uid(name)
        stage.operators.remove(first)
        await first.kill()
        stage.cluster.remove("agenttasks", name, "survey")
        await stage.start()
        await stage.until(lambda: stage.service.gone == [uid], 15)
        await stage.until(lambda: stage.cluster.get("pods", pod, EXECUTORS) is None, 20)


async def test_a_removed_policy_stops_claims_and_a_restored_one_proves_anew() -> None:
    async with Stage() as stage:
        await stage.start()
        await stage.warm()
        stage.cluster.remove("networkpolicies", "closed", EXECUTORS)
        await asyncio.sleep(0.1)
        stage.cluster.by_name.clear()
        name = stage.task()
        status = await stage.until(
            lambda: stage.condition(name, "Running").get("reason") == "IsolationUnproven"
        )
        assert status is None
        assert "no network policy" in stage.condition(name, "Running")["message"]
        assert "patch pods" not in stage.writes()
        stage.cluster.add("networkpolicies", "closed", EXECUTORS, POLICY)
        await stage.complete(name)


async def test_an_open_barrier_is_named_and_nothing_runs() -> None:
    def leaks(pod: Any) -> Any:
        from fake_kubelet import reached_nothing

        told = reached_nothing(pod)
        told["reached"]["api-server"] = "passed"
        return told

    async with Stage() as stage:
        stage.kubelet.probe = leaks
        await stage.start()
        name = stage.task()
        await stage.until(lambda: stage.condition(name, "Running").get("reason") == "IsolationUnproven")
        assert "api-server" in stage.condition(name, "Running")["message"]
        assert not stage.service.runs
        await stage.until(
            lambda: "BarrierOpen" in str(stage.cluster.get("executorprofiles", "default", EXECUTORS))
        )


async def test_executors_that_never_get_ready_are_not_made_without_end() -> None:
    async with Stage() as stage:
        stage.kubelet.broken = True
        await stage.start()
        await stage.until(
            lambda: "PodsFailing" in str(stage.cluster.get("executorprofiles", "default", EXECUTORS))
        )
        await asyncio.sleep(2)
        assert stage.kubelet.made <= 12
        stage.kubelet.broken = False
        await stage.until(lambda: stage.ready() == 2, 20)


async def test_a_burst_makes_an_executor_a_task_and_never_more_than_there_may_be() -> None:
    async with Stage(profile={**PROFILE, "replicas": 5, "capacity": 12}) as stage:
        await stage.start()
        await stage.warm(5)
        names = [stage.task() for _ in range(60)]
        for name in names:
            await stage.complete(name, 60)
        await stage.until(lambda: stage.ready() == 5)
        assert len(stage.service.facts) == 60
        assert len(stage.service.runs) == 60, [one for one in stage.service.runs if one[1] > 1]
        assert stage.kubelet.made <= 65
        assert stage.kubelet.most <= 12


async def test_a_process_that_ends_at_each_start_makes_no_executor_at_each_start() -> None:
    """Executors were made before those that there are had been listed: eighteen for a pool of two."""
    async with Stage() as stage:
        first = await stage.start()
        await stage.warm()
        await first.end()
        stage.operators.clear()
        for _ in range(3):
            stage.cluster.fail("list", "agenttasks", 403)
            failing = await stage.start()
            stage.operators.clear()
            with pytest.raises(RetortError):
                await asyncio.wait_for(failing.task, 20)
        await stage.start()
        await stage.warm()
        assert stage.kubelet.made == 2
