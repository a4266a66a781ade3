"""The audit in a real database: lines stand or fall with their act, only grow, and show every change made behind their back."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from retort_api.access.authoriser import Caller
from retort_api.audit import repository
from retort_api.audit.acts import Act, words
from retort_api.audit.recorder import Recorder
from retort_api.kit.database import Database
from retort_api.kit.postgres.database import PostgresDatabase
from retort_api.kit.postgres.settings import PostgresSettings
from retort_api.migrations import schema
from retort_api.tasks.records import TaskRecord
from retort_core.auditing import Anchor, Verifier
from retort_core.errors import Unavailable
from retort_core.lifecycle.sources import Instruction, Source
from retort_core.lifecycle.statuses import Failure, TaskStatus

pytestmark = pytest.mark.asyncio
NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
SEAL = b"the secret of these tests, 32 bytes"


def opened(kind: str, request: pytest.FixtureRequest) -> Database:
    if kind == "sqlite":
        return Database(f"sqlite+aiosqlite:///{request.getfixturevalue('tmp_path') / 'retort.db'}")
    return PostgresDatabase(PostgresSettings(database_url=request.getfixturevalue("postgres_url")))


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    database = opened(request.param, request)
    await schema.upgrade(database)
    yield database
    await database.close()


@pytest.fixture
def recorder(database: Database) -> Recorder:
    return Recorder(database, SEAL, now=lambda: NOW)


class Undone(Exception):
    """What goes wrong in the middle of an act."""


GUARDS = {
    "sqlite": ("audit_lines_no_update", "audit_lines_no_delete"),
    "postgresql": ("audit_lines_only_grow ON audit_lines",),
}


def act(**rest: Any) -> Act:
    values: dict[str, Any] = {
        "id": "a1", "at": NOW, "verb": "create", "resource": "datasets", "path": "/api/v1/projects/x/datasets",
        "addresses": ("127.0.0.1",), "agent": "tests", "project": "p1", "namespace": "ours",
        "caller": Caller(name="anna", kind="account", id="u1", credential="s1"),
    }  # fmt: skip
    return Act(**{**values, **rest})


async def write(database: Database, recorder: Recorder, number: int, **rest: Any) -> None:
    await database.transact(
        lambda connection: recorder.done(connection, act(id=f"a{number}", **rest), f"d{number}")
    )


async def findings(
    database: Database, recorder: Recorder, chain: str = "p1", anchors: tuple[Anchor, ...] = ()
) -> list[str]:
    """As `retort audit verify` finds them."""
    async with database.read() as connection:
        heads = await repository.ends(connection, chain)
        places = tuple(Anchor(lane=head.lane, seq=head.seq, hash=head.hash) for head in heads)
        verifier = Verifier(chain=chain, anchors=(*places, *anchors))
        for head in heads:
            for line in await repository.page(connection, chain, head.lane, 0, 10_000):
                verifier.feed(line)
    unsealed = ["unsealed" for head in heads if not recorder.sealed(head)]
    return [*(finding.problem for finding in verifier.finish()), *unsealed]


async def behind_its_back(database: Database, *statements: str) -> None:
    """As somebody who owns the database and takes the guards away first."""
    async with database.write() as connection:
        for guard in GUARDS[connection.dialect.name]:
            await connection.execute(text(f"DROP TRIGGER IF EXISTS {guard}"))
        for statement in statements:
            await connection.execute(text(statement))


async def test_a_line_has_the_fields_of_a_kubernetes_audit_event(
    database: Database, recorder: Recorder
) -> None:
    async with database.write() as connection:
        await recorder.done(
            connection, act(resource="branches/protected"), "main", 201, facts={"commitAfter": "abc"}
        )
    async with database.read() as connection:
        (line,) = await repository.page(connection, "p1", 0, 0, 10)
    assert json.loads(line.event) == {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": "a1",
        "stage": "ResponseComplete", "requestURI": "/api/v1/projects/x/datasets", "verb": "create",
        "user": {
            "username": "anna", "uid": "u1", "groups": [],
            "extra": {"retort.dev/kind": ["account"], "retort.dev/credential": ["s1"]},
        },
        "sourceIPs": ["127.0.0.1"], "userAgent": "tests",
        "objectRef": {
            "apiGroup": "retort.dev", "apiVersion": "v1", "resource": "branches", "subresource": "protected",
            "namespace": "ours", "name": "main",
        },
        "responseStatus": {"code": 201},
        "requestReceivedTimestamp": "2026-01-02T03:04:05.000678Z", "stageTimestamp": "2026-01-02T03:04:05.000678Z",
        "annotations": {"authorization.k8s.io/decision": "allow"}, "retort": {"commitAfter": "abc"},
    }  # fmt: skip


async def test_lines_stand_or_fall_with_their_act(database: Database, recorder: Recorder) -> None:
    await write(database, recorder, 1)
    with contextlib.suppress(Undone):
        async with database.write() as connection:
            await recorder.done(connection, act(id="a2"), "d2")
            raise Undone
    await write(database, recorder, 3)
    async with database.read() as connection:
        lines = await repository.page(connection, "p1", 0, 0, 10)
    assert [json.loads(line.event)["auditID"] for line in lines] == ["a1", "a3"]
    assert await findings(database, recorder) == []


async def test_many_at_once_leave_whole_chains(database: Database, recorder: Recorder) -> None:
    await asyncio.gather(*(write(database, recorder, n, project=f"p{n % 3}") for n in range(60)))
    for chain in ("p0", "p1", "p2"):
        assert await findings(database, recorder, chain) == []
        async with database.read() as connection:
            heads = await repository.ends(connection, chain)
        assert sum(head.seq for head in heads) == 20


async def test_the_database_itself_refuses_to_change_a_line(database: Database, recorder: Recorder) -> None:
    await write(database, recorder, 1)
    for statement in ("UPDATE audit_lines SET event = '{}'", "DELETE FROM audit_lines"):
        with pytest.raises((DBAPIError, Unavailable)) as refused:
            async with database.write() as connection:
                await connection.execute(text(statement))
        assert "only grows" in f"{refused.value} {refused.value.__cause__}"


EDITS = {
    "edited": ("UPDATE audit_lines SET event = replace(event, 'anna', 'otto') WHERE seq = 3",),
    "missing": ("DELETE FROM audit_lines WHERE seq = 3",),
    "moved": (
        "UPDATE audit_lines SET seq = -1 WHERE seq = 3",
        "UPDATE audit_lines SET seq = 3 WHERE seq = 4",
        "UPDATE audit_lines SET seq = 4 WHERE seq = -1",
    ),
    "inserted": (
        "INSERT INTO audit_lines SELECT chain, lane, 6, hash, hash, at, event FROM audit_lines WHERE seq = 5",
        "UPDATE audit_heads SET seq = 6",
    ),
    "other chain": ("INSERT INTO audit_lines SELECT chain, 7, 1, previous, hash, at, event FROM audit_lines WHERE seq = 1", "INSERT INTO audit_heads SELECT chain, 7, 1, hash, seal FROM audit_heads"),
    "end cut off": ("DELETE FROM audit_lines WHERE seq = 5",),
    "end cut off with its head": (
        "DELETE FROM audit_lines WHERE seq = 5",
        "UPDATE audit_heads SET seq = 4, hash = (SELECT hash FROM audit_lines WHERE seq = 4)",
    ),
    "everything cut off": ("DELETE FROM audit_lines",),
}  # fmt: skip


@pytest.mark.parametrize("how", EDITS)
async def test_what_is_done_behind_its_back_is_found(
    database: Database, recorder: Recorder, how: str
) -> None:
    for number in range(5):
        await write(database, recorder, number)
    assert await findings(database, recorder) == []
    await behind_its_back(database, *EDITS[how])
    assert await findings(database, recorder), how


async def test_a_rewritten_chain_needs_the_secret_and_an_old_head_is_shown_by_an_anchor(
    database: Database, recorder: Recorder
) -> None:
    for number in range(3):
        await write(database, recorder, number)
    async with database.read() as connection:
        (old,) = await repository.ends(connection, "p1")
    for number in range(3, 5):
        await write(database, recorder, number)
    async with database.read() as connection:
        (new,) = await repository.ends(connection, "p1")
    forger = Recorder(database, b"not the secret of these tests ...")
    assert not forger.sealed(new)
    await behind_its_back(
        database,
        "DELETE FROM audit_lines WHERE seq > 3",
        f"UPDATE audit_heads SET seq = 3, hash = '{old.hash}', seal = '{old.seal}'",
    )
    assert await findings(database, recorder) == []  # the one thing that chain and seal cannot see
    anchor = Anchor(lane=new.lane, seq=new.seq, hash=new.hash)
    assert await findings(database, recorder, anchors=(anchor,)) == ["cut"]


async def test_what_was_refused_is_written_by_itself(database: Database, recorder: Recorder) -> None:
    await recorder.refused(act(caller=None, project=""), 401, "unauthenticated")
    async with database.read() as connection:
        (line,) = await repository.page(connection, "", 0, 0, 10)
    event = json.loads(line.event)
    assert event["user"] == {"username": "system:anonymous"}
    assert event["responseStatus"] == {"code": 401, "reason": "unauthenticated"}
    assert event["annotations"]["authorization.k8s.io/decision"] == "forbid"


async def test_text_from_outside_is_bounded_and_harmless(database: Database, recorder: Recorder) -> None:
    odd = "\x00\n\r\u202e\ud800" + "x" * 5000
    await recorder.refused(act(path=odd, agent=odd, caller=Caller(name=odd, groups=(odd,))), 403, "denied")
    async with database.read() as connection:
        (line,) = await repository.page(connection, "p1", 0, 0, 10)
    assert len(line.event) < 4000
    assert await findings(database, recorder) == []


@pytest.mark.parametrize(("code", "answered"), [("denied", (403, "forbid")), ("declined", (422, "allow"))])
async def test_words_that_are_declined_are_no_matter_of_rights(
    database: Database, recorder: Recorder, code: str, answered: tuple[int, str]
) -> None:
    source = Source(instruction=Instruction(text="a secret 4711"))
    task = TaskRecord(
        uid="t1", project="p1", dataset="d1", branch="main", base="", source=source, review="Auto",
        requester="anna", lang="en", conversation="", deadline_seconds=60, created_at=NOW,
    )  # fmt: skip
    status = TaskStatus(failure=Failure(failure="Policy", code=code, message="no, 4711"))
    await database.transact(lambda connection: recorder.task_ended(connection, task, status))
    async with database.read() as connection:
        (line,) = await repository.page(connection, "p1", 0, 0, 10)
    event = json.loads(line.event)
    decision = event["annotations"]["authorization.k8s.io/decision"]
    assert (event["responseStatus"]["code"], decision) == answered
    assert event["retort"]["promptHash"] == words("a secret 4711")
    assert b"4711" not in line.event
