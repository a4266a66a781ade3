"""A preview fits its message whatever the file holds."""

from __future__ import annotations

import json

import polars as pl
import pytest

from retort_executor.previews import BYTES, preview


@pytest.mark.parametrize("table", [
    pl.DataFrame({"a": ["1", None]}),
    pl.DataFrame({f"列{n}" * 40: ["长" * 5000] * 50 for n in range(500)}),
    pl.DataFrame({"n": [1.5, 2.5], "d": pl.Series([None, None], dtype=pl.Date)}),
    pl.DataFrame({"only": []}, schema={"only": pl.String}),
])  # fmt: skip
def test_it_fits_and_is_text(table: pl.DataFrame) -> None:
    facts = preview(table)
    assert len(json.dumps(facts, ensure_ascii=False).encode()) <= BYTES
    assert facts["total_columns"] == table.width
    assert all(cell is None or isinstance(cell, str) for row in facts["rows"] for cell in row)
    assert len(facts["columns"]) >= 1
