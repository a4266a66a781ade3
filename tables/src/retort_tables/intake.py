"""The intake: hostile bytes in, a finished version out. Entry of the confined child on the trusted side.

kind     inputs                                        params                                        parts out
import   "table" (Arrow stream of the file reader)     next_row_id, labels, groups, like, caps       a version
version  "result" (Arrow stream of a script), "base:…" rows, schema (or null), key, salt, caps       a version, changes
         and, of a carried result, "same" (JSON)
answer   "answer:NAME" (Arrow streams)                 salt, caps                                    answer.json, "answer:NAME"

"base:…" are the stored objects of the base version: `base:table.parquet`, `base:marks.parquet` and
`base:manifest.json`, with the schema in `base:schema.json` and, to save counting, the profile in `base:profile.json`.
Parts of a version: `snapshots.port.PARTS`. The worker that made the result is hostile: its numbers, row ids, columns
and types are checked here, and what changed is measured here. A fault of the data is a `DataError` that says what
differs.
"""

from __future__ import annotations

import gc
import io
import json
import mmap
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import polars as pl

from retort_core.errors import DataError, Infrastructure
from retort_core.jobs import Job
from retort_core.profiles import Profile
from retort_core.schema import Schema
from retort_core.wire import PartWriter
from retort_tables.answers import answered
from retort_tables.hostile import Caps, decode
from retort_tables.imports import Import, first_version
from retort_tables.profiling import profile
from retort_tables.rehearsal import rehearse
from retort_tables.snapshots.port import MARKS, PROFILE, SCHEMA, TABLE, Manifest, Snapshot, VersionParts
from retort_tables.takeover import Base, aligned_version, carried_version

Report = Callable[[dict[str, Any]], None]

# Loaded before the fork: a late import costs every job its time (numpy.ma: 40 ms) and may be unreadable by then.
PRELOAD: Final = (
    "numpy.ma",
    "polars.io",
    "polars.selectors",
    "polars._utils.parquet",
    "pyarrow.compute",
    "pyarrow.ipc",
    "retort_tables.profiling",
    "retort_tables.warmth",
)


def main(job: Job, inputs: Mapping[str, int], output: BinaryIO, report: Report) -> None:
    """Run one job; `inputs` are file descriptors to read from the start. Nothing is collected meanwhile: a look through all
    that the libraries hold costs 15 to 20 ms, for garbage that goes with the process."""
    gc.disable()
    work = _KINDS.get(job.kind)
    if work is None:
        raise Infrastructure(f"The intake knows no job of kind {job.kind!r}.")
    writer = PartWriter(output)
    for name, data in work(_Request(job.params, inputs, report)).items():
        writer.add(name, data)
    writer.close()


def warm() -> None:
    """Before there is a job."""
    rehearse()


@dataclass(frozen=True)
class _Request:
    """`inputs`: descriptors by name; asking for one waits until it is there."""

    params: Mapping[str, Any]
    inputs: Mapping[str, int]
    report: Report

    @property
    def caps(self) -> Caps:
        return Caps(**self.params.get("caps", {}))

    def stream(self, name: str) -> memoryview:
        if name not in self.inputs:
            raise Infrastructure(f"The intake was not given the input {name!r}.")
        return _mapped(self.inputs[name])

    def table(self, name: str, what: str = "the result", *, coded: bool = False) -> pl.DataFrame:
        """Hostile bytes, decoded."""
        self.report({"stage": "decoding"})
        return decode(self.stream(name), self.caps, what, coded=coded)


def _import(request: _Request) -> Mapping[str, bytes]:
    table = request.table("table", "the file", coded=True)
    request.report({"stage": "typing", "rows": table.height})
    like = request.params.get("like")
    ask = Import(
        next_row_id=int(request.params.get("next_row_id", 0)),
        labels=request.params.get("labels", {}),
        groups=request.params.get("groups", {}),
        like=None if like is None else Schema.model_validate(like),
    )
    return first_version(table, ask).parts()


def _version(request: _Request) -> Mapping[str, bytes]:
    base = _base(request)
    result = request.table("result")
    request.report({"stage": "measuring", "rows": result.height})
    rows, expected = request.params.get("rows"), request.params.get("schema")
    parts: VersionParts
    if rows == "carried" and expected is not None:
        schema = Schema.model_validate(expected)
        parts = carried_version(base, result, schema, profile, same=_same(request))
    elif rows == "aligned":
        parts = aligned_version(
            base,
            result,
            key=tuple(request.params.get("key", ())),
            salt=_salt(request),
            profile=profile,
        )
    else:
        raise Infrastructure("A version needs rows='carried' with a schema, or rows='aligned'.")
    return parts.parts()


def _answer(request: _Request) -> Mapping[str, bytes]:
    tables = {
        name.removeprefix(ANSWER): request.table(name) for name in request.inputs if name.startswith(ANSWER)
    }
    if not tables:
        raise DataError("The run gave no answer: its dict of tables is empty.")
    return answered(tables, _salt(request))


ANSWER: Final = "answer:"
BASE: Final = "base:"
SAME: Final = "same"
_KINDS: Final[Mapping[str, Callable[[_Request], Mapping[str, bytes]]]] = {
    "import": _import,
    "version": _version,
    "answer": _answer,
}


def _base(request: _Request) -> Base:
    """The base version, from objects that this side wrote."""
    manifest = Manifest.model_validate_json(bytes(request.stream(BASE + "manifest.json")))
    schema = Schema.model_validate_json(bytes(request.stream(BASE + SCHEMA)))
    table = pl.read_parquet(io.BytesIO(request.stream(BASE + TABLE)))
    marks = pl.read_parquet(io.BytesIO(request.stream(BASE + MARKS)))
    snapshot = Snapshot(
        root=manifest.root,
        schema=schema,
        table=table,
        marks=marks,
        next_row_id=manifest.digests.next_row_id,
        total=manifest.digests.rows,
    )
    given = request.stream(BASE + PROFILE) if BASE + PROFILE in request.inputs else None
    before = Profile.model_validate_json(bytes(given)) if given else None
    return Base(snapshot=snapshot, manifest=manifest, profile=before)


def _same(request: _Request) -> frozenset[str]:
    """Names of columns that the result left out; the worker's word, and believed only as a choice of what to keep."""
    if SAME not in request.inputs:
        return frozenset()
    try:
        names = json.loads(bytes(request.stream(SAME)))
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(
            "The result does not say which columns it left out. Nothing was taken over; run it again."
        )
    return frozenset(names)


def _salt(request: _Request) -> str:
    """What makes the ids of new columns differ from those of other runs: the base commit and the attempt."""
    return str(request.params.get("salt", ""))


def _mapped(fd: int) -> memoryview:
    size = os.fstat(fd).st_size
    return memoryview(mmap.mmap(fd, size, prot=mmap.PROT_READ)) if size else memoryview(b"")
