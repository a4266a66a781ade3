"""Workbooks: cell types, sheets, error cells, dates, two-row headers."""
# ruff: noqa: DTZ001 - a spreadsheet knows no time zones

import datetime as dt

import pytest

from retort_core.errors import UnreadableFile

DAY = dt.datetime(2024, 1, 31)


def test_columns_of_one_type_are_native(read_bytes, workbook):
    content = workbook(
        {
            "数据": [
                ["编号", "分数", "均值", "会员", "日期", "时刻"],
                ["001", 5, 2.5, True, DAY, dt.datetime(2024, 1, 31, 8, 5)],
                ["002", 3, 3.0, False, DAY, dt.datetime(2024, 1, 31, 9, 0)],
                ["003", None, None, None, None, None],
            ]
        }
    )
    table, report = read_bytes(content, "a.xlsx")
    assert table.rows()[:2] == [
        ("001", 5, 2.5, True, dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, 8, 5)),
        ("002", 3, 3.0, False, dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, 9, 0)),
    ]
    assert table.row(2) == ("003", None, None, None, None, None)
    assert report["native_types"] == {
        "分数": "Int64",
        "均值": "Float64",
        "会员": "Boolean",
        "日期": "Date",
        "时刻": "Datetime(time_unit='us', time_zone=None)",
    }
    assert report["findings"] == []


def test_mixed_columns_are_text_with_plain_numbers(read_bytes, workbook):
    content = workbook({"s": [["id", "x"], ["a", 1], ["b", 2.5], ["c", "不详"], ["d", 3.0], ["e", True]]})
    table, _ = read_bytes(content, "a.xlsx")
    assert table["x"].to_list() == ["1", "2.5", "不详", "3", "true"]


def test_numbers_and_booleans_are_not_added_up(read_bytes, workbook):
    table, _ = read_bytes(workbook({"s": [["id", "x"], ["a", 1], ["b", True], ["c", 0]]}), "a.xlsx")
    assert table["x"].to_list() == ["1", "true", "0"]


def test_text_that_looks_like_a_number_stays_text(read_bytes, workbook):
    table, _ = read_bytes(workbook({"s": [["code", "n"], ["007", 1], ["010", 2]]}), "a.xlsx")
    assert table["code"].to_list() == ["007", "010"]


def test_dates_among_words_lose_midnight_only_when_all_are(read_bytes, workbook):
    noon = dt.datetime(2024, 2, 1, 12)
    content = workbook({"s": [["d", "t"], [DAY, DAY], ["待定", "待定"], [DAY, noon]]})
    table, _ = read_bytes(content, "a.xlsx")
    assert table["d"].to_list() == ["2024-01-31", "待定", "2024-01-31"]
    assert table["t"].to_list() == ["2024-01-31 00:00:00", "待定", "2024-02-01 12:00:00"]


def test_error_cells_keep_their_text(read_bytes, workbook, finding):
    content = workbook({"s": [["id", "x"], ["a", 1], ["b", "#N/A"], ["c", "#DIV/0!"], ["d", 4]]})
    table, report = read_bytes(content, "a.xlsx")
    assert table["x"].to_list() == ["1", "#N/A", "#DIV/0!", "4"]
    assert finding(report, "error-cells")["details"] == {
        "column": "x",
        "errors": ["#DIV/0!", "#N/A"],
        "rows": [3, 4],
    }


def test_ids_of_sixteen_digits_are_said_to_be_rounded(read_bytes, workbook, finding):
    content = workbook({"s": [["id", "x"], [110101199001011234, "a"], [110101199001011235, "b"]]})
    table, report = read_bytes(content, "a.xlsx")
    assert finding(report, "numbers-already-rounded")["count"] == 2
    assert table["id"][0] == table["id"][1]  # what Excel has kept


def test_times_of_day(read_bytes, workbook, finding):
    content = workbook({"s": [["id", "t"], ["a", dt.time(8, 5)], ["b", dt.time(23, 59, 30)]]})
    table, report = read_bytes(content, "a.xlsx")
    assert table["t"].to_list() == ["08:05:00", "23:59:30"]
    finding(report, "times-of-day")


def test_the_first_visible_sheet_with_cells_is_read_and_all_are_listed(read_bytes, workbook, finding):
    content = workbook(
        {"封面": [], "旧": [["z"], ["9"]], "数据": [["a", "b"], ["1", "x"]], "码本": [["c"], ["2"]]},
        hidden=("旧",),
    )
    table, report = read_bytes(content, "a.xlsx")
    assert table.columns == ["a", "b"]
    assert [(s["name"], s["visibility"], s["rows"], s["chosen"]) for s in report["sheets"]] == [
        ("封面", "visible", 0, False),
        ("旧", "hidden", 2, False),
        ("数据", "visible", 2, True),
        ("码本", "visible", 2, False),
    ]
    assert finding(report, "hidden-sheets")["details"]["sheets"] == ["旧"]
    assert finding(report, "other-sheets")["details"]["sheets"] == ["码本"]


@pytest.mark.parametrize("choice", ["码本", 2])
def test_a_sheet_may_be_chosen(read_bytes, workbook, choice):
    content = workbook({"数据": [["a"], ["1"]], "码本": [["c"], ["x"]]})
    assert read_bytes(content, "a.xlsx", sheet=choice)[0].columns == ["c"]


def test_a_sheet_that_is_not_there(read_bytes, workbook):
    with pytest.raises(UnreadableFile, match=r"no sheet 'x'\. It has: '数据'"):
        read_bytes(workbook({"数据": [["a"], ["1"]]}), "a.xlsx", sheet="x")


def test_titles_merged_headers_and_blank_rows(read_bytes, workbook, finding):
    content = workbook(
        {
            "s": [
                ["2024 年满意度", None, None, None],
                ["用户", None, "打分", None],
                ["姓名", "城市", "总体", "价格"],
                ["张三", "北京", 5, 4],
                [None, None, None, None],
                ["李四", "上海", 3, 2],
            ]
        }
    )
    table, report = read_bytes(content, "a.xlsx")
    assert table.columns == ["用户_姓名", "用户_城市", "打分_总体", "打分_价格"]
    assert table["打分_价格"].to_list() == [4, 2]
    assert report["title_rows"] == [["2024 年满意度"]]
    assert report["header_rows"] == [2, 3]
    assert finding(report, "blank-lines")["details"]["lines"] == [5]


def test_header_only_and_one_column(read_bytes, workbook, finding):
    table, report = read_bytes(workbook({"s": [["a", "b"]]}), "a.xlsx")
    assert (table.columns, table.height) == (["a", "b"], 0)
    finding(report, "no-rows")
    table, report = read_bytes(workbook({"s": [["城市"], ["北京"], [None], ["上海"]]}), "a.xlsx")
    assert table["城市"].to_list() == ["北京", None, "上海"]


def test_an_old_workbook(read_bytes, old_workbook):
    content = old_workbook([["姓名", "分数"], ["张三", 5], ["李四", 2.5]])
    table, report = read_bytes(content, "a.xls")
    assert table.to_dict(as_series=False) == {"姓名": ["张三", "李四"], "分数": [5.0, 2.5]}
    assert report["format"] == "xls"


def test_a_workbook_named_csv_is_read_and_said(read_bytes, workbook, finding):
    table, report = read_bytes(workbook({"s": [["a"], ["1"]]}), "a.csv")
    assert table.columns == ["a"]
    assert finding(report, "other-format-than-named")["details"] == {"named": ".csv", "found": "xlsx"}


def test_durations_among_words(read_bytes, workbook):
    # the typed reading refuses such a column; it is read as text, the others keep their types
    content = workbook(
        {"s": [["id", "d", "n"], ["a", dt.timedelta(hours=30), 1], ["b", "无", 2], ["c", None, 3]]}
    )
    table, _ = read_bytes(content, "a.xlsx")
    assert table["n"].to_list() == [1, 2, 3]
    assert table["d"][1] == "无"
