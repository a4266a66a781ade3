"""The Polars type of a column, as code."""

from __future__ import annotations

from retort_core.schema import Column, DType
from retort_plans.syntax import Code, pl, pl_name

_PLAIN = {
    DType.text: "String",
    DType.integer: "Int64",
    DType.number: "Float64",
    DType.boolean: "Boolean",
    DType.date: "Date",
}


def polars_type(column: Column) -> Code:
    """`pl.Int64`, `pl.Decimal(38, 2)`, `pl.Datetime("us")` …"""
    match column.dtype:
        case DType.decimal:
            return pl("Decimal", 38, column.digits)
        case DType.datetime:
            return pl("Datetime", "us")
        case DType.duration:
            return pl("Duration", "us")
    return pl_name(_PLAIN[column.dtype])
