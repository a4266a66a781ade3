"""What is published, in which order and on which branch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from tests.contract.commits.conftest import DATASET, full

from retort_api.commits.log import CommitLog
from retort_api.commits.records import CommitRecord
from retort_api.kit.database import Database
from retort_api.records import publications

Make = Callable[..., CommitRecord]
pytestmark = pytest.mark.asyncio


async def published(database: Database) -> list[tuple[str, str]]:
    """(version, branch), in order."""
    query = select(publications.c.commit, publications.c.branch).order_by(publications.c.seq)
    async with database.read() as connection:
        return [(row.commit, row.branch) for row in await connection.execute(query)]


def on(branch: str, *names: str) -> list[tuple[str, str]]:
    return [(full(name), branch) for name in names]


async def test_what_is_staged_is_published_with_its_row_when_a_branch_leads_to_it(
    log: CommitLog, make: Make, database: Database
) -> None:
    await log.publish([make("c0")], "main", "")
    await log.publish([make("c1", "c0"), make("c2", "c1")], "task/t1", None, kind="staging")
    await log.publish([make("refused", "c0")], "task/t2", None, kind="staging")
    await log.publish([make("beside", "c0")], "aside", "")
    assert await published(database) == on("main", "c0") + on("aside", "beside")
    await log.move(DATASET, "main", full("c2"), full("c0"), "commit", "me")
    assert await published(database) == on("main", "c0") + on("aside", "beside") + on("main", "c1", "c2")


async def test_a_version_is_published_once_wherever_it_is_led_to_later(
    log: CommitLog, make: Make, database: Database
) -> None:
    for name, parent in (("c0", ""), ("c1", "c0")):
        await log.publish([make(name, parent)], "main", full(parent) if parent else "")
    await log.create(DATASET, "earlier", "branch", full("c0"), "me")
    await log.create(DATASET, "kept", "tag", full("c1"), "me")
    await log.move(DATASET, "main", full("c0"), full("c1"), "undo", "me")
    await log.move(DATASET, "earlier", full("c1"), full("c0"), "move", "me")
    assert await published(database) == on("main", "c0", "c1")


async def test_two_parents_are_published_before_what_came_from_both(
    log: CommitLog, make: Make, database: Database
) -> None:
    await log.publish([make("c0")], "main", "")
    await log.publish([make("c1", "c0")], "task/t1", None, kind="staging")
    await log.publish([make("c2", "c0")], "task/t2", None, kind="staging")
    both = make("both", "c1", parents=(full("c1"), full("c2")))
    await log.publish([both], "main", full("c0"))
    found = await published(database)
    assert (found[0], found[-1]) == (*on("main", "c0"), *on("main", "both"))
    assert sorted(found[1:3]) == sorted(on("main", "c1", "c2"))


async def test_a_tag_publishes_too_and_is_no_branch(log: CommitLog, make: Make, database: Database) -> None:
    await log.publish([make("c0")], "main", "")
    await log.publish([make("c1", "c0")], "task/t1", None, kind="staging")
    await log.create(DATASET, "good", "tag", full("c1"), "me")
    assert await published(database) == on("main", "c0") + on("", "c1")
