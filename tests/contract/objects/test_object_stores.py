"""What every object store owes, over every adapter."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from retort_core.errors import Infrastructure, NotFound
from retort_tables.objects.cached import CachedObjects
from retort_tables.objects.folder import FolderObjects
from retort_tables.objects.memory import MemoryObjects
from retort_tables.objects.port import ObjectStore, read
from retort_tables.objects.s3 import Bucket, S3Objects

ABSENT = hashlib.sha256(b"never put").hexdigest()


@pytest.fixture(
    params=["memory", "folder", "s3", "cached", *(["minio"] if "RETORT_TEST_MINIO" in os.environ else [])]
)
def store(request: pytest.FixtureRequest, tmp_path: Path, new_bucket: Callable[[str], Bucket]) -> ObjectStore:
    match request.param:
        case "memory":
            return MemoryObjects()
        case "folder":
            return FolderObjects(tmp_path / "objects")
        case "cached":
            return CachedObjects(S3Objects(new_bucket("s3")), tmp_path / "cache", 1 << 20)
        case kind:
            return S3Objects(new_bucket(kind))


def test_an_object_is_named_by_the_hash_of_its_bytes(store: ObjectStore) -> None:
    assert store.put(b"survey") == hashlib.sha256(b"survey").hexdigest()
    assert store.put(memoryview(b"survey")) == hashlib.sha256(b"survey").hexdigest()


def test_what_was_put_is_read_back_whole(store: ObjectStore) -> None:
    data = bytes(range(256)) * 1000
    assert read(store, store.put(data)) == data
    assert read(store, store.put(b"")) == b""


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, None, b"0123456789"),
        (3, 4, b"3456"),
        (8, 10, b"89"),
        (10, 1, b""),
        (4, None, b"456789"),
        (2, 0, b""),
    ],
)
def test_a_range_is_read_without_the_rest(
    store: ObjectStore, start: int, length: int | None, expected: bytes
) -> None:
    with store.open(store.put(b"0123456789"), start, length) as stream:
        assert stream.read() == expected


def test_putting_the_same_bytes_twice_keeps_one_object(store: ObjectStore) -> None:
    assert store.put(b"a") == store.put(b"a")
    assert len(list(store.keys())) == 1


def test_a_batch_is_stored_in_order_and_tells_what_is_new(store: ObjectStore) -> None:
    store.put(b"there already")
    batch = [b"a", b"", memoryview(b"bcd"), b"there already", b"a"]
    found = store.add_all(batch)
    assert [one.new for one in found[:4]] == [True, True, True, False]
    assert all(read(store, one.key) == bytes(data) for one, data in zip(found, batch, strict=True))
    assert not any(one.new for one in store.add_all(batch))
    assert len(list(store.keys())) == 4
    assert store.add_all([]) == []


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1, 12 << 20])
def test_a_file_is_the_object_that_its_bytes_are(store: ObjectStore, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    with (tmp_path / "file").open("rb") as file:
        file.seek(size // 2)  # wherever it stands
        first, again = store.add_file(file), store.add_file(file)
    assert (first.new, again.new) == (True, False)
    assert first.key == again.key == hashlib.sha256(data).hexdigest()
    assert read(store, first.key) == data


def test_keys_are_listed_in_order_and_only_those(store: ObjectStore) -> None:
    put = {store.put(bytes([number])) for number in range(50)}
    assert list(store.keys()) == sorted(put)


def test_an_absent_object_is_not_found_everywhere(store: ObjectStore) -> None:
    assert not store.exists(ABSENT)
    for act in (store.open, store.size, store.local):
        with pytest.raises(NotFound, match=ABSENT[:12]):
            act(ABSENT)


def test_deleting_is_final_and_may_be_repeated(store: ObjectStore) -> None:
    key = store.put(b"gone")
    store.delete(key)
    store.delete(key)
    assert not store.exists(key)
    assert store.put(b"gone") == key
    assert read(store, key) == b"gone"


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 65, "0" * 64 + "\n"])
def test_what_is_no_key_never_reaches_a_path(store: ObjectStore, key: str) -> None:
    for act in (store.open, store.size, store.exists, store.delete, store.local):
        with pytest.raises(NotFound, match="no object key"):
            act(key)


def test_many_writers_of_the_same_bytes_leave_one_whole_object(store: ObjectStore) -> None:
    data = b"x" * 200_000
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: store.put(data), range(32)))) == 1
    (key,) = store.keys()
    assert read(store, key) == data


def test_size_and_file_tell_of_the_same_object(store: ObjectStore) -> None:
    key = store.put(b"12345")
    assert store.size(key) == 5
    path = store.local(key)
    assert path is None or path.read_bytes() == b"12345"


def test_a_damaged_object_is_noticed_when_read(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path)
    key = store.put(b"precious")
    path = store.local(key)
    assert path is not None
    path.chmod(0o600)
    path.write_bytes(b"preci0us")
    with pytest.raises(Infrastructure, match="damaged"):
        read(store, key)


def test_a_write_that_died_half_way_is_no_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderObjects(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Infrastructure, match="No space left"):
        store.put(b"never whole")
    assert list(store.keys()) == []
    monkeypatch.undo()
    (tmp_path / ".partial" / "left-by-a-crash").write_bytes(b"half")
    assert list(FolderObjects(tmp_path).keys()) == []
    assert store.sweep() == 1


def test_objects_cannot_be_written_to_afterwards(tmp_path: Path) -> None:
    store = FolderObjects(tmp_path)
    path = store.local(store.put(b"fixed"))
    assert path is not None
    assert path.stat().st_mode & 0o222 == 0
