"""Golden reports: one messy file of each kind, everything that is said about it."""

TEXT = """\
2024 年度满意度调查,,,,
导出人：王,,,,
编号,城市,,打分,打分
001,北京,x,5,4
002,上海

003,"广州,天河",y,3,2,多出来的,两格
004,深圳,z,-999,
合计,,,7,6
"""


def test_a_messy_text(read_bytes):
    table, report = read_bytes(TEXT.encode("gb18030"), "调查.txt")
    assert table.to_dict(as_series=False) == {
        "编号": ["001", "002", "003", "004", "合计"],
        "城市": ["北京", "上海", "广州,天河", "深圳", None],
        "列3": ["x", None, "y", "z", None],
        "打分": ["5", None, "3", "-999", "7"],
        "打分_2": ["4", None, "2", None, "6"],
        "多余_1": [None, None, "多出来的,两格", None, None],
    }
    assert report == {
        "format": "text",
        "size": len(TEXT.encode("gb18030")),
        "rows": 5,
        "columns": 6,
        "encoding": "gb18030",
        "encoding_found_by": "gb18030",
        "delimiter": ",",
        "quote": '"',
        "title_rows": [["2024 年度满意度调查"], ["导出人：王"]],
        "header_rows": [3],
        "renamed": [
            {"index": 2, "original": "", "name": "列3", "why": "empty"},
            {"index": 4, "original": "打分", "name": "打分_2", "why": "duplicate"},
        ],
        "labels": {},
        "groups": {},
        "ragged": {"short": 1, "long": 1, "short_lines": [5], "long_lines": [7]},
        "sheets": [],
        "native_types": {},
        "changes": [],
        "findings": [
            {"code": "title-rows", "severity": "info", "count": 2, "details": {}},
            {"code": "rows-too-short", "severity": "warning", "count": 1, "details": {"lines": [5]}},
            {"code": "rows-too-long", "severity": "error", "count": 1, "details": {"lines": [7]}},
            {"code": "blank-lines", "severity": "info", "count": 1, "details": {"lines": [6]}},
            {"code": "names-changed", "severity": "info", "count": 2, "details": {}},
            {"code": "total-rows", "severity": "warning", "count": 1, "details": {"rows": [5]}},
        ],
    }


def test_a_messy_workbook(read_bytes, workbook):
    content = workbook(
        {
            "数据": [["编号", "得分", "__row_id"], ["a", 5, 1], ["b", "#DIV/0!", 2], ["合计", 5, 3]],
            "旧": [["x"], ["y"]],
        },
        hidden=("旧",),
    )
    table, report = read_bytes(content, "调查.xlsx")
    assert table.to_dict(as_series=False) == {
        "编号": ["a", "b", "合计"],
        "得分": ["5", "#DIV/0!", "5"],
        "row_id": [1, 2, 3],
    }
    assert {key: report[key] for key in ("sheets", "header_rows", "renamed", "native_types", "findings")} == {
        "sheets": [
            {"name": "数据", "visibility": "visible", "rows": 4, "columns": 3, "chosen": True},
            {"name": "旧", "visibility": "hidden", "rows": 2, "columns": 1, "chosen": False},
        ],
        "header_rows": [1],
        "renamed": [{"index": 2, "original": "__row_id", "name": "row_id", "why": "reserved"}],
        "native_types": {"row_id": "Int64"},
        "findings": [
            {"code": "hidden-sheets", "severity": "info", "count": 1, "details": {"sheets": ["旧"]}},
            {
                "code": "error-cells",
                "severity": "warning",
                "count": 1,
                "details": {"column": "得分", "errors": ["#DIV/0!"], "rows": [3]},
            },
            {"code": "names-changed", "severity": "info", "count": 1, "details": {}},
            {"code": "total-rows", "severity": "warning", "count": 1, "details": {"rows": [3]}},
        ],
    }
