"""The profile equals a row-by-row computation in plain Python."""

from __future__ import annotations

import statistics
from collections import Counter
from fractions import Fraction
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.profiles import ColumnProfile, Numbers
from retort_core.schema import DType
from retort_tables.columns import tallies
from retort_tables.columns.oddities import repaired
from retort_tables.columns.tallies import tally
from retort_tables.detection import detect
from retort_tables.profiling import profile
from retort_tables.texts import canonical

NUMBERS = st.one_of(
    st.integers(-(10**9), 10**9), st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 6))
)


def close(one: float, other: float) -> bool:
    return one == pytest.approx(other, rel=1e-12, abs=1e-9)


def check_numbers(found: Numbers, cells: list[float]) -> None:
    exact = [Fraction(cell) for cell in cells]
    mean = sum(exact) / len(exact)
    assert (found.min, found.max) == (min(cells), max(cells))
    assert close(found.sum, float(sum(exact)))
    assert close(found.mean, float(mean))
    if len(cells) == 1:
        assert found.sd is None
        quartiles = [cells[0]] * 3
    else:
        assert found.sd is not None
        assert found.sd == pytest.approx(statistics.stdev(exact), rel=1e-9, abs=1e-6)
        quartiles = statistics.quantiles(cells, n=4, method="inclusive")
    assert all(close(a, b) for a, b in zip((found.q1, found.median, found.q3), quartiles, strict=True))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.none(), NUMBERS), max_size=60))
def test_numbers(cells: list[float | None]) -> None:
    texts = [None if cell is None else str(cell) for cell in cells]
    found = detect(pl.DataFrame({"量": pl.Series(texts, dtype=pl.String)}))
    made = profile(found.table, found.marks, found.schema, found.readings).columns[0]
    valid = [float(cell) for cell in cells if cell is not None]
    if found.schema.columns[0].dtype.numeric and made.valid == len(valid) > 0:
        assert made.numbers is not None
        check_numbers(made.numbers, valid)
        assert sum(made.histogram) == len(valid)
    check_counts(made, canonical(found.table.to_series(0)).to_list(), cells)


def check_counts(made: ColumnProfile, shown: list[str | None], cells: list[object]) -> None:
    counts = Counter(text for text in shown if text is not None)
    assert (made.rows, made.valid, made.distinct) == (len(cells), counts.total(), len(counts))
    assert {v.value: v.count for v in made.values} == dict(counts)
    assert [v.count for v in made.values] == sorted(counts.values(), reverse=True)
    assert made.rows == made.valid + made.missing + made.invalid


TEXTS = st.lists(
    st.one_of(st.none(), st.text("ab 一二\u3000é", max_size=4), st.sampled_from(["客服", "瀹㈡湇", " a"])),
    max_size=40,
)


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_texts(cells: list[str | None]) -> None:
    found = detect(pl.DataFrame({"文": pl.Series(cells, dtype=pl.String)}))
    made = profile(found.table, found.marks, found.schema, found.readings).columns[0]
    shown = found.table.to_series(0).cast(pl.String).to_list()
    check_counts(made, shown, list(cells))
    if found.schema.columns[0].dtype is DType.text and made.valid:
        valid = [text for text in shown if text is not None]
        assert (made.min_text, made.max_text) == (min(valid), max(valid))
        assert made.mojibake == sum(repaired(text) is not None for text in valid)
        assert made.spaces == sum(is_odd(text) for text in valid)


def is_odd(text: str) -> bool:
    return (
        text != text.strip()
        or "  " in text
        or "\u3000" in text
        or any(a.isspace() and b.isspace() for a, b in pairwise(text))
    )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "a ", "ａ", "b", None]),
            st.sampled_from(["1", "2", None]),
            st.integers(0, 30),
        ),
        max_size=40,
    )
)
def test_repeated_rows(rows: list[tuple[str | None, str | None, int]]) -> None:
    table = pl.DataFrame(
        {
            "用户ID": [f"U{key:03}" for *_, key in rows],
            "x": pl.Series([x for x, *_ in rows], dtype=pl.String),
            "y": pl.Series([y for _, y, _ in rows], dtype=pl.String),
        }
    )  # fmt: skip
    found = detect(table)
    made = profile(found.table, found.marks, found.schema, found.readings)
    ids = {c.id for c in found.schema.columns if c.kind == "id"}
    folded = [("a" if x else x) if x != "b" else x for x, *_ in rows]
    whole = [(key, x, y) for (_, y, key), x in zip(rows, folded, strict=True)]
    for item in made.duplicates:
        if len(item.columns) == 3:
            assert item.identical == len(whole) - len(set(whole))
        elif item.columns == ("c1",) and ids:
            keys = [key for key, *_ in whole]
            assert item.identical + item.conflicting == len(keys) - len(set(keys))
            assert item.identical == len(whole) - len(set(whole))
    whole_row = [d for d in made.duplicates if len(d.columns) == 3]
    assert bool(whole_row) == (len(set(whole)) < len(whole))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.booleans())
def test_many_texts_are_counted_like_few(seed: int, repeats: int, digits: bool) -> None:
    import random

    generator = random.Random(seed)
    words = [f"{n:09d}" if digits else f"词{n}" for n in range(6000)]
    cells: list[str | None] = [*words, *generator.choices(words, k=repeats * 10), None]
    generator.shuffle(cells)
    found, counts = tally(pl.Series(cells)), Counter(text for text in cells if text is not None)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[: tallies.VALUES_KEPT]
    assert found.top() == ranked
    assert (found.distinct, found.rows) == (len(counts), counts.total())
    assert found.repeated == sum(count > 1 for count in counts.values())
    assert (found.low, found.high) == (min(counts), max(counts))


SEVERAL = st.integers(2, 7).flatmap(
    lambda width: st.lists(st.lists(st.sampled_from("xyz"), min_size=width, max_size=width), max_size=30)
)


@settings(max_examples=40, deadline=None)
@given(SEVERAL, st.integers(0, 3))
def test_repeated_rows_of_several_columns_however_many_tell_them_apart(
    rows: list[list[str]], varied: int
) -> None:
    """The first `varied` columns have a value of their own in every row but the last two."""
    width = len(rows[0]) if rows else 2
    for at, row in enumerate(rows[:-2]):
        row[:varied] = [f"w{at}"] * min(varied, width)
    table = pl.DataFrame(
        {f"c{n}": pl.Series([row[n] for row in rows], dtype=pl.String) for n in range(width)}
    )
    found = detect(table)
    made = profile(found.table, found.marks, found.schema, found.readings)
    whole = [item for item in made.duplicates if len(item.columns) == width]
    surplus = len(rows) - len({tuple(row) for row in rows})
    assert sum(item.identical for item in whole) == surplus


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["北京", "北京市", None]), NUMBERS, st.sampled_from("xyz")), max_size=30
    ),
    st.sets(st.integers(0, 2)),
)
def test_columns_known_from_before_change_nothing(
    rows: list[tuple[str | None, float, str]], known: set[int]
) -> None:
    names = ("城市", "年龄", "z")
    table = pl.DataFrame(
        {
            name: pl.Series([None if row[n] is None else str(row[n]) for row in rows], dtype=pl.String)
            for n, name in enumerate(names)
        }
    )
    found = detect(table)
    whole = profile(found.table, found.marks, found.schema)
    kept = {whole.columns[at].column: whole.columns[at] for at in known}
    assert profile(found.table, found.marks, found.schema, kept=kept) == whole
