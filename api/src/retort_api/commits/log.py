"""CommitLog: commits and refs, one transaction a call. Whole or not at all, and nothing is ever overwritten.

- `publish` stores a commit and points a ref at it. A repeated attempt returns the commit of the first.
- `move` is a compare-and-swap: a head that is no longer what the caller saw is a `Conflict` that names both.
- What a branch no longer leads to is tagged (`kept-…`) as soon as a new edit would make it unreachable by undo.

Objects are stored before a commit names them, so a crash leaves unreferenced objects at worst.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.commits import publication_repository as publications
from retort_api.commits import repository, walks
from retort_api.commits.records import CommitRecord, Move, Ref, RefKind, Why
from retort_api.kit.database import Database
from retort_api.tasks import events
from retort_core.errors import BadInput, Conflict, NotFound
from retort_core.identity import SHORT, short
from retort_core.names import kept

Also: TypeAlias = Callable[[AsyncConnection], Awaitable[None]]
PREFIX: Final = 4  # characters of an id that are enough when they are unique
KEPT: Final = 2000  # versions, of a few KB each
AT_ONCE: Final = 500  # ids in one statement


@dataclass(frozen=True, kw_only=True)
class Change:
    """Where a ref is to point. `expect`: the head it must have; "" = it must not exist; None = whatever it is."""

    name: str
    to: str
    expect: str | None
    kind: RefKind
    why: Why
    by: str


class CommitLog:
    """`also` of a call runs in the same transaction: the task's reply, the audit line. It may run again (`transact`)."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now
        self._known: OrderedDict[str, CommitRecord] = (
            OrderedDict()
        )  # versions never change, so none goes stale

    # -- reading -----------------------------------------------------------------------------------------

    async def get(self, dataset: str, identifier: str) -> CommitRecord:
        known = self._known.get(identifier)
        if known is not None and known.dataset == dataset:
            return known
        async with self._database.single() as connection:
            found = await repository.commit(connection, dataset, identifier)
        if found is None:
            raise NotFound(f"There is no version {short(identifier)!r} in this dataset.")
        self._remember({identifier: found})
        return found

    async def head(self, dataset: str, name: str) -> str:
        """Empty when there is no such ref yet."""
        async with self._database.single() as connection:
            found = await repository.ref(connection, dataset, name)
        return found.head if found is not None else ""

    async def resolve(self, dataset: str, text: str) -> str:
        """The commit a person means: a branch or tag, an id or its beginning, each with an optional `~n`. What is staged has no
        name that people say, only its id."""
        name, _, steps = text.partition("~")
        async with self._database.read() as connection:
            found = await _named(connection, dataset, name)
            for _ in range(_count(steps, text)):
                record = await repository.commit(connection, dataset, found)
                if record is None or not record.parents:
                    raise NotFound(f"{text!r} goes back further than the history of {name!r} does.")
                found = record.parents[0]
        return found

    async def commits(self, dataset: str) -> list[CommitRecord]:
        """All, newest first. Every step asks for its history: only what was never seen is read."""
        async with self._database.read() as connection:
            every = await repository.commit_ids(connection, dataset)
            found = {one: self._known[one] for one in every if one in self._known}
            missing = [one for one in every if one not in found]
            for start in range(0, len(missing), AT_ONCE):
                part = await repository.some_commits(connection, dataset, missing[start : start + AT_ONCE])
                found.update({record.id: record for record in part})
        self._remember(found)
        return [found[one] for one in every if one in found]

    async def line(self, dataset: str, head: str, limit: int) -> list[CommitRecord]:
        """From `head` back along first parents, so many at most: what is known of them is not read again, and versions
        beside that line never are."""
        found: list[CommitRecord] = []
        while head and len(found) < limit:
            if head not in self._known:
                await self._read_line(dataset, head, limit)
            record = self._known.get(head)
            if record is None or record.dataset != dataset:
                break
            found.append(record)
            head = record.parent
        return found

    async def _read_line(self, dataset: str, head: str, limit: int) -> None:
        async with self._database.read() as connection:
            ids = await repository.line_ids(connection, dataset, head, limit)
            missing = [one for one in ids if one not in self._known]
            read = await repository.some_commits(connection, dataset, missing)
        self._remember({record.id: record for record in read})

    def _remember(self, found: dict[str, CommitRecord]) -> None:
        self._known.update(found)
        for one in found:
            self._known.move_to_end(one)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)

    async def lineage(self, dataset: str) -> dict[str, tuple[str, ...]]:
        async with self._database.read() as connection:
            return await repository.lineage(connection, dataset)

    async def ancestor(self, dataset: str, one: str, other: str) -> CommitRecord | None:
        """The nearest version both come from; None when they share no history."""
        lineage = await self.lineage(dataset)
        mine = set(_line(lineage, one))
        found = next((here for here in _line(lineage, other) if here in mine), None)
        return await self.get(dataset, found) if found is not None else None

    async def refs(self, dataset: str) -> list[Ref]:
        async with self._database.single() as connection:
            return await repository.all_refs(connection, dataset)

    async def ref(self, dataset: str, name: str) -> Ref:
        async with self._database.single() as connection:
            found = await repository.ref(connection, dataset, name)
        if found is None:
            raise NotFound(f"There is no branch {name!r}.")
        return found

    async def moves(
        self, dataset: str, name: str = "", after: int = 0, limit: int | None = None
    ) -> list[Move]:
        async with self._database.single() as connection:
            return await repository.moves(connection, dataset, name, after, limit)

    async def walk(self, dataset: str, branch: str) -> walks.Walk:
        return walks.walk(await self.moves(dataset, branch))

    # -- writing -----------------------------------------------------------------------------------------

    async def publish(
        self,
        records: Sequence[CommitRecord],
        ref: str,
        expect: str | None,
        kind: RefKind = "branch",
        also: Also | None = None,
    ) -> CommitRecord:
        """Stores a chain of versions, oldest first, and points `ref` at the last; `expect` as in `Change`."""
        tip = records[-1]
        why: Why = "stage" if kind == "staging" else "commit"
        change = Change(name=ref, to=tip.id, expect=expect, kind=kind, why=why, by=tip.author)

        async def publishing(connection: AsyncConnection) -> CommitRecord:
            earlier = await repository.commit_of_attempt(connection, tip.attempt)
            if earlier is not None:
                return earlier
            for record in records:
                await repository.add_commit(connection, record)
            await self._point(connection, tip.dataset, change)
            if also is not None:
                await also(connection)
            return tip

        return await self._database.transact(publishing)

    async def move(
        self,
        dataset: str,
        ref: str,
        to: str,
        expect: str | None,
        why: Why = "move",
        by: str = "",
        also: Also | None = None,
    ) -> None:
        change = Change(name=ref, to=to, expect=expect, kind="branch", why=why, by=by)

        async def moving(connection: AsyncConnection) -> None:
            await self.move_within(connection, dataset, change)
            if also is not None:
                await also(connection)

        await self._database.transact(moving)

    async def move_within(self, connection: AsyncConnection, dataset: str, change: Change) -> None:
        """As `move`, inside the caller's transaction: a version can be stored and promoted in one."""
        await self._keep_abandoned(connection, dataset, change)
        await self._point(connection, dataset, change)

    async def create(
        self, dataset: str, name: str, kind: RefKind, head: str, by: str, also: Also | None = None
    ) -> None:
        """A branch or tag costs one row and no data."""
        change = Change(name=name, to=head, expect="", kind=kind, why="create", by=by)

        async def creating(connection: AsyncConnection) -> None:
            await self._point(connection, dataset, change)
            if also is not None:
                await also(connection)

        await self._database.transact(creating)

    async def drop_ref(self, connection: AsyncConnection, dataset: str, name: str) -> None:
        """Of staging refs, inside the transaction that makes them needless."""
        await repository.drop_ref(connection, dataset, name)

    async def _point(self, connection: AsyncConnection, dataset: str, change: Change) -> None:
        now, name = self._now(), change.name
        found = await repository.ref(connection, dataset, name)
        was = found.head if found is not None else ""
        if found is not None and found.kind != change.kind:
            raise fixed(name, found.kind)
        if change.expect is not None and was != change.expect:
            raise moved(name, change.expect, was)
        if found is None:
            await repository.add_ref(connection, dataset, name, change.kind, change.to, now)
        elif not await repository.swap_ref(connection, dataset, name, was, change.to, now):
            now_there = await repository.ref(connection, dataset, name)  # moved between our look and our swap
            raise moved(name, was, now_there.head if now_there is not None else "")
        if change.kind != "staging":
            move = Move(seq=0, name=name, was=was, now=change.to, why=change.why, by=change.by, at=now)
            await repository.log_move(connection, dataset, move)
            branch = name if change.kind == "branch" else ""
            await publications.publish(connection, dataset, change.to, branch)
            data = {"branch": name, "head": change.to, "was": was, "why": change.why}
            await events.add(connection, "ref", data, dataset=dataset)

    async def _keep_abandoned(self, connection: AsyncConnection, dataset: str, change: Change) -> None:
        """Tags the tips that history and undo could no longer bring back after this move."""
        if change.why in ("undo", "redo"):
            return
        past = walks.walk(await repository.moves(connection, dataset, change.name))
        found = await repository.ref(connection, dataset, change.name)
        tips = {*past.forward[:1], *([found.head] if found is not None else [])} - {change.to}
        tips -= {*await repository.parents(connection, dataset, change.to)} if tips else set()
        if not tips:  # one step on, as nearly always: the whole lineage is not read for that
            return
        lineage = await repository.lineage(connection, dataset)
        for tip in sorted(tips):
            if not _reaches(lineage, change.to, tip):
                await self._keep(connection, dataset, tip, change.by)

    async def _keep(self, connection: AsyncConnection, dataset: str, tip: str, by: str) -> None:
        name = kept(tip)
        if await repository.ref(connection, dataset, name) is None:
            change = Change(name=name, to=tip, expect="", kind="tag", why="keep", by=by)
            await self._point(connection, dataset, change)


def moved(name: str, expect: str, was: str) -> Conflict:
    if expect == "":
        return Conflict(f"{name!r} exists already.", ref=name, head=was)
    if was == "":
        return Conflict(f"{name!r} is not there any more.", ref=name, expected=expect)
    return Conflict(
        f"{name!r} moved meanwhile: it was {short(expect)}, it is now {short(was)}. Look at both and try again.",
        ref=name,
        expected=expect,
        head=was,
    )


def fixed(name: str, kind: RefKind) -> Conflict:
    """Of a name that is a branch's nowhere."""
    what = "a tag" if kind == "tag" else "a result that waits for a yes"
    return Conflict(
        f"{name!r} is {what}, which does not move: make a branch from it under another name.", ref=name
    )


def _count(steps: str, text: str) -> int:
    if not steps:
        return 1 if text.endswith("~") else 0
    if not steps.isascii() or not steps.isdigit() or len(steps) > 6:
        raise BadInput(f"{text!r} is no version: after '~' stands how many steps to go back, as in main~2.")
    return int(steps)


def _reaches(lineage: dict[str, tuple[str, ...]], start: str, wanted: str) -> bool:
    return wanted in _line(lineage, start)


def _line(lineage: dict[str, tuple[str, ...]], start: str) -> Iterator[str]:
    """`start` and what it comes from, nearest first, each once."""
    seen: set[str] = set()
    todo = deque([start])
    while todo:
        here = todo.popleft()
        if here not in seen:
            seen.add(here)
            yield here
            todo.extend(lineage.get(here, ()))


async def _named(connection: AsyncConnection, dataset: str, name: str) -> str:
    found = await repository.ref(connection, dataset, name)
    if found is not None and found.kind != "staging":
        return found.head
    prefix = name.lower()
    if len(prefix) >= PREFIX and all(char in "0123456789abcdef" for char in prefix):
        ids = await repository.commits_by_prefix(connection, dataset, prefix, 3)
        if len(ids) == 1:
            return ids[0]
        if ids:
            shown = ", ".join(identifier[: SHORT + 4] for identifier in ids)
            raise BadInput(f"{name!r} is the beginning of several versions ({shown}); give more characters.")
    raise NotFound(
        f"There is no version, branch or tag {name!r}. `retort log` lists them; ids need {PREFIX} characters."
    )
