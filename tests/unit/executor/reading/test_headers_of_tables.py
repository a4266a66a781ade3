"""Where the table begins: titles, one or two header rows, none; and what names become."""

import pytest

from retort_executor.reading.headers import find_header


def lines(*rows):
    return "\n".join(rows).encode() + b"\n"


def test_title_rows_above_the_header(read_bytes):
    table, report = read_bytes(
        lines("城市满意度调查,,", "导出时间：2024-01-31", "", "姓名,分数,城市", "张三,5,北京", "李四,3,上海")
    )
    assert table.columns == ["姓名", "分数", "城市"]
    assert table.height == 2
    assert report["title_rows"] == [["城市满意度调查"], ["导出时间：2024-01-31"]]
    assert report["header_rows"] == [4]


def test_two_header_rows_of_merged_cells(read_bytes, finding):
    table, report = read_bytes(
        lines("基本信息,,满意度,", "姓名,城市,总体,价格", "张三,北京,5,4", "李四,上海,3,3")
    )
    assert table.columns == ["基本信息_姓名", "基本信息_城市", "满意度_总体", "满意度_价格"]
    assert report["groups"]["满意度_价格"] == "满意度"
    assert report["header_rows"] == [1, 2]
    finding(report, "header-of-several-rows")


def test_names_above_and_questions_below(read_bytes):
    table, report = read_bytes(
        lines("id,Q1,Q2,Q3", "编号,您的年龄是,总体满意度,推荐意愿", "1,23,5,9", "2,31,4,8", "3,44,3,7")
    )
    assert table.columns == ["id", "Q1", "Q2", "Q3"]
    assert report["labels"] == {"id": "编号", "Q1": "您的年龄是", "Q2": "总体满意度", "Q3": "推荐意愿"}
    assert table.height == 3


def test_questions_above_answers_in_words(read_bytes):
    table, report = read_bytes(
        lines(
            "no,Q1,Q2",
            "编号一栏,您对服务满意吗？,您对价格满意吗？",
            "a1,满意,一般",
            "a2,一般,满意",
            "a3,满意,满意",
        )
    )
    assert report["labels"]["Q1"] == "您对服务满意吗？"
    assert table.height == 3


def test_no_header_at_all(read_bytes, finding):
    table, report = read_bytes(lines("1,23,北京", "2,31,上海", "3,44,北京"))
    assert table.columns == ["列1", "列2", "列3"]
    assert table.height == 3
    assert report["header_rows"] == []
    finding(report, "no-header")


def test_no_header_in_a_table_of_words(read_bytes):
    table, _ = read_bytes(lines("U001,北京", "U002,上海", "U003,北京"))
    assert table.height == 3


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("1,2,3", ["5,3,4", "2,2,1"]),
        ("2019,2020,2021", ["0.5,0.7,0.9", "1.5,1.7,1.9"]),
        ("城市,2019,2020", ["北京,5,6", "上海,7,8"]),
    ],
)
def test_numeric_names_are_names(read_bytes, header, rows):
    table, _ = read_bytes(lines(header, *rows))
    assert table.columns == header.split(",")


def test_words_above_words_are_a_header(read_bytes):
    table, _ = read_bytes(lines("姓名,评价", "张三,很好", "李四,不好"))
    assert table.columns == ["姓名", "评价"]


def test_the_caller_decides(read_bytes):
    content = lines("x,y", "a,b", "1,2")
    assert read_bytes(content, header_rows=0)[0].height == 3
    assert read_bytes(content, skip_rows=1)[0].columns == ["a", "b"]


def test_duplicate_empty_and_reserved_names(read_bytes):
    table, report = read_bytes(lines("a,a,,__row_id,x__invalid,a_2,a", "1,2,3,4,5,6,7", "2,3,4,5,6,7,8"))
    assert table.columns == ["a", "a_3", "column_3", "row_id", "x_invalid", "a_2", "a_4"]
    assert [(change["original"], change["name"], change["why"]) for change in report["renamed"]] == [
        ("a", "a_3", "duplicate"),
        ("", "column_3", "empty"),
        ("__row_id", "row_id", "reserved"),
        ("x__invalid", "x_invalid", "reserved"),
        ("a", "a_4", "duplicate"),
    ]


def test_empty_names_in_a_chinese_table(read_bytes):
    table, _ = read_bytes(lines("姓名,,城市", "张三,5,北京", "李四,6,上海"))
    assert table.columns == ["姓名", "列2", "城市"]


def test_hostile_names_are_cleaned_and_kept_in_the_report(read_bytes):
    table, report = read_bytes(
        b'"a\rb"," x ","l1\nl2",\'; import os,z\x07\xe2\x80\x8b\n1,2,3,4,5\n6,7,8,9,10\n'
    )
    assert table.columns == ["a b", "x", "l1 l2", "'; import os", "z"]
    assert [change["original"] for change in report["renamed"]] == ["a\rb", " x ", "l1\nl2", "z\x07\u200b"]


def test_a_long_name_is_cut(read_bytes):
    table, report = read_bytes(lines("题" * 300 + ",b", "1,2", "3,4"))
    assert table.columns[0] == "题" * 200
    assert report["renamed"][0]["why"] == "too long"


def test_unnamed_empty_columns_at_the_end_are_left_out(read_bytes, finding):
    table, report = read_bytes(lines("a,b,,", "1,2,,", "3,4,,"))
    assert table.columns == ["a", "b"]
    assert finding(report, "empty-columns-left-out")["count"] == 2


def test_total_rows_are_only_reported(read_bytes, finding):
    table, report = read_bytes(lines("城市,人数", "北京,5", "上海,6", "合计,11"))
    assert table.height == 3
    assert finding(report, "total-rows")["details"] == {"rows": [3]}


def test_header_only(read_bytes, finding):
    table, report = read_bytes(b"a,b\n")
    assert (table.columns, table.height) == (["a", "b"], 0)
    finding(report, "no-rows")


def test_one_column(read_bytes, finding):
    table, report = read_bytes(lines("城市", "北京", "", "上海", "", ""))
    assert table["城市"].to_list() == ["北京", None, "上海"]
    finding(report, "one-column")


def test_ten_thousand_columns(read_bytes):
    names = [f"q{n}" for n in range(10_000)]
    table, _ = read_bytes(lines(",".join(names), ",".join(["1"] * 10_000), ",".join(["2"] * 10_000)))
    assert table.columns == names
    assert table.height == 2


def test_ten_thousand_equal_names_do_not_take_long(read_bytes):
    table, _ = read_bytes(lines(",".join(["同名"] * 10_000), ",".join(["1"] * 10_000)))
    assert table.columns[-1] == "同名_10000"


def test_row_numbers_without_a_name_as_r_writes_them(read_bytes):
    table, _ = read_bytes(lines('"A1","A2"', '"1",5,6', '"2",3,4'))
    assert table.columns == ["column_1", "A1", "A2"]
    assert table["A1"].to_list() == ["5", "3"]


def test_qualtrics_rows():
    rows = [
        ["Q1", "Q2"],
        ["Your age?", "Your city?"],
        ['{"ImportId":"QID1"}', '{"ImportId":"QID2"}'],
        ["5", "x"],
    ]
    header = find_header(rows)
    assert header.height == 3
    assert header.labels == {0: "Your age?", 1: "Your city?"}
