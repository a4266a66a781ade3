"""What a run would lose, measured from its changes, against what the words grant. Nothing else asks for a yes."""

from __future__ import annotations

from retort_api.runs.sentences import listed, say
from retort_core.changes import CellCounts, Changes
from retort_core.lifecycle.statuses import Counts, Staged
from retort_core.plans import Lang
from retort_core.schema import Schema
from retort_plans.operations.base import Loss

NOTHING = Loss()


def counts_of(changes: Changes) -> Counts:
    kinds = [line.change for line in changes.columns]
    return Counts(
        rows_before=changes.rows_before,
        rows_after=changes.rows_after,
        columns_before=changes.columns_before,
        columns_after=changes.columns_after,
        rows_added=changes.added,
        rows_removed=changes.removed,
        columns_added=kinds.count("added"),
        columns_removed=kinds.count("removed"),
        columns_changed=len(
            {line.column for line in changes.columns if line.change not in ("added", "removed")}
        ),
        rows_moved=changes.moved,
        cells_changed=changes.cells_changed,
        cells_set_missing=changes.cells_set_missing,
        cells_invalid=changes.invalid,
    )


def staged(commit: str, changes: Changes, base: Schema, granted: Loss, lang: Lang) -> Staged:
    """The staged version, with why it waits when it does."""
    counts = counts_of(changes)
    code, why = _beyond(changes, counts, base, granted, lang)
    return Staged(commit=commit, counts=counts, code=code, why=why)


def _beyond(changes: Changes, counts: Counts, base: Schema, granted: Loss, lang: Lang) -> tuple[str, str]:
    if counts.rows_after == 0 and counts.rows_before > 0:
        return "empty-result", say("empty-result", lang)
    if counts.rows_removed and not granted.rows:
        return "rows-beyond-words", say("rows-beyond-words", lang, count=counts.rows_removed)
    gone = [line.before.name for line in changes.columns if line.change == "removed" and line.before]
    beyond = [name for name in gone if name not in granted.columns]
    if beyond:
        return "columns-beyond-words", say("columns-beyond-words", lang, names=listed(beyond, lang))
    cells = {
        column.name: _lost(changes.cells[column.id])
        for column in base.columns
        if column.id in changes.cells and column.name not in granted.cells
    }
    lost = {name: count for name, count in cells.items() if count}
    if lost:
        names, count = listed(lost, lang), sum(lost.values())
        return "cells-beyond-words", say("cells-beyond-words", lang, names=names, count=count)
    return "", ""


def _lost(cells: CellCounts) -> int:
    """Valid values that are no longer there; filling, repairing and other reasons lose nothing."""
    return cells.edited + cells.set_missing + cells.set_invalid
