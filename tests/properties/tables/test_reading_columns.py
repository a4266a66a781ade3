"""Reading columns: nothing of a file is lost, and both ways of reading give the same column."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.dateforms import parse
from retort_core.numerals import number_text
from retort_core.schema import DType
from retort_tables.columns.coded import read_coded
from retort_tables.columns.reading import Reading
from retort_tables.columns.wide import read_wide
from retort_tables.detection import detect
from retort_tables.dictionaries import encode
from retort_tables.imports import Import, first_version
from retort_tables.texts import canonical

CELLS = st.one_of(
    st.none(),
    st.sampled_from(
        ["", " ", "N/A", "无", "-", "#REF!", "007", "1,234", "１２", "+5", "¥5", "5%", "TRUE", "x y", "(空)"]
    ),
    st.sampled_from(
        ["2024-01-31", "31/1/2024", "2/5/2019", "20240131", "2024年3月4日", "2024-01-31 08:05", "7月23日"]
    ),
    st.integers(-(10**6), 10**6).map(str),
    st.decimals(-1000, 1000, places=2).map(str),
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(str),
    st.text(max_size=8),
)
BASES = st.sampled_from(["", "number", "money", "date", "code"])


@st.composite
def columns(draw: st.DrawFn) -> list[str | None]:
    """A column that is mostly of one form, with anything among it."""
    usual = {
        "": CELLS,
        "number": st.integers(0, 99).map(str),
        "money": st.decimals(0, 99, places=2).map(str),
        "date": st.integers(0, 900).map(lambda n: str(date(2023, 1, 1) + timedelta(n))),
        "code": st.sampled_from(["1;2;", "1;", "2;3;"]),
    }[draw(BASES)]
    rows = draw(st.integers(0, 30))
    return [draw(usual if draw(st.integers(0, 9)) else CELLS) for _ in range(rows)]


def means(raw: str, dtype: DType, shown: str, reading: Reading) -> bool:
    """Whether `shown` (the canonical text of the typed value) is what `raw` says."""
    if dtype is DType.text:
        return shown == raw
    if dtype.numeric:
        found = number_text(raw)
        return found is not None and Decimal(shown) == Decimal(found[1])
    if dtype.temporal:
        moment = parse(raw, reading.target.order)
        return moment is not None and shown.startswith(str(moment)[:10])
    return dtype is DType.boolean and shown == raw.strip().lower()


@settings(max_examples=80, deadline=None)
@given(columns())
def test_every_cell_is_its_value_or_its_raw_text(cells: list[str | None]) -> None:
    found = detect(pl.DataFrame({"列": pl.Series(cells, dtype=pl.String)}))
    reading = found.readings["c1"]
    shown = canonical(found.table.to_series(0)).to_list()
    marks = {row: (state, raw) for row, _, state, _, raw in found.marks.rows()}
    assert len(marks) == found.marks.height
    for row, (raw, value) in enumerate(zip(cells, shown, strict=True)):
        if value is None:
            assert marks.pop(row)[1] == raw  # export can write it back
        else:
            assert raw is not None
            assert means(raw, found.schema.columns[0].dtype, value, reading), (raw, value)
    assert not marks


def same(one: Reading, other: Reading) -> None:
    assert one.target == other.target
    assert one.values.to_list() == other.values.to_list()
    assert one.counts == other.counts
    assert one.tally.top() == other.tally.top()
    assert (one.tally.distinct, one.tally.rows) == (other.tally.distinct, other.tally.rows)
    assert rows_of(one) == rows_of(other)


def rows_of(reading: Reading) -> list[tuple[object, ...]]:
    if reading.marked is None:
        return []
    return sorted(reading.marked.frame("c", pl.Series(range(reading.values.len()), dtype=pl.Int64)).rows())


ODD = st.sampled_from(
    ["", None, "N/A", "无", "三十", "１２", " 7 ", "#REF!", "(空)", "1.0E+05", "abc", "0.123456789012345678"]
)
WIDE = {
    "integers": lambda n: str(n * 7),
    "negative": lambda n: str(5 - n * 3),
    "grouped": lambda n: f"{n * 997:,}",
    "money": lambda n: f"{n * 7 / 100:.2f}",
    "numbers": lambda n: str(n / 7),
    "mixed numbers": lambda n: str(n) if n % 2 else f"{n}.25",
    "point zero": lambda n: f"{n}.0",
    "days": lambda n: str(date(2000, 1, 1) + timedelta(n)),
    "compact days": lambda n: (date(2000, 1, 1) + timedelta(n)).strftime("%Y%m%d"),
    "day first": lambda n: (date(2000, 1, 1) + timedelta(n)).strftime("%d/%m/%Y"),
    "month first": lambda n: (date(2000, 1, 1) + timedelta(n)).strftime("%m/%d/%Y 08:05"),
    "moments": lambda n: f"{date(2000, 1, 1) + timedelta(n // 9)} 08:{n % 60:02}:{n % 59:02}",
    "fractions": lambda n: f"{date(2000, 1, 1) + timedelta(n // 9)} 08:{n % 60:02}:{n % 59:02}.{n % 1000:03}",
    "durations": lambda n: f"{n % 3} days 00:{n % 60:02}:{n % 59:02}.5",
    "ids": lambda n: f"{n:08d}",
    "phones": lambda n: str(13_000_000_000 + n * 37),
    "codes": lambda n: f"A{n}-x",
    "words": lambda n: f"第{n}个 回答",
}


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(sorted(WIDE)),
    st.lists(ODD, max_size=12),
    st.integers(0, 50),
    st.sampled_from(["列", "用户ID", "金额"]),
)
def test_patterns_and_rules_read_the_same(form: str, odd: list[str | None], start: int, name: str) -> None:
    cells = [WIDE[form](n) for n in range(start, start + 700)] + odd
    column = pl.Series(name, cells, dtype=pl.String)
    dictionary = encode(column)
    assert dictionary is not None
    same(read_wide(column, name), read_coded(dictionary, name))


CODES = st.sampled_from([None, pl.Enum, pl.Categorical])


@settings(max_examples=80, deadline=None)
@given(st.lists(columns(), min_size=1, max_size=3), CODES, st.randoms(use_true_random=False))
def test_a_column_that_comes_as_a_dictionary_gives_the_same_version(drawn, kind, rng) -> None:
    height = max(len(cells) for cells in drawn)
    texts = pl.DataFrame(
        {
            f"列{at}": pl.Series(cells + [None] * (height - len(cells)), dtype=pl.String)
            for at, cells in enumerate(drawn)
        }
    )
    first = first_version(texts.clone(), Import())
    other = first_version(pl.DataFrame([coded(column, kind, rng) for column in texts]), Import())
    assert (other.root, other.digests) == (first.root, first.digests)
    assert other.objects == first.objects


def coded(column: pl.Series, kind, rng) -> pl.Series:
    """The column as a dictionary in any order, with texts that no row holds."""
    if kind is None:
        return column
    entries = [*column.drop_nulls().unique(), "nobody said this", "nor 7"]
    rng.shuffle(entries)
    if kind is pl.Enum:
        return column.cast(pl.Enum(list(dict.fromkeys(entries))))
    dtype = pl.Categorical(pl.Categories.random())
    return pl.concat([pl.Series(entries).cast(dtype), column.cast(dtype)])[len(entries) :].alias(column.name)


def test_a_dictionary_of_more_texts_than_codes_of_one_byte_can_number_keeps_its_nulls() -> None:
    for size in (254, 255, 256, 257):
        texts = [f"{n}" for n in range(size)]
        column = pl.Series("列", [*texts, None], dtype=pl.Enum(texts))
        assert detect(column.to_frame()).table.to_series(0).to_list() == [*range(size), None]
