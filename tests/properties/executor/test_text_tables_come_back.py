"""Whatever table is written as text, in whatever dialect and encoding, comes back cell by cell."""

from __future__ import annotations

import csv
import io
import os
from contextlib import contextmanager

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from retort_executor.reading import read
from retort_executor.reading.names import usable

# what people type into tables; no NUL, which is taken out, and no lone surrogates, which no file has
CELLS = st.text(
    st.one_of(
        st.sampled_from("京沪满意不好的评价，。；0123456789abcXYZ ,;\t|\"'\n-._%/"),
        st.characters(codec="gb18030"),
    ).filter(lambda char: (char not in "\0\r\x1a\ufffd" and char.isprintable()) or char in "\n\t"),
    max_size=12,
)
WIDTHS = st.integers(2, 6)


@contextmanager
def descriptor(content: bytes):
    fd = os.memfd_create("table")
    try:
        os.write(fd, content)
        yield fd
    finally:
        os.close(fd)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(WIDTHS)
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=12))
    return [row for row in rows if any(row)]


def written(rows, delimiter, quoting, end):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(rows)
    return out.getvalue()


@settings(max_examples=150, deadline=None)
@given(
    rows=tables(),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
)
def test_a_table_comes_back(rows, delimiter, quoting, end, encoding):
    names = [f"列{n}" for n in range(len(rows[0]) if rows else 3)]
    text = written([names, *rows], delimiter, quoting, end)
    # Without any quotation mark, apostrophes in front of cells can be the quotes of another program.
    assume('"' in text or not any(cell.startswith("'") for row in rows for cell in row))
    content = text.encode(encoding)
    options = {"delimiter": delimiter, "header_rows": 1, "skip_rows": 0, "encoding": encoding}
    with descriptor(content) as fd:
        table, report = read(fd, "table.csv", options)
    assert table.columns == names
    assert [["" if cell is None else cell for cell in row] for row in table.rows()] == rows
    assert report["ragged"]["short"] == report["ragged"]["long"] == 0


@pytest.mark.parametrize("cell", ["''", "'京'"])
def test_a_lone_cell_in_apostrophes_keeps_them(cell):
    """Taken for quotes, the empty pair lost its row."""
    with descriptor(f"列0,列1\n,{cell}\n".encode()) as fd:
        table, _ = read(fd, "table.csv", {"delimiter": ",", "header_rows": 1, "skip_rows": 0})
    assert table.rows() == [(None, cell)]


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=7), min_size=1, max_size=12))
@example(rows=[["", "", "", "", "", "", "京"], ["", "", "", "", "", "", "京"]])
def test_no_cell_of_a_ragged_table_is_lost(rows):
    """Where rows agree on more cells than the header names, these have columns of their own; else they go into one."""
    names = ["姓名", "城市", "评价"]
    rows = [["王", "北京", "好"]] * 13 + rows  # most rows are as wide as the header
    content = written([names, *rows], ",", csv.QUOTE_ALL, "\n").encode()
    with descriptor(content) as fd:
        table, _ = read(fd, "table.csv", {"delimiter": ",", "header_rows": 1, "skip_rows": 0})
    found = [cell for row in table.rows() for cell in row if cell]
    width = sum(not name.startswith("多余_") for name in table.columns)
    surplus = [
        ",".join(row[width : max((at + 1 for at, cell in enumerate(row) if cell), default=0)]) for row in rows
    ]
    expected = [cell for row in rows for cell in row[:width] if cell] + [text for text in surplus if text]
    assert sorted(found) == sorted(expected)


@settings(max_examples=200, deadline=None)
@given(
    content=st.one_of(st.binary(max_size=400), CELLS.map(str.encode)),
    options=st.sampled_from(
        [{}, {"header_rows": 2}, {"header_rows": 0}, {"skip_rows": 3}, {"as": "codebook"}]
    ),
)
def test_random_bytes_are_read_or_refused_with_a_sentence(content, options):
    from retort_core.errors import RetortError

    with descriptor(content) as fd:
        try:
            table, report = read(fd, "x.csv", options)
        except RetortError as refused:
            assert refused.message.endswith(".")  # noqa: PT017
        else:
            assert "as" in options or table.width == report["columns"]


@settings(max_examples=200, deadline=None)
@given(originals=st.lists(st.text(max_size=8), min_size=1, max_size=12), chinese=st.booleans())
def test_names_are_unique_and_clean(originals, chinese):
    names, renamed = usable(originals, chinese=chinese)
    assert len(set(names)) == len(originals)
    assert all(name.strip() == name and name and "\n" not in name and "\r" not in name for name in names)
    assert {change.index for change in renamed} == {
        index for index, (name, original) in enumerate(zip(names, originals, strict=True)) if name != original
    }
