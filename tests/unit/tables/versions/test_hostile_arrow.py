"""What a hostile worker may send to the intake, and the refusal each gets. Nothing may crash, hang or slip through."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from retort_core.errors import DataError, LimitExceeded, RetortError
from retort_tables.hostile import Caps, decode


def stream(table: Any) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table) if isinstance(table, pa.Table) else writer.write_batch(table)
    return out.getvalue()


def batch(array: Any, name: str = "a") -> Any:
    return pa.record_batch([array], names=[name])


def of(array: Any) -> pl.Series:
    return decode(stream(batch(array)), Caps()).to_series()


def strings(offsets: list[int], data: bytes) -> Any:
    return pa.Array.from_buffers(
        pa.string(), len(offsets) - 1, [None, pa.py_buffer(np.array(offsets, "<i4")), pa.py_buffer(data)]
    )


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([1, None, 3], pa.int8()), pl.Series([1, None, 3], dtype=pl.Int64)),
        (pa.array([2**63 - 1], pa.uint64()), pl.Series([2**63 - 1], dtype=pl.Int64)),
        (pa.array([1.5, None], pa.float32()), pl.Series([1.5, None], dtype=pl.Float64)),
        (pa.array(["é", None], pa.string_view()), pl.Series(["é", None], dtype=pl.String)),
        (pa.array(["x", "y", "x"]).dictionary_encode(), pl.Series(["x", "y", "x"])),
        (pa.array([True, None]), pl.Series([True, None])),
        (pa.array([0], pa.date32()), pl.Series([0], dtype=pl.Int32).cast(pl.Date)),
        (pa.array([86_400_000], pa.date64()), pl.Series([1], dtype=pl.Int32).cast(pl.Date)),
        (pa.array([1_500], pa.timestamp("ms")), pl.Series([1_500_000]).cast(pl.Datetime("us"))),
        (pa.array([Decimal("1.50")], pa.decimal128(5, 2)), pl.Series(["1.50"]).cast(pl.Decimal(38, 2))),
        (pa.nulls(2), pl.Series([None, None])),
    ],
    ids=str,
)
def test_the_listed_types_come_through_exactly(array: Any, expected: pl.Series) -> None:
    found = of(array)
    assert found.dtype == expected.dtype
    assert found.to_list() == expected.to_list()


class _Extension(pa.ExtensionType):
    def __init__(self) -> None:
        super().__init__(pa.string(), "retort.test")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: Any, serialized: bytes) -> _Extension:
        return cls()


UNLISTED = {
    "list": pa.array([[1], [2]]),
    "nested list": pa.array([[[1]]]),
    "struct": pa.array([{"a": 1}]),
    "map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
    "union": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
    "binary": pa.array([b"\x00"]),
    "fixed binary": pa.array([b"ab"], pa.binary(2)),
    "time": pa.array([1], pa.time32("s")),
    "zoned time": pa.array([0], pa.timestamp("us", tz="UTC")),
    "interval": pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    "half float": pa.array([np.float16(1)]),
    "decimal256": pa.array([Decimal(1)], pa.decimal256(50, 2)),
    "negative scale": pa.array([Decimal(100)], pa.decimal128(5, -2)),
    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2], pa.int32()), pa.array(["a"])),
    "dictionary of numbers": pa.array([1, 2]).dictionary_encode(),
    "uuid": pa.array([b"0" * 16], pa.uuid()),
    "json": pa.array(['{"a":1}'], pa.json_()),
}


@pytest.mark.parametrize("kind", UNLISTED)
def test_every_other_type_is_refused_by_name(kind: str) -> None:
    with pytest.raises(DataError, match=r"Column 'answer' of the result has the type .* cannot hold"):
        decode(stream(batch(UNLISTED[kind], "answer")), Caps())


def test_an_extension_type_that_someone_registered_is_refused() -> None:
    pa.register_extension_type(_Extension())
    try:
        array = pa.ExtensionArray.from_storage(_Extension(), pa.array(["a"]))
        with pytest.raises(DataError, match="cannot hold"):
            decode(stream(batch(array)), Caps())
    finally:
        pa.unregister_extension_type("retort.test")


BROKEN: dict[str, Callable[[], Any]] = {
    "offsets that go back": lambda: strings([0, 3, 1, 3], b"abc"),
    "text that is not UTF-8": lambda: strings([0, 2], b"\xff\xfe"),
    "half a character": lambda: strings([0, 2, 3], "中".encode()),
    "an index outside the dictionary": lambda: pa.DictionaryArray.from_arrays(
        pa.array([0, 99], pa.int8()), pa.array(["a"]), safe=False
    ),
    "a negative index": lambda: pa.DictionaryArray.from_arrays(
        pa.array([-1], pa.int8()), pa.array(["a"]), safe=False
    ),
    "a view into nowhere": lambda: pa.Array.from_buffers(
        pa.string_view(), 1, [None, pa.py_buffer(struct.pack("<i4sii", 100, b"abcd", 7, 0))]
    ),
    "a view of what is not UTF-8": lambda: pa.Array.from_buffers(
        pa.string_view(), 1, [None, pa.py_buffer(struct.pack("<i12s", 2, b"\xff\xfe"))]
    ),
    "a decimal beyond its precision": lambda: pa.Array.from_buffers(
        pa.decimal128(3, 0), 1, [None, pa.py_buffer((10**30).to_bytes(16, "little"))]
    ),
    "a number beyond 64 bits with sign": lambda: pa.array([2**64 - 1], pa.uint64()),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_buffers_are_refused_before_they_are_read(fault: str) -> None:
    with pytest.raises(DataError, match="not a readable Arrow stream"):
        decode(stream(batch(BROKEN[fault]())), Caps())


OFFSETS = np.array([0, 1_111_111, 1_111_113], "<i4")  # an honest text column whose offsets are then forged


@pytest.mark.parametrize(
    "forged",
    [[0, 1_111_111, 2_000_000_000], [0, -4, 1_111_113], [-9, 1_111_111, 1_111_113], [5, 4, 3]],
    ids=str,
)
def test_forged_offsets_are_refused(forged: list[int]) -> None:
    honest = stream(batch(strings(OFFSETS.tolist(), b"x" * 1_111_113)))
    assert honest.count(OFFSETS.tobytes()) == 1
    with pytest.raises(DataError, match="not a readable Arrow stream"):
        decode(honest.replace(OFFSETS.tobytes(), np.array(forged, "<i4").tobytes()), Caps())


@pytest.mark.parametrize("length", [-1, -(2**31), 2**31 - 1, 100])
def test_a_forged_view_under_a_null_is_never_followed(length: int) -> None:
    view = struct.pack("<i4sii", length, b"abcd", 9, -5)
    bitmap = pa.py_buffer(b"\x01")
    forged = pa.Array.from_buffers(
        pa.string_view(), 2, [bitmap, pa.py_buffer(struct.pack("<i12s", 2, b"ok") + view)]
    )
    assert of(forged).to_list() == ["ok", None]


def test_a_buffer_that_announces_more_than_there_is_is_refused() -> None:
    honest = stream(batch(pa.array(np.arange(1000))))
    length = (8000).to_bytes(8, "little")
    assert length in honest
    for forged in (8_000_000, 2**62, 8):
        with pytest.raises(DataError, match="not a readable Arrow stream"):
            decode(honest.replace(length, forged.to_bytes(8, "little")), Caps())


def names(*wanted: str) -> bytes:
    return stream(pa.table([pa.array([1])] * len(wanted), names=list(wanted)))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (names("a", "b", "a"), "2 columns named 'a'"),
        (names(""), "name cannot be used"),
        (names("a\rimport os"), "name cannot be used"),
        (names("a\x00b"), "name cannot be used"),
        (names("n" * 501), "name cannot be used"),
    ],
)
def test_names_are_unique_and_sane(data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        decode(data, Caps())


def test_a_name_that_is_not_utf8_is_refused() -> None:
    good = names("badname")
    with pytest.raises(DataError):
        decode(good.replace(b"badname", b"bad\xff\xfeme"), Caps())


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\xff" * 100, b"\xff\xff\xff\xff\xff\xff\xff\x7f", b"ARROW1\0\0"]
)
def test_what_is_no_arrow_stream_is_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="not a readable Arrow stream"):
        decode(data, Caps())


def test_a_stream_cut_anywhere_or_with_any_byte_turned_never_escapes_the_error_tree() -> None:
    whole = stream(
        pa.table(
            {
                "t": ["abc", None, "中文"],
                "n": [1, 2, None],
                "d": pa.array(["x", "y", "x"]).dictionary_encode(),
            }
        )
    )
    for at in range(0, len(whole), 7):
        cut, turned = whole[:at], bytearray(whole)
        turned[at] ^= 0xFF
        for data in (cut, bytes(turned)):
            try:
                decode(data, Caps(bytes=1 << 20, rows=1000))
            except RetortError:
                continue


def test_more_rows_than_allowed_are_refused_before_they_are_decoded() -> None:
    with pytest.raises(LimitExceeded, match="more than 10 rows"):
        decode(names("a") and stream(batch(pa.nulls(11))), Caps(rows=10))
    huge = pa.record_batch([pa.nulls((1 << 31) - 1)], names=["a"])  # two billion rows that cost no byte
    with pytest.raises(LimitExceeded, match="rows"):
        decode(stream(huge), Caps())


def test_more_columns_than_allowed_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="3 columns, allowed are 2"):
        decode(names("a", "b", "c"), Caps(columns=2))


def test_text_that_repeats_one_long_value_is_counted_spelled_out() -> None:
    long = "x" * 1_000_000
    dictionary = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), pa.array([long]))
    view = struct.pack("<i4sii", len(long), b"xxxx", 0, 0)
    views = pa.Array.from_buffers(
        pa.string_view(), 1000, [None, pa.py_buffer(view * 1000), pa.py_buffer(long.encode())]
    )
    for bomb in (dictionary, views):
        data = stream(batch(bomb))
        assert len(data) < 2_000_000
        for coded in (False, True):
            with pytest.raises(LimitExceeded, match="more memory than allowed"):
                decode(data, Caps(bytes=100_000_000), coded=coded)


def test_a_dictionary_that_repeats_in_many_batches_is_counted_spelled_out_as_a_whole() -> None:
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 10, pa.int8()), pa.array(["x" * 1_000_000]))
    data = stream(pa.Table.from_batches([batch(repeated)] * 20))
    assert decode(data, Caps(bytes=200_000_000), coded=True).height == 200
    with pytest.raises(LimitExceeded, match="more memory than allowed"):
        decode(data, Caps(bytes=199_000_000), coded=True)


CODED = {
    "one dictionary": ([["x", "y"], ["x", "y"]], True),
    "another dictionary later": ([["x", "y"], ["y", "x"]], False),
    "a text twice": ([["x", "x"], ["x", "x"]], False),
    "a text that is null": ([["x", None], ["x", None]], False),
    "a text that no row holds": ([["x", "y", "z"], ["x", "y", "z"]], True),
}


@pytest.mark.parametrize("codes", [pa.int8(), pa.uint16(), pa.int64()], ids=str)
@pytest.mark.parametrize("case", CODED)
def test_a_column_stays_coded_where_its_dictionary_is_sound_and_means_the_same(case: str, codes: Any) -> None:
    dictionaries, stays = CODED[case]
    pieces = [
        batch(pa.DictionaryArray.from_arrays(pa.array([1, None, 0], codes), pa.array(texts, pa.string())))
        for texts in dictionaries
    ]
    out = io.BytesIO()
    with pa.ipc.new_stream(out, pieces[0].schema) as writer:
        for piece in pieces:
            writer.write_batch(piece)
    found = decode(out.getvalue(), Caps(), coded=True).to_series()
    assert isinstance(found.dtype, pl.Enum) == stays
    expected = [cell for texts in dictionaries for cell in (texts[1], None, texts[0])]
    assert found.cast(pl.String).to_list() == expected
    assert decode(out.getvalue(), Caps()).to_series().equals(pl.Series("a", expected, dtype=pl.String))


def test_plain_data_above_the_cap_is_refused() -> None:
    with pytest.raises(LimitExceeded, match="more memory"):
        decode(stream(batch(pa.array(np.zeros(200_000)))), Caps(bytes=1_000_000))


def test_an_empty_table_keeps_its_types() -> None:
    found = decode(stream(pa.schema([("a", pa.string()), ("b", pa.int8())]).empty_table()), Caps())
    assert found.schema == {"a": pl.String, "b": pl.Int64}
    assert found.height == 0


def test_metadata_of_the_stream_is_dropped() -> None:
    table = pa.table({"e": pl.Series(["x"], dtype=pl.Enum(["x", "y"])).to_arrow()})
    table = table.replace_schema_metadata({"pandas": '{"columns": "evil"}'})
    assert decode(stream(table), Caps()).schema == {"e": pl.String}
