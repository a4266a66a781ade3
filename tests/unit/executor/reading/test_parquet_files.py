"""Parquet: types kept or mapped with a finding, metadata judged before any page."""
# ruff: noqa: DTZ001 - a spreadsheet knows no time zones

import datetime as dt
import io
from decimal import Decimal

import polars as pl
import pytest

from retort_core.errors import LimitExceeded, UnreadableFile
from retort_executor.reading.limits import Limits
from retort_executor.reading.parquet import read_parquet
from retort_executor.reading.report import FileReport
from retort_executor.reading.sources import open_source


def parquet(frame):
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def test_plain_types_are_kept(read_bytes):
    frame = pl.DataFrame(
        {
            "整数": [1, None],
            "小数": [1.5, 2.0],
            "是否": [True, None],
            "日期": [dt.date(2024, 1, 31), None],
            "时刻": [dt.datetime(2024, 1, 31, 8), None],
            "文本": ["007", ""],
            "金额": [Decimal("12.50"), None],
        }
    )
    table, report = read_bytes(parquet(frame), "a.parquet")
    assert table.equals(frame)
    assert table.schema["金额"].is_decimal()
    assert report["findings"] == []


def test_narrow_numbers_are_widened_without_noise(read_bytes):
    frame = pl.DataFrame(
        {"a": pl.Series([1, 2], dtype=pl.Int8), "b": pl.Series([0.1, 2.5], dtype=pl.Float32)}
    )
    table, _ = read_bytes(parquet(frame), "a.parquet")
    assert table.schema == {"a": pl.Int64, "b": pl.Float64}
    assert table["b"].to_list() == [0.1, 2.5]


def test_numbers_beyond_64_bits_become_text(read_bytes):
    table, _ = read_bytes(parquet(pl.DataFrame({"a": pl.Series([2**64 - 1], dtype=pl.UInt64)})), "a.parquet")
    assert table["a"].to_list() == ["18446744073709551615"]


def test_nested_columns_become_json_text(read_bytes, finding):
    frame = pl.DataFrame({"多选": [["1", "3"], None, []], "地址": [{"市": "北京"}, {"市": None}, None]})
    table, report = read_bytes(parquet(frame), "a.parquet")
    assert table["多选"].to_list() == ['["1","3"]', None, "[]"]
    assert table["地址"].to_list() == ['{"市":"北京"}', '{"市":null}', None]
    assert finding(report, "nested-as-json")["severity"] == "warning"


def test_categories_times_zones_and_nan(read_bytes, finding):
    frame = pl.DataFrame(
        {
            "c": pl.Series(["a", "b"], dtype=pl.Categorical),
            "t": [dt.time(8, 5), None],
            "z": pl.Series([dt.datetime(2024, 1, 1)] * 2).dt.replace_time_zone("Asia/Shanghai"),
            "n": [float("nan"), 1.0],
        }
    )
    table, report = read_bytes(parquet(frame), "a.parquet")
    assert table.row(0) == ("a", "08:05:00", dt.datetime(2024, 1, 1), None)
    assert finding(report, "time-zone-left-out")["details"]["zone"] == "Asia/Shanghai"
    assert finding(report, "not-a-number")["count"] == 1


def test_reserved_names(read_bytes):
    table, report = read_bytes(parquet(pl.DataFrame({"__row_id": [1], "x__invalid": ["a"]})), "a.parquet")
    assert table.columns == ["row_id", "x_invalid"]
    assert {change["why"] for change in report["renamed"]} == {"reserved"}


def test_a_bomb_is_refused_by_its_metadata(tmp_path):
    path = tmp_path / "bomb.parquet"
    pl.DataFrame({"a": [0]}).select(
        pl.col("a").repeat_by(2_000_000).explode(empty_as_null=False)
    ).write_parquet(path, row_group_size=2_000_000)
    with path.open("rb") as file:
        source = open_source(file.fileno(), "bomb.parquet")
        assert source.size < 16_000
        with pytest.raises(LimitExceeded, match="would unpack to") as refused:
            read_parquet(source, FileReport(format="parquet"), Limits(unpacked=1 << 20))
        assert refused.value.details["what"] == "unpacked"
        with pytest.raises(LimitExceeded, match=r"2,000,000 rows; at most 1,000"):
            read_parquet(source, FileReport(format="parquet"), Limits(rows=1000))


@pytest.mark.parametrize("cut", [10, 200, -20])
def test_a_damaged_file(read_bytes, cut):
    content = parquet(pl.DataFrame({"a": ["x" * 50, "y"], "b": [1, 2]}))
    with pytest.raises(UnreadableFile, match="begins like a Parquet file but cannot be read"):
        read_bytes(content[:cut], "a.parquet")


def test_damaged_pages_end_in_the_same_sentence(read_bytes):
    content = bytearray(parquet(pl.DataFrame({"a": [f"row {n}" for n in range(1000)]})))
    content[4:200] = b"\xff" * 196
    with pytest.raises(UnreadableFile, match="cannot be read"):
        read_bytes(bytes(content), "a.parquet")


def test_dates_beyond_the_calendar_become_text(read_bytes, finding):
    days = pl.Series([0, 3_145_000, 2**31 - 1], dtype=pl.Int32).cast(pl.Date)
    table, report = read_bytes(parquet(pl.DataFrame({"d": days})), "a.parquet")
    assert table["d"].to_list() == ["1970-01-01", "3145000", "2147483647"]
    assert finding(report, "dates-out-of-range")["count"] == 2
