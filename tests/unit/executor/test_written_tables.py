"""Tables leave the worker as an Arrow stream that never doubles them."""

from __future__ import annotations

import io

import polars as pl
import pyarrow as pa
import pytest

from retort_core.wire import PartWriter, read_parts
from retort_executor.streams import BATCH_ROWS, MOST, write_table

ROWS = 2 * BATCH_ROWS + 3


def written(table: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    parts = PartWriter(out)
    write_table(parts, "table", table)
    parts.add("after", b"still open")
    parts.close()
    found = read_parts(out.getvalue())
    assert bytes(found["after"]) == b"still open"
    return bytes(found["table"])


def test_a_long_table_comes_in_batches_and_complete():
    table = pl.DataFrame({"at": range(ROWS)}).with_columns(
        pl.col("at").cast(pl.String).alias("text"), pl.lit(None).alias("none")
    )
    with pa.ipc.open_stream(written(table)) as reader:
        batches = list(reader)
    assert max(batch.num_rows for batch in batches) <= BATCH_ROWS
    assert pl.from_arrow(pa.Table.from_batches(batches)).equals(table)


@pytest.mark.parametrize("table", [pl.DataFrame({"a": []}, schema={"a": pl.String}), pl.DataFrame()])
def test_a_table_without_rows_tells_its_columns(table):
    with pa.ipc.open_stream(written(table)) as reader:
        assert reader.schema.names == table.columns


def test_categories_leave_with_small_codes_for_sorted_texts():
    cities = ["上海", "北京", "广州", None]
    kind = pl.Categorical(pl.Categories.random())
    table = pl.DataFrame(
        {
            "city": pl.Series(cities * (ROWS // 4)).cast(kind),
            "many": pl.Series([f"{n % 300}" for n in range(ROWS // 4 * 4)]).cast(pl.Categorical),
        }
    )
    with pa.ipc.open_stream(written(table)) as reader:
        batches = list(reader)
    assert all(batch.schema.field("city").type.index_type == pa.uint8() for batch in batches)
    assert all(batch.schema.field("many").type.index_type == pa.uint16() for batch in batches)
    assert all(batch.column("city").dictionary.to_pylist() == sorted(cities[:3]) for batch in batches)
    found = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches)))
    assert found.cast(pl.String).equals(table.cast(pl.String))


def test_a_dictionary_of_too_many_texts_leaves_as_text():
    texts = pl.Series([f"{n}" for n in range(MOST + 1)])
    with pa.ipc.open_stream(written(pl.DataFrame({"id": texts.cast(pl.Categorical)}))) as reader:
        assert reader.schema.field("id").type == pa.large_string()
        assert reader.read_all()["id"].to_pylist() == texts.to_list()


def test_categories_stay_one_dictionary():
    table = pl.DataFrame({"city": pl.Series(["北京", "上海", None] * (ROWS // 3 + 1)).cast(pl.Categorical)})
    with pa.ipc.open_stream(written(table)) as reader:
        assert reader.read_all()["city"].cast(pa.large_string()).to_pylist() == table["city"].to_list()
