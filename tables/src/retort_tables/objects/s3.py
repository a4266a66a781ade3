"""Objects in a bucket of any S3: `prefix/ab/abcdef…`, as the folder lays them out, so either can be copied to the other.

- Every request carries the hash of its body, every part its own; the server refuses bytes that arrived damaged.
- Large objects go up in parts, so no more than a few parts are in memory; nothing shows before the last one is in.
- An object that is read whole is hashed on the way: bytes that are not what the key says are an error at their end.
- Writing the same object again is harmless (same key, same bytes), so no conditional write is needed. One that is there
  with another size is what a broken server left; it is written again.
- Connections, time-outs and retries are bounded. A server that is away, too slow, out of its mind or that refuses the key
  is `Unavailable`: nothing was changed, try again.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, cast
from xml.etree.ElementTree import ParseError

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from retort_core.errors import Infrastructure, Unavailable
from retort_tables.objects.port import Added, absent, checked, key_of, key_of_file

MIB: Final = 1 << 20
TRIES: Final = 3
CONNECTIONS: Final = 16
AT_ONCE: Final = 4  # small objects of one version that are under way together
_ABSENT: Final = {"NoSuchKey", "NotFound", "ResourceNotFound"}
_REFUSED: Final = {
    "AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
}  # fmt: skip
_SAFE: Final = "Nothing was changed; try again."


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Where objects lie and how they are reached. `endpoint`: host[:port]; `ca`: file with the server's authority.

    `path_style`: the bucket is part of the path (MinIO, SeaweedFS, Ceph, …) and not of the host's name (AWS).
    `seconds`: longest silence of the server.
    """

    endpoint: str
    name: str
    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    secure: bool = True
    region: str = "us-east-1"
    prefix: str = ""
    path_style: bool = True
    ca: Path | None = None
    seconds: float = 10.0
    part_bytes: int = 8 * MIB


class S3Objects:
    def __init__(self, bucket: Bucket) -> None:
        """Connects at the first use."""
        self._bucket = bucket
        self._prefix = bucket.prefix.strip("/") + "/" if bucket.prefix.strip("/") else ""
        self._connections = _connections(bucket)
        self._client = Minio(
            bucket.endpoint,
            access_key=bucket.access_key,
            secret_key=bucket.secret_key,
            session_token=bucket.session_token,
            secure=bucket.secure,
            region=bucket.region,
            http_client=self._connections,
        )
        style = self._client.disable_virtual_style_endpoint
        if not bucket.path_style:
            style = self._client.enable_virtual_style_endpoint
        style()  # type: ignore[no-untyped-call]

    def check(self) -> None:
        """Raises unless the bucket is there and answers."""
        with self._explained():
            if not self._client.bucket_exists(self._bucket.name):
                raise Unavailable(
                    f"The bucket {self._bucket.name!r} does not exist. Create it, then try again."
                )

    def put(self, data: bytes | memoryview) -> str:
        return self.add(data).key

    def add(self, data: bytes | memoryview) -> Added:
        with io.BufferedReader(_View(data), MIB) as stream:
            return self._upload(key_of(data), len(memoryview(data).cast("B")), cast("BinaryIO", stream))

    def add_file(self, file: BinaryIO) -> Added:
        key, size = key_of_file(file), file.seek(0, io.SEEK_END)
        file.seek(0)
        return self._upload(key, size, file)

    def _upload(self, key: str, size: int, stream: BinaryIO) -> Added:
        with self._explained():
            if self._stored(key) == size:
                return Added(key, new=False)
            self._client.put_object(
                self._bucket.name,
                self._name(key),
                stream,
                size,
                part_size=self._bucket.part_bytes,
                num_parallel_uploads=1,  # one part in memory
            )
            if size > self._bucket.part_bytes and self._stored(key) != size:
                raise Unavailable(
                    f"The object store took object {key[:12]} and does not have it whole. {_SAFE}"
                )
        return Added(key, new=True)

    def add_all(self, parts: Sequence[bytes | memoryview]) -> list[Added]:
        """Small ones at once: the way to the server is what takes the time. Large ones go alone: they take memory."""
        limit = self._bucket.part_bytes // AT_ONCE
        small = [number for number, data in enumerate(parts) if len(data) <= limit]
        found: dict[int, Added] = {}
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="retort-s3") as pool:
            found.update(zip(small, pool.map(lambda number: self.add(parts[number]), small), strict=True))
        return [found.get(number) or self.add(data) for number, data in enumerate(parts)]

    def open(self, key: str, start: int = 0, length: int | None = None) -> BinaryIO:
        if length == 0 or (start and start >= self.size(key)):
            self.size(key)
            return io.BytesIO()
        with self._explained(key):
            reply = self._client.get_object(
                self._bucket.name, self._name(key), offset=start, length=length or 0
            )
            sent = int(reply.headers["Content-Length"])
        whole = key if not start and length is None else ""
        return cast("BinaryIO", io.BufferedReader(_Arriving(reply, sent, whole), MIB))

    def size(self, key: str) -> int:
        with self._explained(key):
            found = self._stored(key)
        if found is None:
            raise absent(key)
        return found

    def exists(self, key: str) -> bool:
        with self._explained():
            return self._stored(key) is not None

    def delete(self, key: str) -> None:
        with self._explained():
            self._client.remove_object(self._bucket.name, self._name(key))

    def keys(self) -> Iterator[str]:
        with self._explained():
            for found in self._client.list_objects(self._bucket.name, self._prefix, recursive=True):
                key = (found.object_name or "").rpartition("/")[2]
                if self._name_of(key) == found.object_name:
                    yield key

    def local(self, key: str) -> Path | None:
        self.size(key)
        return None

    def close(self) -> None:
        self._connections.clear()

    def _stored(self, key: str) -> int | None:
        """Its size, or None. Asked of the server every time: another replica may have written or swept it."""
        try:
            return self._client.stat_object(self._bucket.name, self._name(key)).size
        except S3Error as error:
            if error.code in _ABSENT:
                return None
            raise

    def _name(self, key: str) -> str:
        return self._name_of(checked(key))

    def _name_of(self, key: str) -> str:
        return f"{self._prefix}{key[:2]}/{key}"

    @contextmanager
    def _explained(self, key: str = "") -> Iterator[None]:
        try:
            yield
        except S3Error as error:
            if key and error.code in _ABSENT:
                raise absent(key) from None
            raise self._told(error) from error
        except (MinioException, HTTPError, OSError, ValueError, KeyError, ParseError) as error:
            raise Unavailable(
                f"The object store at {self._bucket.endpoint} cannot be used ({_why(error)}). {_SAFE}"
            ) from error

    def _told(self, error: S3Error) -> Unavailable:
        if error.code == "NoSuchBucket":
            return Unavailable(f"The bucket {self._bucket.name!r} does not exist. Create it, then try again.")
        if error.code in _REFUSED:
            return Unavailable(
                f"The object store refuses this service ({error.code}): check its keys and the rights on bucket "
                f"{self._bucket.name!r}."
            )
        return Unavailable(f"The object store failed ({error.code}). {_SAFE}")


class _View(io.RawIOBase):
    """Bytes as a stream that copies no more than is asked for."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data, self._at = memoryview(data).cast("B"), 0

    def readable(self) -> bool:
        return True

    def readinto(self, target: object) -> int:
        into = memoryview(cast("bytearray", target)).cast("B")
        piece = self._data[self._at : self._at + len(into)]
        into[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self) -> None:
        self._data.release()  # whoever mapped a file may close it now
        super().close()


class _Arriving(io.RawIOBase):
    """A reply on its way: counted, hashed when it is a whole object, and an error when it ends early or is another."""

    def __init__(self, reply: urllib3.BaseHTTPResponse, length: int, key: str) -> None:
        self._reply, self._left, self._key = reply, length, key
        self._hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, target: object) -> int:
        into = memoryview(cast("bytearray", target)).cast("B")
        piece = self._read(min(len(into), self._left))
        into[: len(piece)] = piece
        return len(piece)

    def readall(self) -> bytes:
        return b"".join(iter(lambda: self._read(min(MIB, self._left)), b""))

    def _read(self, wanted: int) -> bytes:
        if not wanted:
            return b""
        try:
            piece = self._reply.read(wanted)
        except (HTTPError, OSError) as error:
            raise Unavailable(
                f"The object store stopped in the middle of an object ({_why(error)})."
            ) from error
        if not piece:
            raise Unavailable("The object store sent less of an object than it said. Try again.")
        self._left -= len(piece)
        if self._key:
            self._hash.update(piece)
            if not self._left and self._hash.hexdigest() != self._key:
                raise Infrastructure(
                    f"Object {self._key[:12]} is damaged: its bytes no longer match its name. Restore it from a backup.",
                    key=self._key,
                )
        return piece

    def close(self) -> None:
        if not self.closed:
            if self._left:
                self._reply.close()  # what nobody will read is not waited for
            self._reply.release_conn()
        super().close()


def _connections(bucket: Bucket) -> urllib3.PoolManager:
    retries = Retry(
        total=TRIES - 1,
        backoff_factor=0.2,
        status_forcelist=[500, 502, 503, 504],
        allowed_methods=None,  # everything here may be sent twice
        raise_on_status=False,
        redirect=0,
    )
    return urllib3.PoolManager(
        maxsize=CONNECTIONS,
        timeout=Timeout(connect=min(5.0, bucket.seconds), read=bucket.seconds),
        retries=retries,
        cert_reqs="CERT_REQUIRED",
        ca_certs=str(bucket.ca) if bucket.ca is not None else None,
    )


def _why(error: Exception) -> str:
    """In short and without what was sent: the client's own texts quote whole requests."""
    cause: BaseException = getattr(error, "reason", None) or error
    return type(cause).__name__
