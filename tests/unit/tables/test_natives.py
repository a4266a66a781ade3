"""Columns that come in native types: mapped, never parsed."""
# ruff: noqa: DTZ001 - tables hold no time zone

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from retort_core.schema import DType, Kind
from retort_tables.detection import Typed, detect
from retort_tables.layout import physical


def of(column: pl.Series) -> Typed:
    return detect(pl.DataFrame({"列": column}))


@pytest.mark.parametrize(
    ("column", "dtype", "cells"),
    [
        (pl.Series([1.0, 2.0, None]), DType.integer, [1, 2, None]),
        (pl.Series([1.5, 2.0]), DType.number, [1.5, 2.0]),
        (pl.Series([1, 2], dtype=pl.Int8), DType.integer, [1, 2]),
        (pl.Series([2**64 - 1], dtype=pl.UInt64), DType.text, ["18446744073709551615"]),
        (pl.Series([True, None]), DType.boolean, [True, None]),
        (pl.Series([date(2024, 1, 31)]), DType.date, [date(2024, 1, 31)]),
        (pl.Series([datetime(2024, 1, 31)]), DType.date, [date(2024, 1, 31)]),
        (
            pl.Series([datetime(2024, 1, 31, 8, 5)], dtype=pl.Datetime("ms")),
            DType.datetime,
            [datetime(2024, 1, 31, 8, 5)],
        ),
        (pl.Series([timedelta(seconds=90)]), DType.duration, [timedelta(seconds=90)]),
        (pl.Series([Decimal("1.50")]), DType.decimal, [Decimal("1.50")]),
        (pl.Series(["a", "b"], dtype=pl.Categorical), DType.text, ["a", "b"]),
        (pl.Series([b"ab"]), DType.text, ["ab"]),
        (pl.Series([[1, 2]]), DType.text, ["[1, 2]"]),
        (pl.Series([None, None]), DType.text, [None, None]),
    ],
)
def test_mapping(column: pl.Series, dtype: DType, cells: list[object]) -> None:
    found = of(column)
    assert found.schema.columns[0].dtype is dtype
    assert found.table.to_series(0).to_list() == cells
    assert found.table.to_series(0).dtype == physical(found.schema.columns[0])


def test_a_time_zone_is_dropped_and_the_wall_clock_kept() -> None:
    moment = pl.Series([datetime(2024, 1, 31, 8, 5)]).dt.replace_time_zone("Asia/Shanghai")
    assert of(moment).table.to_series(0).to_list() == [datetime(2024, 1, 31, 8, 5)]


def test_not_a_number_is_missing_and_infinity_invalid() -> None:
    found = of(pl.Series([1.5, float("nan"), float("inf"), None]))
    assert found.table.to_series(0).to_list() == [1.5, None, None, None]
    rows = found.marks.select("row_id", "state", "reason", "raw").rows()
    assert rows == [
        (1, "missing", "token", "NaN"),
        (2, "invalid", "not converted", "inf"),
        (3, "missing", "empty", None),
    ]


def test_native_ids_keep_their_type() -> None:
    found = detect(pl.DataFrame({"用户ID": list(range(1000, 1100))}))
    assert (found.schema["用户ID"].kind, found.schema["用户ID"].dtype) == (Kind.id, DType.integer)
