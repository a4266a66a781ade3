"""The processing report, read back as a client's program would read it."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from retort_core.changes import CellChange, CellCounts, Changes
from retort_tables import reports
from retort_tables.reports import Entry, RemovedRow, Report, removed_rows, write_report

NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LOADED = Entry(
    commit="a" * 64,
    title="导入 survey.csv",
    steps=("读取 5 行 4 列",),
    changes=Changes(rows_before=0, rows_after=5, added=5, columns_after=4),
    author="ann",
    created_at=AT,
)
CLEANED = Entry(
    commit="b" * 64,
    title="去重并清空异常打分",
    steps=("按 uid 去掉完全相同的重复行", "把 打分 中大于 10 的值设为空"),
    instruction="=去重",
    changes=Changes(
        rows_before=5, rows_after=3, removed=2, kept=3, columns_before=4, columns_after=4, invalid=1,
        cells={"c2": CellCounts(changed=3, set_missing=2, edited=1)},
    ),
    parents=("a" * 64,),
    removed=(RemovedRow(row=4, ids={"uid": "u1"}),),
    cells=(
        CellChange(row=0, column="c2", before="11", after=None, after_state="missing", after_reason="set empty"),
        CellChange(row=1, column="c2", before="=1", after="2"),
        CellChange(row=2, column="c2", before=None, before_state="invalid", before_raw="abc", after="1"),
    ),
    names={"c2": "打分"},
)  # fmt: skip


def sheets(*entries: Entry, lang: Any = "zh") -> dict[str, list[list[str]]]:
    out = io.BytesIO()
    write_report(Report(dataset="survey", made_at=AT, entries=entries, lang=lang), out)
    with zipfile.ZipFile(out) as book:
        names = [
            sheet.get("name") for sheet in ET.fromstring(book.read("xl/workbook.xml")).iter(f"{NS}sheet")
        ]
        return {
            str(name): _rows(book.read(f"xl/worksheets/sheet{at}.xml")) for at, name in enumerate(names, 1)
        }


def _rows(data: bytes) -> list[list[str]]:
    rows = []
    for row in ET.fromstring(data).iter(f"{NS}row"):
        cells = []
        for cell in row:
            assert cell.find(f"{NS}f") is None, "a formula"
            cells.append("".join(part.text or "" for part in cell.iter() if part.tag in (f"{NS}t", f"{NS}v")))
        rows.append(cells)
    return rows


def test_the_waterfall_shows_rows_before_and_after_each_instruction() -> None:
    assert sheets(LOADED, CLEANED)["样本流转"] == [
        ["序号", "处理", "处理前行数", "删除行数", "新增行数", "处理后行数", "版本号"],
        ["1", "导入 survey.csv", "0", "0", "5", "5", "a" * 12],
        ["2", "去重并清空异常打分", "5", "-2", "0", "3", "b" * 12],
    ]


def test_every_step_is_there_in_words_with_counts() -> None:
    rows = sheets(LOADED, CLEANED)["处理步骤"]
    assert rows[2] == ["2.1", "=去重", CLEANED.steps[0], "-2", "3", "2"]
    assert rows[3] == ["2.2", CLEANED.steps[1]]


def test_removed_rows_are_listed_with_id_and_reason_and_what_is_left_out_is_said() -> None:
    rows = sheets(CLEANED)["删除的行"]
    assert rows[1] == ["4", "uid=u1", "；".join(CLEANED.steps), "b" * 12]
    assert rows[2] == ["另有 1 行未逐一列出", "；".join(CLEANED.steps), "b" * 12]


def test_changed_cells_show_why_there_is_no_value() -> None:
    rows = sheets(CLEANED)["修改的单元格"]
    assert [row[1:4] for row in rows[1:]] == [
        ["打分", "11", "(set empty)"],
        ["打分", "=1", "2"],
        ["打分", "abc (无效)", "1"],
    ]


def test_the_cap_on_changed_cells_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "CELLS_PER_STEP", 1)
    rows = sheets(CLEANED, lang="en")["Changed cells"]
    assert len(rows) == 3
    assert rows[2][0] == "2 more cells are not listed one by one"


def test_versions_have_their_full_ids_and_the_summary_the_last_one() -> None:
    book = sheets(LOADED, CLEANED, lang="en")
    assert book["Versions"][2][2:4] == ["b" * 64, "a" * 64]
    summary = dict(row for row in book["Summary"] if len(row) == 2)
    assert summary["Rows at the start"] == "5"
    assert summary["Rows at the end"] == "3"
    assert summary["Cells still invalid"] == "1"
    assert summary["Version"] == "b" * 64
    assert summary["Report made at"] == "2026-01-02 03:04:05 UTC"


def test_a_history_without_commits_is_a_report_too() -> None:
    assert len(sheets()) == 6


def test_removed_rows_are_read_from_the_version_before(
    base: SimpleNamespace, carried: pl.DataFrame, take: Any
) -> None:
    version = take(carried.filter(~pl.col("uid").is_in(["u2", "u5"])), base.schema)
    assert removed_rows(base.store, base.written.manifest, version.manifest, ["uid", "city"]) == [
        RemovedRow(row=1, ids={"uid": "u2", "city": "上海"}),
        RemovedRow(row=4, ids={"uid": "u5", "city": "北京"}),
    ]
    assert removed_rows(base.store, base.written.manifest, base.written.manifest, ["uid"]) == []
