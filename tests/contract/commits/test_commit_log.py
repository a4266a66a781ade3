"""What a commit log owes: whole transactions, heads by compare-and-swap, attempts that repeat, nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.commits.log import Change, CommitLog
from retort_api.commits.records import CommitRecord
from retort_api.kit import sequenced
from retort_api.kit.database import Database
from retort_api.records import commits, events, reflog
from retort_core.errors import BadInput, Conflict, NotFound
from retort_core.identity import digest

pytestmark = pytest.mark.asyncio
D = "d1"
Make = Callable[..., CommitRecord]


def full(name: str) -> str:
    return digest("commit", name)


async def chain(log: CommitLog, make: Make, *names: str) -> list[CommitRecord]:
    """Versions one after another on main."""
    made: list[CommitRecord] = []
    for name in names:
        parent = made[-1].title if made else ""
        expect = made[-1].id if made else ""
        made.append(await log.publish([make(name, parent)], "main", expect))
    return made


async def count(database: Database, table: Any) -> int:
    async with database.read() as connection:
        return (await connection.execute(select(func.count()).select_from(table))).scalar_one()


async def test_publishing_stores_the_commit_and_moves_the_head_together(log: CommitLog, make: Make) -> None:
    first, second = await chain(log, make, "c0", "c1")
    assert await log.head(D, "main") == second.id
    found = await log.get(D, second.id)
    assert (found.parents, found.counts.rows_after, found.root) == ((first.id,), 3, second.root)


async def test_a_line_is_read_back_along_first_parents_and_not_beside_it(
    log: CommitLog, make: Make, database: Database
) -> None:
    made = await chain(log, make, *(f"c{n}" for n in range(6)))
    await log.publish([make("beside", "c2")], "other", "")
    new = [one.id for one in reversed(made)]
    for reader in (log, CommitLog(database)):
        assert [one.id for one in await reader.line(D, new[0], 4)] == new[:4]
        assert [one.id for one in await reader.line(D, new[0], 100)] == new
        assert await reader.line(D, full("nowhere"), 100) == []
        assert await reader.line("another", new[0], 100) == []
    half = CommitLog(database)
    await half.get(D, new[1])
    assert [one.id for one in await half.line(D, new[0], 100)] == new


async def test_a_head_that_moved_is_a_conflict_with_both_heads_and_leaves_no_trace(
    log: CommitLog, make: Make, database: Database
) -> None:
    first, second = await chain(log, make, "c0", "c1")
    with pytest.raises(Conflict) as refused:
        await log.publish([make("late", "c0")], "main", first.id)
    assert refused.value.details == {"ref": "main", "expected": first.id, "head": second.id}
    assert await count(database, commits) == 2
    with pytest.raises(NotFound):
        await log.get(D, full("late"))


async def test_a_repeated_attempt_returns_the_commit_of_the_first(
    log: CommitLog, make: Make, database: Database
) -> None:
    first = await log.publish([make("c0")], "main", "")
    again = await log.publish([make("c0", id=full("other"))], "main", "")
    assert again.id == first.id
    assert (await count(database, commits), await count(database, reflog)) == (1, 1)


async def test_a_chain_is_published_whole_or_not_at_all(
    log: CommitLog, make: Make, database: Database
) -> None:
    await chain(log, make, "c0")
    broken = [make("c1", "c0"), make("c2", "c1", attempt="d1/c0/1"), make("c3", "c2")]
    with pytest.raises(IntegrityError):
        await log.publish(broken, "task/t", None, kind="staging")
    assert await count(database, commits) == 1
    assert await log.head(D, "task/t") == ""


async def test_what_runs_along_rolls_back_with_the_move(
    log: CommitLog, make: Make, database: Database
) -> None:
    first, second = await chain(log, make, "c0", "c1")

    async def fail(_connection: AsyncConnection) -> None:
        raise RuntimeError("the audit line could not be written")

    before = await count(database, events)
    with pytest.raises(RuntimeError):
        await log.move(D, "main", first.id, second.id, "undo", "me", fail)
    assert await log.head(D, "main") == second.id
    assert await count(database, events) == before


async def test_of_many_who_saw_the_same_head_one_wins(log: CommitLog, make: Make) -> None:
    first = await log.publish([make("c0")], "main", "")
    tries = [log.publish([make(f"n{number}", "c0")], "main", first.id) for number in range(12)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    winners = [result for result in results if isinstance(result, CommitRecord)]
    assert len(winners) == 1
    assert all(isinstance(result, CommitRecord | Conflict) for result in results)
    assert await log.head(D, "main") == winners[0].id


async def test_staging_refs_leave_no_line_in_the_reflog(
    log: CommitLog, make: Make, database: Database
) -> None:
    await chain(log, make, "c0")
    await log.publish([make("c1", "c0")], "task/t1", None, kind="staging")
    assert await log.head(D, "task/t1") == full("c1")
    assert await count(database, reflog) == 1
    assert [ref.kind for ref in await log.refs(D)] == ["branch", "staging"]


async def test_only_branches_move_and_what_is_staged_has_no_name_that_people_say(
    log: CommitLog, make: Make
) -> None:
    """Regression: whoever named a tag or a staged result as the branch moved it."""
    (first,) = await chain(log, make, "c0")
    await log.publish([make("c1", "c0")], "task/t1", None, kind="staging")
    await log.create(D, "kept", "tag", first.id, "me")
    for name, head in (("task/t1", full("c1")), ("kept", first.id)):
        with pytest.raises(Conflict, match="does not move"):
            await log.move(D, name, full("c1"), None, "move", "me")
        assert await log.head(D, name) == head
    assert await log.resolve(D, "kept") == first.id
    with pytest.raises(NotFound):
        await log.resolve(D, "task/t1")
    assert await log.resolve(D, full("c1")[:12]) == full("c1")


async def test_branches_cost_one_row_and_names_are_taken_once(
    log: CommitLog, make: Make, database: Database
) -> None:
    (first,) = await chain(log, make, "c0")
    await log.create(D, "试验", "branch", first.id, "me")
    assert await log.head(D, "试验") == first.id
    assert await count(database, commits) == 1
    with pytest.raises(Conflict, match="exists already"):
        await log.create(D, "试验", "branch", first.id, "me")


async def test_undo_then_a_new_edit_tags_the_abandoned_tip(log: CommitLog, make: Make) -> None:
    first, second, third = await chain(log, make, "c0", "c1", "c2")
    await log.move(D, "main", second.id, third.id, "undo", "me")
    await log.move(D, "main", first.id, second.id, "undo", "me")
    assert [ref.name for ref in await log.refs(D)] == ["main"]  # redo still leads back
    await log.publish([make("new", "c0")], "task/t", None, kind="staging")
    await log.move(D, "main", full("new"), first.id, "commit", "me")
    kept = [ref for ref in await log.refs(D) if ref.kind == "tag"]
    assert [(ref.name, ref.head) for ref in kept] == [(f"kept-{third.id[:12]}", third.id)]


async def test_a_correction_tags_what_it_replaces_and_undo_skips_it(log: CommitLog, make: Make) -> None:
    first, wrong = await chain(log, make, "c0", "wrong")
    await log.publish([make("right", "c0")], "task/t", None, kind="staging")
    await log.move(D, "main", full("right"), wrong.id, "correction", "me")
    assert f"kept-{wrong.id[:12]}" in {ref.name for ref in await log.refs(D)}
    assert (await log.walk(D, "main")).back == (first.id,)


async def test_undo_and_redo_walk_the_moves_of_a_branch(log: CommitLog, make: Make) -> None:
    first, second, third = await chain(log, make, "c0", "c1", "c2")
    walked = await log.walk(D, "main")
    assert (walked.back, walked.forward) == ((first.id, second.id), ())
    await log.move(D, "main", second.id, third.id, "undo", "me")
    walked = await log.walk(D, "main")
    assert (walked.back, walked.forward) == ((first.id,), (third.id,))
    await log.move(D, "main", third.id, second.id, "redo", "me")
    walked = await log.walk(D, "main")
    assert (walked.back, walked.forward) == ((first.id, second.id), ())


async def test_refs_are_found_by_name_prefix_and_steps_back(log: CommitLog, make: Make) -> None:
    first, second = await chain(log, make, "c0", "c1")
    assert await log.resolve(D, "main") == second.id
    assert await log.resolve(D, "main~1") == first.id
    assert await log.resolve(D, "main~") == first.id
    assert await log.resolve(D, first.id[:6].upper()) == first.id
    for text in ("main~2", "nothing", first.id[:3], "", "main~1~1x"):
        with pytest.raises((NotFound, BadInput)):
            await log.resolve(D, text)
    with pytest.raises(BadInput, match="steps to go back"):
        await log.resolve(D, "main~x")


async def test_an_ambiguous_beginning_names_the_candidates(log: CommitLog, make: Make) -> None:
    await log.publish([make("a", id="abcd" + "0" * 60)], "main", "")
    await log.publish([make("b", "a", id="abcd" + "1" * 60)], "main", "abcd" + "0" * 60)
    with pytest.raises(BadInput, match="beginning of several"):
        await log.resolve(D, "abcd")
    assert await log.resolve(D, "abcd1") == "abcd" + "1" * 60


async def test_nothing_of_another_dataset_is_found(log: CommitLog, make: Make) -> None:
    first = await log.publish([make("c0")], "main", "")
    for text in ("main", first.id, first.id[:8]):
        with pytest.raises(NotFound):
            await log.resolve("d2", text)
    with pytest.raises(NotFound):
        await log.get("d2", first.id)


async def test_a_history_that_was_seen_before_shows_what_others_added(
    log: CommitLog, make: Make, database: Database
) -> None:
    made = await chain(log, make, "c0", "c1")
    assert [one.id for one in await log.commits(D)] == [one.id for one in made[::-1]]
    third = await CommitLog(database).publish([make("c2", "c1")], "main", made[-1].id)
    whole = await log.commits(D)
    assert whole == await CommitLog(database).commits(D)
    assert [one.id for one in whole] == [third.id, made[1].id, made[0].id]
    assert await log.commits("d2") == []


async def test_every_move_of_a_branch_is_an_event_and_a_line_of_the_reflog(
    log: CommitLog, make: Make
) -> None:
    first, second = await chain(log, make, "c0", "c1")
    await log.move(D, "main", first.id, second.id, "undo", "me")
    lines = [(move.was, move.now, move.why, move.by) for move in await log.moves(D)]
    assert lines == [
        ("", first.id, "commit", "somebody"),
        (first.id, second.id, "commit", "somebody"),
        (second.id, first.id, "undo", "me"),
    ]


async def test_a_version_stored_and_promoted_in_one_transaction_abandons_nothing(
    log: CommitLog, make: Make
) -> None:
    first, second = await chain(log, make, "c0", "c1")
    change = Change(name="main", to=full("c2"), expect=second.id, kind="branch", why="commit", by="me")

    async def promote(connection: AsyncConnection) -> None:
        await log.move_within(connection, D, change)
        await log.drop_ref(connection, D, "task/t")

    await log.publish([make("c2", "c1")], "task/t", None, kind="staging", also=promote)
    assert {ref.name: ref.head for ref in await log.refs(D)} == {"main": full("c2")}
    assert (await log.walk(D, "main")).back == (first.id, second.id)


async def test_a_refused_promotion_leaves_neither_a_move_nor_an_event(
    log: CommitLog, make: Make, database: Database
) -> None:
    first, second = await chain(log, make, "c0", "c1")
    change = Change(name="main", to=full("c2"), expect=first.id, kind="branch", why="commit", by="me")
    before = await count(database, reflog), await count(database, events)

    async def promote(connection: AsyncConnection) -> None:
        with suppress(Conflict):
            async with sequenced.nested(connection):
                await log.move_within(connection, D, change)

    await log.publish([make("c2", "c0")], "task/t", None, kind="staging", also=promote)
    assert await log.head(D, "main") == second.id
    assert await log.head(D, "task/t") == full("c2")
    assert (await count(database, reflog), await count(database, events)) == before


async def test_numbers_appear_in_their_order_however_many_write(
    log: CommitLog, make: Make, database: Database
) -> None:
    """A reader that goes on from the last number it saw never misses one."""
    await log.publish([make("c0")], "main", "")
    seen: list[int] = []
    done = asyncio.Event()

    async def follow() -> None:
        while not (done.is_set() and len(seen) == await count(database, commits)):
            async with database.read() as connection:
                query = select(commits.c.seq).where(commits.c.seq > (seen[-1] if seen else 0))
                seen.extend((await connection.execute(query.order_by(commits.c.seq))).scalars())

    async def write(number: int) -> None:
        for step in range(5):
            name = f"n{number}-{step}"
            await log.publish([make(name, "c0")], f"b{number}-{step}", "")

    follower = asyncio.create_task(follow())
    await asyncio.gather(*(write(number) for number in range(8)))
    done.set()
    async with asyncio.timeout(30):
        await follower
    assert len(seen) == 41
