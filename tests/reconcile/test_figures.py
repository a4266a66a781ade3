"""What a scraper reads of an operator that has worked: every family has moved, and no label names anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from fake_cluster import KINDS
from fake_service import Behaviour, commit_of
from prometheus_client.parser import text_string_to_metric_families
from stage import EXECUTORS, HOME, TENANT, Stage

from retort_core.lifecycle.observations import Ran
from retort_core.lifecycle.statuses import Failure, Staged
from retort_core.resources.conditions import REASONS

pytestmark = pytest.mark.asyncio
VERBS = {"get", "list", "create", "patch", "update", "delete", "deletecollection"}
# Of each label, all that it may ever say. A profile is the admin's: those there are, here one.
SAID: dict[str, Callable[[str], bool]] = {
    "verb": VERBS.__contains__,
    "resource": KINDS.__contains__,
    "code": lambda said: said == "none" or (said.isdigit() and len(said) == 3),
    "call": {"put-task", "get-task", "delete-task", "list-tasks", "put-attempt", "list-commits"}.__contains__,
    "profile": {"default"}.__contains__,
    "condition": {"Complete", "Failed"}.__contains__,
    "reason": REASONS["AgentTask"].__contains__,
    "state": {"ready", "starting", "claimed", "active", "waiting", "finished", "proven", "unproven", "unknown"}.__contains__,
    "le": lambda said: float(said) > 0,
}  # fmt: skip


@dataclass
class Scraped:
    text: str

    @property
    def samples(self) -> list[Any]:
        return [one for family in text_string_to_metric_families(self.text) for one in family.samples]

    def figure(self, name: str, **labels: str) -> float:
        """The sum of all samples of the name that have these labels."""
        return sum(
            one.value for one in self.samples if one.name == name and labels.items() <= one.labels.items()
        )


def ends(task: Any, attempt: int) -> Ran | None:
    """One whose run fails, one that nobody hears of any more, and all others well."""
    if task.name == "fails":
        failure = Failure(failure="Data", code="cast-failed", message="'x' is no number")
        return Ran(attempt=attempt, failure=failure)
    if task.name == "runs":
        return None
    return Ran(attempt=attempt, staged=Staged(commit=commit_of(task.uid, attempt)))


async def scrape(stage: Stage) -> Scraped:
    host, port = stage.operators[0].operator.health._runners[1].addresses[0]
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        assert (answer.status, answer.content_type, host) == (200, "text/plain", "0.0.0.0")
        return Scraped(await answer.text())


async def worked(stage: Stage) -> Scraped:
    """Three tasks that ended, one of them badly; one that runs on; one that waits for it, two at once being too many."""
    await stage.start()
    await stage.warm()
    for name in ("one", "two"):
        await stage.complete(stage.task(name))
    await stage.phase(stage.task("fails"), "Failed")
    stage.task("runs")
    await stage.until(lambda: stage.uid("runs") in stage.service.running)
    stage.task("waits")
    await stage.until(lambda: stage.condition("waits", "Running").get("reason") == "Queued")
    await stage.until(lambda: len(stage.cluster.all("datacommits")) == 2 and stage.ready() == 2)
    return await settled(stage)


async def settled(stage: Stage) -> Scraped:
    """What is counted at the next look at everything was counted."""
    while True:
        found = await scrape(stage)
        if (
            found.figure("retort_tasks_known", state="active")
            == found.figure("retort_executors", state="ready")
            == 2
        ):
            return found
        await asyncio.sleep(0.1)


async def test_every_family_moves_with_what_was_done() -> None:
    async with Stage(Behaviour(run=ends), {"running_per_project": 1}) as stage:
        found = await worked(stage)
    figure = found.figure
    assert figure("retort_tasks_total", condition="Complete", reason="Done") == 2
    assert figure("retort_tasks_total", condition="Failed", reason="Data") == 1
    assert figure("retort_tasks_total") == figure("retort_task_seconds_count") == 3
    assert figure("retort_tasks_known", state="finished") == 3
    assert figure("retort_look_seconds_count") == figure("retort_look_wait_seconds_count") >= 5
    assert 0 < figure("retort_look_seconds_sum") < 60
    assert figure("retort_queue_seconds_count") == figure("retort_claim_seconds_count") == 4
    assert figure("retort_api_requests_total", verb="patch", resource="pods", code="200") == 4
    assert figure("retort_api_requests_total", verb="create", resource="datacommits", code="201") == 2
    assert figure("retort_api_request_seconds_count") == figure("retort_api_requests_total")
    assert figure("retort_service_request_seconds_count", call="put-attempt", code="202") == 4
    assert figure("retort_service_request_seconds_count", call="put-task", code="200") >= 5
    assert figure("retort_executors", profile="default", state="claimed") == 1
    assert figure("retort_executors_created_total", profile="default") >= 6
    assert figure("retort_projection_lag_seconds_count") == 2
    assert figure("retort_nodes", state="proven") == 1
    assert figure("retort_leader") == 1
    watched = {one.labels["resource"] for one in found.samples if one.name == "retort_watch_age_seconds"}
    assert watched == {"agenttasks", "datacommits", "pods", "executorprofiles", "networkpolicies"}
    assert all(0 <= one.value < 30 for one in found.samples if one.name == "retort_watch_age_seconds")


async def test_what_goes_wrong_is_counted_by_its_code() -> None:
    async with Stage() as stage:
        await stage.start()
        await stage.warm()
        stage.cluster.fail("patch", "pods", 409)
        stage.service.broker_down = True
        name = stage.task()
        while not (await scrape(stage)).figure("retort_service_request_seconds_count", code="503"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # nothing tells when a figure changes
        stage.kubelet.fail(claimed(stage), EXECUTORS)
        stage.service.broker_down = False
        await stage.complete(name)
        found = await scrape(stage)
    assert found.figure("retort_api_requests_total", verb="patch", resource="pods", code="409") == 1
    assert found.figure("retort_service_request_seconds_count", call="put-attempt", code="503") >= 1
    assert found.figure("retort_retries_total", reason="Infrastructure") == 1


def claimed(stage: Stage) -> str:
    (name,) = [
        pod["metadata"]["name"]
        for pod in stage.kubelet.executors()
        if "retort.dev/task" in pod["metadata"]["labels"]
    ]
    return str(name)


async def test_no_label_says_more_than_it_may_and_none_names_anybody() -> None:
    async with Stage(Behaviour(run=ends), {"running_per_project": 1}) as stage:
        found = await worked(stage)
        uids = {stage.uid(name) for name in ("one", "two", "fails", "runs", "waits")}
        pods = {pod["metadata"]["name"] for pod in stage.kubelet.executors()}
    assert found.samples
    for one in found.samples:
        for label, said in one.labels.items():
            assert SAID[label](said), (one.name, label, said)
    dashed = {f"{u[:8]}-{u[8:12]}-{u[12:16]}-{u[16:20]}-{u[20:]}" for u in uids}
    for word in (TENANT, EXECUTORS, HOME + "-", "people", "alice", "fails", "node-1", *uids, *dashed, *pods):
        assert word not in found.text, word
