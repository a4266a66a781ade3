"""Results are taken in by few intakes, which scripts that run for long must not hold."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select
from tests.cluster_service.conftest import say, task_object

from retort_api.kit.signals import wait
from retort_api.records import events

pytestmark = pytest.mark.asyncio
ENDLESS = "def run(table):\n    print('begun', flush=True)\n    while True:\n        pass\n"


async def begun(cluster: Any, uid: str) -> None:
    """Its script says so."""
    while True:
        heard = cluster.signal.listen()
        async with cluster.database.read() as connection:
            kinds = set(await connection.scalars(select(events.c.kind).where(events.c.task == uid)))
        if "log" in kinds:
            return
        assert await wait(heard, 20), (kinds, await cluster.desk.get(uid))


async def test_regression_two_endless_scripts_stopped_everybodys_results(open_cluster: Any) -> None:
    """Each held one of the two intakes for as long as it ran."""
    async with open_cluster(intakes=2) as cluster:
        await cluster.imported()
        endless = [
            task_object({"script": {"source": ENDLESS}}, base="main", branch=f"endless-{n}") for n in range(2)
        ]
        running = [asyncio.create_task(cluster.decider.finish(one)) for one in endless]
        try:
            for one in endless:
                await begun(cluster, one.uid)
            seen = await asyncio.wait_for(cluster.decider.finish(say("只保留城市是上海的行")), 30)
            assert (seen.status.phase, seen.status.attempt) == ("Complete", 1), seen.status
        finally:
            for one in running:
                one.cancel()
            await asyncio.gather(*running, return_exceptions=True)
