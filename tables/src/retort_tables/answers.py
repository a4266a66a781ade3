"""Read-only results: small tables that a run answers with, checked and ready to show, export or run on again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from retort_core.cells import ROW_ID, is_hidden
from retort_core.errors import DataError, LimitExceeded
from retort_core.schema import Schema
from retort_tables.layout import physical
from retort_tables.results import new_column
from retort_tables.snapshots.encoding import parquet
from retort_tables.texts import canonical

ROWS_SHOWN: Final = 10_000
TABLES: Final = 32
TEXT_SHOWN: Final = 10_000
_SAFE_INTEGER: Final = 2**53  # beyond it JSON numbers are rounded by most readers


def answered(tables: Mapping[str, pl.DataFrame], salt: str) -> dict[str, bytes]:
    """Parts of an answer: `answer.json` with every table (schema and rows), and each as Parquet in `answer:NAME`."""
    if len(tables) > TABLES:
        raise LimitExceeded(f"The answer has {len(tables)} tables, allowed are {TABLES}.", limit="tables")
    shown, files = {}, {}
    for name, table in tables.items():
        if not 0 < len(name) <= 100 or not name.isprintable():
            raise DataError(
                f"The answer names a table {name[:50]!r}; a name has 1 to 100 printable characters."
            )
        schema, plain = _checked(name, table, salt)
        shown[name] = {"schema": schema.model_dump(mode="json", exclude_defaults=True), "rows": rows(plain)}
        files[f"answer:{name}"] = parquet(plain)
    body = json.dumps({"tables": shown}, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return {"answer.json": body.encode(), **files}


def _checked(name: str, table: pl.DataFrame, salt: str) -> tuple[Schema, pl.DataFrame]:
    if table.height > ROWS_SHOWN:
        raise LimitExceeded(
            f"The answer {name!r} has {table.height:,} rows, allowed are {ROWS_SHOWN:,}. Group by fewer values, or make it "
            "a new version instead.",
            limit="rows",
        )
    hidden = [column for column in table.columns if is_hidden(column)]
    if hidden:
        raise DataError(f"The answer {name!r} has a reserved column, {hidden[0]!r} (like {ROW_ID}).")
    columns = tuple(new_column(values, f"{salt}\n{name}", "answer") for values in table.iter_columns())
    plain = table.with_columns(table.get_column(column.name).cast(physical(column)) for column in columns)
    floats = pl.selectors.float()
    return Schema(columns=columns), plain.with_columns(pl.when(floats.is_finite()).then(floats))


def rows(table: pl.DataFrame) -> list[list[Any]]:
    """Rows as JSON: numbers and booleans as such, everything else as canonical text, null where there is no value."""
    columns = [_json(values) for values in table.iter_columns()]
    return [list(row) for row in zip(*columns, strict=True)]


def _json(values: pl.Series) -> list[Any]:
    if values.dtype == pl.Int64:
        return [
            number if number is None or abs(number) <= _SAFE_INTEGER else str(number) for number in values
        ]
    if values.dtype in (pl.Float64, pl.Boolean):
        return values.to_list()
    return [text if text is None else text[:TEXT_SHOWN] for text in canonical(values)]
