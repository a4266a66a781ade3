"""Objects over a network that fails: told apart, never half there, and back as soon as the server is."""

from __future__ import annotations

import hashlib
import mmap
import os
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import servers
import trustme
from faulty import Fault, Proxy, proxy

from retort_core.errors import Infrastructure, NotFound, Unavailable
from retort_tables.objects import cached
from retort_tables.objects.cached import CachedObjects
from retort_tables.objects.memory import MemoryObjects
from retort_tables.objects.port import key_of, read
from retort_tables.objects.s3 import MIB, Bucket, S3Objects

DATA = os.urandom(3 * MIB)
FAULTS: tuple[Fault, ...] = ("refuse", "stall", "garbage", "unavailable")


@pytest.fixture
def bucket(new_bucket: Callable[[str], Bucket]) -> Bucket:
    return new_bucket("s3")


@pytest.fixture
def net(s3: servers.S3) -> Iterator[Proxy]:
    with proxy(s3.port) as net:
        yield net


@pytest.fixture
def store(bucket: Bucket, net: Proxy) -> S3Objects:
    return S3Objects(replace(bucket, endpoint=f"127.0.0.1:{net.port}", seconds=0.5))


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_half_there_after_a_failed_write_and_the_next_one_succeeds(
    store: S3Objects, bucket: Bucket, net: Proxy, fault: Fault
) -> None:
    net.fault = fault
    with pytest.raises(Unavailable, match="Nothing was changed"):
        store.put(DATA)
    net.fault = ""
    direct = S3Objects(bucket)
    assert not direct.exists(key_of(DATA)) or read(direct, key_of(DATA)) == DATA
    assert read(store, store.put(DATA)) == DATA


@pytest.mark.parametrize("fault", [*FAULTS, "html", "flip", "cut"])
def test_a_failed_read_says_so_and_the_next_one_succeeds(store: S3Objects, net: Proxy, fault: Fault) -> None:
    key = store.put(DATA)
    net.fault, net.after = fault, 1000
    with pytest.raises((Unavailable, Infrastructure)) as refused:
        read(store, key)
    assert servers.SECRET_KEY not in str(refused.value)
    net.fault = ""
    assert read(store, key) == DATA


def test_altered_bytes_are_noticed_while_they_are_streamed(store: S3Objects, net: Proxy) -> None:
    """A run is fed by streams: what is not the object must not get through as if it were."""
    key = store.put(DATA)
    net.fault, net.after = "flip", 20_000
    with store.open(key) as stream, pytest.raises(Infrastructure, match="damaged"):
        hashlib.file_digest(stream, "sha256")


def test_a_reply_cut_off_is_no_end_of_the_object(store: S3Objects, net: Proxy) -> None:
    key = store.put(DATA)
    net.fault, net.after = "cut", 20_000
    with store.open(key) as stream, pytest.raises(Unavailable):
        hashlib.file_digest(stream, "sha256")


def test_a_slow_server_is_given_up_in_bounded_time(store: S3Objects, net: Proxy) -> None:
    net.fault = "stall"
    with pytest.raises(Unavailable, match="cannot be used"):
        store.size(key_of(DATA))
    assert net.connections <= 4


def test_a_broken_object_of_the_same_name_is_written_anew(bucket: Bucket, s3: servers.S3) -> None:
    store, key = S3Objects(bucket), key_of(DATA)
    servers.write(s3, bucket.name, f"{bucket.prefix}/{key[:2]}/{key}", b"half of it")
    with pytest.raises(Infrastructure, match="damaged"):
        read(store, key)
    assert store.add(DATA).new
    assert read(store, key) == DATA


def test_large_objects_go_up_in_parts_and_take_little_memory(bucket: Bucket) -> None:
    store, size = S3Objects(replace(bucket, part_bytes=5 * MIB)), 40 * MIB
    with tempfile.TemporaryFile() as file:
        block = os.urandom(MIB)
        for number in range(size // MIB):
            file.write(block[number:] + block[:number])
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
            key = store.put(view)
            assert store.size(key) == size
            with store.open(key, size - 3, 10) as stream:
                assert stream.read() == bytes(view[-3:])
            with store.open(key) as stream:
                assert hashlib.file_digest(stream, "sha256").hexdigest() == key


def test_a_write_in_parts_that_is_cut_off_shows_nothing(bucket: Bucket, net: Proxy) -> None:
    store = S3Objects(replace(bucket, endpoint=f"127.0.0.1:{net.port}", seconds=1, part_bytes=5 * MIB))
    data = os.urandom(24 * MIB)
    watch = threading.Timer(0.15, lambda: setattr(net, "fault", "refuse"))
    watch.start()
    try:
        store.put(data)
    except Unavailable:
        assert not S3Objects(bucket).exists(key_of(data))
    watch.join()
    net.fault = ""
    assert store.size(store.put(data)) == len(data)


def test_many_are_stored_at_once(bucket: Bucket) -> None:
    store = S3Objects(bucket)
    parts = [os.urandom(size) for size in (10, 0, 200_000, 3 * MIB, 5)]
    assert [one.new for one in store.add_all(parts)] == [True] * 5
    again = store.add_all(parts)
    assert [one.new for one in again] == [False] * 5
    assert [one.key for one in again] == [key_of(part) for part in parts]


def test_objects_of_another_prefix_are_another_store(bucket: Bucket) -> None:
    one, other = S3Objects(replace(bucket, prefix="one")), S3Objects(replace(bucket, prefix="other/"))
    key = one.put(b"mine")
    assert not other.exists(key)
    assert list(other.keys()) == []
    assert list(one.keys()) == [key]


@pytest.mark.parametrize(
    ("change", "said"),
    [({"secret_key": "wrong"}, "refuses this service"), ({"name": "not-there-at-all"}, "does not exist")],
)
def test_what_is_set_up_wrongly_is_said_without_the_key(
    bucket: Bucket, change: dict[str, str], said: str
) -> None:
    store = S3Objects(replace(bucket, **change))  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match=said) as refused:
        store.put(b"x")
    with pytest.raises(Unavailable, match=said):
        store.check()
    assert servers.SECRET_KEY not in str(refused.value) + repr(store._bucket)


def test_the_server_is_known_by_an_authority_of_ones_own(
    bucket: Bucket, s3: servers.S3, tmp_path: Path
) -> None:
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    for name, ca in (("right", authority), ("wrong", other)):
        ca.cert_pem.write_to_path(tmp_path / name)
    with proxy(s3.port, context) as net:
        place = replace(bucket, endpoint=f"localhost:{net.port}", secure=True)
        trusted = S3Objects(replace(place, ca=tmp_path / "right"))
        assert read(trusted, trusted.put(DATA)) == DATA
        for ca in (tmp_path / "wrong", None):
            with pytest.raises(Unavailable, match="SSL"):
                S3Objects(replace(place, ca=ca)).put(b"x")


# -- the folder in front -------------------------------------------------------------------------------------


def test_a_cached_object_is_read_while_the_server_is_away(
    store: S3Objects, net: Proxy, tmp_path: Path
) -> None:
    front = CachedObjects(store, tmp_path, 100 * MIB)
    key = front.put(DATA)
    net.fault = "refuse"
    path = front.local(key)
    assert path is not None
    assert path.read_bytes() == DATA
    with front.open(key, 10, 5) as stream:
        assert stream.read() == DATA[10:15]
    assert front.size(key) == len(DATA)


def test_what_arrives_altered_is_not_kept(store: S3Objects, net: Proxy, tmp_path: Path) -> None:
    key = store.put(DATA)
    front = CachedObjects(store, tmp_path, 100 * MIB)
    net.fault, net.after = "flip", 5000
    with pytest.raises(Infrastructure, match="damaged"):
        front.local(key)
    assert list(tmp_path.iterdir()) == []
    net.fault = ""
    path = front.local(key)
    assert path is not None
    assert path.read_bytes() == DATA


def test_readers_of_one_object_fetch_it_once(bucket: Bucket, tmp_path: Path) -> None:
    class Counting(S3Objects):
        opened = 0

        def open(self, key: str, start: int = 0, length: int | None = None):  # type: ignore[no-untyped-def]
            Counting.opened += 1
            return super().open(key, start, length)

    store = Counting(bucket)
    key = store.put(DATA)
    front = CachedObjects(store, tmp_path, 100 * MIB)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: front.local(key), range(16)))) == 1
    assert Counting.opened == 1


def test_the_folder_stays_within_its_size_and_the_oldest_go_first(tmp_path: Path) -> None:
    clock = [0.0]
    front = CachedObjects(MemoryObjects(), tmp_path, 2500, now=lambda: clock[0])
    keys = []
    for number in range(4):
        keys.append(front.put(bytes([number]) * 1000))
        clock[0] += cached.YOUNG_SECONDS
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(keys[-2:])
    front.local(keys[2])
    clock[0] += 2 * cached.YOUNG_SECONDS
    front.put(b"x" * 1000)
    assert keys[3] not in {path.name for path in tmp_path.iterdir()}, "it was used longest ago"
    assert read(front, keys[0]) == bytes(1000)


def test_what_was_used_a_moment_ago_stays_although_it_is_too_much(tmp_path: Path) -> None:
    front = CachedObjects(MemoryObjects(), tmp_path, 100, now=lambda: 0.0)
    paths = [front.local(front.put(bytes([number]) * 1000)) for number in range(3)]
    assert all(path is not None and path.exists() for path in paths)


def test_a_folder_of_an_earlier_process_is_taken_over_without_its_halves(tmp_path: Path) -> None:
    objects = MemoryObjects()
    key = CachedObjects(objects, tmp_path, 10_000).put(b"kept")
    (tmp_path / ".partial-x").write_bytes(b"half")
    front = CachedObjects(objects, tmp_path, 10_000)
    objects.delete(key)
    assert [path.name for path in tmp_path.iterdir()] == [key]
    assert read(front, key) == b"kept"


def test_a_folder_that_was_emptied_by_hand_is_filled_again(tmp_path: Path) -> None:
    front = CachedObjects(MemoryObjects(), tmp_path, 10_000)
    key = front.put(b"once more")
    (tmp_path / key).unlink()
    assert read(front, key) == b"once more"
    assert front.local(key) is not None
    assert (tmp_path / key).exists()
    front.delete(key)
    with pytest.raises(NotFound):
        front.local(key)
