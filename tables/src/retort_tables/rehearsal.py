"""A rehearsal of the intake, on a table of its own: what a worker does behind its walls before it has a job.

The first use of a library costs a forked process 50 ms: pages that it shares with its parent until they are touched,
threads of polars, tables that libraries build late. Nobody waits for it here. The table has one column of each sort that
the way from hostile bytes to a version treats apart, and few rows: what is rehearsed is the way, not the load.
"""

from __future__ import annotations

import io
from typing import Final

import polars as pl

from retort_core.cells import ROW_ID
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.hostile import Caps, decode
from retort_tables.layout import MARKS_SCHEMA
from retort_tables.profiling import profile
from retort_tables.snapshots.encoding import encoded
from retort_tables.snapshots.port import MARKS, TABLE, Manifest, Snapshot
from retort_tables.takeover import Base, carried_version

SCHEMA: Final = Schema(
    columns=(
        Column(id="c1", name="city", dtype=DType.text, kind=Kind.single),
        Column(id="c2", name="age", dtype=DType.integer, kind=Kind.numeric),
        Column(id="c3", name="score", dtype=DType.number, kind=Kind.numeric),
    )
)


def rehearse() -> None:
    """A version is written, read, changed in one column and one row, and taken over."""
    base = _base()
    table = base.snapshot.table
    edited = table.with_columns(age=pl.when(pl.col("age") > 30).then(None).otherwise("age"))
    carried_version(
        base, decode(_stream(edited.filter(pl.col("city") != "Köln")), Caps()), SCHEMA, profile
    ).parts()


def _base() -> Base:
    numbers = range(12)
    table = pl.DataFrame(
        {
            ROW_ID: list(numbers),
            "city": [["北京", "上海 ", "Köln"][number % 3] for number in numbers],
            "age": [number * 5 for number in numbers],
            "score": [number / 2 if number % 4 else None for number in numbers],
        }
    )
    marks = pl.DataFrame(
        [(number, "c3", "missing", "empty", None) for number in numbers if number % 4 == 0],
        schema=dict(MARKS_SCHEMA), orient="row",
    )  # fmt: skip
    parts = encoded(schema=SCHEMA, table=table, marks=marks, next_row_id=len(numbers))
    snapshot = Snapshot(
        root=parts.root,
        schema=SCHEMA,
        table=pl.read_parquet(io.BytesIO(parts.objects[TABLE])),
        marks=pl.read_parquet(io.BytesIO(parts.objects[MARKS])),
        next_row_id=len(numbers),
        total=len(numbers),
    )
    return Base(snapshot=snapshot, manifest=Manifest(root=parts.root, digests=parts.digests, objects={}))


def _stream(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    table.write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
    return out.getvalue()
