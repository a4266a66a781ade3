"""What an object may call its branch and the version it starts from: no more than over HTTP, whatever its definition lets through."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster_service.conftest import say

from retort_api.commits import repository as commits
from retort_api.tasks import repository as tasks
from retort_core import names

pytestmark = pytest.mark.asyncio
WAITS = ("AwaitingInput", "Complete", "Failed")


async def heads(cluster: Any, uid: str) -> dict[str, str]:
    """Of every ref of the dataset that a task works on."""
    async with cluster.database.read() as connection:
        task = await tasks.get(connection, uid)
        return {one.name: one.head for one in await commits.all_refs(connection, task.dataset)}


async def test_an_object_names_neither_a_tag_nor_what_waits_for_a_yes_as_its_branch(
    open_cluster: Any,
) -> None:
    """Regression: an object moved a tag, or what somebody else was about to agree to."""
    async with open_cluster() as cluster:
        first = await cluster.imported()
        task = say("删除打分列", review="Always")
        await cluster.decider.finish(task, until=WAITS)
        before = await heads(cluster, task.uid)
        staged = names.staging(task.uid)
        assert staged in before
        for name in (staged, names.kept(first), " main", "main\u3000"):
            seen = await cluster.decider.finish(say("把城市列改名为城", branch=name), until=WAITS)
            assert (seen.base.code, seen.base.failure, seen.prepared) == ("bad-input", "Input", None)
            assert "branch" in seen.base.message
        assert await heads(cluster, task.uid) == before


async def test_an_object_starts_from_no_name_of_what_waits_for_a_yes(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        await cluster.imported()
        task = say("删除打分列", review="Always")
        await cluster.decider.finish(task, until=WAITS)
        seen = await cluster.decider.finish(
            say("把城市列改名为城", base=names.staging(task.uid)), until=WAITS
        )
        assert seen.base.code == "not-found"
        assert "There is no version, branch or tag" in seen.base.message
