"""The difference of any two versions, by the first way that applies.

same     equal roots: nothing differs.
rows     a shared history: rows by row id (ids minted after the common ancestor never match), columns by column id.
         Columns with equal digests are not even read.
key      unrelated uploads: columns by name, rows by a key that was declared, or found by itself.
content  no key: equal rows, then rows equal in the columns that kept their values; what is left is added or removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from retort_core.cells import ROW_ID
from retort_core.changes import CELLS_KEPT, Changes, Difference, Tier
from retort_core.errors import BadInput
from retort_core.schema import Column
from retort_tables.alignment import CONTENT_LIMIT, Pairing, by_content, by_ids, by_key, infer_key
from retort_tables.diff.cells import DETAILS_SCHEMA
from retort_tables.diff.render import Compared, compared
from retort_tables.diff.schema import Columns, match, with_renames
from retort_tables.snapshots.port import Manifest, Snapshot, SnapshotStore


@dataclass(frozen=True)
class Found:
    """The summary, and the details behind it."""

    difference: Difference
    compared: Compared


def difference(
    store: SnapshotStore,
    older: str,
    newer: str,
    *,
    common: int | None = None,
    key: Sequence[str] = (),
    limit: int | None = CELLS_KEPT,
) -> Found:
    """Between two versions (manifest keys). `common`: the next row id of their nearest common ancestor, None when
    they share no history. `key`: names of key columns; it decides even where a history is shared."""
    a, b = store.manifest(older), store.manifest(newer)
    if a.root == b.root:
        return _same(a, b)
    if common is not None and not key:
        found = _by_rows(store, (older, a), (newer, b), common, limit)
        if found is not None:
            return found
    return _unrelated(store.read(older), store.read(newer), key, limit)


def _same(a: Manifest, b: Manifest) -> Found:
    rows, columns = a.digests.rows, len(a.digests.columns)
    changes = Changes(
        rows_before=rows, rows_after=rows, kept=rows, columns_before=columns, columns_after=columns
    )
    nothing = pl.Series("row_id", [], dtype=pl.Int64)
    details = Compared(changes, pl.DataFrame(schema=DETAILS_SCHEMA), nothing, nothing)
    return Found(Difference(older=a.root, newer=b.root, tier="same", changes=changes), details)


def _by_rows(
    store: SnapshotStore,
    older: tuple[str, Manifest],
    newer: tuple[str, Manifest],
    common: int,
    limit: int | None,
) -> Found | None:
    """None when no row is shared: a file that was imported anew has only new ids."""
    skip = equal_columns(older[1], newer[1])
    old, new = _read(store, older[0], skip), _read(store, newer[0], skip)
    rows = by_ids(_ids(old), _ids(new), common)
    if not len(rows.new) and old.total and new.total:
        return None
    columns = match(old.schema, new.schema, lineage=True)
    invalid = store.invalid(newer[0]) if skip else None
    return _found("rows", (old, new), rows, columns, skip=skip, limit=limit, invalid=invalid)


def equal_columns(a: Manifest, b: Manifest) -> frozenset[str]:
    """Columns with the same digests of values and marks, for the same rows in the same order."""
    if (a.digests.ids, a.digests.order) != (b.digests.ids, b.digests.order):
        return frozenset()
    return frozenset(
        column_id
        for column_id, digests in b.digests.columns.items()
        if a.digests.columns.get(column_id) == digests
        and a.digests.marks.get(column_id) == b.digests.marks.get(column_id)
    )


def _read(store: SnapshotStore, key: str, skip: frozenset[str]) -> Snapshot:
    if not skip:
        return store.read(key)
    return store.read(key, [column.name for column in store.schema(key).columns if column.id not in skip])


def _unrelated(old: Snapshot, new: Snapshot, key: Sequence[str], limit: int | None) -> Found:
    columns = match(old.schema, new.schema, lineage=False)
    chosen = _declared(columns, key) if key else infer_key(old.table, new.table, columns.pairs)
    if chosen:
        return _found("key", (old, new), by_key(old.table, new.table, chosen), columns, limit=limit)
    return _found(
        "content", (old, new), by_content(old.table, new.table, columns.pairs), columns, limit=limit
    )


def _declared(columns: Columns, key: Sequence[str]) -> tuple[tuple[Column, Column], ...]:
    by_name = {after.name: (before, after) for before, after in columns.pairs}
    for name in key:
        if name not in by_name:
            raise BadInput(
                f"The key column {name!r} is not in both versions; choose columns that are: "
                f"{', '.join(list(by_name)[:20]) or 'there are none'}.",
                column=name,
            )
    return tuple(by_name[name] for name in key)


def _found(
    tier: Tier,
    versions: tuple[Snapshot, Snapshot],
    rows: Pairing,
    columns: Columns,
    *,
    limit: int | None,
    skip: frozenset[str] = frozenset(),
    invalid: int | None = None,
) -> Found:
    old, new = versions
    columns = _renamed(columns, old, new, rows)
    details = compared(old, new, rows, columns, skip=skip, limit=limit, invalid=invalid)
    summary = Difference(
        older=old.root,
        newer=new.root,
        tier=tier,
        key=rows.key,
        changes=details.changes,
        warnings=_warnings(tier, rows, old, new),
    )
    return Found(summary, details)


def _renamed(columns: Columns, old: Snapshot, new: Snapshot, rows: Pairing) -> Columns:
    if not columns.added or not columns.removed or not len(rows.new):
        return columns
    before = old.table.select([c.name for c in columns.removed])[rows.old]
    after = new.table.select([c.name for c in columns.added])[rows.new]
    return with_renames(columns, before, after, new.schema)


def _warnings(tier: Tier, rows: Pairing, old: Snapshot, new: Snapshot) -> tuple[str, ...]:
    found = []
    if tier == "key" and any(rows.repeated):
        found.append(f"repeated-keys:{rows.repeated[0]}:{rows.repeated[1]}")
    left = max(old.table.height, new.table.height) - len(rows.new)
    if tier == "content" and left > CONTENT_LIMIT:
        found.append(f"too-many-unmatched:{left}")
    return tuple(found)


def _ids(snapshot: Snapshot) -> NDArray[np.int64]:
    ids: NDArray[np.int64] = snapshot.table.get_column(ROW_ID).to_numpy()
    return ids
