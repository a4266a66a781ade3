"""Tables that properties are tried on: a schema with a column of every kind, rows of it, and both as Polars frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
from hypothesis import strategies as st

from retort_core.cells import ROW_ID, companion
from retort_core.schema import Column, DType, Kind, Scale, Schema, ValueLabel
from retort_plans.reference import MISSING, Cell, Invalid, Row, Valid


def column(name: str, dtype: DType, kind: Kind, **more: Any) -> Column:
    return Column(id=f"c_{name}", name=name, dtype=dtype, kind=kind, **more)


SCHEMA = Schema(
    columns=(
        column("编号", DType.text, Kind.id),
        column("年龄", DType.integer, Kind.numeric),
        column(
            "打分",
            DType.integer,
            Kind.scale,
            scale=Scale(min=1, max=5),
            value_labels=(ValueLabel(value="5", label="满意"),),
        ),
        column("身高", DType.number, Kind.numeric),
        column("金额", DType.decimal, Kind.numeric, digits=2),
        column("会员", DType.boolean, Kind.single),
        column("生日", DType.date, Kind.date),
        column("时间", DType.datetime, Kind.date),
        column("城市", DType.text, Kind.single),
        column("多选", DType.text, Kind.multi, separator=";"),
    )
)
POOLS: dict[str, Sequence[Any]] = {
    "编号": ["a1", "a1 ", "ａ1", "b2", "c3"],
    "年龄": [-5, 0, 1, 18, 30, 98, 199],
    "打分": [1, 2, 3, 4, 5, 98],
    "身高": [-1.5, 0.5, 1.75, 2.675, 3.0, 1000.125],
    "金额": [Decimal("-0.05"), Decimal("1.00"), Decimal("2.50"), Decimal("19.99")],
    "会员": [True, False],
    "生日": [date(2023, 12, 31), date(2024, 1, 1), date(2024, 1, 31), date(2024, 2, 1)],
    "时间": [datetime(2024, 1, 1), datetime(2024, 1, 31, 23, 59, 59, 999999), datetime(2024, 2, 1, 8, 5)],  # noqa: DTZ001
    "城市": [
        "北京",
        "北京 ",
        "北京市",
        "beijing",
        "Beijing",
        "ＢＪ",
        "BJ",
        "1",
        "a-b-c",
        "无",
        "2,3",
        "x  y",
        "$1",
    ],
    "多选": ["1", "1;2", "10;2;", " 1 ; 3", "；", "2；10", "98"],
}
RAWS = ["abc", "二十", "12.5", "1,234", "98", "ＡＢＣ", "2024/1/5", "是"]
POLARS: dict[DType, Callable[[Column], Any]] = {
    DType.text: lambda _: pl.String,
    DType.integer: lambda _: pl.Int64,
    DType.number: lambda _: pl.Float64,
    DType.decimal: lambda c: pl.Decimal(38, c.digits),
    DType.boolean: lambda _: pl.Boolean,
    DType.date: lambda _: pl.Date,
    DType.datetime: lambda _: pl.Datetime("us"),
}


@st.composite
def tables(draw: st.DrawFn, schema: Schema = SCHEMA, *, invalid: Iterable[str] = ()) -> list[Row]:
    """Rows of a table; cells are invalid only in the columns named."""
    marks, count = frozenset(invalid), draw(st.integers(0, 7))
    rows = []
    for number in range(count):
        cells: dict[str, Cell] = {}
        for it in schema.columns:
            kinds: list[st.SearchStrategy[Cell]] = [
                st.sampled_from(POOLS[it.name]).map(Valid),
                st.just(MISSING),
            ]
            if it.name in marks:
                kinds.append(st.sampled_from(RAWS).map(Invalid))
            cells[it.name] = draw(st.one_of(*kinds))
        rows.append(Row(id=10 + number * 7, cells=cells))
    return rows


def frame(rows: Sequence[Row], schema: Schema, invalid: Iterable[str], *, row_ids: bool) -> pl.DataFrame:
    data: dict[str, pl.Series] = {}
    if row_ids:
        data[ROW_ID] = pl.Series(ROW_ID, [row.id for row in rows], dtype=pl.Int64)
    for it in schema.columns:
        data[it.name] = pl.Series(it.name, [row.value(it.name) for row in rows], dtype=POLARS[it.dtype](it))
    for name in invalid:
        raws = [cell.raw if isinstance(cell := row[name], Invalid) else None for row in rows]
        data[companion(name)] = pl.Series(companion(name), raws, dtype=pl.String)
    return pl.DataFrame(data)


def rows_of(table: pl.DataFrame, schema: Schema, ids: Sequence[int] | None = None) -> list[Row]:
    found = []
    for number, record in enumerate(table.iter_rows(named=True)):
        cells: dict[str, Cell] = {}
        for name in schema.names:
            raw = record.get(companion(name))
            value = record[name]
            cells[name] = Valid(value) if value is not None else MISSING if raw is None else Invalid(raw)
            assert value is None or raw is None, f"{name} is valid and has raw text"
        found.append(Row(id=ids[number] if ids else record[ROW_ID], cells=cells))
    return found
