"""Who leads: two operators at once, one that is killed, one that loses its lease, one that waits for its turn."""

from __future__ import annotations

import asyncio

import pytest
from fake_service import Behaviour
from stage import Stage

pytestmark = pytest.mark.asyncio


async def test_two_operators_at_once_make_one_version_of_each_task() -> None:
    async with Stage() as stage:
        first, second = await stage.start(), await stage.start()
        await stage.warm()
        names = [stage.task() for _ in range(10)]
        for name in names:
            await stage.complete(name)
        assert len(stage.service.facts) == 10
        assert sorted(one.operator.metrics.leader._value.get() for one in (first, second)) == [0, 1]


async def test_the_second_operator_takes_over_when_the_first_is_killed() -> None:
    async with Stage(Behaviour(run_seconds=0.5)) as stage:
        first = await stage.start()
        await stage.warm()
        await stage.start()
        stage.operators.remove(first)
        await first.kill()
        await stage.complete(stage.task(), 20)
        lease = stage.cluster.get("leases", "retort-operator", "retort")
        assert lease is not None
        assert lease["spec"]["leaseTransitions"] == 2


def proven_told(stage: Stage) -> bool:
    lease = stage.cluster.get("leases", "retort-operator", "retort")
    assert lease is not None
    return "node" in lease["metadata"].get("annotations", {}).get("retort.dev/proven", "")


async def test_a_restarted_container_waits_neither_for_its_predecessor_s_lease_nor_for_a_new_proof() -> None:
    async with Stage(settings={"lease_seconds": 40, "pod_name": "retort-operator-abc"}) as stage:
        first = await stage.start()
        await stage.warm()
        await stage.until(lambda: proven_told(stage), 20)
        stage.operators.remove(first)
        await first.kill()
        stage.kubelet.probe = lambda _: None  # it would not be proven again
        await stage.start()
        await stage.complete(stage.task(), 20)
        lease = stage.cluster.get("leases", "retort-operator", "retort")
        assert lease is not None
        assert lease["spec"]["leaseTransitions"] == 2, "the brokers would take both for one"


async def test_an_operator_that_loses_its_lease_ends() -> None:
    from retort_operator.lease import LeaseLost

    async with Stage() as stage:
        one = await stage.start()
        await stage.warm()
        stage.operators.remove(one)
        stage.cluster.change(
            "leases",
            "retort-operator",
            "retort",
            {"spec": {"holderIdentity": "somebody-else", "leaseTransitions": 9}},
        )
        with pytest.raises(LeaseLost):
            await asyncio.wait_for(one.task, 10)
        assert holder(stage) == "somebody-else", "regression: it gave back what was another one's by then"


def holder(stage: Stage) -> str:
    lease = stage.cluster.get("leases", "retort-operator", "retort")
    assert lease is not None
    found: str = lease["spec"]["holderIdentity"]
    return found


async def test_a_standby_outlives_an_outage_says_so_and_takes_over_after_it() -> None:
    """Regression: it ended at the first error and was started again ever later, at last together with the leader."""
    async with Stage() as stage:
        first = await stage.start()
        await stage.warm()
        second = await stage.start()
        own = holder(stage)
        stage.cluster.fail("get", "leases", 503, times=60)
        await stage.until(lambda: "lease" in second.operator.health.ready(), 10)
        stage.cluster.faults.clear()
        await stage.until(lambda: second.operator.health.ready() == "", 10)
        stage.operators.remove(first)
        await first.end()
        await stage.until(lambda: holder(stage) not in ("", own), 10)
        await stage.complete(stage.task(), 20)
