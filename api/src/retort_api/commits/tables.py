"""Pages of tables: JSON with marks for people and front ends, Arrow or Parquet for programs. Blocking; run in threads."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

import polars as pl
from pydantic import JsonValue

from retort_api.commits.results import Part
from retort_core.cells import ROW_ID
from retort_core.http.routes import ARROW, PARQUET
from retort_core.http.versions import Mark, TablePage
from retort_tables.snapshots.port import Snapshot, SnapshotStore

MEDIA: Final = ("application/json", ARROW, PARQUET)
SAFE_INTEGER: Final = 2**53  # beyond it JSON numbers are rounded by most readers


def read_page(
    snapshots: SnapshotStore, key: str, columns: Sequence[str] | None, offset: int, limit: int
) -> Snapshot:
    return snapshots.read(key, columns=columns, rows=slice(offset, offset + limit))


def page(snapshot: Snapshot, columns: Sequence[str] | None, offset: int) -> TablePage:
    names = tuple(columns) if columns is not None else snapshot.schema.names
    places = {row: place for place, row in enumerate(snapshot.table.get_column(ROW_ID).to_list())}
    shown = {snapshot.schema[name].id: name for name in names}
    marks = tuple(
        Mark(row=places[row], column=shown[column], state=state, reason=reason or "", raw=raw)
        for row, column, state, reason, raw in snapshot.marks.iter_rows()
        if row in places and column in shown
    )
    return TablePage(
        columns=tuple(snapshot.schema[name] for name in names),
        rows=rows(snapshot.table.select(names)),
        marks=marks,
        offset=offset,
        total=snapshot.total,
    )


def answer_page(table: pl.DataFrame, part: Part, offset: int, limit: int, *, stale: bool) -> TablePage:
    piece = table.slice(offset, limit)
    beside = piece.get_column(part.beside).to_list() if part.beside in piece.columns else []
    return TablePage(
        columns=part.table_schema.columns,
        rows=rows(piece),
        offset=offset,
        total=table.height,
        shares=part.shares,
        other_rows=tuple(at for at, value in enumerate(beside) if value in part.others),
        stale=stale,
    )


def rows(table: pl.DataFrame) -> tuple[tuple[JsonValue, ...], ...]:
    columns = [[_json(value) for value in values.to_list()] for values in table.iter_columns()]
    return tuple(zip(*columns, strict=True)) if columns else ()


def _json(value: Any) -> JsonValue:  # noqa: PLR0911 - one line a type
    match value:
        case None | bool() | str():
            return cast("JsonValue", value)
        case int():
            return value if abs(value) <= SAFE_INTEGER else str(value)
        case float():
            return value if math.isfinite(value) else None
        case datetime():
            return value.isoformat(" ")
        case date() | Decimal():
            return str(value)
        case timedelta():
            return value.total_seconds()
        case _:
            return str(value)


def encoded(table: pl.DataFrame, media: str) -> bytes:
    """A table without hidden columns, as Arrow stream or Parquet."""
    plain = table.drop(ROW_ID, strict=False)
    out = io.BytesIO()
    if media == PARQUET:
        plain.write_parquet(out)
    else:
        plain.write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
    return out.getvalue()
