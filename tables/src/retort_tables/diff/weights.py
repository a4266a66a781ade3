"""How much memory finding a difference takes, told beforehand: by what the files of both versions say of themselves.

The figures are of peaks that were measured, less the 100 MB that the engine takes once: two versions of 8 M numbers or short
texts 520 MB, of 1 M long texts in 390 MB 580 MB, of 4 M cells in 2,000 columns 350 MB, of 2 M there 280 MB, each with every cell changed, which is the
worst of it. Nothing of it is unpacked, so that a small file of much does not look small.
"""

from __future__ import annotations

from typing import Final

from retort_core.cells import ROW_ID
from retort_tables.diff.tiers import equal_columns
from retort_tables.snapshots.port import SnapshotStore

PER_CELL: Final = 80  # bytes
PER_COLUMN: Final = 64 << 10
OF_VALUES: Final = 1.5  # times what is read


def weight(store: SnapshotStore, older: str, newer: str, *, by_rows: bool) -> int:
    """Bytes, between two versions (manifest keys). `by_rows`: they share a history and no key is given, so that equal columns are
    not read (as `tiers.difference`)."""
    a, b = store.manifest(older), store.manifest(newer)
    if a.root == b.root:
        return 0
    skip = equal_columns(a, b) if by_rows else frozenset()
    return sum(
        _of(store, key, rows, skip) for key, rows in ((older, a.digests.rows), (newer, b.digests.rows))
    )


def _of(store: SnapshotStore, key: str, rows: int, skip: frozenset[str]) -> int:
    sizes = store.sizes(key)
    read = [column.name for column in store.schema(key).columns if column.id not in skip]
    values = sum(sizes[name] for name in (ROW_ID, *read))
    return round(OF_VALUES * values) + (PER_COLUMN + PER_CELL * rows) * (1 + len(read))
