"""Reading into dictionaries, and taking a file for UTF-8 before all of it is checked, change nothing that is read."""

from __future__ import annotations

import csv
import io
import os
import re
from contextlib import ExitStack, contextmanager
from unittest import mock

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retort_core.errors import RetortError
from retort_executor.categories import is_coded, plain, texts, uses
from retort_executor.reading import coding, encodings, quotes, read, text

CELL = r'(?:"(?:[^"]|"")*"|[^",\n\r]*)'
LINES = re.compile(rf"(?:{CELL}(?:,{CELL})*\r?\n)*(?:{CELL}(?:,{CELL})*)?")
ODD = st.lists(st.sampled_from(['"', '""', ",", "\n", "\r\n", "a", "b c", "满意", "\r", " "]), max_size=40)
ROWS = st.lists(
    st.lists(
        st.sampled_from(["", "a", "满意", 'said "no"', "x,y", "two\nlines", " ", "N/A"]),
        min_size=3,
        max_size=3,
    ),
    min_size=1,
    max_size=30,
)


@contextmanager
def changed(**values):
    """Every file is a large one and every column may be a dictionary, or none is."""
    places = {"LARGE": text, "PRESUMED": encodings, "LEAST_ROWS": coding, "SHARE": coding, "FEW": quotes}
    with ExitStack() as stack:
        for name, value in values.items():
            stack.enter_context(mock.patch.object(places[name], name, value))
        yield


EVERY = {"LARGE": 0, "PRESUMED": 8, "LEAST_ROWS": 0, "SHARE": 1.0, "FEW": 0}
NONE = {"LARGE": 1 << 60, "PRESUMED": 1 << 60}


def outcome(content: bytes, options):
    """What reading gives, or the sentence of its refusal."""
    fd = os.memfd_create("table")
    try:
        os.write(fd, content)
        table, report = read(fd, "table.csv", options)
    except RetortError as problem:
        return str(problem)
    finally:
        os.close(fd)
    return plain(table).rows(), table.columns, report


OPTIONS = st.sampled_from([{}, {"header_rows": 0}, {"header_rows": 1, "skip_rows": 0, "delimiter": ","}])


@settings(max_examples=300, deadline=None)
@given(content=ODD.map("".join), options=OPTIONS)
@example(content='a,b\na,"b" c\n"x"y,z\n', options={})
@example(content='a,b\n"He said, "yes", and left",1\n', options={})
@example(content='a,b\n"x","y"\r\n"x","y"\r\n', options={})
def test_whatever_marks_a_text_holds_it_is_read_as_without_dictionaries(content, options):
    data = content.encode()
    with changed(**EVERY):
        found = outcome(data, options)
    with changed(**NONE):
        assert outcome(data, options) == found


@settings(max_examples=100, deadline=None)
@given(
    rows=ROWS,
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_a_well_written_table_is_read_into_dictionaries_and_comes_back(rows, quoting, end, mark):
    out = io.StringIO(newline="")
    csv.writer(out, quoting=quoting, lineterminator=end).writerows(
        [["列一", "列二", "列三"], *rows, ["z", "z", "z"]]
    )
    fd = os.memfd_create("table")
    os.write(fd, mark + out.getvalue().encode())
    options = {"header_rows": 1, "skip_rows": 0, "delimiter": ","}
    with changed(**EVERY):
        table, _ = read(fd, "table.csv", options)
    os.close(fd)
    assert all(is_coded(column) for column in table.get_columns())
    assert [["" if cell is None else cell for cell in row] for row in table.rows()] == [
        *rows,
        ["z", "z", "z"],
    ]


@settings(max_examples=60, deadline=None)
@given(
    content=st.one_of(ODD.map("".join), st.just("编号,城市\n1,北京\n")),
    broken=st.binary(min_size=1, max_size=4),
)
def test_what_is_no_utf8_further_down_is_found_out(content, broken):
    data = content.encode() + "\n甲,乙\n".encode() + broken + b",x\n" + "北京,好\n".encode("gb18030") * 3
    with changed(**EVERY):
        found = outcome(data, {})
    with changed(**NONE):
        assert outcome(data, {}) == found


@settings(max_examples=300, deadline=None)
@given(content=st.lists(st.sampled_from('a",\n'), max_size=24).map("".join), size=st.integers(1, 30))
def test_marks_are_well_placed_where_the_grammar_says_so(content, size):
    chunks = [content[at : at + size].encode() for at in range(0, len(content), size)]
    with changed(FEW=0):
        assert quotes.well_placed(chunks, ",", '"') == bool(LINES.fullmatch(content))


def test_a_text_full_of_marks_is_not_looked_at():
    assert quotes.well_placed(
        [b'"a",b,an answer of as many words as people write when they are asked why\n' * 99], ",", '"'
    )
    assert not quotes.well_placed([b'"a","b","c"\n' * 999], ",", '"')


def test_a_column_that_turns_out_to_hold_many_texts_is_text(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(coding, "SAMPLE", 1 << 15)
    rows = [f"{n},{'男' if n % 3 else '女'},{min(9, n)}\n" for n in range(200_000)]
    head = "值,性别,位\n" + "7,男,1\n" * 5_000
    fd = os.memfd_create("table")
    os.write(fd, (head + "".join(rows)).encode())
    with mock.patch.object(text, "CODING_SAMPLE", 1 << 15):
        table, _ = read(fd, "table.csv", {})
    os.close(fd)
    assert [is_coded(column) for column in table.get_columns()] == [False, True, True]
    assert table.to_series(0).tail(200_000).to_list() == [str(n) for n in range(200_000)]
    assert dict(zip(texts(table["性别"]), uses(table["性别"]), strict=True)) == {
        "男": 5_000 + sum(n % 3 > 0 for n in range(200_000)),
        "女": sum(n % 3 == 0 for n in range(200_000)),
    }
    assert table.schema["值"] == pl.String
