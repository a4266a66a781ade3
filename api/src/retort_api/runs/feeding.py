"""What a script is fed: the base version as one table, with hidden columns for emitted scripts and without for others.

A version without invalid cells is fed as the file it is stored in. The companions of invalid cells are joined here
only for versions that have some: this side wrote both files, so reading them needs no wall.
"""

from __future__ import annotations

import io

from retort_api.runs.session import Input
from retort_api.runs.spool import bytes_input, object_input
from retort_core.cells import ROW_ID
from retort_tables.exports import with_companions
from retort_tables.objects.port import ObjectStore
from retort_tables.snapshots.port import TABLE, SnapshotStore


def feed(snapshots: SnapshotStore, objects: ObjectStore, key: str, *, carried: bool, invalid: bool) -> Input:
    """Blocks; call it in a thread."""
    if carried and not invalid:
        return object_input(objects, snapshots.manifest(key).objects[TABLE])
    snapshot = snapshots.read(key)
    table = with_companions(snapshot) if carried else snapshot.table.drop(ROW_ID)
    out = io.BytesIO()
    table.write_ipc(
        out, compression="lz4"
    )  # a third of the bytes through the socket, for a tenth of their time
    return bytes_input(out.getvalue())
