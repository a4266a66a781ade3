"""Differences of any two versions, page by page. Blocking; run in threads. The last few are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, Literal

import polars as pl

from retort_core.cells import ROW_ID
from retort_core.http.versions import CellChange, RowChange
from retort_tables.diff.render import page
from retort_tables.diff.tiers import Found, difference
from retort_tables.snapshots.port import SnapshotStore
from retort_tables.texts import canonical

KEPT: Final = 4


class Differences:
    """`common`: next row id of the nearest common ancestor; None when two versions share no history."""

    def __init__(self, snapshots: SnapshotStore) -> None:
        self._snapshots = snapshots
        self._kept: OrderedDict[tuple[str, str, int | None, tuple[str, ...]], Found] = OrderedDict()

    def kept(self, older: str, newer: str, common: int | None, key: tuple[str, ...]) -> bool:
        return (older, newer, common, key) in self._kept

    def find(self, older: str, newer: str, common: int | None, key: tuple[str, ...]) -> Found:
        name = (older, newer, common, key)
        found = self._kept.get(name)
        if found is None:
            found = difference(self._snapshots, older, newer, common=common, key=key)
            self._kept[name] = found
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found

    def rows(self, found: Found, older: str, newer: str, start: int, length: int) -> tuple[RowChange, ...]:
        """Removed rows, then added ones, with their values."""
        removed, added = found.compared.removed, found.compared.added
        gone = removed.slice(start, length)
        new = added.slice(max(0, start - removed.len()), max(0, length - gone.len()))
        return (*self._valued(older, gone, "removed"), *self._valued(newer, new, "added"))

    def _valued(self, key: str, ids: pl.Series, change: Literal["added", "removed"]) -> tuple[RowChange, ...]:
        if ids.is_empty():
            return ()
        table = self._snapshots.read(key, rows=ids.to_list()).table
        rows = table.get_column(ROW_ID).to_list()
        texts = {values.name: canonical(values).to_list() for values in table.drop(ROW_ID).iter_columns()}
        return tuple(
            RowChange(row=row, change=change, values={name: column[at] for name, column in texts.items()})
            for at, row in enumerate(rows)
        )


def cells(found: Found, names: Mapping[str, str], start: int, length: int) -> tuple[CellChange, ...]:
    """Changed cells of rows that both versions have, with column names instead of ids."""
    return tuple(
        CellChange(**{**dict(one), "column": names.get(one.column, one.column)})
        for one in page(found.compared.cells, start=start, length=length)
    )
