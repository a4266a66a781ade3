"""Every reader works inside the walls: nothing that it needs is loaded, opened or mapped too late."""

from __future__ import annotations

import io
import json

import polars as pl
import pytest
import xlsxwriter

from retort_core.errors import LimitExceeded, UnreadableFile
from retort_core.jobs import Job, Limits

TEXT = "姓名,城市\n张三,北京市\n李四,上海市\n"


def workbook() -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet("数据")
        for at, row in enumerate([("姓名", "分数"), ("张三", 5), ("李四", 3)]):
            sheet.write_row(at, 0, row)
    return out.getvalue()


def parquet() -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"姓名": ["张三", "李四"], "多选": [["1"], ["2", "3"]]}).write_parquet(out)
    return out.getvalue()


FILES = {
    "utf-8.csv": TEXT.encode(),
    "gb18030.csv": TEXT.encode("gb18030"),
    "utf-16.csv": TEXT.encode("utf-16"),
    "big5.csv": ("姓名,城市\n" + "陳大文,臺北市中正區重慶南路\n" * 2).encode("big5"),
    "western.csv": "name,town\nMüller,Köln\nJäger,Düren\n".encode("cp1252"),
    "ragged.csv": b'a,b\n1\n2,"3,4\n',
    "large.csv": b"a,b\n" + b"1,2\n" * 2,
    "book.xlsx": workbook(),
    "table.parquet": parquet(),
}


def read(shared_session, name, content, limits=None, **options):
    job = Job(
        "attempt", "read", {"filename": name, "options": options}, limits or Limits(seconds=20.0), ("file",)
    )
    parts = shared_session.run(job, {"file": content}).parts
    return pl.read_ipc_stream(parts["table"]), json.loads(parts["report"])


@pytest.mark.parametrize("name", FILES)
def test_every_format_is_read_inside(shared_session, bench, name):
    table, report = read(shared_session, name, FILES[name])
    assert table.height == report["rows"] == 2


def test_a_large_file_is_read_by_the_fast_path(shared_session, bench):
    row = "10001,北京市,满意,2024-01-31,98\n".encode()
    table, report = read(shared_session, "large.csv", "编号,城市,评价,日期,打分\n".encode() + row * 200_000)
    assert table.shape == (200_000, 5)
    assert report["findings"] == []


def test_a_codebook_is_read_inside(shared_session, bench):
    table, report = read(
        shared_session, "c.csv", "变量,值标签\nq1,1=男;2=女\n".encode(), **{"as": "codebook"}
    )
    assert table.shape == (0, 0)
    assert report["changes"][0]["column"] == "q1"


def test_what_cannot_be_read_says_so_through_the_wall(shared_session, bench):
    with pytest.raises(UnreadableFile, match="a PDF document") as refused:
        read(shared_session, "a.csv", b"%PDF-1.7")
    assert refused.value.details["what"] == "foreign-content"


def test_a_file_beyond_the_memory_of_the_sandbox_is_a_limit(shared_session, bench):
    content = b"a,b\n" + b"".join(b"%d distinct,%d\n" % (n, n) for n in range(3_000_000))
    with pytest.raises(LimitExceeded):
        read(shared_session, "a.csv", content, Limits(seconds=30.0, memory_bytes=200 << 20))
