"""What no event tells of, what cannot be read for a moment, and what somebody else's namespace brings."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fake_service import Behaviour
from stage import EXECUTORS, PROFILE, TENANT, Stage

from retort_core.lifecycle.observations import Prepared
from retort_core.lifecycle.statuses import Outcome, PlannedWork
from retort_operator import main, sweeper
from retort_operator.board import PREPARING
from retort_operator.cluster import TRIES

pytestmark = pytest.mark.asyncio
RESTORE = {"restore": {"commit": "a" * 64}}


async def test_tasks_that_wait_outlive_a_reading_that_fails() -> None:
    """Regression: one that was taken out of its line and could not be read was in no line any more."""
    async with Stage(Behaviour(prepare_seconds=0.5)) as stage:
        await stage.start()
        await stage.warm()
        names = [stage.task() for _ in range(PREPARING + 8)]
        await stage.until(lambda: len(stage.operators[0].operator.receiver.board.active) == PREPARING, 10)  # type: ignore[union-attr]
        stage.cluster.fail("get", "agenttasks", 503, times=1000)
        (fault,) = stage.cluster.faults
        await stage.until(lambda: fault.times < 1000 - 8 * TRIES, 20)
        stage.cluster.faults.clear()
        for name in names:
            await stage.complete(name, 60)


async def test_a_namespace_that_takes_no_part_fills_nobodys_memory() -> None:
    """Regression: whoever may make tasks in any namespace could have thousands worked on, by letting their time run out."""
    async with Stage() as stage:
        await stage.start()
        await stage.warm()
        stage.cluster.add("namespaces", "outside")
        names = [
            stage.task(f"n-{number}", "outside", queueTimeoutSeconds=1) for number in range(4 * PREPARING)
        ]
        board = stage.operators[0].operator.receiver.board  # type: ignore[union-attr]
        await stage.until(lambda: "label" in stage.status("n-0", "outside").get("message", ""), 10)
        await asyncio.sleep(2.5)  # the time of all of them is over
        assert len(board.active) <= PREPARING
        assert board.known == len(names)
        await stage.complete(stage.task())
        stage.cluster.change(
            "namespaces", "outside", "", {"metadata": {"labels": {"retort.dev/project": "enabled"}}}
        )
        for name in names:
            await stage.until(
                lambda name=name: stage.status(name, "outside").get("phase") in ("Complete", "Failed"), 60
            )


@pytest.mark.parametrize("source", [RESTORE, {"command": {"verb": "accept"}}])
async def test_a_profile_that_is_for_others_serves_nothing_that_takes_an_executor(source: Any) -> None:
    """Regression: restoring a version, and commands that run something, claimed one of any profile."""
    async with Stage() as stage:
        stage.cluster.add(
            "executorprofiles", "theirs", EXECUTORS, {**PROFILE, "allowedNamespaces": ["other"]}
        )
        await stage.start()
        await stage.warm()
        status = await stage.phase(stage.task(source=source, profileName="theirs"), "Failed")
        assert "no executor profile 'theirs'" in status["message"]
        assert not stage.service.runs


async def test_a_command_that_takes_no_executor_needs_no_profile() -> None:
    def done(task: Any, round_: int, _: Any) -> Prepared:
        return Prepared(round=round_, done=Outcome(commit="b" * 64, branch="main"), message="walked")

    async with Stage(Behaviour(prepare=done)) as stage:
        await stage.start()
        await stage.warm()
        await stage.complete(stage.task(source={"command": {"verb": "undo"}}, profileName="none"))


async def test_an_object_that_goes_before_the_watch_begins_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Regression: it was listed, then deleted, and the operator was never ready nor ended what was left over."""
    monkeypatch.setattr(main, "STILL_THERE", 0.2)
    first = sweeper.Sweeper.objects
    calls: list[int] = []

    async def objects(self: sweeper.Sweeper) -> dict[str, tuple[str, str]]:
        found = await first(self)
        calls.append(1)
        return {**found, "f" * 32: (TENANT, "gone")} if len(calls) == 1 else found

    monkeypatch.setattr(sweeper.Sweeper, "objects", objects)
    async with Stage() as stage:
        running = await stage.start()
        await stage.until(lambda: "still to be read" in running.operator.health.ready(), 10)
        await stage.until(lambda: running.operator.health.ready() == "", 10)


async def test_what_was_deleted_while_nobody_listened_is_found_by_a_listing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Regression: after a watch that was too old it was worked on, its branch moved, and a profile's pool kept filled."""
    monkeypatch.setattr(sweeper, "COMPARED", 0.5)
    asked = Prepared(round=0, ready=PlannedWork(digest="d" * 64, title="t"))
    async with Stage(Behaviour(prepare_seconds=60, prepare=lambda *_: asked)) as stage:
        stage.cluster.add("executorprofiles", "spare", EXECUTORS, dict(PROFILE))
        await stage.start()
        await stage.warm()
        stage.task("going")
        uid = stage.uid("going")
        await stage.until(lambda: uid in stage.service.rows, 10)
        stage.cluster.deaf |= {"agenttasks", "executorprofiles"}
        stage.cluster.remove("agenttasks", "going", TENANT)
        stage.cluster.remove("executorprofiles", "spare", EXECUTORS)
        stage.cluster.add(
            "agenttasks", "unheard", TENANT, {"source": RESTORE, "datasetName": "d", "requester": "a"}
        )
        unheard = stage.uid("unheard")
        await stage.until(lambda: uid in stage.service.gone and unheard in stage.service.rows, 15)
        await stage.until(lambda: "spare" not in profiles(stage), 15, lambda: str(profiles(stage)))


def profiles(stage: Stage) -> list[str]:
    """Of all executors there are."""
    return [one["metadata"]["labels"]["retort.dev/profile"] for one in stage.kubelet.executors()]


async def test_one_task_that_cannot_be_deleted_keeps_no_other_one() -> None:
    """Regression: the first whose time was over and that a webhook kept held up all that followed."""
    async with Stage(settings={"ttl_seconds": 0}) as stage:
        stage.cluster.fail("delete", "agenttasks", 500, times=10_000, where=lambda name: name == "kept")
        await stage.start()
        await stage.warm()
        for name in ("kept", "two", "three"):
            stage.task(name)
        await stage.until(
            lambda: [one["metadata"]["name"] for one in stage.cluster.all("agenttasks")] == ["kept"], 20
        )


async def test_a_project_at_its_limit_goes_on_with_another_profile() -> None:
    """Regression: what came free in one pool was not told to tasks that waited beside idle executors of another one."""
    async with Stage(Behaviour(run_seconds=1.5), settings={"running_per_project": 1}) as stage:
        stage.cluster.add("executorprofiles", "other", EXECUTORS, dict(PROFILE))
        await stage.start()
        await stage.warm(4)
        first = stage.task()
        await stage.until(lambda: len(stage.service.running) == 1, 10)
        second = stage.task(profileName="other")
        await stage.complete(first)
        await stage.until(lambda: len(stage.service.runs) == 2, 1.5)
        await stage.complete(second)


async def test_one_namespace_that_cannot_be_read_stops_no_other_one() -> None:
    """Regression: where namespaces are named, one that went took its Role with it, and the operator ended at each start."""
    async with Stage(settings={"project_namespaces": f"{TENANT},went"}) as stage:
        stage.cluster.forbidden.add("went")
        await stage.start()
        await stage.warm()
        await stage.complete(stage.task())


async def test_an_old_probe_that_never_starts_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper, "PROBE_AGE", 0.5)
    async with Stage() as stage:
        await stage.start()
        await stage.warm()
        held = stage.cluster.add(
            "pods", "probe-old", EXECUTORS, {"containers": []}, labels={"retort.dev/role": "probe"}
        )
        assert held["metadata"]["name"] == "probe-old"
        await stage.until(lambda: stage.cluster.get("pods", "probe-old", EXECUTORS) is None, 10)
