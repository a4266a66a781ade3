"""Files that cannot be read: each is refused with what it is, where, and what to do."""

import io
import struct
import zipfile

import pytest

from retort_core.errors import BadInput, LimitExceeded, UnreadableFile
from retort_executor.reading.limits import LIMITS, Limits, check_shape


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b" \n\n \t\n", "is empty"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n....", "a PNG picture"),
        (b"\x1f\x8b\x08....", "a gzip archive"),
        (b"7z\xbc\xaf\x27\x1c..", "a 7-Zip archive"),
        (b"SQLite format 3\x00..", "an SQLite database"),
        (b"$FL2@(#) SPSS DATA FILE", "an SPSS file"),
        (b"\x7fELF\x02\x01", "a program"),
        (bytes(range(256)) * 20, "full of control bytes"),
        (b"PK\x03\x04 not really a zip", "its end is missing or damaged"),
        (b"\xef\xbb\xbf <HTML><table>", "a web page"),
        (b'[{"a": 1}]', "a JSON file"),
    ],
    ids=[
        "nothing",
        "blanks",
        "pdf",
        "png",
        "gzip",
        "7z",
        "sqlite",
        "spss",
        "program",
        "binary",
        "zip",
        "html",
        "json",
    ],
)
def test_what_is_no_table(read_bytes, content, sentence):
    with pytest.raises(UnreadableFile, match=sentence) as refused:
        read_bytes(content, "survey.csv")
    assert "'survey.csv'" in refused.value.message
    assert refused.value.details["file"] == "survey.csv"
    assert refused.value.message.count(". ") >= 1, "says what to do as well"


def zipped(members, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_an_archive_without_a_workbook(read_bytes):
    with pytest.raises(UnreadableFile, match="a zip archive without a workbook"):
        read_bytes(zipped({"survey.csv": "a,b\n1,2\n"}), "survey.zip")


def test_other_office_formats(read_bytes):
    with pytest.raises(UnreadableFile, match="OpenDocument"):
        read_bytes(zipped({"mimetype": "x", "content.xml": "<a/>"}), "a.ods")
    with pytest.raises(UnreadableFile, match="xlsb"):
        read_bytes(zipped({"xl/workbook.bin": "x"}), "a.xlsb")


def test_a_zip_bomb_is_refused_without_unpacking(read_bytes):
    content = zipped({"xl/workbook.xml": "<a/>", "xl/worksheets/sheet1.xml": b"0" * (64 << 20)})
    assert len(content) < 100_000
    with pytest.raises(LimitExceeded, match=r"times its size; at most 200 times") as refused:
        read_bytes(content, "bomb.xlsx")
    assert "Nothing was unpacked" in refused.value.message


def test_a_zip_that_says_it_is_huge(read_bytes):
    content = bytearray(zipped({"xl/workbook.xml": "<a/>"}))
    at = content.index(b"PK\x01\x02")
    struct.pack_into("<I", content, at + 24, 0xFFFFFFF0)
    with pytest.raises(LimitExceeded, match="unpacks to 4,095 MiB; at most 1,024 MiB"):
        read_bytes(bytes(content), "bomb.xlsx")


def test_too_many_files_in_a_workbook(read_bytes):
    members = {"xl/workbook.xml": "<a/>"} | {f"xl/media/{n}": "" for n in range(LIMITS.entries)}
    with pytest.raises(LimitExceeded, match="holds 10,001 files inside"):
        read_bytes(zipped(members), "a.xlsx")


def test_a_workbook_whose_used_range_is_the_whole_sheet(read_bytes):
    sheet = '<worksheet><dimension ref="A1:XFD1048576"/><sheetData/></worksheet>'
    content = zipped({"xl/workbook.xml": "<a/>", "xl/worksheets/sheet1.xml": sheet})
    with pytest.raises(LimitExceeded, match=r"1,048,576 rows and 16,384 columns, mostly empty"):
        read_bytes(content, "a.xlsx")


def test_a_damaged_workbook(read_bytes, workbook):
    content = workbook({"s": [["a", "b"], ["1", "2"]]})
    with pytest.raises(UnreadableFile, match="damaged"):
        read_bytes(content[: len(content) // 2], "a.xlsx")
    at = content.index(b"xl/worksheets/sheet1.xml") + 60
    broken = content[:at] + b"\xaa" * 20 + content[at + 20 :]
    with pytest.raises(UnreadableFile, match=r"damaged .xl/worksheets/sheet1\.xml"):
        read_bytes(broken, "a.xlsx")


def test_a_sheet_that_ends_in_the_middle_of_its_rows(read_bytes, workbook):
    content = workbook({"s": [["a", "b"], *([str(n), "x"] for n in range(100))]})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = members["xl/worksheets/sheet1.xml"]
    members["xl/worksheets/sheet1.xml"] = sheet[: len(sheet) // 2]
    with pytest.raises(UnreadableFile, match="ends in the middle of its rows"):
        read_bytes(zipped(members), "a.xlsx")


def test_a_workbook_without_sheets(read_bytes, workbook):
    with zipfile.ZipFile(io.BytesIO(workbook({"s": [["a"]]}))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    text = members["xl/workbook.xml"].decode()
    start, end = text.index("<sheets>"), text.index("</sheets>") + len("</sheets>")
    members["xl/workbook.xml"] = (text[:start] + "<sheets/>" + text[end:]).encode()
    with pytest.raises(UnreadableFile, match="has no sheets"):
        read_bytes(zipped(members), "a.xlsx")


def test_a_workbook_of_empty_sheets(read_bytes, workbook):
    with pytest.raises(UnreadableFile, match=r"All sheets of .a\.xlsx. are empty"):
        read_bytes(workbook({"s": [], "t": []}), "a.xlsx")


def test_an_encrypted_workbook(read_bytes, compound):
    content = compound({"EncryptionInfo": b"x", "EncryptedPackage": b"y"})
    with pytest.raises(UnreadableFile, match="protected with a password") as refused:
        read_bytes(content, "secret.xlsx")
    assert refused.value.details["what"] == "encrypted"


def test_a_word_document(read_bytes, compound):
    with pytest.raises(UnreadableFile, match="a Word or PowerPoint document"):
        read_bytes(compound({"WordDocument": b"x"}), "a.xls")


def test_a_broken_old_workbook(read_bytes, compound):
    with pytest.raises(UnreadableFile, match="cannot be read"):
        read_bytes(compound({"Workbook": b"\xff" * 600}), "a.xls")


def test_a_cell_of_more_than_a_megabyte(read_bytes):
    with pytest.raises(LimitExceeded, match="quotation mark that is opened and never closed") as refused:
        read_bytes(b'a,b\n1,"' + b"x" * (LIMITS.cell_text + 10) + b'"\n')
    assert refused.value.details["what"] == "cell_text"


def test_too_many_columns(read_bytes):
    with pytest.raises(LimitExceeded, match="16,385 columns; at most 16,384"):
        read_bytes(b",".join(b"c%d" % n for n in range(16_385)) + b"\n")


@pytest.mark.parametrize(
    ("rows", "columns", "what"), [(5, 21, "columns"), (11, 2, "rows"), (10, 20, "cells")]
)
def test_limits_name_what_is_too_much(rows, columns, what):
    with pytest.raises(LimitExceeded) as refused:
        check_shape(rows, columns, Limits(rows=10, columns=20, cells=100))
    assert refused.value.details["what"] == what


@pytest.mark.parametrize(
    "options",
    [
        {"delimitor": ";"}, {"header_rows": 9}, {"header_rows": "1"}, {"header_rows": True}, {"skip_rows": -1}, {"skip_rows": 1.5},
        {"as": "poem"}, {"as": ["table"]}, {"delimiter": ""}, {"delimiter": 7}, {"quote": "''"}, {"encoding": "x" * 41},
        {"sheet": 1.0}, {"sheet": {}}, {"x" * 10_000: 1}, {"encoding": {"x": "y" * 10_000}},
    ],
)  # fmt: skip
def test_wrong_options_are_refused_by_name(read_bytes, options):
    with pytest.raises(BadInput, match="reading option") as refused:
        read_bytes(b"a\n1\n", **options)
    assert refused.value.details["option"] == next(iter(options))[:40]
    assert len(refused.value.message) < 200


def test_an_option_that_is_null_is_as_if_left_out(read_bytes):
    assert read_bytes(b"a\n1\n", encoding=None, sheet=None, **{"as": None})[0].columns == ["a"]
