"""Files for other programs: exact texts, guards, limits said."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from retort_core.cells import ROW_ID
from retort_core.errors import LimitExceeded
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables import pieces, workbooks
from retort_tables.exports import Exported, export
from retort_tables.layout import MARKS_SCHEMA, no_marks, physical
from retort_tables.pieces import formulas
from retort_tables.snapshots.port import Snapshot

NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def snapshot(*columns: tuple[Column, list[Any]], marks: list[tuple[Any, ...]] | None = None) -> Snapshot:
    height = len(columns[0][1])
    series = [pl.Series(c.name, values, dtype=physical(c)) for c, values in columns]
    table = pl.DataFrame([pl.Series(ROW_ID, range(10, 10 + height), dtype=pl.Int64), *series])
    said = pl.DataFrame(marks, schema=dict(MARKS_SCHEMA), orient="row") if marks else no_marks()
    schema = Schema(columns=tuple(c for c, _ in columns))
    return Snapshot(root="r", schema=schema, table=table, marks=said, next_row_id=99, total=height)


def column(name: str, dtype: DType = DType.text, **more: Any) -> Column:
    return Column(id=f"id-{name}", name=name, dtype=dtype, kind=Kind.text, **more)


@pytest.fixture
def every() -> Snapshot:
    return snapshot(
        (column("文本"), ["a,b", 'say "hi"\n', None]),
        (column("int", DType.integer), [1, None, None]),
        (column("num", DType.number), [2.0, 0.1, None]),
        (column("money", DType.decimal, digits=2), [Decimal("12.50"), Decimal("0.05"), None]),
        (column("flag", DType.boolean), [True, False, None]),
        (column("day", DType.date), [date(2024, 1, 31), None, None]),
        (
            column("at", DType.datetime),
            [
                datetime.fromisoformat("2024-01-31T08:05"),
                datetime.fromisoformat("2024-01-31T08:05:00.000120"),
                None,
            ],
        ),
        (column("took", DType.duration), [timedelta(seconds=90), timedelta(milliseconds=1500), None]),
        marks=[
            (11, "id-int", "invalid", "", "三十"),
            (12, "id-int", "missing", "refused", "-999"),
            (12, "id-num", "missing", "token", "N/A"),
            (12, "id-flag", "missing", "set empty", None),
        ],
    )


def as_csv(version: Snapshot, **options: Any) -> tuple[list[list[str]], Exported]:
    out = io.BytesIO()
    said = export(version.scan(), out, form="csv", **{"encoding": "utf-8", **options})
    text = out.getvalue().decode(options.get("encoding", "utf-8"))
    return list(csv.reader(io.StringIO(text, newline=""))), said


def test_csv_holds_canonical_texts_and_writes_raw_texts_back(every: Snapshot) -> None:
    rows, said = as_csv(every)
    assert rows == [
        ["文本", "int", "num", "money", "flag", "day", "at", "took"],
        ["a,b", "1", "2", "12.50", "true", "2024-01-31", "2024-01-31 08:05:00", "90"],
        ['say "hi"\n', "三十", "0.1", "0.05", "false", "", "2024-01-31 08:05:00.000120", "1.5"],
        ["", "-999", "N/A", "", "", "", "", ""],
    ]
    assert said == Exported(rows=3, columns=8, warnings={})


def test_raw_texts_stay_away_when_told_so(every: Snapshot) -> None:
    rows, _ = as_csv(every, raw=False)
    assert [row[1] for row in rows] == ["int", "1", "", ""]


def test_the_byte_order_mark_is_there_only_when_asked(every: Snapshot) -> None:
    for encoding, start in (
        ("utf-8", "文".encode()),
        ("utf-8-sig", b"\xef\xbb\xbf"),
        ("gb18030", "文".encode("gb18030")),
    ):
        out = io.BytesIO()
        export(every.scan(), out, form="csv", encoding=encoding)  # type: ignore[arg-type]
        assert out.getvalue().startswith(start)
        assert b"\r\n" in out.getvalue()


def test_gb18030_keeps_every_character_and_says_what_gbk_would_not_show() -> None:
    version = snapshot((column("t"), ["普通", "𠮷😀", "ok"]))
    rows, said = as_csv(version, encoding="gb18030")
    assert rows == [["t"], ["普通"], ["𠮷😀"], ["ok"]]
    assert said.warnings == {"not-in-gbk": 2}


GUARDED = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "-"]
PLAIN = ["−5", "-5", "-999", "+86", "-1.5e-3", "+1,234.50", "a=b", "", "5-6"]


def test_the_formula_guard_takes_text_that_is_not_a_number() -> None:
    version = snapshot((column("t"), GUARDED + PLAIN))
    rows, said = as_csv(version)
    assert [row[0] if row else "" for row in rows[1:]] == ["'" + text for text in GUARDED] + PLAIN
    assert said.warnings == {"guarded": len(GUARDED)}
    assert formulas(pl.Series(["=x", None, "y"])).to_list() == [0]


def test_headers_and_raw_texts_are_guarded_too() -> None:
    version = snapshot(
        (column("=HYPERLINK()", DType.integer), [None]),
        marks=[(10, "id-=HYPERLINK()", "invalid", "", "=2+2")],
    )
    assert as_csv(version)[0] == [["'=HYPERLINK()"], ["'=2+2"]]


def test_slices_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "SLICE", 2)
    version = snapshot(
        (column("n", DType.integer), [0, 1, None, 3, None]),
        marks=[(12, "id-n", "invalid", "", "x"), (14, "id-n", "invalid", "", "y")],
    )
    assert as_csv(version)[0] == [["n"], ["0"], ["1"], ["x"], ["3"], ["y"]]


def test_an_empty_version_has_a_header() -> None:
    version = snapshot((column("a"), []), (column("b"), []))
    assert as_csv(version)[0] == [["a", "b"]]
    assert sheet_of(version)[0] == [["a", "b"]]


# -- parquet ----------------------------------------------------------------------------------------------


def test_parquet_is_typed_and_without_hidden_columns_unless_asked(every: Snapshot) -> None:
    out = io.BytesIO()
    export(every.scan(), out, form="parquet")
    assert pl.read_parquet(io.BytesIO(out.getvalue())).equals(every.table.drop(ROW_ID))
    out = io.BytesIO()
    export(every.scan(), out, form="parquet", hidden=True)
    found = pl.read_parquet(io.BytesIO(out.getvalue()))
    assert found[ROW_ID].to_list() == [10, 11, 12]
    assert found["int__invalid"].to_list() == [None, "三十", None]
    assert [name for name in found.columns if name.endswith("__invalid")] == ["int__invalid"]


# -- xlsx -------------------------------------------------------------------------------------------------


def sheet_of(version: Snapshot, number: int = 1, **options: Any) -> tuple[list[list[Any]], Exported, str]:
    """Cells as written: text as str, numbers as float, booleans as bool; and the raw styles part."""
    out = io.BytesIO()
    said = export(version.scan(), out, form="xlsx", **options)
    with zipfile.ZipFile(out) as book:
        root = ET.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
        styles = book.read("xl/styles.xml").decode()
    rows = []
    for row in root.iter(f"{NS}row"):
        cells = []
        for cell in row:
            kind, value = cell.get("t"), cell.find(f"{NS}v")
            assert cell.find(f"{NS}f") is None, "a formula"
            if kind == "inlineStr":
                cells.append("".join(text.text or "" for text in cell.iter(f"{NS}t")))
            elif value is not None and value.text is not None:
                cells.append(bool(int(value.text)) if kind == "b" else float(value.text))
        rows.append(cells)
    return rows, said, styles


def test_xlsx_keeps_types_and_texts(every: Snapshot) -> None:
    rows, said, _ = sheet_of(every)
    assert rows[0] == list(every.schema.names)
    assert rows[1] == ["a,b", 1.0, 2.0, 12.5, True, 45322.0, pytest.approx(45322.336805555), 90.0]
    assert rows[2][1] == "三十"
    assert rows[3] == [-999.0, "N/A"]
    assert said == Exported(rows=3, columns=8, warnings={})


def test_ids_of_twelve_digits_are_text_and_shorter_ones_numbers() -> None:
    version = snapshot(
        (column("phone", DType.integer), [13912345678, 13800000000]),
        (column("card", DType.integer), [620123456789, 5]),
        (column("text"), ["007", "6222021234567890123"]),
    )
    rows, _, _ = sheet_of(version)
    assert rows[1:] == [[13912345678.0, "620123456789", "007"], [13800000000.0, "5", "6222021234567890123"]]


def test_no_text_becomes_a_formula_or_gets_an_apostrophe() -> None:
    rows, _, styles = sheet_of(snapshot((column("t"), GUARDED[:4])))
    assert [row[0] for row in rows[1:]] == GUARDED[:4]
    assert 'quotePrefix="1"' in styles


def test_dates_that_spreadsheets_cannot_hold_are_text() -> None:
    rows, _, _ = sheet_of(snapshot((column("d", DType.date), [date(1899, 12, 31), date(1900, 3, 1)])))
    assert rows[1:] == [["1899-12-31"], [61.0]]


def test_a_full_sheet_continues_on_the_next_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "ROWS", 2)
    version = snapshot((column("n", DType.integer), [1, 2, 3, 4, 5]))
    assert sheet_of(version)[0] == [["n"], [1.0], [2.0]]
    rows, said, _ = sheet_of(version, number=3)
    assert rows == [["n"], [5.0]]
    assert said.warnings == {"further-sheets": 2}


def test_too_long_texts_are_cut_and_counted_and_too_many_columns_refused() -> None:
    rows, said, _ = sheet_of(snapshot((column("t"), ["x" * 40_000])))
    assert (len(rows[1][0]), said.warnings) == (32_767, {"cut-texts": 1})
    many = snapshot(*((column(f"c{at}"), ["x"]) for at in range(16_385)))
    with pytest.raises(LimitExceeded, match="16,385"):
        export(many.scan(), io.BytesIO(), form="xlsx")


def test_large_decimals_are_text_so_that_no_digit_is_lost() -> None:
    big = Decimal("12345678901234567.89")
    rows, _, _ = sheet_of(snapshot((column("m", DType.decimal, digits=2), [big, Decimal("1.50")])))
    assert rows[1:] == [["12345678901234567.89"], ["1.50"]]


def test_export_goes_to_any_stream(every: Snapshot, tmp_path: Any) -> None:
    for form in ("csv", "xlsx", "parquet"):
        with (tmp_path / form).open("wb") as out:
            export(every.scan(), out, form=form)  # type: ignore[arg-type]
        assert (tmp_path / form).stat().st_size > 100
