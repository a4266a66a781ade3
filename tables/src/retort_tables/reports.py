"""The processing report: an XLSX that a client accepts as proof of what was done to the data.

Sheets: summary; sample waterfall (rows before and after each instruction); every step in words with counts; removed
rows with their ids and the reason; changed cells (capped, and the cap is said); versions with their full ids.
The input is plain values, so that whoever knows the history (the service) can feed it, a commit at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

import xlsxwriter

from retort_core.changes import CellChange, Changes
from retort_core.identity import short
from retort_core.plans import Lang
from retort_tables.snapshots.port import SnapshotStore
from retort_tables.texts import canonical

CELLS_PER_STEP: Final = 10_000
REMOVED_PER_STEP: Final = 100_000
_TEXT: Final = 32_767


@dataclass(frozen=True, kw_only=True)
class RemovedRow:
    """`ids`: values of the id columns, name -> canonical text, as a client knows the respondent."""

    row: int
    ids: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One commit, oldest first. `steps`: sentences. `names`: column id -> name. Lists may be cut by who builds them;
    counts in `changes` are complete."""

    commit: str
    title: str
    steps: Sequence[str]
    changes: Changes
    instruction: str = ""
    author: str = ""
    created_at: datetime | None = None
    parents: Sequence[str] = ()
    removed: Sequence[RemovedRow] = ()
    cells: Sequence[CellChange] = ()
    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Report:
    dataset: str
    made_at: datetime
    entries: Sequence[Entry]
    branch: str = "main"
    lang: Lang = "zh"


def write_report(report: Report, out: BinaryIO) -> None:
    book = xlsxwriter.Workbook(out, {"constant_memory": True})
    try:
        writer = _Book(book, report.lang)
        _summary(writer, report)
        _waterfall(writer, report)
        _steps(writer, report)
        _removed(writer, report)
        _cells(writer, report)
        _versions(writer, report)
    finally:
        book.close()


def removed_rows(store: SnapshotStore, base: str, key: str, id_columns: Sequence[str]) -> list[RemovedRow]:
    """Rows that version `key` removed from version `base` (manifest keys), with the values of their id columns."""
    ids = store.removed(key).head(REMOVED_PER_STEP)
    if ids.is_empty():
        return []
    table = store.read(base, columns=id_columns, rows=ids.to_list()).table
    texts = {name: canonical(table.get_column(name)).fill_null("").to_list() for name in id_columns}
    rows = table.to_series(0).to_list()
    return [
        RemovedRow(row=row, ids={name: texts[name][at] for name in id_columns}) for at, row in enumerate(rows)
    ]


class _Book:
    """Sheets written row by row; every text is a text, never a formula."""

    def __init__(self, book: Any, lang: Lang) -> None:
        self._book, self._lang = book, lang
        self._bold = book.add_format({"bold": True, "bg_color": "#EAEAEA"})
        self._wrap = book.add_format({"text_wrap": True, "valign": "top"})
        self._quoted = book.add_format({"text_wrap": True, "valign": "top", "quote_prefix": True})

    def say(self, key: str, **facts: object) -> str:
        return _WORDS[key][0 if self._lang == "zh" else 1].format(**facts)

    def sheet(
        self, key: str, headers: Sequence[str], widths: Sequence[int], rows: Iterable[Sequence[Any]]
    ) -> None:
        sheet = self._book.add_worksheet(self.say(key))
        sheet.freeze_panes(1, 0)
        for at, width in enumerate(widths):
            sheet.set_column(at, at, width)
        for at, header in enumerate(headers):
            sheet.write_string(0, at, self.say(header), self._bold)
        for number, row in enumerate(rows, start=1):
            for at, value in enumerate(row):
                self._cell(sheet, number, at, value)

    def _cell(self, sheet: Any, row: int, at: int, value: Any) -> None:
        if isinstance(value, int):
            sheet.write_number(row, at, value)
        elif value:
            style = self._quoted if str(value)[0] in "=+-@" else self._wrap
            sheet.write_string(row, at, str(value)[:_TEXT], style)


def _summary(book: _Book, report: Report) -> None:
    entries = report.entries
    last = entries[-1] if entries else None
    rows: list[tuple[str, Any]] = [
        (book.say("dataset"), report.dataset),
        (book.say("branch"), report.branch),
        (book.say("made_at"), _moment(report.made_at)),
        (book.say("instructions"), len(entries)),
        (book.say("rows_first"), entries[0].changes.rows_after if entries else 0),
        (book.say("rows_last"), last.changes.rows_after if last else 0),
        (book.say("columns_last"), last.changes.columns_after if last else 0),
        (book.say("cells_changed"), sum(entry.changes.cells_changed for entry in entries)),
        (book.say("invalid_left"), last.changes.invalid if last else 0),
        (book.say("version"), last.commit if last else ""),
    ]
    book.sheet("summary", ("item", "value"), (28, 70), rows)


def _waterfall(book: _Book, report: Report) -> None:
    rows = (
        (
            number,
            entry.title,
            entry.changes.rows_before,
            -entry.changes.removed,
            entry.changes.added,
            entry.changes.rows_after,
            short(entry.commit),
        )
        for number, entry in enumerate(report.entries, start=1)
    )
    headers = ("number", "title", "rows_before", "rows_removed", "rows_added", "rows_after", "version")
    book.sheet("waterfall", headers, (6, 50, 12, 12, 12, 12, 16), rows)


def _steps(book: _Book, report: Report) -> None:
    rows = []
    for number, entry in enumerate(report.entries, start=1):
        changes = entry.changes
        cells = (changes.cells_changed, changes.cells_set_missing)
        for at, step in enumerate(entry.steps or (entry.title,), start=1):
            counts = (-changes.removed, *cells) if at == 1 else ("", "", "")
            said = entry.instruction if at == 1 else ""
            rows.append((f"{number}.{at}", said, step, *counts, entry.author, _moment(entry.created_at)))
    headers = (
        "number",
        "instruction",
        "step",
        "rows_removed",
        "cells_changed",
        "cells_emptied",
        "author",
        "at",
    )
    book.sheet("steps", headers, (8, 40, 60, 12, 12, 12, 16, 20), rows)


def _removed(book: _Book, report: Report) -> None:
    rows: list[Sequence[Any]] = []
    for entry in report.entries:
        reason = "；".join(entry.steps) if book.say("lang") == "zh" else "; ".join(entry.steps)
        for removed in entry.removed[:REMOVED_PER_STEP]:
            ids = ", ".join(f"{name}={value}" for name, value in removed.ids.items())
            rows.append((removed.row, ids, reason or entry.title, short(entry.commit)))
        hidden = entry.changes.removed - min(len(entry.removed), REMOVED_PER_STEP)
        if hidden > 0:
            rows.append(("", book.say("more_rows", count=hidden), reason or entry.title, short(entry.commit)))
    book.sheet("removed", ("row", "ids", "reason", "version"), (10, 40, 60, 16), rows)


def _cells(book: _Book, report: Report) -> None:
    rows: list[Sequence[Any]] = []
    for entry in report.entries:
        for cell in entry.cells[:CELLS_PER_STEP]:
            column = entry.names.get(cell.column, cell.column)
            before = _shown(book, cell.before, cell.before_raw, cell.before_state, cell.before_reason)
            after = _shown(book, cell.after, cell.after_raw, cell.after_state, cell.after_reason)
            rows.append((cell.row, column, before, after, entry.title, short(entry.commit)))
        hidden = entry.changes.cells_changed - min(len(entry.cells), CELLS_PER_STEP)
        if hidden > 0:
            rows.append(("", "", book.say("more_cells", count=hidden), "", entry.title, short(entry.commit)))
    headers = ("row", "column", "before", "after", "title", "version")
    book.sheet("cells", headers, (10, 24, 30, 30, 50, 16), rows)


def _versions(book: _Book, report: Report) -> None:
    rows = [
        (number, entry.title, entry.commit, ", ".join(entry.parents), entry.author, _moment(entry.created_at))
        for number, entry in enumerate(report.entries, start=1)
    ]
    book.sheet(
        "versions", ("number", "title", "version", "parents", "author", "at"), (6, 50, 68, 68, 16, 20), rows
    )


def _shown(book: _Book, value: str | None, raw: str | None, state: str, reason: str) -> str:
    """A value, or in brackets why there is none, with the text that stands there."""
    if state == "valid":
        return value or ""
    why = reason or book.say(state)
    return f"({why})" if raw is None else f"{raw} ({why})"


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


_WORDS: Final[dict[str, tuple[str, str]]] = {
    "lang": ("zh", "en"),
    "summary": ("概要", "Summary"),
    "waterfall": ("样本流转", "Sample waterfall"),
    "steps": ("处理步骤", "Steps"),
    "removed": ("删除的行", "Removed rows"),
    "cells": ("修改的单元格", "Changed cells"),
    "versions": ("版本", "Versions"),
    "item": ("项目", "Item"),
    "value": ("值", "Value"),
    "dataset": ("数据集", "Dataset"),
    "branch": ("分支", "Branch"),
    "made_at": ("报告时间", "Report made at"),
    "instructions": ("处理次数", "Versions in this report"),
    "rows_first": ("原始样本量", "Rows at the start"),
    "rows_last": ("最终样本量", "Rows at the end"),
    "columns_last": ("最终列数", "Columns at the end"),
    "cells_changed": ("修改的单元格数", "Cells changed"),
    "cells_emptied": ("变为缺失的单元格数", "Cells set missing"),
    "invalid_left": ("仍然无效的单元格数", "Cells still invalid"),
    "version": ("版本号", "Version"),
    "number": ("序号", "No."),
    "title": ("处理", "What was done"),
    "instruction": ("原话", "Instruction"),
    "step": ("步骤", "Step"),
    "rows_before": ("处理前行数", "Rows before"),
    "rows_removed": ("删除行数", "Rows removed"),
    "rows_added": ("新增行数", "Rows added"),
    "rows_after": ("处理后行数", "Rows after"),
    "row": ("行标识", "Row id"),
    "ids": ("编号", "Ids"),
    "reason": ("原因", "Reason"),
    "column": ("列", "Column"),
    "before": ("修改前", "Before"),
    "after": ("修改后", "After"),
    "author": ("操作人", "By"),
    "at": ("时间", "At"),
    "parents": ("上一版本", "Parents"),
    "missing": ("缺失", "missing"),
    "invalid": ("无效", "invalid"),
    "more_rows": ("另有 {count} 行未逐一列出", "{count} more rows are not listed one by one"),
    "more_cells": ("另有 {count} 个单元格未逐一列出", "{count} more cells are not listed one by one"),
}
