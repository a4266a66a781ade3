"""The first rows of a file, told as soon as they are read: a person sees that it is the right file before it is typed.

Bounded in columns, rows, characters and bytes, so that it fits one progress message whatever the file holds.
"""

from __future__ import annotations

import json
from typing import Any, Final

import polars as pl

COLUMNS: Final = 30
ROWS: Final = 10
CHARACTERS: Final = 40
BYTES: Final = 7_500  # a progress message holds 8,192


def preview(table: pl.DataFrame) -> dict[str, Any]:
    """`rows` as texts (null where the file has nothing); fewer of them, then of columns, until it fits."""
    head = table.head(ROWS)[:, :COLUMNS].select(
        pl.all().cast(pl.String, strict=False).str.slice(0, CHARACTERS)
    )
    names, rows = [name[:CHARACTERS] for name in head.columns], [list(row) for row in head.rows()]
    while True:
        facts = {
            "stage": "preview",
            "columns": names,
            "rows": rows,
            "total_rows": table.height,
            "total_columns": table.width,
        }
        if len(json.dumps(facts, ensure_ascii=False).encode()) <= BYTES:
            return facts
        if len(rows) > 2:
            rows = rows[: len(rows) // 2]
        else:
            half = max(1, len(names) // 2)
            names, rows = names[:half], [row[:half] for row in rows]
