"""DataCommits are a picture of what the service has published: bounded, repaired, and only where they belong."""

from __future__ import annotations

import asyncio
import hashlib
from types import SimpleNamespace
from typing import Any

import pytest
from stage import Stage

from retort_core.http.internal import CommitFact
from retort_operator import projection

pytestmark = pytest.mark.asyncio


def publish(stage: Stage, count: int, dataset: str = "people", namespace: str = "survey") -> None:
    home = stage.cluster.get("namespaces", namespace)
    assert home is not None
    for _ in range(count):
        number = len(stage.service.facts) + 1
        task: Any = SimpleNamespace(
            namespace=namespace,
            namespace_uid=home["metadata"]["uid"],
            dataset=dataset,
            requester="alice",
            uid="f" * 32,
        )
        stage.service.publish(task, hashlib.sha256(str(number).encode()).hexdigest())


def lags(stage: Stage) -> tuple[float, float]:
    """How many versions the operator has shown, and the sum of what each took since it was published."""
    registry = stage.operators[0].operator.metrics.registry
    name = "retort_projection_lag_seconds"
    return registry.get_sample_value(f"{name}_count") or 0, registry.get_sample_value(f"{name}_sum") or 0


def shown(stage: Stage, dataset: str = "people") -> list[int]:
    return sorted(
        one["spec"]["sequence"]
        for one in stage.cluster.all("datacommits")
        if one["spec"]["datasetName"] == dataset
    )


async def test_what_was_published_before_the_start_is_shown_the_newest_of_each_dataset() -> None:
    async with Stage(settings={"commits_kept": 4}) as stage:
        publish(stage, 10)
        publish(stage, 3, "满意度调查")
        await stage.start()
        await stage.until(
            lambda: shown(stage) == [7, 8, 9, 10] and shown(stage, "满意度调查") == [11, 12, 13]
        )


async def test_a_deleted_object_comes_back() -> None:
    async with Stage() as stage:
        publish(stage, 2)
        one = await stage.start()
        await stage.until(lambda: shown(stage) == [1, 2] and "datacommits" in one.operator.ages.ages())
        name = stage.cluster.all("datacommits")[0]["metadata"]["name"]
        stage.cluster.remove("datacommits", name, "survey")
        await stage.until(lambda: shown(stage) == [1, 2])


async def test_one_whose_deletion_no_watch_told_of_comes_back_at_the_next_listing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(projection, "LISTED", 1.0)
    async with Stage() as stage:
        stage.cluster.deaf.add("datacommits")
        await stage.start()
        publish(stage, 3)
        await stage.until(lambda: shown(stage) == [1, 2, 3])
        name = stage.cluster.all("datacommits")[1]["metadata"]["name"]
        stage.cluster.remove("datacommits", name, "survey")
        await asyncio.sleep(1)
        publish(stage, 1)  # whatever wakes it; by itself it does so twice a minute
        await stage.until(lambda: shown(stage) == [1, 2, 3, 4])


async def test_old_versions_go_by_pages_and_about_as_many_stay_as_are_to_be_kept() -> None:
    async with Stage(settings={"commits_kept": 4}) as stage:
        await stage.start()
        await stage.until(lambda: bool(stage.operators[0].operator.receiver))
        for _ in range(20):
            publish(stage, 1)
            await stage.until(lambda: len(stage.service.facts) in shown(stage))
        assert 4 <= len(shown(stage)) <= 6
        assert shown(stage)[-1] == 20
        requests = sum(count for key, count in stage.writes().items() if "deletecollection" in key)
        assert requests <= 9  # pages of two
        assert "delete datacommits" not in stage.writes()


async def test_an_old_page_whose_deletion_failed_is_asked_to_go_again() -> None:
    """Regression: it was forgotten before it was deleted, and stayed until the next start."""
    async with Stage(settings={"commits_kept": 4}) as stage:
        await stage.start()
        publish(stage, 1)
        await stage.until(lambda: shown(stage) == [1])
        publish(stage, 4)
        await stage.until(lambda: shown(stage) == [1, 2, 3, 4, 5])
        stage.cluster.fail("deletecollection", "datacommits", 409)
        publish(stage, 1)
        await stage.until(lambda: shown(stage) == [3, 4, 5, 6], 10)


async def test_a_dataset_of_which_nothing_is_shown_is_not_kept_in_mind() -> None:
    """Regression: every dataset there had ever been was, for as long as the operator ran."""
    async with Stage() as stage:
        one = await stage.start()
        publish(stage, 2)
        await stage.until(lambda: shown(stage) == [1, 2] and "datacommits" in one.operator.ages.ages())
        stage.cluster.remove("namespaces", "survey")
        for found in stage.cluster.all("datacommits"):
            stage.cluster.remove("datacommits", found["metadata"]["name"], "survey")
        assert one.operator.receiver is not None
        lines = one.operator.receiver.projection._pages._lines
        await stage.until(lambda: not lines, 5)


async def test_a_namespace_made_anew_under_the_same_name_is_shown_nothing_of_the_old_one() -> None:
    async with Stage() as stage:
        publish(stage, 2)
        stage.cluster.remove("namespaces", "survey")
        stage.namespace("survey")
        publish(stage, 1)
        await stage.start()
        await stage.until(lambda: shown(stage) == [3])


async def test_projection_is_taken_up_again_after_a_restart_without_doubles() -> None:
    async with Stage() as stage:
        first = await stage.start()
        publish(stage, 3)
        await stage.until(lambda: shown(stage) == [1, 2, 3])
        stage.operators.remove(first)
        await first.end()
        publish(stage, 2)
        stage.cluster.by_name.clear()
        await stage.start()
        await stage.until(lambda: shown(stage) == [1, 2, 3, 4, 5])
        assert (
            sum(
                count
                for (verb, plural, _), count in stage.cluster.by_name.items()
                if (verb, plural) == ("create", "datacommits")
            )
            == 2
        )


@pytest.mark.parametrize("fault", ["refused", "silent"])
async def test_tasks_complete_while_versions_cannot_be_shown_and_all_are_shown_after_that(fault: str) -> None:
    async with Stage() as stage:
        await stage.start()
        await stage.warm()
        if fault == "refused":
            stage.cluster.fail("create", "datacommits", 503, times=10**6)
        else:
            stage.cluster.silent.add(("create", "datacommits"))
        names = [stage.task() for _ in range(6)]
        for name in names:
            await stage.complete(name, 10)
        await asyncio.sleep(0.5)
        assert len(stage.service.facts) == 6
        assert (shown(stage), lags(stage)) == ([], (0, 0))
        stage.cluster.faults.clear()
        stage.cluster.silent.clear()
        await stage.until(lambda: shown(stage) == [1, 2, 3, 4, 5, 6], 10)
        await stage.until(lambda: lags(stage)[0] == 6)
        assert lags(stage)[1] > 6 * 0.5, "what it took is told as it was"


async def test_a_version_that_the_api_server_never_takes_holds_up_no_other() -> None:
    async with Stage() as stage:
        await stage.start()
        publish(stage, 1)
        await stage.until(lambda: shown(stage) == [1])
        stage.cluster.fail("create", "datacommits", 422)
        publish(stage, 1)
        await stage.until(lambda: not stage.cluster.faults)
        publish(stage, 2)
        await stage.until(lambda: shown(stage)[-2:] == [3, 4], 5)
        assert 2 not in shown(stage)


class LaterFact(CommitFact):
    """Of a service that is newer than the operator."""

    weight: int = 1


async def test_a_fact_that_cannot_be_read_is_left_out_and_the_others_are_shown() -> None:
    """Regression: one with a field that only a newer service knows ended the operator, at every start again."""
    async with Stage() as stage:
        publish(stage, 3)
        stage.service.facts[1] = LaterFact(**stage.service.facts[1].model_dump())
        await stage.start()
        await stage.until(lambda: shown(stage) == [1, 3], 5)
        publish(stage, 2)
        stage.service.facts[3] = LaterFact(**stage.service.facts[3].model_dump())
        await stage.until(lambda: shown(stage) == [1, 3, 5], 5)


async def test_a_whole_page_that_cannot_be_read_is_not_the_end_of_the_feed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(projection, "PAGE", 2)
    async with Stage() as stage:
        publish(stage, 5)
        for at in (2, 3):
            stage.service.facts[at] = LaterFact(**stage.service.facts[at].model_dump())
        await stage.start()
        await stage.until(lambda: shown(stage) == [1, 2, 5], 5)


async def test_a_fact_that_makes_no_object_is_left_out_and_the_others_are_shown() -> None:
    """Regression: it ended the operator, at every start again."""
    async with Stage() as stage:
        publish(stage, 3)
        stage.service.facts[1] = stage.service.facts[1].model_copy(update={"id": "not a commit's"})
        await stage.start()
        await stage.until(lambda: shown(stage) == [1, 3], 5)


async def test_versions_of_a_namespace_that_is_no_longer_in_scope_hold_up_nobody() -> None:
    """Regression: it may not be read; that was tried for ever, and no version of anybody was shown."""
    async with Stage(settings={"project_namespaces": "survey"}) as stage:
        stage.namespace("other")
        stage.cluster.fail("get", "namespaces", 403, 10**6, lambda name: name == "other")
        publish(stage, 1, namespace="other")
        publish(stage, 1)
        await stage.start()
        await stage.until(lambda: shown(stage) == [2], 5)
        publish(stage, 1, namespace="other")
        publish(stage, 1)
        await stage.until(lambda: shown(stage) == [2, 4], 5)


async def test_a_namespace_that_takes_nothing_holds_up_no_other_and_is_tried_again() -> None:
    """Regression: one whose webhook was broken kept everybody's versions from being shown."""
    async with Stage() as stage:
        stage.namespace("broken")
        publish(stage, 12, namespace="broken")
        stage.cluster.fail("create", "datacommits", 500, 10**6, namespace="broken")
        await stage.start()
        publish(stage, 1)
        await stage.until(lambda: shown(stage) == [13], 5)
        publish(stage, 1, namespace="broken")
        publish(stage, 1)
        await stage.until(lambda: shown(stage) == [13, 15], 5)
        stage.cluster.faults.clear()
        await stage.until(lambda: shown(stage) == list(range(1, 16)), 15)


async def test_a_namespace_that_cannot_be_read_holds_up_no_other() -> None:
    """Regression: as one that takes nothing."""
    async with Stage() as stage:
        stage.namespace("broken")
        stage.cluster.fail("get", "namespaces", 500, 10**6, lambda name: name == "broken")
        await stage.start()
        publish(stage, 1, namespace="broken")
        publish(stage, 1)
        await stage.until(lambda: shown(stage) == [2], 10)
        stage.cluster.faults.clear()
        await stage.until(lambda: shown(stage) == [1, 2], 15)


async def test_what_is_new_does_not_wait_for_what_is_old() -> None:
    """Regression: all that was missing was made first, one by one."""
    async with Stage() as stage:
        stage.namespace("slow")
        publish(stage, 10, namespace="slow")
        stage.cluster.silent.add(("create", "datacommits", "slow"))
        await stage.start()
        await stage.until(lambda: stage.service.calls["commits"] >= 3)  # it knows what is missing
        publish(stage, 1)
        await stage.until(lambda: shown(stage) == [11], 5)
        stage.cluster.silent.clear()
        await stage.until(lambda: shown(stage) == list(range(1, 12)), 5)


async def test_a_namespace_that_is_gone_is_read_once_for_all_that_was_published_there() -> None:
    """Regression: each missing version of it was asked for and its namespace read anew."""
    async with Stage() as stage:
        stage.namespace("old")
        for dataset in ("people", "places"):
            publish(stage, 20, dataset, "old")
        publish(stage, 1)
        stage.cluster.remove("namespaces", "old")
        await stage.start()
        await stage.until(lambda: shown(stage) == [41], 10)
        calls = {"verb": "get", "resource": "namespaces", "code": "404"}
        registry = stage.operators[0].operator.metrics.registry
        assert registry.get_sample_value("retort_api_requests_total", calls) == 1
        assert stage.service.calls["commits"] < 10


async def test_one_made_by_hand_that_somebody_deletes_is_not_looked_for_in_the_feed() -> None:
    async with Stage() as stage:
        for number, sequence in enumerate((0, 2**70)):
            spec = {"datasetName": "people", "commit": str(number), "sequence": sequence}
            stage.cluster.add("datacommits", f"by-hand-{number}", "survey", spec)
        one = await stage.start()
        publish(stage, 1)
        await stage.until(lambda: 1 in shown(stage) and "datacommits" in one.operator.ages.ages())
        for number in range(2):
            stage.cluster.remove("datacommits", f"by-hand-{number}", "survey")
        stage.cluster.remove("datacommits", stage.cluster.all("datacommits")[0]["metadata"]["name"], "survey")
        await stage.until(lambda: shown(stage) == [1], 5)


async def test_what_a_quota_refuses_is_shown_once_there_is_room() -> None:
    """Regression: a version that was forbidden once was not shown before the operator's next start."""
    async with Stage() as stage:
        stage.cluster.quotas["datacommits"] = 0
        await stage.start()
        await stage.warm()
        await stage.complete(stage.task())
        await stage.until(lambda: stage.writes().get("create datacommits", 0) >= 2, 10)
        assert not stage.cluster.all("datacommits")
        stage.cluster.quotas.clear()
        await stage.until(lambda: len(stage.cluster.all("datacommits")) == 1, 15)
