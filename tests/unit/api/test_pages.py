"""Pages of tables within bounds of memory."""

from __future__ import annotations

import io
import json
import random

import polars as pl
import pytest

from retort_api.commits import tables
from retort_api.commits.results import Part
from retort_core.errors import LimitExceeded
from retort_core.http.routes import ARROW, PARQUET
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.objects.memory import MemoryObjects

JSON = "application/json"
SCHEMA = Schema(
    columns=(
        Column(id="a", name="n", dtype=DType.integer, kind=Kind.numeric),
        Column(id="b", name="城市", dtype=DType.text, kind=Kind.single),
    )
)


def answer(rows: int, text: str = "北京") -> tuple[MemoryObjects, Part]:
    objects, out = MemoryObjects(), io.BytesIO()
    pl.DataFrame({"n": range(rows), "城市": [f"{text}{row}" for row in range(rows)]}).write_parquet(out)
    return objects, Part(object=objects.put(out.getvalue()), rows=rows, table_schema=SCHEMA)


@pytest.mark.parametrize(("media", "most"), [(JSON, tables.JSON_CELLS), (ARROW, tables.BINARY_CELLS)])
def test_a_page_has_so_many_cells_and_no_more(media: str, most: int) -> None:
    assert tables.bounded(most // 100, 100, media) == most
    with pytest.raises(LimitExceeded, match=f"`limit` of {most // 100:,}\\)"):
        tables.bounded(most // 100 + 1, 100, media)
    assert tables.bounded(0, 10**9, media) == 0


def test_a_page_of_an_answer_is_that_part_of_it() -> None:
    objects, part = answer(50)
    page = json.loads(tables.answer_written(objects, part, slice(30, 33), JSON, stale=True))
    assert page["rows"] == [[30, "北京30"], [31, "北京31"], [32, "北京32"]]
    assert (page["offset"], page["total"], page["stale"]) == (30, 50, True)
    assert json.loads(tables.answer_written(objects, part, slice(50, 60), JSON, stale=False))["rows"] == []
    arrow = tables.answer_written(objects, part, slice(0, 1), ARROW, stale=False)
    assert pl.read_ipc_stream(io.BytesIO(arrow)).height == 50
    parquet = tables.answer_written(objects, part, slice(0, 1), PARQUET, stale=False)
    assert pl.read_parquet(io.BytesIO(parquet)).height == 50


def test_texts_of_any_length_are_bounded_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    objects, part = answer(100, "x" * 1000)
    monkeypatch.setattr(tables, "PAGE_BYTES", 1 << 15)
    assert tables.answer_written(objects, part, slice(0, 20), JSON, stale=False)
    for media, rows in ((JSON, slice(0, 100)), (ARROW, slice(0, 1))):
        with pytest.raises(LimitExceeded, match="as a file"):
            tables.answer_written(objects, part, rows, media, stale=False)


@pytest.mark.parametrize("media", [JSON, ARROW, PARQUET])
def test_an_answer_that_is_large_where_it_lies_is_not_read(
    media: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: one as Parquet was held in memory whole, however large a run had made it."""
    objects, part = answer(100, "".join(random.Random(1).choices("0123456789abcdef", k=2000)))
    monkeypatch.setattr(tables, "PAGE_BYTES", objects.size(part.object) - 1)
    with pytest.raises(LimitExceeded, match="This answer takes"):
        tables.answer_written(objects, part, slice(0, 1), media, stale=False)
