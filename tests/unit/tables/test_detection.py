"""Typing and marks: a golden case for every sentence of the semantics about cells, types and kinds."""
# ruff: noqa: DTZ001 - tables hold no time zone

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from retort_core.schema import Column, DType, Kind
from retort_tables.detection import Typed, detect

NONE: list[tuple[int, str, str, str | None]] = []


def typed(cells: Sequence[str | None], name: str = "列") -> Typed:
    return detect(pl.DataFrame({name: pl.Series(cells, dtype=pl.String)}))


def column(found: Typed) -> Column:
    return found.schema.columns[0]


def values(found: Typed) -> list[object]:
    return found.table.to_series(0).to_list()


def marks(found: Typed) -> list[tuple[int, str, str, str | None]]:
    return found.marks.sort("row_id").select("row_id", "state", "reason", "raw").rows()


def test_a_column_becomes_numeric_at_ninety_percent() -> None:
    found = typed([*map(str, [31, 25, 40, 25, 31, 40, 25, 31, 40]), "三十"], "年龄")
    assert column(found).dtype is DType.integer
    assert values(found)[-1] is None
    assert marks(found) == [(9, "invalid", "not converted", "三十")]


def test_below_ninety_percent_it_stays_text_and_nothing_is_marked() -> None:
    found = typed(["1", "2", "1", "2", "三", "四"])
    assert column(found).dtype is DType.text
    assert marks(found) == NONE


def test_missing_cells_do_not_count_against_a_type() -> None:
    found = typed(["18", "", None, "N/A", "无", "25", "(跳过)"], "年龄")
    assert column(found).dtype is DType.integer
    assert marks(found) == [
        (1, "missing", "empty", ""),
        (2, "missing", "empty", None),
        (3, "missing", "token", "N/A"),
        (4, "missing", "token", "无"),
        (6, "missing", "token", "(跳过)"),
    ]


def test_words_for_none_stay_answers_in_text() -> None:
    found = typed(["有", "无", "有", "无", "没有", "N/A"], "有无子女")
    assert values(found) == ["有", "无", "有", "无", "没有", None]
    assert marks(found) == [(5, "missing", "token", "N/A")]


def test_marks_are_keyed_by_row_and_column_id() -> None:
    table = pl.DataFrame({"a": ["1", "x"] + ["2"] * 18, "b": ["1"] * 19 + [""]})
    found = detect(table, first_row_id=100)
    assert [c.id for c in found.schema.columns] == ["c1", "c2"]
    assert found.marks.select("row_id", "column_id").rows() == [(101, "c1"), (119, "c2")]


@pytest.mark.parametrize("text", ["¥5", "5%", "3万", "5元"])
def test_amounts_with_a_unit_stay_text(text: str) -> None:
    assert column(typed([text] * 4)).dtype is DType.text


def test_thousands_separators_and_width() -> None:
    found = typed(["1,234", "２", "-3", "+4", " 5 "] * 2, "数")
    assert values(found)[:5] == [1234, 2, -3, 4, 5]


def test_money_with_two_decimals_is_never_a_float() -> None:
    found = typed(["12.50", "0.10", "1,999.99"], "消费金额")
    assert (column(found).dtype, column(found).digits) == (DType.decimal, 2)
    assert values(found) == [Decimal("12.50"), Decimal("0.10"), Decimal("1999.99")]


def test_decimals_of_differing_length_are_numbers() -> None:
    assert column(typed(["2.5", "2.25", "3"])).dtype is DType.number


def test_codes_written_with_point_zero_are_integers() -> None:
    found = typed(["1.0", "2.0", "", "3.0"])
    assert (column(found).dtype, values(found)) == (DType.integer, [1, 2, None, 3])


def test_ids_keep_leading_zeros_and_stay_text() -> None:
    found = typed([f"{n:05d}" for n in range(99_990, 100_000)] + ["00012"], "工号")
    assert (column(found).dtype, column(found).kind) == (DType.text, Kind.id)
    assert values(found)[-1] == "00012"


def test_a_few_cells_with_a_leading_zero_do_not_turn_a_quantity_into_an_id() -> None:
    found = typed([str(n % 50 + 10) for n in range(300)] + ["05"], "件数")
    assert column(found).dtype is DType.integer
    assert marks(found) == [(300, "invalid", "not converted", "05")]


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("用户ID", [f"U{n}" for n in range(100, 140)] + ["U100"]),
        ("手机", [str(13_800_000_000 + n * 37) for n in range(40)]),
        ("对话", [str(13_800_000_000 + n * 37) for n in range(40)]),  # eleven digits are no quantity
        ("座机", [f"010-6551-{n:04d}" for n in range(40)]),
        ("RecordNo", [str(n) for n in range(40)]),
        ("第一列", [str(n) for n in range(1, 41)]),  # a counter of rows
        ("k", [f"{n:x}a1-{n * 7:x}" for n in range(100, 140)]),  # machine codes
        ("身份证号", ["110105194912310021", "440524188001010014"] * 2),
    ],
)
def test_ids(name: str, cells: list[str]) -> None:
    found = typed(cells, name)
    assert (column(found).kind, column(found).dtype) == (Kind.id, DType.text)
    assert values(found) == cells


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("No", [f"{n}.{n % 7 + 1}" for n in range(40)]),
        ("日间", [f"{n % 24}:{n:02d}" for n in range(40)]),
        ("paid", [str(n * 3) for n in range(40)]),
        ("身高", [str(150 + n) for n in range(40)]),
    ],
)
def test_unique_quantities_are_no_ids(name: str, cells: list[str]) -> None:
    assert column(typed(cells, name)).kind is not Kind.id


def test_integers_of_sixteen_digits_stay_text() -> None:
    assert column(typed(["1234567890123456"] * 3)).dtype is DType.text


def test_dates_are_voted_and_typed() -> None:
    found = typed(["15/4/2019", "16/4/2019", "2/5/2019"])
    assert (column(found).dtype, column(found).kind) == (DType.date, Kind.date)
    assert values(found) == [date(2019, 4, 15), date(2019, 4, 16), date(2019, 5, 2)]


def test_an_ambiguous_column_stays_as_it_is() -> None:
    found = typed(["2/5/2019", "3/5/2019"])
    assert (column(found).dtype, values(found)) == (DType.text, ["2/5/2019", "3/5/2019"])
    dates = found.readings["c1"].dates
    assert dates is not None
    assert (dates.order, dates.ambiguous) == ("ambiguous", 2)


def test_ambiguous_cells_of_a_date_column_are_invalid_with_their_text() -> None:
    found = typed(["15/4/2019"] * 9 + ["4/16/2019"] * 9 + ["2/5/2019"])
    assert column(found).dtype is DType.date
    assert marks(found) == [(18, "invalid", "not converted", "2/5/2019")]


def test_a_column_of_several_forms_that_needed_a_vote_waits_for_a_person() -> None:
    found = typed(["2024-01-31", "20240131", "31/01/2024", "01/02/2024"])
    dates = found.readings["c1"].dates
    assert (column(found).dtype, column(found).kind) == (DType.text, Kind.date)
    assert dates is not None
    assert (dates.order, len(dates.forms)) == ("day_first", 3)


def test_several_forms_without_a_question_are_read() -> None:
    found = typed(["2024-01-31", "2024/2/1", "20240203", "2024年3月4日"])
    assert values(found) == [date(2024, 1, 31), date(2024, 2, 1), date(2024, 2, 3), date(2024, 3, 4)]


def test_midnight_everywhere_is_a_day() -> None:
    assert column(typed(["2024-01-31 00:00:00", "2024-02-01 00:00:00"])).dtype is DType.date
    found = typed(["2024-01-31 00:00:00", "2024-02-01 08:05:00"])
    assert values(found) == [datetime(2024, 1, 31), datetime(2024, 2, 1, 8, 5)]


def test_booleans() -> None:
    found = typed(["TRUE", "false", "True"])
    assert (column(found).dtype, values(found)) == (DType.boolean, [True, False, True])


def test_lengths_of_time() -> None:
    found = typed(["0 days 00:04:10.800000000", "1 days 00:00:01"])
    assert (column(found).dtype, column(found).kind) == (DType.duration, Kind.duration)
    assert values(found) == [timedelta(seconds=250, milliseconds=800), timedelta(days=1, seconds=1)]
    assert column(typed(["08:05:00", "09:10:00"], "出发")).dtype is DType.text
    assert column(typed(["00:05:00", "00:10:00"], "答题时长")).dtype is DType.duration


def test_error_cells_are_invalid_in_every_column() -> None:
    found = typed(["北京", "#REF!", "上海", "北京", "上海"])
    assert marks(found) == [(1, "invalid", "error cell", "#REF!")]


@pytest.mark.parametrize("mark", [";", "；", ",", "、", "|"])
def test_multi_answers(mark: str) -> None:
    cells = [
        mark.join(codes) + (mark if mark == ";" else "") for codes in ("1", "12", "23", "123", "1", "13")
    ] * 4
    found = typed(cells, "q2")
    assert (column(found).kind, column(found).separator) == (Kind.multi, mark)


@pytest.mark.parametrize(
    "cells",
    [
        ["质量一般, 与描述有差距", "第一次购买,还可以", "很好", "很好", "不错"] * 5,
        ["1,234", "2,345", "1,234", "12,345"] * 5,
        ["满意", "不满意"] * 10,
    ],
)
def test_sentences_and_numbers_are_no_multi_answers(cells: list[str]) -> None:
    assert column(typed(cells, "q")).kind is not Kind.multi


def test_a_score_is_a_scale_despite_codes_and_strays() -> None:
    cells = [str(n) for n in range(11)] * 10 + ["98"] * 30 + ["-999"] * 10 + ["15"] * 2
    found = typed(cells, "打分")
    assert column(found).kind is Kind.scale
    scale = column(found).scale
    assert scale is not None
    assert (scale.min, scale.max) == (0, 10)


def test_zero_to_ten_shows_itself_without_a_name() -> None:
    assert column(typed([str(n) for n in range(11)] * 10, "x")).kind is Kind.scale


def test_a_single_zero_tells_zero_to_ten_from_one_to_ten() -> None:
    scale = column(typed([str(n % 10 + 1) for n in range(3000)] + ["0"], "打分")).scale
    assert scale is not None
    assert (scale.min, scale.max) == (0, 10)


def test_one_to_five_needs_a_word_or_a_grid() -> None:
    cells = [str(n % 5 + 1) for n in range(50)]
    assert column(typed(cells, "城市")).kind is Kind.single
    assert column(typed(cells, "满意度")).kind is Kind.scale
    grid = detect(pl.DataFrame({f"q5_{n}": cells for n in range(1, 7)}))
    assert {c.kind for c in grid.schema.columns} == {Kind.scale}
    assert {c.group for c in grid.schema.columns} == {"q5"}


def test_groups_of_columns() -> None:
    cells = ["0", "1", "1", "0", "1", "0"]
    names = ["q3_1", "q3_2", "q14r01c01", "q14r01c02", "q8", "q8a", "q9_1"]
    found = detect(pl.DataFrame(dict.fromkeys(names, cells)))
    assert [c.group for c in found.schema.columns] == ["q3", "q3", "q14", "q14", "", "", ""]


def test_weights() -> None:
    assert column(typed(["0.8", "1.25", "1.0", "0.95"], "weight_a")).kind is Kind.weight
    assert column(typed(["0.8", "1.25", "1.0", "0.95"], "x")).kind is Kind.numeric
    cells = [f"{0.5 + n / 99 + n / 99_999:.5f}" for n in range(100)]
    assert column(typed(cells, "x")).kind is Kind.weight


def test_ages_are_quantities() -> None:
    assert column(typed([str(n % 10 + 1) for n in range(60)], "年龄")).kind is Kind.numeric


def test_free_text_and_single_answers() -> None:
    assert column(typed(["男", "女", "男", "女"], "性别")).kind is Kind.single
    assert column(typed([f"我觉得第{n}次不错" for n in range(80)], "评论")).kind is Kind.text
    assert column(typed(["", "", "已回访"], "备注")).kind is Kind.text


def test_hidden_names_are_left_out_and_labels_kept() -> None:
    table = pl.DataFrame({"__row_id": ["1"], "q1": ["2"], "q1__invalid": ["x"]})
    found = detect(table, labels={"q1": "总体满意度"}, groups={"q1": "Q1"})
    assert [(c.name, c.label, c.group) for c in found.schema.columns] == [("q1", "总体满意度", "Q1")]


@pytest.mark.parametrize("cells", [[], [None, None], ["", "N/A"]])
def test_columns_without_answers_are_text(cells: list[str | None]) -> None:
    found = typed(cells)
    assert column(found).dtype is DType.text
    assert len(marks(found)) == len(cells)


def test_draining_takes_the_columns_away() -> None:
    table = pl.DataFrame({"a": ["1", "2"], "b": ["x", "y"]})
    found = detect(table, drain=True, first_row_id=7)
    assert table.columns == []
    assert found.table.rows() == [(1, "x"), (2, "y")]
