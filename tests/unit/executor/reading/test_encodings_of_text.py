"""Encodings: found in the right order, said in the report, broken bytes located."""

import codecs

import pytest

from retort_core.errors import BadInput, UnreadableFile

TABLE = "姓名,城市,评价\n张三,北京,非常满意\n李四,上海,不满意，太贵\n王五,广州,一般\n"
EXPECTED = {
    "姓名": ["张三", "李四", "王五"],
    "城市": ["北京", "上海", "广州"],
    "评价": ["非常满意", "不满意，太贵", "一般"],
}


@pytest.mark.parametrize(
    ("content", "encoding", "found_by"),
    [
        (TABLE.encode(), "utf-8", "utf-8"),
        (codecs.BOM_UTF8 + TABLE.encode(), "utf-8", "bom"),
        (TABLE.encode("gb18030"), "gb18030", "gb18030"),
        (TABLE.encode("gbk"), "gb18030", "gb18030"),
        (TABLE.encode("gb2312"), "gb18030", "gb18030"),
        (codecs.BOM_UTF16_LE + TABLE.encode("utf-16-le"), "utf-16-le", "bom"),
        (codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"), "utf-16-be", "bom"),
        (codecs.BOM_UTF32_LE + TABLE.encode("utf-32-le"), "utf-32-le", "bom"),
    ],
    ids=["utf-8", "bom", "gb18030", "gbk", "gb2312", "utf-16-le", "utf-16-be", "utf-32"],
)
def test_the_same_table_in_every_encoding(read_bytes, content, encoding, found_by):
    table, report = read_bytes(content)
    assert table.to_dict(as_series=False) == EXPECTED
    assert (report["encoding"], report["encoding_found_by"]) == (encoding, found_by)
    assert report["findings"] == []


def test_utf16_without_a_mark(read_bytes):
    table, report = read_bytes("name,city\nAnn,北京\nBob,上海\n".encode("utf-16-le"))
    assert table["city"].to_list() == ["北京", "上海"]
    assert report["encoding_found_by"] == "detection"


def test_four_byte_gb18030(read_bytes):
    table, _ = read_bytes("姓名,备注\n张三,喜欢猫😀\n李四,𠮷野家\n".encode("gb18030"))
    assert table["备注"].to_list() == ["喜欢猫😀", "𠮷野家"]


def test_western_text_is_not_taken_for_chinese(read_bytes, finding):
    # every one of these byte pairs is also valid GB18030
    table, report = read_bytes("name,town\nMüller,Köln\nJäger,Düren\n".encode("cp1252"))
    assert table["name"].to_list() == ["Müller", "Jäger"]
    assert finding(report, "encoding-guessed")["details"]["encoding"] == "cp1252"


def test_traditional_chinese_in_big5(read_bytes):
    text = "姓名,城市\n" + "".join(f"陳大文{n},臺北市中正區重慶南路\n" for n in range(50))
    table, report = read_bytes(text.encode("big5"))
    assert table["城市"][0] == "臺北市中正區重慶南路"
    assert report["encoding"] in ("big5", "cp950")


def test_broken_bytes_in_the_middle_are_located_and_the_rest_is_read(read_bytes, finding):
    rows = [f"{n},北京市海淀区{n}".encode() for n in range(1000)]
    rows[499] = b"499,\xe5\x8c\xff\xfe"
    content = "编号,地址\n".encode() + b"\n".join(rows) + b"\n"
    table, report = read_bytes(content)
    assert table.height == 1000
    assert table["地址"][498] == "北京市海淀区498"
    assert "\ufffd" in table["地址"][499]
    broken = finding(report, "broken-bytes")
    assert broken["severity"] == "error"
    assert broken["details"]["lines"] == [501, 501, 501]
    assert broken["details"]["offsets"][0] == content.index(b"\xe5\x8c\xff")


def test_broken_bytes_in_gb18030(read_bytes, finding):
    rows = [
        "编号,地址".encode("gb18030"),
        *(f"{n},北京市海淀区中关村大街".encode("gb18030") for n in range(300)),
    ]
    rows[200] += b"\xff"
    table, report = read_bytes(b"\n".join(rows))
    assert table["地址"][0] == "北京市海淀区中关村大街"
    assert report["encoding"] == "gb18030"
    assert finding(report, "broken-bytes")["details"]["lines"] == [201]


def test_a_late_broken_byte_behind_a_megabyte_of_ascii(read_bytes, finding):
    content = (
        b"id,note\n" + b"1,plain text\n" * 100_000 + "2,备注很好很满意\n".encode("gb18030") * 50 + b"3,\xff\n"
    )
    table, report = read_bytes(content)
    assert table["note"][100_000] == "备注很好很满意"
    assert finding(report, "broken-bytes")["details"]["lines"] == [100_052]


def test_an_encoding_may_be_named(read_bytes):
    table, report = read_bytes("a,b\né,ž\n".encode("cp1250"), encoding="cp1250")
    assert table["b"][0] == "ž"
    assert report["encoding_found_by"] == "option"


def test_an_unknown_encoding_is_refused(read_bytes):
    with pytest.raises(BadInput, match="no encoding named 'klingon'"):
        read_bytes(b"a\n1\n", encoding="klingon")


def test_text_in_no_encoding_is_refused_with_the_place(read_bytes):
    content = b"a,b\n" + bytes(range(128, 256)) * 40 + b"\n"
    with pytest.raises(UnreadableFile, match="neither UTF-8 nor GB18030") as refused:
        read_bytes(content)
    assert refused.value.details["line"] == 2
    assert refused.value.details["offset"] == 4


def test_nul_bytes_are_taken_out_and_counted(read_bytes, finding):
    table, report = read_bytes(b"a,b\n1,x\x00y\n2,z\n")
    assert table["b"].to_list() == ["xy", "z"]
    assert finding(report, "nul-bytes") == {
        "code": "nul-bytes",
        "severity": "warning",
        "count": 1,
        "details": {"lines": [2], "removed": True},
    }
