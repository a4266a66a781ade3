"""What every snapshot store owes: the same roots, whole and partial reads, proof of damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from retort_core.cells import ROW_ID
from retort_core.errors import Infrastructure, NotFound
from retort_core.profiles import Profile
from retort_core.schema import Column, DType, Kind, Schema
from retort_tables.layout import MARKS_SCHEMA, no_marks
from retort_tables.objects.cached import CachedObjects
from retort_tables.objects.folder import FolderObjects
from retort_tables.objects.memory import MemoryObjects
from retort_tables.objects.port import ObjectStore
from retort_tables.objects.s3 import Bucket, S3Objects
from retort_tables.snapshots.port import MARKS, TABLE, SnapshotStore, Written
from retort_tables.snapshots.whole import WholeSnapshots

ROWS = 150_000  # three chunks, three row groups
SCHEMA = Schema(
    columns=(
        Column(id="c1", name="n", dtype=DType.integer, kind=Kind.numeric),
        Column(id="c2", name="城市", dtype=DType.text, kind=Kind.single),
    )
)
GOLDEN = "9a67b7d0e97df87fe1ddc072e7504028250175cd87d3e22434640bb74deddf30"


@pytest.fixture(params=["memory", "folder", "s3", "cached"])
def objects(
    request: pytest.FixtureRequest, tmp_path: Path, new_bucket: Callable[[str], Bucket]
) -> ObjectStore:
    match request.param:
        case "memory":
            return MemoryObjects()
        case "folder":
            return FolderObjects(tmp_path / "objects")
        case "s3":
            return S3Objects(new_bucket("s3"))
    return CachedObjects(S3Objects(new_bucket("s3")), tmp_path / "cache", 1 << 30)


@pytest.fixture
def store(objects: ObjectStore) -> SnapshotStore:
    return WholeSnapshots(objects)


def table(rows: int = ROWS) -> pl.DataFrame:
    n = pl.int_range(rows, eager=True)
    return pl.DataFrame(
        {ROW_ID: n, "n": (n * 7 % 1000).set(n % 10 == 3, None), "城市": ("城" + (n % 5).cast(pl.String))}
    )


def marks(rows: int = ROWS) -> pl.DataFrame:
    return pl.DataFrame(
        {"row_id": [at for at in range(rows) if at % 10 == 3]}, schema={"row_id": pl.Int64}
    ).select(
        "row_id",
        column_id=pl.lit("c1"),
        state=pl.when(pl.col("row_id") == 13).then(pl.lit("invalid")).otherwise(pl.lit("missing")),
        reason=pl.when(pl.col("row_id") == 13).then(pl.lit("")).otherwise(pl.lit("empty")),
        raw=pl.when(pl.col("row_id") == 13).then(pl.lit("十三")),
    )


@pytest.fixture
def written(store: SnapshotStore) -> Written:
    return store.write(
        schema=SCHEMA, table=table(), marks=marks(), next_row_id=ROWS, profile=Profile(rows=ROWS, columns=())
    )


def test_the_same_data_has_the_same_root_in_every_store(written: Written) -> None:
    assert written.root == GOLDEN


def test_what_was_written_is_read_back(store: SnapshotStore, written: Written) -> None:
    version = store.read(written.manifest)
    assert_frame_equal(version.table, table())
    assert_frame_equal(version.marks, marks())
    assert (version.root, version.schema) == (written.root, SCHEMA)
    assert (version.next_row_id, version.total) == (ROWS, ROWS)
    assert store.profile(written.manifest).rows == ROWS
    assert store.invalid(written.manifest) == 1


@pytest.mark.parametrize(
    "rows",
    [slice(0, 3), slice(65_530, 65_545), slice(149_990, 150_010), slice(200_000, None), slice(5, 2)],
    ids=str,
)
def test_a_page_has_its_rows_and_their_marks_only(
    store: SnapshotStore, written: Written, rows: slice
) -> None:
    page = store.read(written.manifest, columns=["n"], rows=rows)
    expected = table()[rows.start : rows.stop] if (rows.stop or ROWS) > rows.start else table()[:0]
    assert_frame_equal(page.table, expected.select(ROW_ID, "n"))
    assert page.marks["row_id"].to_list() == [at for at in expected[ROW_ID] if at % 10 == 3]
    assert page.total == ROWS


def test_single_rows_are_read_by_id(store: SnapshotStore, written: Written) -> None:
    found = store.read(written.manifest, rows=[149_999, 13, 10**9])
    assert found.table[ROW_ID].to_list() == [13, 149_999]
    assert found.marks.rows() == [(13, "c1", "invalid", "", "十三")]


def test_columns_come_in_the_asked_order_with_their_marks(store: SnapshotStore, written: Written) -> None:
    assert store.read(written.manifest, columns=["城市", "n"]).table.columns == [ROW_ID, "城市", "n"]
    assert store.read(written.manifest, columns=["城市"]).marks.is_empty()
    assert store.read(written.manifest, columns=[], rows=slice(0, 2)).table.columns == [ROW_ID]


def test_pieces_of_a_scan_are_the_version_and_nothing_is_read_before(
    store: SnapshotStore, written: Written
) -> None:
    scan = store.scan(written.manifest, columns=["城市", "n"])
    assert (scan.total, scan.schema.names, scan.root) == (ROWS, ("城市", "n"), written.root)
    pieces = [scan.piece(start, 40_000) for start in range(0, ROWS, 40_000)]
    whole = store.read(written.manifest, columns=["城市", "n"])
    assert_frame_equal(pl.concat(piece.table for piece in pieces), whole.table)
    assert_frame_equal(pl.concat(piece.marks for piece in pieces), whole.marks)
    assert store.scan(written.manifest, columns=["城市"]).piece(0, 100).marks.is_empty()
    with pytest.raises(NotFound, match="no column '省份'"):
        store.scan(written.manifest, columns=["省份"])


def test_an_unknown_column_or_version_is_not_found(store: SnapshotStore, written: Written) -> None:
    with pytest.raises(NotFound, match="no column '省份'"):
        store.read(written.manifest, columns=["省份"])
    with pytest.raises(NotFound):
        store.read("0" * 64)


def test_the_displayed_order_is_kept_and_is_part_of_the_root(store: SnapshotStore, written: Written) -> None:
    turned = store.write(schema=SCHEMA, table=table().reverse(), marks=marks(), next_row_id=ROWS)
    assert store.read(turned.manifest, rows=slice(0, 2)).table[ROW_ID].to_list() == [ROWS - 1, ROWS - 2]
    assert turned.root != written.root
    assert store.manifest(turned.manifest).digests.columns == store.manifest(written.manifest).digests.columns


def test_writing_the_same_version_again_adds_nothing(store: SnapshotStore, written: Written) -> None:
    again = store.write(
        schema=SCHEMA, table=table(), marks=marks(), next_row_id=ROWS, profile=Profile(rows=ROWS, columns=())
    )
    assert (again.root, again.manifest, again.added) == (written.root, written.manifest, 0)
    assert written.added > 0


def test_a_version_without_rows_is_a_version(store: SnapshotStore) -> None:
    empty = store.write(schema=SCHEMA, table=table(0), marks=no_marks(), next_row_id=0)
    version = store.read(empty.manifest)
    assert (version.table.height, version.marks.height, version.table.columns) == (
        0,
        0,
        [ROW_ID, "n", "城市"],
    )
    assert store.read(empty.manifest, rows=slice(0, 10)).table.is_empty()
    store.verify(empty.manifest)


def test_an_import_changed_nothing(store: SnapshotStore, written: Written) -> None:
    assert store.changes(written.manifest).empty
    assert store.cells(written.manifest).is_empty()
    assert store.removed(written.manifest).is_empty()


def test_a_sound_version_is_verified(store: SnapshotStore, written: Written) -> None:
    store.verify(written.manifest)


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path)
    store = WholeSnapshots(objects)
    found = store.write(schema=SCHEMA, table=table(100), marks=marks(100), next_row_id=100)
    path = objects.local(found.objects[TABLE])
    assert path is not None
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Infrastructure, match="damaged"):
        store.verify(found.manifest)


def test_a_manifest_that_points_at_another_version_s_data_is_found(objects: ObjectStore) -> None:
    store = WholeSnapshots(objects)
    one = store.write(schema=SCHEMA, table=table(100), marks=marks(100), next_row_id=100)
    other = store.write(
        schema=SCHEMA, table=table(100).with_columns(n=pl.col("n") + 1), marks=marks(100), next_row_id=100
    )
    manifest = store.manifest(one.manifest)
    forged = manifest.model_copy(update={"objects": {**manifest.objects, TABLE: other.objects[TABLE]}})
    key = objects.put(forged.model_dump_json().encode())
    with pytest.raises(Infrastructure, match="no longer give its digests"):
        store.verify(key)
    relabelled = manifest.model_copy(update={"root": other.root})
    with pytest.raises(Infrastructure, match="does not give its root"):
        store.read(objects.put(relabelled.model_dump_json().encode()))


def test_a_format_of_a_later_release_is_not_guessed_at(objects: ObjectStore) -> None:
    store = WholeSnapshots(objects)
    manifest = store.manifest(
        store.write(schema=SCHEMA, table=table(5), marks=no_marks(), next_row_id=5).manifest
    )
    key = objects.put(manifest.model_copy(update={"format": "retort-version/9"}).model_dump_json().encode())
    with pytest.raises(Infrastructure, match="retort-version/9"):
        store.manifest(key)


def test_the_table_is_a_parquet_file_that_any_tool_reads(
    store: SnapshotStore, written: Written, objects: ObjectStore
) -> None:
    with objects.open(written.objects[TABLE]) as stream:
        assert pl.read_parquet(stream)["城市"].n_unique() == 5
    with objects.open(written.objects[MARKS]) as stream:
        assert dict(pl.read_parquet_schema(stream)) == dict(MARKS_SCHEMA)
