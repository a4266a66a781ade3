"""Tasks that need more than one job in their executor: files that are corrected or grow, codebooks, a step taken back."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cluster_service.conftest import CSV, say, task_object

from retort_core.http.internal import TaskSeen
from retort_core.lifecycle.statuses import Outcome

pytestmark = pytest.mark.asyncio
WORDS = ("只保留城市是上海的行", "把打分大于8的改为空", "把城市列改名为城")


async def through(cluster: Any, task: Any) -> Outcome:
    """Completed by its first executor."""
    seen: TaskSeen = await cluster.decider.finish(task)
    assert (seen.status.phase, seen.status.attempt) == ("Complete", 1), seen.status
    assert seen.status.result is not None
    return seen.status.result


async def worked_on(cluster: Any) -> list[str]:
    """An import and three instructions: 20 rows of 上海."""
    return [await cluster.imported(), *[(await through(cluster, say(words))).commit for words in WORDS]]


async def given(cluster: Any, data: str, mode: str) -> Any:
    task = await cluster.upload(data=data.encode())
    upload = task.source.upload.upload
    return task_object({"upload": {"upload": upload, "filename": "b.csv", "mode": mode}})


async def test_a_corrected_file_runs_every_instruction_again(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        await worked_on(cluster)
        fixed = CSV + "60,上海,3\n61,上海,10\n62,北京,1\n"
        result = await through(cluster, await given(cluster, fixed, "corrected"))
        assert (result.counts.rows_after, len(result.data["replay"])) == (22, 3)
        assert all(one["effect"] for one in result.data["replay"])


async def test_a_file_that_is_appended_is_read_with_those_before(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        await worked_on(cluster)
        more = "用户ID,城市,打分\n" + "".join(f"{n},上海,{n % 11}\n" for n in range(100, 105))
        result = await through(cluster, await given(cluster, more, "append"))
        assert (result.counts.rows_after, len(result.data["replay"])) == (25, 3)


async def test_a_codebook_is_read_and_then_applied(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        first = await cluster.imported()
        book = "variable,label,values,type\n城市,Town,,\n打分,Score,1=bad;10=good,\n"
        result = await through(cluster, await given(cluster, book, "codebook"))
        assert (result.parent, result.counts.rows_after) == (first, 60)


async def test_the_first_of_three_instructions_is_taken_back(open_cluster: Any) -> None:
    async with open_cluster() as cluster:
        first, taken, *_ = await worked_on(cluster)
        source = {"command": {"verb": "undo_step", "args": {"commit": taken}}}
        result = await through(cluster, task_object(source))
        assert (result.counts.rows_after, len(result.data["replay"])) == (60, 2)
        assert result.commit != first
