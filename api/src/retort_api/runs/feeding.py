"""What a script is fed: the base version as one table, with hidden columns for emitted scripts and without for others.

A version without invalid cells is fed as the file it is stored in. The companions of invalid cells are joined here
only for versions that have some: this side wrote both files, so reading them needs no wall.
"""

from __future__ import annotations

import io

import polars as pl

from retort_api.runs.session import Input
from retort_api.runs.spool import bytes_input, object_input
from retort_core.cells import ROW_ID, CellState, companion
from retort_tables.objects.port import ObjectStore
from retort_tables.snapshots.port import TABLE, Snapshot, SnapshotStore


def feed(snapshots: SnapshotStore, objects: ObjectStore, key: str, *, carried: bool, invalid: bool) -> Input:
    """Blocks; call it in a thread."""
    if carried and not invalid:
        return object_input(objects, snapshots.manifest(key).objects[TABLE])
    snapshot = snapshots.read(key)
    table = with_companions(snapshot) if carried else snapshot.table.drop(ROW_ID)
    out = io.BytesIO()
    table.write_ipc(out, compression="uncompressed")
    return bytes_input(out.getvalue())


def with_companions(snapshot: Snapshot) -> pl.DataFrame:
    """The table with a text column beside every column that has invalid cells."""
    table = snapshot.table
    broken = snapshot.marks.filter(pl.col("state") == CellState.invalid.value)
    for column in snapshot.schema.columns:
        marks = broken.filter(pl.col("column_id") == column.id)
        if marks.height:
            raw = marks.select(
                pl.col("row_id").alias(ROW_ID), pl.col("raw").fill_null("").alias(companion(column.name))
            )
            table = table.join(raw, on=ROW_ID, how="left", maintain_order="left")
    return table
