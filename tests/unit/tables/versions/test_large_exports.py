"""Versions larger than memory as files: read a piece at a time, the same file as in one piece, refused beyond a size."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retort_core.cells import ROW_ID
from retort_core.errors import Infrastructure, LimitExceeded
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables import pieces, workbooks
from retort_tables.exports import export
from retort_tables.layout import MARKS_SCHEMA, no_marks
from retort_tables.objects.folder import FolderObjects
from retort_tables.pieces import Bounds
from retort_tables.snapshots.port import Scan, Snapshot
from retort_tables.snapshots.whole import WholeSnapshots

FORMS: Final = ("csv", "xlsx", "parquet")
COLUMNS: Final = (
    Column(id="c1", name="n", dtype=DType.integer, kind=Kind.numeric),
    Column(id="c2", name="城市", dtype=DType.text, kind=Kind.single),
)


def version(rows: int, broken: tuple[int, ...] = ()) -> Snapshot:
    """`broken`: row ids whose number is invalid."""
    n = pl.int_range(rows, eager=True)
    number = (n * 7).set(n.is_in(broken), None)
    table = pl.DataFrame({ROW_ID: n, "n": number, "城市": "城" + (n % 5).cast(pl.String)})
    said = [(row, "c1", "invalid", "", f"raw {row}") for row in broken]
    marks = pl.DataFrame(said, schema=dict(MARKS_SCHEMA), orient="row") if said else no_marks()
    return Snapshot(
        root="r", schema=Schema(columns=COLUMNS), table=table, marks=marks, next_row_id=rows, total=rows
    )


def made(scan: Scan, form: Any, **more: Any) -> bytes:
    out = io.BytesIO()
    export(scan, out, form=form, encoding="utf-8", **more)
    return out.getvalue()


@pytest.mark.parametrize("form", ["csv", "parquet", "hidden"])
def test_many_pieces_make_the_same_file_as_one(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """The only broken cell lies in a late piece: its companion is there from the first row on."""
    scan = version(50, broken=(33,)).scan()
    how: dict[str, Any] = {"form": "parquet", "hidden": True} if form == "hidden" else {"form": form}
    whole = made(scan, **how)
    monkeypatch.setattr(pieces, "CELLS", 8)
    found = made(scan, **how)
    if form == "csv":
        assert found == whole
        assert b"\r\nraw 33," in found
    else:
        assert_frame_equal(pl.read_parquet(io.BytesIO(found)), pl.read_parquet(io.BytesIO(whole)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("columns", [2, 40])
def test_no_piece_holds_more_cells_than_it_may(
    monkeypatch: pytest.MonkeyPatch, form: str, columns: int
) -> None:
    monkeypatch.setattr(pieces, "CELLS", 400)
    n = pl.int_range(500, eager=True)
    shown = tuple(
        Column(id=f"c{at}", name=f"c{at}", dtype=DType.integer, kind=Kind.numeric) for at in range(columns)
    )
    table = pl.DataFrame({ROW_ID: n, **{column.name: n for column in shown}})
    asked: list[int] = []

    class Watched(Scan):
        def piece(self, start: int, length: int) -> Snapshot:
            found = super().piece(start, length)
            asked.append(found.table.height)
            return found

    plain = Snapshot(
        root="r", schema=Schema(columns=shown), table=table, marks=no_marks(), next_row_id=500, total=500
    ).scan()
    made(Watched(**vars(plain)), form)
    assert sum(asked) == 500
    assert max(asked) * columns <= 400


@pytest.mark.parametrize("form", FORMS)
def test_a_file_beyond_the_bound_is_refused_and_says_what_to_do(form: str) -> None:
    with pytest.raises(
        LimitExceeded, match=r"10,000 rows × 2 columns.*RETORT_EXPORT_BYTES.*fewer columns"
    ) as said:
        made(version(10_000).scan(), form, bounds=Bounds(most=1024))
    assert said.value.details == {"limit": "export", "value": 1024}


def test_a_workbook_is_refused_for_its_texts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    scan = version(100).scan()
    cells, texts = 100 * 2 * workbooks.CELL_BYTES, 100 * len("城0".encode())
    assert made(scan, "xlsx", bounds=Bounds(most=cells + texts))
    with pytest.raises(LimitExceeded):
        made(scan, "xlsx", bounds=Bounds(most=cells + texts - 1))


def test_sheets_wait_where_they_are_told_to_and_nothing_of_them_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pieces, "CELLS", 100)
    waiting: list[int] = []

    class Watched(Scan):
        def piece(self, start: int, length: int) -> Snapshot:
            waiting.append(len(list(tmp_path.iterdir())))
            return super().piece(start, length)

    made(Watched(**vars(version(100).scan())), "xlsx", bounds=Bounds(folder=tmp_path))
    assert waiting == [1, 1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", FORMS)
def test_what_is_wrong_with_a_piece_is_said_as_it_is(form: str) -> None:
    class Damaged(Scan):
        def piece(self, start: int, length: int) -> Snapshot:
            if length:
                raise Infrastructure("Object is damaged.")
            return super().piece(start, length)

    with pytest.raises(Infrastructure, match=r"^Object is damaged\.$"):
        made(Damaged(**vars(version(3).scan())), form)


def test_a_file_that_goes_between_two_pieces_is_looked_up_anew(tmp_path: Path) -> None:
    """As a cache does that is full."""
    table, first = version(4).table.lazy(), tmp_path / "gone.parquet"
    table.collect().write_parquet(first)
    places = [pl.scan_parquet(first), table]
    scan = replace(version(4).scan(), table=lambda: places.pop(0))
    assert scan.piece(0, 2).table.height == 2
    first.unlink()
    assert scan.piece(2, 2).table.get_column("n").to_list() == [14, 21]


# -- memory, in a process of its own -------------------------------------------------------------------------

ROWS: Final = 500_000
WORK: Final = """
import resource, sys
from pathlib import Path
from retort_tables.exports import export
from retort_tables.objects.folder import FolderObjects
from retort_tables.snapshots.whole import WholeSnapshots
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
folder, key, form = sys.argv[1:]
scan = WholeSnapshots(FolderObjects(Path(folder) / "objects")).scan(key)
before = peak()
with (Path(folder) / "out").open("wb") as out:
    export(scan, out, form=form)
print(peak() - before)
"""


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """20 columns of texts that no dictionary makes small: 10,000,000 cells, 500 MB in memory."""
    folder = tmp_path_factory.mktemp("large")
    n = pl.int_range(ROWS, eager=True)
    names = [f"t{at}" for at in range(20)]
    table = pl.DataFrame(
        {
            ROW_ID: n,
            **{name: "some words " + (n * 7919 + at).cast(pl.String) for at, name in enumerate(names)},
        }
    )
    schema = Schema(
        columns=tuple(Column(id=name, name=name, dtype=DType.text, kind=Kind.text) for name in names)
    )
    store = WholeSnapshots(FolderObjects(folder / "objects"))
    return folder, store.write(schema=schema, table=table, marks=no_marks(), next_row_id=ROWS).manifest


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_memory_does_not_follow_the_size_of_the_version(stored: tuple[Path, str], form: str) -> None:
    folder, key = stored
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(folder), key, form], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < 300, "MiB more than before"
