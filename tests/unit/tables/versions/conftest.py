"""A small base version with every kind of cell, and the intake run as it runs in its child."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping
from datetime import date
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from retort_core.jobs import Job
from retort_core.schema import Column, DType, Kind, Schema
from retort_core.wire import read_parts
from retort_tables.intake import main
from retort_tables.layout import MARKS_SCHEMA
from retort_tables.objects.memory import MemoryObjects
from retort_tables.objects.port import read
from retort_tables.snapshots.port import MARKS, SCHEMA, TABLE, VersionParts, Written
from retort_tables.snapshots.whole import WholeSnapshots

Run = Callable[..., dict[str, bytes]]


def ipc(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    table.write_ipc_stream(out)
    return out.getvalue()


def intake(kind: str, params: Mapping[str, Any], inputs: Mapping[str, bytes]) -> dict[str, bytes]:
    """The worker's entry on sealed files, as its supervisor calls it."""
    files = {}
    for name, data in inputs.items():
        files[name] = os.memfd_create(name.replace("/", "_")[:20])
        with os.fdopen(os.dup(files[name]), "wb") as stream:
            stream.write(data)
    out = io.BytesIO()
    try:
        main(Job("attempt-1", kind, dict(params), inputs=tuple(inputs)), files, out, lambda _: None)
    finally:
        for file in files.values():
            os.close(file)
    return read_parts(out.getvalue())


@pytest.fixture
def run_intake() -> Run:
    return intake


@pytest.fixture
def as_stream() -> Callable[[pl.DataFrame], bytes]:
    return ipc


@pytest.fixture
def base() -> SimpleNamespace:
    """Five rows; age has an invalid cell and a value that may be a code; name has a missing token."""
    table = pl.DataFrame(
        {
            "__row_id": [0, 1, 2, 3, 4],
            "uid": ["u1", "u2", "u3", "u4", "u5"],
            "age": [31, None, -999, 45, 20],
            "city": ["北京", "上海", None, "广州", "北京"],
            "day": [date(2024, 1, 31), None, date(2024, 2, 1), date(2024, 2, 2), None],
        }
    )
    schema = Schema(
        columns=(
            Column(id="c1", name="uid", dtype=DType.text, kind=Kind.id),
            Column(id="c2", name="age", dtype=DType.integer, kind=Kind.numeric),
            Column(id="c3", name="city", dtype=DType.text, kind=Kind.single),
            Column(id="c4", name="day", dtype=DType.date, kind=Kind.date),
        )
    )
    marks = pl.DataFrame(
        {
            "row_id": [1, 2, 1, 4],
            "column_id": ["c2", "c3", "c4", "c4"],
            "state": ["invalid", "missing", "missing", "invalid"],
            "reason": ["", "token", "empty", ""],
            "raw": ["三十", "N/A", None, "31/31/2024"],
        },
        schema=dict(MARKS_SCHEMA),
    )
    objects = MemoryObjects()
    store = WholeSnapshots(objects)
    written = store.write(schema=schema, table=table, marks=marks, next_row_id=5)
    return SimpleNamespace(
        objects=objects, store=store, schema=schema, table=table, marks=marks, written=written
    )


@pytest.fixture
def carried(base: SimpleNamespace) -> pl.DataFrame:
    """What an emitted script that changes nothing gives back."""
    return base.table.with_columns(
        age__invalid=pl.Series([None, "三十", None, None, None], dtype=pl.String),
        day__invalid=pl.Series([None, None, None, None, "31/31/2024"], dtype=pl.String),
    )


@pytest.fixture
def take(base: SimpleNamespace) -> Callable[..., Written]:
    """A result through the intake into the store."""

    def taken(
        result: pl.DataFrame | bytes, schema: Schema | None = None, same: Any = None, **params: Any
    ) -> Written:
        written = base.written
        objects = base.store.manifest(written.manifest).objects
        inputs = {
            "result": result if isinstance(result, bytes) else ipc(result),
            "base:manifest.json": read(base.objects, written.manifest),
            **{f"base:{name}": read(base.objects, objects[name]) for name in (TABLE, MARKS, SCHEMA)},
        }
        if same is not None:
            inputs["same"] = json.dumps(same).encode()
        if schema is not None:
            params = {"rows": "carried", "schema": schema.model_dump(mode="json"), **params}
        parts = intake("version", {"rows": "aligned", "salt": "s", **params}, inputs)
        return base.store.publish(VersionParts.of(parts))

    return taken
