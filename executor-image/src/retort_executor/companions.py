"""Raw texts of invalid cells as hidden columns beside their column: what an emitted script carries along.

They stand in the marks of the version that a script is fed, by row and column id.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from retort_executor.sameness import INVALID, ROW_ID


def with_companions(table: pl.DataFrame, marks: pl.DataFrame, columns: Mapping[str, str]) -> pl.DataFrame:
    """`columns`: name -> id of those that may have invalid cells; a companion is added where there are some."""
    broken = marks.filter((pl.col("state") == "invalid") & pl.col("column_id").is_in(list(columns.values())))
    parts = broken.partition_by("column_id", as_dict=True)
    for name, column_id in columns.items():
        part = parts.get((column_id,))
        if part is not None:
            raw = pl.DataFrame(
                [
                    part.get_column("row_id").alias(ROW_ID),
                    part.get_column("raw").fill_null("").alias(name + INVALID),
                ]
            )
            table = table.join(raw, on=ROW_ID, how="left", maintain_order="left")
    return table
