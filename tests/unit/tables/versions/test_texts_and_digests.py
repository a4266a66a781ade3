"""Canonical texts, canonical digests, read-only answers: fixed values that must never drift."""

from __future__ import annotations

import hashlib
import json
import random
import struct
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from retort_core.cells import ROW_ID
from retort_core.errors import DataError, LimitExceeded
from retort_core.identity import root_id
from retort_core.numerals import canonical_float
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.chunks import content
from retort_tables.layout import MARKS_SCHEMA, by_column, joined, no_marks, physical
from retort_tables.texts import canonical


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pl.Series([1, -5, None]), ["1", "-5", None]),
        (
            pl.Series([3.0, 2.5, -0.0, 1e16, 0.00001, 1e-7, 1e22]),
            ["3", "2.5", "0", "1e+16", "1e-05", "1e-07", "1e+22"],
        ),
        (pl.Series(["12.5", "-0.05"]).cast(pl.Decimal(38, 2)), ["12.50", "-0.05"]),
        (pl.Series([True, False, None]), ["true", "false", None]),
        (pl.Series([date(2024, 1, 31)]), ["2024-01-31"]),
        (
            pl.Series(
                [datetime.fromisoformat("2024-01-31T08:05"), datetime.fromisoformat("2024-01-31T08:05:00.5")]
            ),
            ["2024-01-31 08:05:00", "2024-01-31 08:05:00.500000"],
        ),
        (pl.Series([timedelta(seconds=90), timedelta(milliseconds=1500)]), ["90", "1.5"]),
        (pl.Series(["原文 "]), ["原文 "]),
    ],
    ids=str,
)
def test_every_type_has_one_text(values: pl.Series, texts: list[str | None]) -> None:
    assert canonical(values).to_list() == texts


def test_texts_of_floats_are_those_of_the_one_cell_function() -> None:
    rng = random.Random(7)
    values = [struct.unpack("d", rng.randbytes(8))[0] for _ in range(5000)]
    values += [rng.uniform(-1, 1) * 10.0 ** rng.randint(-8, 18) for _ in range(5000)]
    values = [value for value in values if value == value and abs(value) != float("inf")]
    assert canonical(pl.Series(values)).to_list() == [canonical_float(value) for value in values]


COLUMNS = (
    (Column(id="c1", name="t", dtype=DType.text, kind=Kind.text), ["北京", None, "", "a"]),
    (Column(id="c2", name="i", dtype=DType.integer, kind=Kind.numeric), [1, None, -(2**63), 2**63 - 1]),
    (Column(id="c3", name="n", dtype=DType.number, kind=Kind.numeric), [0.1, None, -0.0, 1e300]),
    (
        Column(id="c4", name="m", dtype=DType.decimal, kind=Kind.numeric, digits=2),
        [Decimal("1.50"), None, Decimal("-0.01"), Decimal(10) ** 30],
    ),
    (Column(id="c5", name="b", dtype=DType.boolean, kind=Kind.single), [True, None, False, True]),
    (
        Column(id="c6", name="d", dtype=DType.date, kind=Kind.date),
        [date(2024, 1, 31), None, date(1, 1, 1), date(9999, 12, 31)],
    ),
    (
        Column(id="c7", name="dt", dtype=DType.datetime, kind=Kind.date),
        [
            datetime.fromisoformat("2024-01-31T08:05:00.000001"),
            None,
            datetime.fromisoformat("0001-01-01T00:00"),
            datetime.fromisoformat("9999-12-31T23:59:59.999999"),
        ],
    ),
    (
        Column(id="c8", name="du", dtype=DType.duration, kind=Kind.duration),
        [timedelta(microseconds=1), None, timedelta(days=-1), timedelta(0)],
    ),
)
SCHEMA = Schema(columns=tuple(column for column, _ in COLUMNS))
IDS = [70_000, 3, 65_535, 65_536]  # two chunks, not in order
TABLE = pl.DataFrame(
    [pl.Series(ROW_ID, IDS, dtype=pl.Int64), *(pl.Series(c.name, v, dtype=physical(c)) for c, v in COLUMNS)]
)
MARKS = pl.DataFrame(
    [
        (3, "c2", "invalid", "", "三"),
        (3, "c1", "missing", "refused", "-999"),
        (3, "c3", "missing", "empty", None),
    ],
    schema=dict(MARKS_SCHEMA),
    orient="row",
)
GOLDEN = {
    "root": "dd9dd22ff1e671459f09182b6f4fd3aaab3d216825197893c87090c98f0c5efa",
    "order": "3865629c7bc67b5de8546c5a4d26abca94e2de4f3dd4b54599d32cf3a13bd58c",
    "ids 0": "c5e8c9ecce9825959a522e0394c4f3566ab17e474a6fd1b5d0df7f129b5efb11",
    "ids 1": "7bb73f0cba45673c348cb0087845575e7061087de5eafd5ffb89c2f6fc1d2fec",
    "text 0": "090866114c964ec0e87a7d395e11759758baf4e436832e086bcfb78844a20dc6",
    "text 1": "cde041f4b4dff458861a9a4176b58c287d78616ee790328d02adb4083e79a4ae",
    "integer 0": "9cb7c19126fca3278a481745e01ca09acf08f4179a2ffce27f2b27f8d1f8417e",
    "integer 1": "b8cad120d78cc868e51a0bdd91565e80bd0a83dbcbb3753f72574e28e19ebed7",
    "number 0": "9395e85a422d0fe72bf44e59dfe0c5df29f057d5cd54d5e4d375fa5da54f6099",
    "number 1": "666dadb84c24dc192cce0e9a18a76d1c2b8e7c50a9ba89d89326c7d365afa8de",
    "decimal 0": "980c4ed6dcaf678d7c59360bd4fa6e05df8bafcc91340e067186fd22b13f8b62",
    "decimal 1": "d3de08d4b6b16be338c49a5826cfa443726ea2930ba8ab5ce98e1e4f8d3392c5",
    "boolean 0": "aa7505f0d6d88baf0a050050d98d18cc4db478308475eca9554660fc36af9857",
    "boolean 1": "8d8cd88eece022a25a56424d45db988e2ebe1848a93fd9dec2098d375982a41e",
    "date 0": "bc0686a37a2a2412ff05b5e2584cea0fd57231206d2b56fe27f342b6a043bfe0",
    "date 1": "6b90106cd8a67eade745b88562d9153b66d941aa8e8ec56a4f5d524655306c31",
    "datetime 0": "784f63ab282bacd6cdefcaaba8f5f066e07f3860e660458ffadfbb8d8eafc9c6",
    "datetime 1": "e16b75d17d12fbcb316c6fbacfb1a84bebdbb17451d6ed5c44509b0f80e740fa",
    "duration 0": "b9cfa0360bcb9cd2801bf28576c815e26d50ea5d66d3e2ba2b5070f7ee9d7e2c",
    "duration 1": "21d922960d3d675745b5aa872cc7d58ae33ba3c3c1f3a75ffe3a3062923a70ca",
    "marks c1": "a5d24475cde062cda011250a3494f4eba2203eb14553d87b5cb48d20985494bb",
    "marks c2": "3488b1a44b8c5f4070eb320bf01f9ed4416b9df09102ca6e410cf71894483c31",
    "marks c3": "130461ef2082760c1f30b76afb83ac0fc4a28b0bde8337b415bc4d0ae4b82df4",
}


def test_golden_digests_of_every_type() -> None:
    found = content(SCHEMA, TABLE, MARKS, 70_001)
    assert found.order == GOLDEN["order"]
    assert found.ids == {0: GOLDEN["ids 0"], 1: GOLDEN["ids 1"]}
    for column in SCHEMA.columns:
        assert found.columns[column.id][0] == GOLDEN[f"{column.dtype} 0"], column.dtype
        assert found.columns[column.id][1] == GOLDEN[f"{column.dtype} 1"], column.dtype
    assert {column_id: chunks[0] for column_id, chunks in found.marks.items()} == {
        column_id: GOLDEN[f"marks {column_id}"] for column_id in ("c1", "c2", "c3")
    }
    assert root_id(SCHEMA, found) == GOLDEN["root"]


def _value(dtype: DType, value: Any) -> bytes:
    """One value as the format says, in plain Python."""
    if dtype is DType.number:
        return struct.pack("<d", value + 0.0)
    if dtype is DType.boolean:
        return bytes([value])
    if dtype is DType.date:
        return struct.pack("<i", (value - date(1970, 1, 1)).days)
    if dtype is DType.decimal:
        return int(value * 100).to_bytes(16, "little", signed=True)
    if dtype is DType.datetime:
        value = value - datetime.fromisoformat("1970-01-01")
    if isinstance(value, timedelta):
        value = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    return struct.pack("<q", value)


def by_hand(column: Column, values: list[Any]) -> str:
    """The digest of a chunk's column from its description, without any library."""
    tag = (f"{column.dtype}:2" if column.dtype is DType.decimal else str(column.dtype)).encode()
    bits = sum((value is not None) << at for at, value in enumerate(values))
    valid = b"" if None not in values else bits.to_bytes((len(values) + 7) // 8, "little")
    if column.dtype is DType.text:
        texts = [(value or "").encode() for value in values]
        buffers = [b"".join(struct.pack("<I", len(text)) for text in texts), b"".join(texts)]
    else:
        zero = bytes({DType.boolean: 1, DType.date: 4, DType.decimal: 16}.get(column.dtype, 8))
        buffers = [b"".join(zero if value is None else _value(column.dtype, value) for value in values)]
    data = b"chunk:v1" + bytes([len(tag)]) + tag + len(values).to_bytes(8, "little")
    for buffer in (valid, *buffers):
        data += len(buffer).to_bytes(8, "little") + buffer
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(("column", "values"), COLUMNS, ids=[column.dtype for column, _ in COLUMNS])
def test_a_digest_can_be_computed_by_hand_from_its_description(column: Column, values: list[Any]) -> None:
    low, high = sorted(at for at in IDS if at < 65_536), sorted(at for at in IDS if at >= 65_536)
    by_id = dict(zip(IDS, values, strict=True))
    assert content(SCHEMA, TABLE, MARKS, 70_001).columns[column.id] == {
        0: by_hand(column, [by_id[at] for at in low]),
        1: by_hand(column, [by_id[at] for at in high]),
    }


def test_minus_zero_and_zero_and_all_nans_are_one_value() -> None:
    column = COLUMNS[2][0]
    schema = Schema(columns=(column,))

    def digests(*values: float) -> Any:
        table = pl.DataFrame({ROW_ID: [0, 1], "n": pl.Series(values)})
        return content(schema, table, no_marks(), 2).columns

    assert digests(-0.0, 1.0) == digests(0.0, 1.0)
    odd = struct.unpack("d", struct.pack("Q", 0xFFF8000000000123))[0]
    assert digests(odd, 1.0) == digests(float("nan"), 1.0)
    assert digests(0.0, 1.0) != digests(1.0, 0.0)


def test_the_type_and_the_decimals_are_part_of_a_digest() -> None:
    integer, decimal = COLUMNS[1][0], COLUMNS[3][0]
    one = content(Schema(columns=(integer,)), TABLE.select(ROW_ID, i=pl.lit(1, pl.Int64)), no_marks(), 1)
    for other in (
        decimal.with_(id="c2", name="i", digits=0),
        decimal.with_(id="c2", name="i", digits=1),
        integer.with_(dtype=DType.duration, id="c2"),
    ):
        table = TABLE.select(ROW_ID, i=pl.lit(1).cast(physical(other)))
        assert content(Schema(columns=(other,)), table, no_marks(), 1).columns != one.columns


def test_marks_in_any_order_are_the_same_marks() -> None:
    parts = by_column(MARKS.reverse())
    assert set(parts) == {"c1", "c2", "c3"}
    again = joined(by_column(pl.concat([MARKS.reverse(), MARKS.with_columns(pl.col("row_id") + 1)])))
    assert again.sort("column_id", "row_id").height == 6
    mixed = pl.concat([MARKS.with_columns(pl.col("row_id") + 1), MARKS]).sort("row_id")
    for part in by_column(mixed).values():
        assert part["row_id"].to_list() == [3, 4]


def test_marks_of_an_unknown_column_are_our_fault_and_raise() -> None:
    with pytest.raises(ValueError, match="does not have"):
        content(SCHEMA, TABLE, MARKS.with_columns(column_id=pl.lit("c99")), 1)


# -- answers ----------------------------------------------------------------------------------------------


@pytest.fixture
def answer(run_intake: Callable[..., Any], as_stream: Callable[[pl.DataFrame], bytes]) -> Callable[..., Any]:
    def run(**tables: pl.DataFrame) -> dict[str, bytes]:
        return run_intake(
            "answer", {"salt": "s"}, {f"answer:{name}": as_stream(t) for name, t in tables.items()}
        )

    return run


def test_an_answer_is_json_and_parquet_with_a_schema(answer: Callable[..., Any]) -> None:
    table = pl.DataFrame(
        {
            "城市": ["北京", None],
            "n": [3, 2**60],
            "mean": [4.25, float("nan")],
            "day": [date(2024, 1, 31), None],
        }
    )
    parts = answer(table=table, bases=pl.DataFrame({"base": [10]}))
    found = json.loads(parts["answer.json"])["tables"]
    assert list(found) == ["table", "bases"]
    assert found["table"]["rows"] == [["北京", 3, 4.25, "2024-01-31"], [None, str(2**60), None, None]]
    schema = Schema.model_validate(found["table"]["schema"])
    assert [column.dtype for column in schema.columns] == [
        DType.text,
        DType.integer,
        DType.number,
        DType.date,
    ]
    assert pl.read_parquet(parts["answer:table"])["mean"].to_list() == [4.25, None]
    assert set(parts) == {"answer.json", "answer:table", "answer:bases"}


@pytest.mark.parametrize(
    ("tables", "error", "message"),
    [
        ({}, DataError, "no answer"),
        ({"t": pl.DataFrame({"a": range(10_001)})}, LimitExceeded, "10,001 rows"),
        ({"t": pl.DataFrame({ROW_ID: [1]})}, DataError, "reserved column"),
        ({"a\nb": pl.DataFrame({"a": [1]})}, DataError, "printable"),
        ({f"t{at}": pl.DataFrame({"a": [1]}) for at in range(33)}, LimitExceeded, "33 tables"),
    ],
    ids=["none", "rows", "hidden", "name", "tables"],
)
def test_an_answer_that_is_none_is_refused(
    answer: Callable[..., Any], tables: dict[str, pl.DataFrame], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        answer(**tables)
