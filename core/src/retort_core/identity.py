"""Identity: what a version is, as one hash over logical content, and what a commit is, as one hash over its facts.

Every hash is SHA-256 over *type-tagged, length-prefixed* fields behind a domain tag, so that no two different
inputs have the same bytes (("ab", "c") and ("a", "bc"); 1 and "1"; a list and its items). Ids are never cut:
people see 12 characters and may type any unique beginning.

A root covers values, marks, order and schema, never the physical layout: how a table is stored may change
without any id changing. Fixed examples stand in the tests; changing one byte of this module breaks every id there is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from retort_core.schema import Schema

CHUNK_ROWS: Final = 65_536  # row ids per chunk
SHORT: Final = 12  # characters people see

Field: TypeAlias = "bool | int | str | bytes | datetime | Sequence[Field] | Mapping[str, Field] | None"


def encode(value: Field) -> bytes:
    """One field: a tag, the length of its body, the body. No floats: they have no exact text everywhere."""
    tag, body = _body(value)
    return tag + len(body).to_bytes(8, "big") + body


def _body(value: Field) -> tuple[bytes, bytes]:  # noqa: PLR0911 - one line a type
    match value:
        case None:
            return b"n", b""
        case bool():
            return b"t", b"\x01" if value else b"\x00"
        case int():
            return b"i", str(value).encode("ascii")
        case str():
            return b"s", value.encode("utf-8")
        case bytes():
            return b"b", value
        case datetime():
            return b"u", str(microseconds(value)).encode("ascii")
        case Mapping():
            return b"m", b"".join(encode(key) + encode(value[key]) for key in sorted(value))
        case _:
            return b"l", b"".join(encode(item) for item in value)


def digest(domain: str, *fields: Field) -> str:
    """Hex SHA-256 of `fields` in `domain`, for example "commit:v1"."""
    sha = hashlib.sha256(encode(domain))
    for field in fields:
        sha.update(encode(field))
    return sha.hexdigest()


def microseconds(moment: datetime) -> int:
    """UTC microseconds since 1970, exact. A moment without a zone is refused: it names no point in time."""
    if moment.tzinfo is None:
        raise ValueError("a commit's time needs a time zone")
    delta = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def canonical_json(value: object) -> bytes:
    """JSON with sorted keys, no spaces and no escapes beyond the necessary: equal values, equal bytes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def schema_json(schema: Schema) -> bytes:
    """The schema as it is hashed. Fields at their default are left out, so that a field added to `Column` in a
    later release does not change the ids of versions that never used it."""
    return canonical_json(schema.model_dump(mode="json", exclude_defaults=True))


ChunkDigests: TypeAlias = Mapping[
    int, str
]  # chunk number -> hex; a chunk without live rows (or marks) is absent


@dataclass(frozen=True, kw_only=True)
class Content:
    """The digests of everything in a version but its schema: what `root_id` hashes and a manifest stores.

    `ids`: live row ids per chunk. `columns` and `marks`: per column id. `order`: of the displayed order.
    """

    rows: int
    next_row_id: int
    order: str
    ids: ChunkDigests
    columns: Mapping[str, ChunkDigests]
    marks: Mapping[str, ChunkDigests]


def root_id(schema: Schema, content: Content) -> str:
    """The identity of a version's data: equal roots are equal tables, in values, marks, order and schema."""
    return digest(
        "root:v1",
        schema_json(schema),
        content.rows,
        content.next_row_id,
        content.order,
        _chunks(content.ids),
        [[column.id, _chunks(content.columns[column.id])] for column in schema.columns],
        [
            [column.id, _chunks(content.marks[column.id])]
            for column in schema.columns
            if content.marks.get(column.id)
        ],
    )


def _chunks(chunks: ChunkDigests) -> list[list[int | str]]:
    return [[number, chunks[number]] for number in sorted(chunks)]


@dataclass(frozen=True, kw_only=True)
class CommitFacts:
    """What a commit id covers. Not in it: branch, place of storage, projections, counts.

    `message`: the instruction verbatim. `planner`: rules, or the model's name. `script` and `plan`: digests of the
    source and of the plan's JSON ("" = none). `runner`: what ran it, with library versions.
    """

    dataset: str
    root: str
    parents: tuple[str, ...]
    author: str
    planner: str
    message: str
    kind: str
    created_at: datetime
    script: str = ""
    plan: str = ""
    runner: str = ""


def commit_id(facts: CommitFacts) -> str:
    """The full 64 characters; the same facts at another microsecond are another commit."""
    return digest(
        "commit:v1",
        facts.dataset,
        facts.root,
        list(facts.parents),
        facts.author,
        facts.planner,
        facts.message,
        facts.script,
        facts.plan,
        facts.runner,
        facts.kind,
        facts.created_at,
    )


def plan_digest(plan: object) -> str:
    """Digest of a plan's plain JSON (`plan.model_dump(mode="json")`)."""
    return digest("plan:v1", canonical_json(plan))


def script_digest(source: str) -> str:
    """Digest of a script's exact text."""
    return digest("script:v1", source)


def short(identifier: str) -> str:
    """What people see of an id."""
    return identifier[:SHORT]
