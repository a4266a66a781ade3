"""The profile: exact figures, counted marks, repeated rows, odd texts and the findings made of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import polars as pl
import pytest

from retort_core.cells import ROW_ID
from retort_core.profiles import ColumnProfile, Finding, Profile
from retort_core.schema import DType, Kind, MissingCode
from retort_tables.columns.oddities import repaired
from retort_tables.detection import detect
from retort_tables.profiling import profile
from retort_tables.quality import fingerprint

Cells = Sequence[str | None]


def of(**columns: Cells) -> Profile:
    found = detect(pl.DataFrame({name: pl.Series(cells, dtype=pl.String) for name, cells in columns.items()}))
    made = profile(found.table, found.marks, found.schema, found.readings)
    again = profile(found.table, found.marks, found.schema)
    assert strip_dates(again) == strip_dates(made)
    return made


def strip_dates(found: Profile) -> Profile:
    """Forms of dates are known from the file's texts alone."""
    findings = tuple(finding for finding in found.findings if finding.code != "mixed_dates")
    columns = tuple(c.model_copy(update={"dates": None}) for c in found.columns)
    return found.model_copy(update={"columns": columns, "findings": findings})


def one(cells: Cells, name: str = "列") -> ColumnProfile:
    return of(**{name: cells}).columns[0]


def finding(found: Profile, code: str) -> Finding:
    matching = [item for item in found.findings if item.code == code]
    assert len(matching) == 1, found.findings
    return matching[0]


def test_cells_are_counted_by_state_and_reason() -> None:
    found = one(["1", "2", "", "N/A", None, "x", *["3"] * 14], "年龄")
    assert (found.rows, found.valid, found.missing, found.invalid) == (20, 16, 3, 1)
    assert found.missing_by == {"empty": 2, "token": 1}
    assert [(v.value, v.count) for v in found.invalid_values] == [("x", 1)]


def test_figures_are_those_of_statistics() -> None:
    cells = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]
    found = one([str(c) for c in cells], "件数").numbers
    assert found is not None
    assert (found.min, found.max, found.sum) == (1, 9, 44)
    assert found.mean == pytest.approx(statistics.mean(cells), rel=1e-15)
    assert found.sd == pytest.approx(statistics.stdev(cells), rel=1e-14)
    quartiles = statistics.quantiles(cells, n=4, method="inclusive")  # linear, type 7
    assert [found.q1, found.median, found.q3] == pytest.approx(quartiles)


def test_one_cell_has_no_deviation() -> None:
    found = one(["7.5", ""]).numbers
    assert found is not None
    assert found.sd is None
    assert found.median == 7.5


def test_whole_numbers_are_summed_exactly() -> None:
    found = one(["999999999999999"] * 3 + ["1"]).numbers
    assert found is not None
    assert found.sum == 2999999999999998.0


def test_decimals_are_summed_exactly() -> None:
    found = one(["0.10"] * 30, "金额").numbers
    assert found is not None
    assert found.sum == 3.0
    assert math.isclose(found.mean, 0.1, rel_tol=1e-15)


def test_histogram_has_twenty_equal_bins() -> None:
    found = one([str(n) for n in [*range(100), 99]], "件数").histogram
    assert len(found) == 20
    assert sum(found) == 101
    assert found[0] == 5
    assert found[-1] == 6
    assert one(["4", "4"]).histogram == (2, *[0] * 19)


def test_values_come_most_frequent_first_then_by_value() -> None:
    found = one(["乙", "甲", "乙", "丙", "甲"])
    assert [(v.value, v.count) for v in found.values] == [("乙", 2), ("甲", 2), ("丙", 1)]
    assert (found.distinct, found.complete, found.min_text, found.max_text) == (3, True, "丙", "甲")
    numbers = one(["10", "9", "10", "9", "2"])
    assert [v.value for v in numbers.values] == ["9", "10", "2"]


def test_ends_of_dates() -> None:
    found = one(["2024-02-01", "2023/1/5"])
    assert (found.min_text, found.max_text) == ("2023-01-05", "2024-02-01")


def test_codes_of_multi_answers_count_once_per_respondent() -> None:
    found = one(["1;2;", "1;", "2;1;", "10;1;", "10;", "2;"] * 3, "q3")
    assert [(c.value, c.count) for c in found.codes] == [("1", 12), ("2", 9), ("10", 6)]


@pytest.mark.parametrize(
    ("cells", "name", "codes"),
    [
        ([str(n) for n in range(1, 6)] * 9 + ["98"] * 3 + ["97"], "满意度", ["98", "97"]),
        ([str(n) for n in range(1, 6)] * 9 + ["-999"], "满意度", ["-999"]),
        ([str(n) for n in range(11)] * 9 + ["15", "98"], "打分", ["98"]),  # 15 is a slip, no code
        ([str(n) for n in range(18, 99)] * 2, "年龄", []),  # an age of 98 is ordinary
        ([str(n) for n in range(18, 60)] * 2 + ["199", "-5"], "年龄", []),
        ([str(n) for n in range(18, 60)] * 2 + ["-999", "999"], "年龄", ["-999", "999"]),
        (["1", "2", "3"] * 9 + ["99"] * 2, "q1", ["99"]),
        (["1", "2", "3"] * 9 + ["9"] * 2, "q1", ["9"]),
        ([str(n) for n in range(1, 10)] * 9, "q1", []),
        ([str(n) for n in range(-20, 20)] * 3 + ["-9"], "温差", []),
    ],
)
def test_codes_are_proposed_and_not_applied(cells: list[str], name: str, codes: list[str]) -> None:
    found = one(cells, name)
    assert [code.value for code in found.proposed_codes] == codes
    assert found.valid == len(cells)


def test_words_for_none_are_proposed_in_text() -> None:
    found = one(["很好", "无", "没有", "无"] * 3, "意见")
    assert [(c.value, c.count) for c in found.proposed_codes] == [("无", 6), ("没有", 3)]


def test_declared_codes_are_not_proposed_again() -> None:
    found = detect(pl.DataFrame({"q1": ["1", "2", "3"] * 9 + ["99", "98"]}))
    declared = found.schema["q1"].with_(missing_codes=(MissingCode(value="99"),))
    made = profile(found.table, found.marks, found.schema.replace(declared))
    assert [c.value for c in made.columns[0].proposed_codes] == ["98"]


def test_spaces_and_mojibake() -> None:
    broken = "客服不错".encode().decode("gb18030")
    found = one(["好", " 好", "很  好", "好\u200b", "好 的", "\u3000好", broken, "整体不错"], "评论")
    assert (found.spaces, found.mojibake) == (4, 1)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("鏁翠綋浣撻獙涓嶉敊", "整体体验不错"),
        ("质量不错".encode().decode("latin-1"), "质量不错"),
        ("质量不错".encode("gb18030").decode("latin-1"), "质量不错"),
        ("Café".encode().decode("cp1252"), "Café"),
        ("è\u00b4\u00a8é‡\u008fä¸\u008dé”™", "质量不错"),
        ("整体体验不错", None),
        ("Café", None),
        ("naïve Ærø", None),
        ("饕餮", None),
        ("hello", None),
        ("", None),
    ],
)
def test_repair_of_wrong_encodings(text: str, meant: str | None) -> None:
    assert repaired(text) == meant


def test_whole_rows_and_rows_without_ids() -> None:
    ids = [f"U{n}" for n in range(20)] + ["U0", "U1"]
    city = [f"城{n % 3}" for n in range(20)] + ["城0", "城 1"]
    age = [str(20 + n) for n in range(20)] + ["20", "60"]
    found = of(用户ID=ids, 城市=city, 年龄=age).duplicates
    whole, loose, by_id = found
    assert (whole.columns, whole.groups, whole.identical) == (("c1", "c2", "c3"), 1, 1)
    assert (loose.columns, loose.groups, loose.identical) == (("c2", "c3"), 1, 1)
    assert (by_id.columns, by_id.groups, by_id.identical, by_id.conflicting) == (("c1",), 2, 1, 1)


def test_identical_ignores_spaces_and_width() -> None:
    found = of(甲=["ＡＢ", "AB ", "ab", "x"], 乙=["1", "1", "1", "1"]).duplicates
    assert [(d.groups, d.identical) for d in found] == [(1, 1)]


def test_invalid_cells_make_rows_differ() -> None:
    numbers = [str(n) for n in range(18)]
    found = of(甲=[*numbers, "x", "y"], 乙=["1"] * 20).duplicates
    assert found == ()
    found = of(甲=[*numbers, *numbers, "x", "x"], 乙=["1"] * 38).duplicates
    assert [(d.groups, d.identical) for d in found] == [(19, 19)]


def test_a_missing_key_is_never_a_duplicate() -> None:
    found = of(用户ID=[*[f"U{n}" for n in range(30)], "", ""], 年龄=[str(n) for n in range(32)])
    assert found.duplicates == ()


def test_a_table_with_row_ids_is_profiled_alike() -> None:
    found = detect(pl.DataFrame({"年龄": ["x", *["1", "1"] * 10]}), first_row_id=5)
    ids = pl.Series(ROW_ID, range(5, 26), dtype=pl.Int64)
    with_ids = found.table.insert_column(0, ids)
    made = profile(with_ids, found.marks, found.schema)
    assert made.rows == 21
    assert [c.column for c in made.columns] == ["c1"]
    assert made.duplicates[0].identical == 19


def test_a_column_made_null_without_marks_still_adds_up() -> None:
    found = detect(pl.DataFrame({"a": ["1", "2"]}))
    made = profile(found.table.with_columns(a=pl.lit(None, pl.Int64)), found.marks, found.schema).columns[0]
    assert (made.rows, made.valid, made.missing, made.invalid) == (2, 0, 2, 0)


def test_an_empty_table() -> None:
    made = of(a=[], b=[])
    assert (made.rows, [c.rows for c in made.columns], made.duplicates) == (0, [0, 0], ())


def test_findings_of_a_messy_survey() -> None:
    rows = 40
    found = of(
        用户ID=[*[f"U{n}" for n in range(rows - 1)], "U0"],
        年龄=["199", "-5", "三十", *["30"] * (rows - 3)],
        打分=[*[str(n % 11) for n in range(rows - 3)], "15", "98", "98"],
        城市=[*["北京", "北京市", " 上海"] * 13, "上海"],
        备注=["已回访", *[""] * (rows - 1)],
        批次=["1"] * rows,
        日期=[*["2024-01-31", "31/01/2024", "05/02/2024"] * 13, "20240131"],
        单价=["¥5", "¥6"] * 20,
        评论=[*["鏁翠綋浣撻獙涓嶉敊"] * 2, *[f"第{n}次" for n in range(rows - 2)]],
        次数=[*["0"] * 37, "1", "2", "3"],
    )
    seen = {(item.code, item.column): item.count for item in found.findings}
    assert seen == {
        ("duplicate_ids", "c1"): 1,
        ("out_of_range_age", "c2"): 2,
        ("invalid_cells", "c2"): 1,
        ("out_of_scale", "c3"): 1,
        ("proposed_codes", "c3"): 2,
        ("spaces", "c4"): 13,
        ("near_duplicates", "c4"): seen["near_duplicates", "c4"],
        ("mostly_missing", "c5"): 39,
        ("constant", "c6"): 40,
        ("mixed_dates", "c7"): 40,
        ("not_numbers", "c8"): 40,
        ("mojibake", "c9"): 2,
        ("mostly_zero", "c10"): 37,
    }
    assert finding(found, "mixed_dates").details["order"] == "day_first"
    assert finding(found, "out_of_range_age").details["values"] == [-5, 199]
    assert finding(found, "duplicate_ids").details == {"groups": 1, "identical": 0, "conflicting": 1}


@pytest.mark.parametrize(("filled", "seen"), [(504, True), (560, False)])
def test_mostly_missing_is_ninety_five_percent_as_shown(filled: int, *, seen: bool) -> None:
    found = of(备注=["已回访"] * (2 * filled) + [""] * (20_000 - 2 * filled))
    assert ("mostly_missing" in {item.code for item in found.findings}) is seen


def test_ids_that_a_spreadsheet_rounded() -> None:
    found = of(身份证号=["110105194912310000", "440524188001010014", "1.10105E+17"])
    assert finding(found, "rounded_ids").count == 2


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("北京", "北京市", True),
        ("Pro", " pro", True),
        ("ＶＩＰ", "vip", True),
        ("New York", "york, new", True),
        ("Café", "cafe", True),
        ("满意", "不满意", False),
        ("广东", "广西", False),
        ("省", "市", False),
    ],
)
def test_fingerprints(one: str, other: str, *, meet: bool) -> None:
    assert (fingerprint(one) == fingerprint(other)) is meet


def test_kinds_decide_what_is_computed() -> None:
    found = of(id=[f"{n:06d}" for n in range(50)])
    assert found.columns[0].numbers is None
    assert found.columns[0].histogram == ()
    assert (Kind.id, DType.text) == (
        detect(pl.DataFrame({"id": [f"{n:06d}" for n in range(50)]})).schema.columns[0].kind,
        DType.text,
    )
