"""Which columns a step left as they were: by row id, with their companions, in any order of rows."""

from __future__ import annotations

import polars as pl
import pytest

from retort_executor.sameness import unchanged
from retort_executor.worker import warm

TABLE = pl.DataFrame(
    {
        "__row_id": [10, 11, 12, 13],
        "text": ["a", None, "c", "d"],
        "number": [1.0, None, float("nan"), -0.0],
        "broken": [1, None, 3, 4],
        "broken__invalid": [None, "x", None, None],
    }
)
SAME = {name: name for name in ("text", "number", "broken")}


def test_a_table_given_back_as_it_was_is_the_same_in_every_column() -> None:
    assert unchanged(TABLE, TABLE, SAME) == ["text", "number", "broken"]
    assert unchanged(TABLE.clone(), TABLE, {}) == []


@pytest.mark.parametrize(
    "result",
    [
        TABLE.filter(pl.col("__row_id") != 11),
        TABLE.sort("__row_id", descending=True),
        TABLE.head(0),
        TABLE.select(reversed(TABLE.columns)),
    ],
)
def test_rows_may_go_and_move(result: pl.DataFrame) -> None:
    assert unchanged(result, TABLE, SAME) == ["text", "number", "broken"]


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (pl.col("text").fill_null(""), ["number", "broken"]),
        (pl.col("number").fill_nan(0), ["text", "broken"]),
        (pl.col("broken").cast(pl.Int32), ["text", "number"]),
        (pl.lit(None, pl.String).alias("broken__invalid"), ["text", "number"]),
        (pl.lit(None).alias("broken__invalid"), ["text", "number"]),
        (pl.lit("x").alias("text__invalid"), ["number", "broken"]),
        (pl.col("number").abs(), ["text", "number", "broken"]),  # -0.0 is 0.0
    ],
)
def test_a_changed_value_type_or_companion_is_a_change(change: pl.Expr, left: list[str]) -> None:
    assert unchanged(TABLE.with_columns(change), TABLE, SAME) == left


def test_a_column_under_a_new_name_is_compared_with_the_one_it_was() -> None:
    result = TABLE.rename({"text": "words", "broken": "kept", "broken__invalid": "kept__invalid"})
    assert unchanged(result, TABLE, {"words": "text", "kept": "broken", "number": "text"}) == [
        "words",
        "kept",
    ]


@pytest.mark.parametrize(
    "result",
    [
        TABLE.drop("__row_id"),
        TABLE.with_columns(pl.col("__row_id") + 1),
        TABLE.with_columns(pl.col("__row_id").cast(pl.Int32)),
        TABLE.with_columns(__row_id=pl.lit(None, pl.Int64)),
    ],
)
def test_without_known_rows_nothing_is_the_same(result: pl.DataFrame) -> None:
    assert unchanged(result, TABLE, SAME) == []


def test_a_lost_column_is_not_called_the_same() -> None:
    assert unchanged(TABLE.drop("text"), TABLE, SAME) == ["number", "broken"]


def test_the_rehearsal_of_a_worker_runs() -> None:
    warm()
