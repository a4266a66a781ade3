"""Promised rights: for exactly what was asked over HTTP, for an hour, on a server with many writers."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository as members
from retort_api.access.member_repository import Asker
from retort_api.cluster import promises
from retort_api.cluster.objects import Objects, manifest, name_of
from retort_api.cluster.promises import asked_of, promise_of, told_of
from retort_api.kit.postgres.database import PostgresDatabase
from retort_api.kit.postgres.settings import PostgresSettings
from retort_api.migrations import schema
from retort_api.tasks.records import TaskRecord
from retort_api.tasks.store import Wish
from retort_core.errors import Conflict, PolicyDenied
from retort_core.http.internal import TaskObject
from retort_core.lifecycle.sources import Source
from retort_core.resources.mapping import source_of
from retort_core.resources.tasks import AgentTaskSpec

pytestmark = pytest.mark.asyncio
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
WORDS: dict[str, Any] = {"instruction": {"text": "删除打分列"}}
SOURCES: list[dict[str, Any]] = [
    WORDS,
    {"plan": {"plan": {"title": "x", "steps": [{"id": "s1", "op": "drop_columns", "params": {"columns": ["打分"], "at": 0.1}}]}}},
    {"command": {"verb": "undo", "args": {"steps": 2, "name": "甲"}}},
    {"script": {"source": "def run(table):\n    return table\n", "title": "same"}},
    {"upload": {"upload": "u1", "filename": "a.csv", "mode": "corrected", "key": ["编号"], "options": {"header": 2.0, "b": None}}},
    {"restore": {"commit": "c" * 64}},
]  # fmt: skip


@pytest_asyncio.fixture
async def database(postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(PostgresSettings(database_url=postgres_url))
    await schema.upgrade(database)
    yield database
    await database.close()


def wish(source: dict[str, Any] | None = None, name: str = "amy", **rest: Any) -> Wish:
    """A request under a key."""
    values: dict[str, Any] = {
        "uid": "a" * 32, "project": "p1", "dataset": "d1", "branch": "main", "base": "", "review": "Auto", "requester": name,
        "lang": "zh", "source": Source.model_validate(source or WORDS), "conversation": "", "deadline_seconds": 60,
        "created_at": START,
    }  # fmt: skip
    task = TaskRecord(**{**values, **rest})

    async def nothing(_: AsyncConnection, *__: Any) -> None:
        return None

    asker = Asker(task=task.uid, project="p1", name=name, change=True, protected=True, facts={})
    return Wish(
        task=task, namespace="research", dataset="people", key="k1", asker=asker,
        known=nothing, admitted=nothing, written=nothing,
    )  # fmt: skip


def told(one: Wish, **rest: Any) -> TaskObject:
    """As the operator tells of the object that came of it: out of what the API server holds, and over the wire."""
    spec = AgentTaskSpec.model_validate(json.loads(json.dumps(manifest(one, name_of(one))["spec"])))
    found = TaskObject(
        uid="b" * 32, name=name_of(one), namespace=one.namespace, namespace_uid="n", dataset=spec.dataset_name,
        branch=spec.branch, base=spec.base, source=source_of(spec.source), review=spec.review, requester=spec.requester,
        lang=spec.lang, conversation=spec.conversation, active_deadline_seconds=spec.active_deadline_seconds,
        created_at=START,
    )  # fmt: skip
    return TaskObject.model_validate_json(
        found.model_copy(update=rest).model_dump_json(exclude_defaults=True)
    )


async def give(database: PostgresDatabase, one: Wish, at: datetime) -> None:
    identifier = promise_of(one.namespace, name_of(one))
    asker = Asker(**{**vars(one.asker), "task": identifier})
    asked = asked_of(one.task, one.dataset)
    await database.transact(lambda connection: promises.give(connection, asker, asked, at))


async def keep(database: PostgresDatabase, given: TaskObject) -> Asker | None:
    """Whose rights the task has then."""
    await database.transact(lambda connection: promises.keep(connection, given))
    async with database.read() as connection:
        return await members.asker(connection, given.uid)


@pytest.mark.parametrize("source", SOURCES, ids=lambda one: next(iter(one)))
async def test_what_was_asked_is_known_again_in_the_object_that_came_of_it(
    database: PostgresDatabase, source: dict[str, Any]
) -> None:
    one = wish(source, branch="草稿", base="c" * 64, conversation="t1")
    assert asked_of(one.task, one.dataset) == told_of(told(one))
    await give(database, one, START)
    found = await keep(database, told(one))
    assert found is not None
    assert (found.name, found.change, found.protected) == ("amy", True, True)


@pytest.mark.parametrize(
    "other",
    [{"branch": "release"}, {"base": "c" * 64}, {"dataset": "salaries"}, {"source": Source.model_validate(SOURCES[3])}],
    ids=lambda one: next(iter(one)),
)  # fmt: skip
async def test_rights_go_to_nothing_else_of_that_name(
    database: PostgresDatabase, other: dict[str, Any]
) -> None:
    """Regression: whatever was made under the name of an Idempotency-Key took the rights that another request had."""
    one = wish()
    await give(database, one, START)
    with pytest.raises(PolicyDenied, match="promised to another request"):
        await keep(database, told(one, **other))
    assert await keep(database, told(one)) is not None  # the one that was asked for has them still


async def test_rights_go_to_no_object_that_is_made_after_an_hour_and_to_one_that_is_told_of_late(
    database: PostgresDatabase,
) -> None:
    """Regression: a promise never ended, and months later its rights were those of an object that was made then."""
    one = wish()
    await give(database, one, START)
    assert await keep(database, told(one, created_at=START + HOUR + timedelta(seconds=1))) is None
    assert await keep(database, told(one, created_at=START + HOUR)) is not None


async def test_nobody_else_has_rights_of_a_promise(database: PostgresDatabase) -> None:
    one = wish()
    await give(database, one, START)
    assert await keep(database, told(one, requester="mallory")) is None


async def test_a_key_is_another_requests_only_after_an_hour(database: PostgresDatabase) -> None:
    """Regression: the second request of a key replaced the rights that the first one's object was still to get."""
    first = wish()
    await give(database, first, START)
    for other in (wish(branch="release"), wish(SOURCES[3]), wish(name="bob")):
        with pytest.raises(Conflict, match="another request"):
            await give(database, other, START + HOUR)
    await give(database, first, START + HOUR)  # the same one again: sent once more
    await give(database, wish(branch="release"), START + 2 * HOUR + timedelta(seconds=1))


class Holding:
    """An API server that has an object of this name already."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        del path, body
        metadata = {"uid": "0" * 32, "creationTimestamp": "2026-01-01T00:00:00Z"}
        return (409, {}) if method == "POST" else (200, {"metadata": metadata, "spec": self.spec})


@pytest.mark.parametrize("other", [{"branch": "release"}, {"requester": "bob"}, {"datasetName": "salaries"}])
async def test_an_object_of_another_request_is_not_taken_for_ones_own(
    database: PostgresDatabase, other: dict[str, Any]
) -> None:
    """Regression: only its source was compared, and a task of one branch was written down as one of another."""
    one = wish()
    filled = AgentTaskSpec.model_validate(manifest(one, "n")["spec"]).model_dump(mode="json", by_alias=True)
    with pytest.raises(Conflict, match="another request"):
        await Objects(database, Holding({**filled, **other})).store(one)
    found = await Objects(database, Holding({**filled, "desiredState": "Cancelled"})).store(one)
    assert found.uid == "0" * 32
