"""Dates as people type them: golden texts, the vote of SEMANTICS 6, and formats that other engines can use."""
# ruff: noqa: DTZ001 - tables hold no time zone

from __future__ import annotations

from datetime import date, datetime

import polars as pl
import pytest

from retort_core.dateforms import FORMS, form_of, formats, from_serial, parse, prepare, vote, yearless

GOLDEN = [
    ("2024-01-31", date(2024, 1, 31)),
    ("2024/1/5", date(2024, 1, 5)),
    ("2024.01.05", date(2024, 1, 5)),
    ("2024年1月5日", date(2024, 1, 5)),
    ("24年1月5日", date(2024, 1, 5)),
    ("20240131", date(2024, 1, 31)),
    ("２０２４-０１-３１", date(2024, 1, 31)),
    (" 2024-01-31 ", date(2024, 1, 31)),
    ("31/01/2024", date(2024, 1, 31)),
    ("01/31/2024", date(2024, 1, 31)),
    ("31-1-24", date(2024, 1, 31)),
    ("31.01.2024", date(2024, 1, 31)),
    ("31 Jan 2024", date(2024, 1, 31)),
    ("Jan 31, 2024", date(2024, 1, 31)),
    ("January 31, 2024", date(2024, 1, 31)),
    ("31-Jan-24", date(2024, 1, 31)),
    ("5/5/2024", date(2024, 5, 5)),  # the same day in both readings
    ("2024-01-31 08:05", datetime(2024, 1, 31, 8, 5)),
    ("2024-01-31 08:05:09.25", datetime(2024, 1, 31, 8, 5, 9, 250_000)),
    ("2024-01-31T08:05:00Z", datetime(2024, 1, 31, 8, 5)),
    ("2024-01-31 下午 3:05", datetime(2024, 1, 31, 15, 5)),
    ("2024年1月31日 上午9:05:07", datetime(2024, 1, 31, 9, 5, 7)),
    ("2024/1/31 12:00 AM", datetime(2024, 1, 31)),
    ("1/31/2024 3:05:09 pm", datetime(2024, 1, 31, 15, 5, 9)),
    ("2024-01-31 8时05分", datetime(2024, 1, 31, 8, 5)),
]
NO_DATES = [
    *(
        "",
        "2024-02-30",
        "2024-13-01",
        "20241301",
        "18991231",
        "7月23日",
        "24-1-5",
        "124-01-05",
        "12.05",
        "1/2",
    ),
    *("2024-01-31 25:00", "2024-01-31 13:05 PM", "昨天", "abc", "2024-01-31x", "99999999", "1-2-3-4", "2024"),
]


@pytest.mark.parametrize(("text", "moment"), GOLDEN)
def test_recognised_forms(text: str, moment: date) -> None:
    assert parse(text) == moment
    assert type(parse(text)) is type(moment)


@pytest.mark.parametrize("text", NO_DATES)
def test_other_texts_are_not_dates(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(("year", "meant"), [("00", 2000), ("69", 2069), ("70", 1970), ("99", 1999)])
def test_two_digit_years_up_to_69_are_2000s(year: str, meant: int) -> None:
    assert parse(f"31/1/{year}") == date(meant, 1, 31)


def test_a_cell_of_two_readings_needs_an_order() -> None:
    assert parse("2/5/2019") is None
    assert parse("2/5/2019", "day_first") == date(2019, 5, 2)
    assert parse("2/5/2019", "month_first") == date(2019, 2, 5)


def test_a_settled_order_is_not_bent_for_a_single_cell() -> None:
    assert parse("4/16/2019", "day_first") is None


def test_only_first_parts_above_twelve_means_day_first() -> None:
    found = vote({"15/4/2019": 1, "16/4/2019": 2, "2/5/2019": 3})
    assert (found.order, found.ambiguous, found.settled) == ("day_first", 0, True)
    assert found.forms == {"%d/%m/%Y": 6}


def test_only_second_parts_above_twelve_means_month_first() -> None:
    assert vote({"4/15/2019": 1, "2/5/2019": 1}).order == "month_first"


def test_both_is_a_conflict_that_shows_each_group() -> None:
    found = vote({"15/4/2019": 1, "4/16/2019": 2, "2/5/2019": 3})
    assert (found.order, found.ambiguous, found.settled) == ("conflict", 3, False)
    assert found.groups == {
        "day_first": {"15/4/2019": 1},
        "month_first": {"4/16/2019": 2},
        "either": {"2/5/2019": 3},
    }
    assert found.forms == {"%d/%m/%Y": 1, "%m/%d/%Y": 2, "?/?/%Y": 3}


def test_no_evidence_is_ambiguous() -> None:
    found = vote({"2/5/2019": 3, "3/5/2019": 1})
    assert (found.order, found.ambiguous) == ("ambiguous", 4)


def test_distinct_values_vote_and_not_their_rows() -> None:
    assert vote({"15/4/2019": 1, "4/16/2019": 1_000_000}).order == "conflict"


def test_in_a_column_of_several_formats_only_the_day_month_cells_vote() -> None:
    found = vote({"2024-01-31": 5, "20240131": 5, "2024年1月31日": 5, "31/01/2024": 1, "01/02/2024": 1})
    assert found.order == "day_first"
    assert found.forms == {"%Y-%m-%d": 5, "%Y%m%d": 5, "%Y年%m月%d日": 5, "%d/%m/%Y": 2}


def test_a_column_without_day_month_cells_has_no_order() -> None:
    assert vote({"2024-01-31": 1, "x": 2}).order == ""
    assert vote({"2024-01-31": 1, "x": 2}).unread == 2


def test_a_date_without_a_year_is_recognised_and_asked() -> None:
    assert yearless("7月23日")
    assert vote({"7月23日": 4}).yearless == 4
    assert parse("7月23日") is None


def test_serials_of_spreadsheets() -> None:
    assert from_serial(45000) == date(2023, 3, 15)
    assert from_serial(45000.5) == datetime(2023, 3, 15, 12)
    assert from_serial(12) is None
    assert from_serial(1e9) is None


@pytest.mark.parametrize(("text", "moment"), GOLDEN)
def test_polars_reads_the_same_with_the_same_format(text: str, moment: date) -> None:
    form = form_of(text)
    texts = pl.Series([prepare(text)])
    assert texts.str.strptime(pl.Datetime("us"), form).dt.replace_time_zone(None).item() == datetime.combine(
        moment, moment.time() if isinstance(moment, datetime) else datetime.min.time()
    )


def test_formats_for_a_script_leave_out_the_other_order() -> None:
    day_first = formats("day_first", timed=False)
    assert "%d/%m/%Y" in day_first
    assert "%m/%d/%Y" not in day_first
    assert not any(
        "/%m/%d" in text or "%d/%m" in text for text in formats("", timed=False) if not text.startswith("%Y")
    )
    assert len({form.format for form in FORMS}) == len(FORMS)


def test_every_pattern_compiles_in_polars() -> None:
    empty = pl.Series([], dtype=pl.String)
    for form in FORMS:
        empty.str.contains(form.pattern)
