"""The life of one task, from its object to its end, with every write counted."""

from __future__ import annotations

import pytest
from stage import Stage

pytestmark = pytest.mark.asyncio


async def test_a_task_becomes_a_version_with_six_writes_at_most() -> None:
    async with Stage() as stage:
        await stage.start()
        await stage.warm()
        stage.cluster.by_name.clear()
        name = stage.task()
        status = await stage.complete(name)
        assert status["result"]["commit"]
        assert status["observedGeneration"] == 1
        await stage.until(lambda: stage.cluster.all("datacommits") != [] and stage.ready() == 2)
        found = {
            key: count
            for key, count in stage.writes().items()
            if "leases" not in key and "executorprofiles" not in key
        }
        assert found == {
            "patch agenttasks/status": 1,
            "patch pods": 1,
            "delete pods": 1,
            "create pods": 1,
            "create datacommits": 1,
        }
