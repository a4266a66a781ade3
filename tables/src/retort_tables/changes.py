"""What a version changed against the version it was made from: rows by row id, columns by column id.

Counted on the trusted side from the data itself; what is lost beyond the words of an instruction is judged from
these counts and nothing else.
"""

from __future__ import annotations

from retort_core.cells import ROW_ID
from retort_core.changes import CELLS_KEPT
from retort_tables.alignment import by_ids
from retort_tables.diff.render import Compared, compared
from retort_tables.diff.schema import match
from retort_tables.snapshots.port import Snapshot


def changes(
    base: Snapshot,
    result: Snapshot,
    *,
    skip: frozenset[str] = frozenset(),
    limit: int | None = CELLS_KEPT,
) -> Compared:
    """From `base` to `result`; row ids from `base.next_row_id` on are new. `skip`: ids of columns known to be equal."""
    rows = by_ids(
        base.table.get_column(ROW_ID).to_numpy(),
        result.table.get_column(ROW_ID).to_numpy(),
        base.next_row_id,
    )
    return compared(
        base, result, rows, match(base.schema, result.schema, lineage=True), skip=skip, limit=limit
    )
