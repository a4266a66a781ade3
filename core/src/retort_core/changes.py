"""What differs between two versions: the shapes that travel. Computation is `retort_tables.changes` and `.diff`.

Schema comes first: a rename, a move, a new type or label is a line about a column, never a change of rows.
`Changes` goes with every version (against its first parent); a `Difference` is made for any two on request.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from retort_core.models import Model
from retort_core.schema import Column

Tier: TypeAlias = Literal["same", "rows", "key", "content"]
CELLS_KEPT = 100_000  # cell details stored with a version; counts are always complete


class ColumnChange(Model):
    """One line about a column. A column that was renamed and retyped has two lines.

    `suggested`: matched by at least 95 % equal values only; a person may take it for one removed and one added.
    """

    column: str  # id
    change: Literal["added", "removed", "renamed", "retyped", "annotated", "moved"]
    before: Column | None = None
    after: Column | None = None
    suggested: bool = False


class CellCounts(Model):
    """Changed cells of one column that both versions have, in rows that both have.

    `set_missing`: valid before, missing after. `filled`: the reverse. `set_invalid`, `repaired`: valid to invalid and
    back. `remarked`: no value before or after, but another state, reason or raw text. `edited`: another valid value.
    """

    changed: int = 0
    edited: int = 0
    set_missing: int = 0
    filled: int = 0
    set_invalid: int = 0
    repaired: int = 0
    remarked: int = 0


class Pair(Model):
    """A frequent replacement: `before` and `after` as canonical texts (None = no value)."""

    before: str | None
    after: str | None
    count: int


class Changes(Model):
    """From one version to another. `moved`: rows that both have and that left the order of the others.

    `kept` + `removed` = rows before; `kept` + `added` = rows after. `cells`: by column id, only where not zero.
    """

    rows_before: int = 0
    rows_after: int = 0
    added: int = 0
    removed: int = 0
    kept: int = 0
    modified: int = 0
    moved: int = 0
    columns_before: int = 0
    columns_after: int = 0
    columns: tuple[ColumnChange, ...] = ()
    cells: dict[str, CellCounts] = {}
    pairs: dict[str, tuple[Pair, ...]] = {}  # five most frequent replacements, by column id
    invalid: int = 0  # invalid cells in the newer version
    details: int = 0  # cells listed in the stored details
    complete: bool = True  # whether the details hold every changed cell

    @property
    def cells_changed(self) -> int:
        return sum(counts.changed for counts in self.cells.values())

    @property
    def cells_set_missing(self) -> int:
        return sum(counts.set_missing for counts in self.cells.values())

    @property
    def empty(self) -> bool:
        return not (self.added or self.removed or self.moved or self.columns or self.cells)


class Difference(Model):
    """Of any two versions. `tier`: same root; rows matched by row id; by key; by their content."""

    older: str  # root
    newer: str  # root
    tier: Tier
    key: tuple[str, ...] = ()  # names of the key's columns in the newer version
    changes: Changes
    warnings: tuple[str, ...] = ()  # code:figure:figure, e.g. repeated-keys:3:0 (surplus rows older, newer)


class CellChange(Model):
    """`row`: the row id in the newer version (in the older one for a removed row). `before`, `after`: canonical texts, None = no value."""

    row: int
    column: str  # id
    before: str | None
    after: str | None
    before_state: Literal["valid", "missing", "invalid"] = "valid"
    after_state: Literal["valid", "missing", "invalid"] = "valid"
    before_reason: str = ""
    after_reason: str = ""
    before_raw: str | None = None  # text that stands, or stood, behind a cell without value
    after_raw: str | None = None
