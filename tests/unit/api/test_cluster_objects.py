"""A task that the cluster does not take: what whoever asked is told, and that nothing of it stays."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository as members
from retort_api.cluster.objects import Objects
from retort_api.cluster.promises import promise_of
from retort_api.kit.database import Database
from retort_api.tasks.records import TaskRecord
from retort_api.tasks.store import Wish
from retort_core.errors import BadInput, Infrastructure, PolicyDenied, QuotaExceeded
from retort_core.lifecycle.sources import RestoreSource, Source

pytestmark = pytest.mark.asyncio
WHAT = "count/agenttasks.retort.dev"
QUOTA = f"exceeded quota: tasks, requested: {WHAT}=1, used: {WHAT}=7, limited: {WHAT}=7"


class Refusing:
    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message
        self.names: list[str] = []

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        self.names.append(body["metadata"]["name"])
        return self.status, {"message": f'agenttasks.retort.dev "t" is forbidden: {self.message}'}


def wish(key: str = "") -> Wish:
    task = TaskRecord(
        uid="a" * 32, project="p1", dataset="d1", branch="main", base="", review="Auto", requester="amy", lang="en",
        source=Source(restore=RestoreSource(commit="c" * 64)), conversation="", deadline_seconds=60,
        created_at=datetime.now(UTC),
    )  # fmt: skip

    async def nothing(_: AsyncConnection, *__: Any) -> None:
        return None

    asker = members.Asker(task=task.uid, project="p1", name="amy", change=True, protected=False, facts={})
    return Wish(
        task=task, namespace="research", dataset="people", key=key, asker=asker,
        known=nothing, admitted=nothing, written=nothing,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "message", "error"),
    [
        (403, QUOTA, QuotaExceeded),
        (403, "no", PolicyDenied),
        (422, "spec.source: Invalid value", BadInput),
        (500, "later", Infrastructure),
    ],
)
async def test_a_refusal_is_told_as_what_it_is(
    database: Database, status: int, message: str, error: type[Exception]
) -> None:
    with pytest.raises(error) as told:
        await Objects(database, Refusing(status, message)).store(wish())
    assert type(told.value) is error


async def kept(database: Database, name: str) -> bool:
    async with database.read() as connection:
        return await members.asker(connection, promise_of("research", name)) is not None


@pytest.mark.parametrize(("status", "key", "stays"), [(403, "", False), (500, "", True), (403, "k", True)])
async def test_what_was_written_down_beforehand_goes_where_no_object_can_come_of_it(
    database: Database, status: int, key: str, stays: bool
) -> None:
    """After an error of the server's own there may be one, and under a key it may be of the same request sent twice."""
    api = Refusing(status, QUOTA)
    with pytest.raises((QuotaExceeded, Infrastructure)):
        await Objects(database, api).store(wish(key))
    assert await kept(database, api.names[0]) is stays
