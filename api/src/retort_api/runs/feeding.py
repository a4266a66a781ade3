"""What a script is fed: the base version as it is stored, and the marks of cells whose raw texts travel along.

The worker puts the hidden columns beside the table, or takes them away, itself: it reads the files behind its walls
anyway, and reading them here too would cost a step on 10,000 rows 11 ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from retort_api.runs.library import Library, invalid_names
from retort_api.runs.session import Input
from retort_api.runs.spool import object_input
from retort_tables.objects.port import ObjectStore
from retort_tables.snapshots.port import MARKS, TABLE

MARKS_INPUT: Final = "marks"


@dataclass(frozen=True, kw_only=True)
class Feed:
    """`params`: what the worker has to know of the inputs."""

    inputs: Mapping[str, Input]
    params: Mapping[str, Any] = field(default_factory=dict)


async def feed(library: Library, objects: ObjectStore, key: str, *, carried: bool) -> Feed:
    """`key`: of the version's manifest. `carried`: for an emitted script, which sees hidden columns."""
    manifest = await library.manifest(key)
    table = {"table": object_input(objects, manifest.objects[TABLE])}
    schema = await library.schema(key)
    broken = invalid_names(schema, await library.profile(key)) if carried else frozenset()
    if not broken:
        return Feed(inputs=table)
    marks = object_input(objects, manifest.objects[MARKS])
    companions = {column.name: column.id for column in schema.columns if column.name in broken}
    return Feed(inputs={**table, MARKS_INPUT: marks}, params={"companions": companions})


def table_feed(objects: ObjectStore, key: str) -> Feed:
    """A plain table, such as an earlier answer."""
    return Feed(inputs={"table": object_input(objects, key)})
