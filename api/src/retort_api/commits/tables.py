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
from retort_core.errors import LimitExceeded
from retort_core.http.routes import ARROW, PARQUET
from retort_core.http.versions import Mark, TablePage
from retort_tables.objects.port import ObjectStore, read
from retort_tables.snapshots.port import Snapshot, SnapshotStore

MEDIA: Final = ("application/json", ARROW, PARQUET)
# A cell with a short text takes 150 bytes while it is written, as JSON or as a table.
JSON_CELLS: Final = 1_000_000
BINARY_CELLS: Final = 2_000_000
PAGE_BYTES: Final = 128 << 20
LARGE: Final = 100_000  # cells: of these two are written at a time, with the files
SAFE_INTEGER: Final = 2**53  # beyond it JSON numbers are rounded by most readers


def bounded(rows: int, columns: int, media: str) -> int:
    """The cells of a page; raises LimitExceeded where they are more than a page may have."""
    cells, most = rows * columns, JSON_CELLS if media == "application/json" else BINARY_CELLS
    if cells > most:
        raise LimitExceeded(
            f"{rows:,} rows of {columns:,} columns are more than the {most:,} cells of one page; ask for fewer rows (`limit` of "
            f"{max(1, most // columns):,}) or columns, or export it as a file.",
            limit="page", cells=cells, allowed=most,
        )  # fmt: skip
    return cells


def written(
    snapshots: SnapshotStore, key: str, columns: Sequence[str] | None, rows: slice, media: str
) -> bytes:
    """Rows of a version, as the body of a reply."""
    snapshot = snapshots.read(key, columns=columns, rows=rows)
    _light(snapshot.table)
    if media != "application/json":
        return encoded(snapshot.table, media)
    return page(snapshot, columns, rows.start).model_dump_json().encode()


def answer_written(objects: ObjectStore, part: Part, rows: slice, media: str, *, stale: bool) -> bytes:
    """Rows of an answer as JSON, or all of it as a table."""
    # It is read whole, whatever is shown of it.
    _fits(objects.size(part.object), "This answer takes", "ask for fewer rows or columns in words")
    data = read(objects, part.object)
    if media == PARQUET:
        return data  # as it lies
    table = pl.scan_parquet(io.BytesIO(data))
    if media != "application/json":
        return encoded(_light(table.collect()), media)
    piece = _light(table.slice(rows.start, rows.stop - rows.start).collect())
    return answer_page(piece, part, rows.start, stale=stale).model_dump_json().encode()


def _light(table: pl.DataFrame) -> pl.DataFrame:
    """Texts may be of any length."""
    _fits(int(table.estimated_size()), "These rows take", "ask for fewer of them, or export them as a file")
    return table


def _fits(size: int, what: str, instead: str) -> None:
    """Raises LimitExceeded where `size` bytes are more than a page may have."""
    if size > PAGE_BYTES:
        raise LimitExceeded(
            f"{what} {size >> 20:,} MiB, and a page may take {PAGE_BYTES >> 20}; {instead}.",
            limit="page", bytes=size, allowed=PAGE_BYTES,
        )  # fmt: skip


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


def answer_page(piece: pl.DataFrame, part: Part, offset: int, *, stale: bool) -> TablePage:
    beside = piece.get_column(part.beside).to_list() if part.beside in piece.columns else []
    return TablePage(
        columns=part.table_schema.columns,
        rows=rows(piece),
        offset=offset,
        total=part.rows,
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
