"""The processing report of a version's history, from its commits. Blocking; run in threads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO

from retort_api.commits.records import CommitRecord
from retort_core.changes import Changes
from retort_core.plans import Lang
from retort_core.schema import Kind
from retort_plans.explanations import explain
from retort_tables.diff.render import page
from retort_tables.reports import CELLS_PER_STEP, Entry, Report, removed_rows, write_report
from retort_tables.snapshots.port import SnapshotStore


def report(
    snapshots: SnapshotStore,
    dataset: str,
    line: Sequence[CommitRecord],
    lang: Lang,
    made_at: datetime,
    out: BinaryIO,
) -> None:
    """`line`: the history, newest first."""
    before = {record.id: record for record in line}
    entries = [_entry(snapshots, record, before.get(record.parent), lang) for record in reversed(line)]
    write_report(Report(dataset=dataset, made_at=made_at, entries=entries, lang=lang), out)


def _entry(snapshots: SnapshotStore, record: CommitRecord, base: CommitRecord | None, lang: Lang) -> Entry:
    changes = snapshots.changes(record.snapshot) if base is not None else _first(record)
    schema = snapshots.schema(record.snapshot)
    names = {column.id: column.name for column in schema.columns}
    id_columns: list[str] = []
    if base is not None:
        old = snapshots.schema(base.snapshot)
        names = {column.id: column.name for column in old.columns} | names
        id_columns = [column.name for column in old.columns if column.kind is Kind.id]
    return Entry(
        commit=record.id,
        title=record.title,
        steps=explain(record.plan, lang) if record.plan is not None else (),
        changes=changes,
        instruction=record.instruction,
        author=record.author,
        created_at=record.created_at,
        parents=record.parents,
        removed=removed_rows(snapshots, base.snapshot, record.snapshot, id_columns)
        if base is not None
        else (),
        cells=page(snapshots.cells(record.snapshot), length=CELLS_PER_STEP) if base is not None else (),
        names=names,
    )


def _first(record: CommitRecord) -> Changes:
    counts = record.counts
    return Changes(
        rows_after=counts.rows_after,
        added=counts.rows_after,
        columns_after=counts.columns_after,
        invalid=counts.cells_invalid,
    )
