"""What finding a difference takes: told beforehand, not below what it takes, and without reading a value."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest

from retort_core.cells import ROW_ID
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.diff.weights import PER_CELL, weight
from retort_tables.layout import no_marks
from retort_tables.objects.folder import FolderObjects
from retort_tables.snapshots.whole import WholeSnapshots

MIB: Final = 1 << 20
# What the engine takes once, whatever it is given: threads and their memory.
ONCE: Final = 150 * MIB
MEASURED = """
import re, sys
from pathlib import Path
from retort_tables.diff.tiers import difference
from retort_tables.objects.folder import FolderObjects
from retort_tables.snapshots.whole import WholeSnapshots
home, older, newer, common = sys.argv[1:]
store = WholeSnapshots(FolderObjects(Path(home)))
def memory(of):  # of this program; `ru_maxrss` has that of the one it was started by in it
    return int(re.search(of + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
before = memory("VmRSS")
print(difference(store, older, newer, common=int(common) if common else None).difference.tier)
print(memory("VmHWM") - before)
"""


def stored(store: WholeSnapshots, table: pl.DataFrame, next_row_id: int = 0) -> str:
    columns = tuple(
        Column(id=f"id-{name}", name=name, dtype=DType.integer if table[name].dtype.is_integer() else DType.text, kind=Kind.text)
        for name in table.columns if name != ROW_ID
    )  # fmt: skip
    schema = Schema(columns=columns)
    return store.write(
        schema=schema, table=table, marks=no_marks(), next_row_id=next_row_id or table.height
    ).manifest


def numbered(rows: int, **columns: Any) -> pl.DataFrame:
    return pl.DataFrame({ROW_ID: pl.int_range(rows, eager=True)}).with_columns(**columns)


@pytest.fixture
def store(tmp_path: Path) -> WholeSnapshots:
    return WholeSnapshots(FolderObjects(tmp_path))


def test_only_columns_that_differ_are_weighed(store: WholeSnapshots) -> None:
    n = pl.col(ROW_ID)
    older = numbered(1000, **{"城市.a": n.cast(pl.String), "b": n})
    first = stored(store, older)
    second = stored(store, older.with_columns(b=n + 1))
    assert weight(store, first, first, by_rows=True) == 0
    one, all_of_them = (weight(store, first, second, by_rows=by_rows) for by_rows in (True, False))
    assert 2 * 1000 * 2 * PER_CELL < one < all_of_them
    assert all_of_them > 2 * 1000 * 3 * PER_CELL


def test_a_small_file_of_much_does_not_look_small(store: WholeSnapshots) -> None:
    """100 MB of text that differs in a number only is packed into a hundredth."""
    n = pl.col(ROW_ID).cast(pl.String)
    much = numbered(10_000, a=n.str.pad_end(10_000, "x"))
    key = stored(store, much)
    other = stored(store, much.with_columns(a=pl.col("a").str.replace("x", "y")))
    packed = store.manifest(key).objects["table.parquet"]
    assert store._objects.size(packed) < 10 * MIB
    assert weight(store, key, other, by_rows=True) > 200 * MIB


@pytest.mark.parametrize(
    ("rows", "columns", "width", "common"),
    [(100_000, 20, 0, True), (200_000, 4, 2, True), (20_000, 10, 600, True), (200, 1_500, 12, True), (20_000, 10, 600, False)],
)  # fmt: skip
def test_it_takes_no_more_than_was_told(
    store: WholeSnapshots, tmp_path: Path, rows: int, columns: int, width: int, common: bool
) -> None:
    """Every cell is another one, which takes the most."""

    def made(seed: int) -> pl.DataFrame:
        def values(at: int) -> pl.Expr:
            number = (pl.col(ROW_ID) + at).hash(seed) % (10 ** min(max(width, 1), 9) if width else 10**6)
            return number.cast(pl.Int64) if not width else number.cast(pl.String).str.pad_end(width, "x")

        return numbered(rows, **{f"c{at}": values(at) for at in range(columns)})

    older = stored(store, made(1))
    second = made(2)
    newer = stored(store, second if common else second.with_columns(pl.col(ROW_ID) + rows), 2 * rows)
    told = weight(store, older, newer, by_rows=common)
    asked = [sys.executable, "-c", MEASURED, str(tmp_path), older, newer, str(rows) if common else ""]
    tier, took = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    assert tier == ("rows" if common else "content")
    assert int(took) <= told + ONCE, f"{int(took) / MIB:.0f} MiB of {told / MIB:.0f}"
