"""Codebooks: every usual shape becomes the same changes for annotate_columns."""

import pytest

from retort_core.errors import UnreadableFile
from retort_executor.reading.codelists import code_labels, codes, ends_of_scale, kind_of, scale_of
from retort_plans.operations.annotations import AnnotateColumns

GENDER = {
    "column": "q1",
    "label": "性别",
    "value_labels": [{"value": "1", "label": "男"}, {"value": "2", "label": "女"}],
}


@pytest.fixture
def changes(read_bytes):
    def read(content, name="codebook.csv", **options):
        content = content.encode() if isinstance(content, str) else content
        table, report = read_bytes(content, name, **{"as": "codebook"}, **options)
        assert table.shape == (0, 0)
        AnnotateColumns(changes=report["changes"])  # the operation takes them as they are
        return report["changes"]

    return read


@pytest.mark.parametrize(
    "text",
    [
        "变量,标签,值标签\nq1,性别,1=男;2=女\n",
        "variable,label,value labels\nq1,性别,1: 男；2: 女\n",
        'Name,Question,Options\nq1,性别,"1.男\n2.女"\n',
        '题号,题目,选项\nq1,性别,"1 = 男, 2 = 女"\n',
        "变量名,变量标签,编码\nq1,性别,1-男/2-女\n",
        '变量,标签,取值\nq1,性别,"{""1"": ""男"", ""2"": ""女""}"\n',
        "变量,变量标签,值,值标签\nq1,性别,1,男\nq1,性别,2,女\n",
        "变量,标签,值,含义\nq1,性别,1,男\n,,2,女\n",
        "调查码本,,\n2024年,,\n变量,标签,值标签\nq1,性别,1=男;2=女\n",
    ],
    ids=["equals", "colon", "lines", "commas", "dashes", "json", "by-value", "by-value-once", "title"],
)
def test_one_meaning_in_every_shape(changes, text):
    assert changes(text) == [GENDER]


def test_a_codebook_in_gb18030(changes):
    assert changes("变量,标签,值标签\nq1,性别,1=男;2=女\n".encode("gb18030")) == [GENDER]


def test_a_workbook_with_variables_and_values_on_two_sheets(changes, workbook):
    content = workbook(
        {
            "变量": [["变量", "标签", "类型"], ["q1", "性别", "单选"], ["q2", "年龄", "数值"]],
            "值": [["变量", "值", "值标签"], ["q1", 1, "男"], [None, 2, "女"]],
        }
    )
    assert changes(content, "codebook.xlsx") == [
        {**GENDER, "kind": "single"},
        {"column": "q2", "label": "年龄", "kind": "numeric"},
    ]


def test_scales_missing_codes_groups_and_separators(changes):
    text = (
        "变量,标签,值标签,缺失码,类型,组,分隔符\n"
        'q5_1,总体,"1=非常不满意,2=不满意,3=一般,4=满意,5=非常满意,97=不知道",97=不知道,量表,Q5,\n'
        'q6,价格,"1=非常满意,2=满意,3=一般,4=不满意",,量表,,\n'
        'nps,推荐,0-10分,"98,99",打分题,,\n'
        "q7,渠道,1=网站;2=门店,,多选题,,;\n"
    )
    scale, falling, nps, multi = changes(text)
    assert scale["scale"] == {"min": 1, "max": 5, "direction": "ascending"}
    assert scale["missing_codes"] == [{"value": "97", "label": "不知道"}]
    assert scale["group"] == "Q5"
    assert falling["scale"] == {"min": 1, "max": 4, "direction": "descending"}
    assert nps["scale"] == {"min": 0, "max": 10, "direction": "ascending"}
    assert nps["missing_codes"] == [{"value": "98", "label": ""}, {"value": "99", "label": ""}]
    assert (multi["kind"], multi["separator"]) == ("multi", ";")


def test_a_scale_without_ends_is_not_called_one(changes):
    assert changes("变量,标签,类型\nq1,满意度,量表\n") == [{"column": "q1", "label": "满意度"}]


def test_labels_that_sound_missing_are_proposed_not_declared(read_bytes, finding):
    _, report = read_bytes("变量,值标签\nq1,1=好;2=差;98=拒答\n".encode(), **{"as": "codebook"})
    assert "missing_codes" not in report["changes"][0]
    assert finding(report, "labels-that-sound-missing")["details"] == {"columns": {"q1": ["98"]}}


def test_unknown_types_and_nameless_rows_are_said(read_bytes, finding):
    _, report = read_bytes("变量,标签,类型\nq1,性别,玄学\n,走失的一行,\n".encode(), **{"as": "codebook"})
    assert finding(report, "unknown-types")["details"] == {"words": ["玄学"]}
    assert finding(report, "rows-without-variable")["details"]["lines"] == [3]


def test_data_is_not_taken_for_a_codebook(read_bytes):
    with pytest.raises(UnreadableFile, match="is not a codebook that can be read"):
        read_bytes("姓名,城市\n张三,北京\n".encode(), **{"as": "codebook"})


def test_a_codebook_uploaded_as_data_is_noticed(read_bytes, finding):
    _, report = read_bytes("变量,标签,值标签\nq1,性别,1=男;2=女\nq2,会员,1=是;2=否\n".encode())
    finding(report, "looks-like-a-codebook")
    _, report = read_bytes("name,value\n张三,5\n李四,6\n".encode())
    assert "looks-like-a-codebook" in [item["code"] for item in report["findings"]]  # ambiguous: only said
    _, report = read_bytes("姓名,城市,打分\n张三,北京,5\n".encode())
    assert report["findings"] == []


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("1=男;2=女", [("1", "男"), ("2", "女")]),
        ("1=18-24岁, 2=25-34岁", [("1", "18-24岁"), ("2", "25-34岁")]),
        ("1.0=是、2.0=否", [("1", "是"), ("2", "否")]),
        ("-1=未回答;0=否;1=是", [("-1", "未回答"), ("0", "否"), ("1", "是")]),
        ("A. 很好\nB. 一般", [("A", "很好"), ("B", "一般")]),
        ("1=Yes, often; 2=No", [("1", "Yes, often"), ("2", "No")]),
        ("1-5", []),
        ("男或女", []),
        ("", []),
    ],
)
def test_lists_of_codes(text, pairs):
    assert code_labels(text) == pairs


def test_bare_codes_ranges_and_kinds():
    assert codes("97、98, -999") == [("97", ""), ("98", ""), ("-999", "")]
    assert codes("无") == []
    assert ends_of_scale("0~10分") == (0, 10)
    assert ends_of_scale("5-1") is None
    assert [kind_of(word) for word in ("单选题", "Multiple Choice", "打分", "谜")] == [
        "single",
        "multi",
        "scale",
        None,
    ]


def test_points_with_a_gap_are_no_scale():
    assert scale_of([("1", "a"), ("2", "b"), ("5", "c")], frozenset()) is None
