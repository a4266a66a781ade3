"""Dates in many spellings: the vote, what stays undecided, and that script, reference and typing agree."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.cells import ROW_ID, companion
from retort_core.dateforms import parse as parse_any
from retort_core.plans import Plan, Step
from retort_core.schema import Column, DType, Kind, Schema
from retort_plans import daywords
from retort_plans.catalogue import parse_step
from retort_plans.reference import MISSING, Invalid, Row, Valid
from retort_plans.scripts import build_script

SCHEMA = Schema(columns=(Column(id="c1", name="提交日期", dtype=DType.text, kind=Kind.text),))


def standardized(texts: list[str | None], order: str = "auto") -> tuple[list[date | None], list[str | None]]:
    """(dates, raw texts) after the emitted script."""
    step = Step(id="s", op="standardize_date", params={"columns": ["提交日期"], "order": order})
    source = build_script(Plan(title="t", steps=(step,)), SCHEMA).source
    space: dict[str, Any] = {"__name__": "retort_script"}
    exec(compile(source, "script", "exec"), space)
    table = pl.DataFrame(
        {ROW_ID: range(len(texts)), "提交日期": texts}, schema={ROW_ID: pl.Int64, "提交日期": pl.String}
    )
    made = space["run"](table)
    assert made["提交日期"].dtype == pl.Date
    return made["提交日期"].to_list(), made[companion("提交日期")].to_list()


@pytest.mark.parametrize(
    "text",
    ["2024-03-05", "2024/3/5", "2024.3.5", "2024年3月5日", "20240305", "24年3月5日", "2024-03-05 00:00:00", "２０２４－３－５", " 2024-3-5 ", "5 Mar 2024", "March 5, 2024", "5-March-2024"],
)  # fmt: skip
def test_a_spelling_that_reads_one_way_is_read(text: str) -> None:
    assert standardized([text]) == ([date(2024, 3, 5)], [None])


def test_a_first_part_above_12_decides_for_day_first() -> None:
    dates, raw = standardized(["05/03/2024", "25/03/2024", "2024-01-02"])
    assert dates == [date(2024, 3, 5), date(2024, 3, 25), date(2024, 1, 2)]
    assert raw == [None] * 3


def test_a_second_part_above_12_decides_for_month_first() -> None:
    assert standardized(["05/03/2024", "03/25/2024"])[0] == [date(2024, 5, 3), date(2024, 3, 25)]


def test_conflicting_votes_leave_what_reads_two_ways_as_it_is() -> None:
    dates, raw = standardized(["05/03/2024", "25/03/2024", "03/25/2024", "04/04/2024"])
    assert dates == [None, date(2024, 3, 25), date(2024, 3, 25), date(2024, 4, 4)]
    assert raw == ["05/03/2024", None, None, None]


def test_what_is_no_date_has_no_vote() -> None:
    dates, raw = standardized(["25/13/2024", "31/02/2024", "25/03/2024", "05/03/2024"])
    assert dates == [None, None, date(2024, 3, 25), date(2024, 3, 5)]
    assert raw == ["25/13/2024", "31/02/2024", None, None]


def test_without_any_vote_nothing_is_guessed() -> None:
    assert standardized(["05/03/2024"]) == ([None], ["05/03/2024"])
    assert standardized(["05/03/2024"], "day_first")[0] == [date(2024, 3, 5)]
    assert standardized(["05/03/2024"], "month_first")[0] == [date(2024, 5, 3)]


@pytest.mark.parametrize(
    "text", ["31/02/2024", "2024-13-01", "昨天", "7月23日", "2024-03-05 08:30", "12/2024", "20241301"]
)
def test_what_is_no_date_stays_with_its_raw_text(text: str) -> None:
    assert standardized([text]) == ([None], [text])


def test_two_digit_years_up_to_69_are_of_this_century() -> None:
    assert standardized(["13/01/69", "13/01/70"])[0] == [date(2069, 1, 13), date(1970, 1, 13)]


def test_each_column_has_its_own_vote() -> None:
    schema = Schema(columns=tuple(Column(id=n, name=n, dtype=DType.text, kind=Kind.text) for n in "ab"))
    step = Step(id="s", op="standardize_date", params={"columns": ["a", "b"], "order": "auto"})
    space: dict[str, Any] = {"__name__": "retort_script"}
    exec(
        compile(build_script(Plan(title="t", steps=(step,)), schema, row_ids=False).source, "s", "exec"),
        space,
    )
    made = space["run"](pl.DataFrame({"a": ["05/03/2024", "25/03/2024"], "b": ["05/03/2024", "03/25/2024"]}))
    assert made["a"][0] == date(2024, 3, 5)
    assert made["b"][0] == date(2024, 5, 3)


spellings = st.one_of(
    st.sampled_from(["昨天", "7月23日", "31/02/2024", "2024-3-5 10:00", "", "5 Sept 2024", "5 Mai 2024"]),
    st.dates(date(1970, 1, 1), date(2069, 12, 31)).flatmap(
        lambda d: st.sampled_from(
            [d.isoformat(), f"{d.year}/{d.month}/{d.day}", f"{d:%d/%m/%Y}", f"{d:%m/%d/%Y}", f"{d:%Y%m%d}", f"{d:%d-%b-%Y}", f"{d:%d.%m.%y}", f"{d.year}年{d.month}月{d.day}日", f"{d:%B %d, %Y}"]
        )
    ),
)  # fmt: skip


@given(st.lists(st.none() | spellings, max_size=8), st.sampled_from(["auto", "day_first", "month_first"]))
@settings(max_examples=80, deadline=None)
def test_the_script_reads_what_the_reference_reads(texts: list[str | None], order: str) -> None:
    operation = parse_step(
        Step(id="s", op="standardize_date", params={"columns": ["提交日期"], "order": order})
    )
    rows = [Row(id=i, cells={"提交日期": MISSING if t is None else Valid(t)}) for i, t in enumerate(texts)]
    expected = [row["提交日期"] for row in operation.reference(rows, SCHEMA)]
    dates, raw = standardized(texts, order)
    found = [
        Valid(d) if d is not None else MISSING if r is None else Invalid(r)
        for d, r in zip(dates, raw, strict=True)
    ]
    assert found == expected


@given(spellings, st.sampled_from(["", "day_first", "month_first"]))
@settings(max_examples=200, deadline=None)
def test_a_date_read_at_import_is_the_same_date_here(text: str, order: str) -> None:
    at_import = parse_any(text, order)
    if type(at_import) is date:
        assert daywords.parse(text, order) == at_import
