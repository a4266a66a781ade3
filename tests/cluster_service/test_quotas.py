"""What a project holds: uploads, versions and answers count, and beyond its quota nothing is added."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select
from tests.cluster_service.conftest import NAMESPACE, say, task_object

from retort_api.access.tables import stored
from retort_api.projects import quota_repository as quotas
from retort_api.projects.repository import find
from retort_core.http.access import QuotaChange

pytestmark = pytest.mark.asyncio
CHANGE, QUESTION = "只保留城市是上海的行", "有多少行"


async def held(cluster: Any) -> dict[str, int]:
    """Bytes by what brought them."""
    query = select(stored.c.what, func.sum(stored.c.bytes)).group_by(stored.c.what)
    async with cluster.database.single() as connection:
        return {what: int(size) for what, size in await connection.execute(query)}


async def allow(cluster: Any, size: int) -> None:
    async with cluster.database.write() as connection:
        project = await find(connection, NAMESPACE)
        assert project is not None
        await quotas.put(connection, project.id, QuotaChange(storage_bytes=size))


async def test_regression_versions_and_answers_counted_for_nothing(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        await cluster.imported()
        imported = await held(cluster)
        assert imported["version"] > 0
        await cluster.decider.finish(say(CHANGE))
        changed = await held(cluster)
        assert changed["version"] > imported["version"]
        await cluster.decider.finish(say(QUESTION))
        assert (await held(cluster))["result"] > 0


async def test_who_holds_all_he_may_changes_nothing_and_may_still_ask_and_go_back(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        first = await cluster.imported()
        await cluster.decider.finish(say(CHANGE))
        await allow(cluster, 1)

        seen = await cluster.decider.finish(say("把打分大于8的改为空"))
        failure = seen.status.failure
        assert failure is not None
        assert (failure.failure, failure.code) == ("Limit", "quota-exceeded")
        assert "of the 1 bytes it may" in failure.message
        assert seen.status.attempt == 0, "no executor was taken for it"

        for may in (say(QUESTION), task_object({"restore": {"commit": first}})):
            assert (await cluster.decider.finish(may)).status.phase == "Complete"

        await allow(cluster, 1 << 30)
        assert (await cluster.decider.finish(say("把打分大于8的改为空"))).status.phase == "Complete"
