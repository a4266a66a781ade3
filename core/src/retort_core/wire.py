"""What travels between a client and a sandbox: frames over a stream, and the `parts` container of a result.

Both ends may be hostile to each other (a worker's output is written by unknown code), so every length is
checked before anything is stored, an unknown type is an error, and a stream that ends in the middle says so.
Standard library only: the supervisor is the first process of a sandbox.

    frame   type u8 | length u32 | payload (at most 1 MiB)
    parts   "RPT1" | part* | 0 u16          part  name length u16 | name | (length u32 | bytes)* | 0 u32
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Collection, Iterator
from enum import IntEnum
from typing import Any, BinaryIO, Protocol

from retort_core.errors import DataError, Infrastructure, SessionLost

MAX_PAYLOAD = 1 << 20
_HEADER = struct.Struct(">BI")
HEADER_BYTES = _HEADER.size
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")


class FrameType(IntEnum):
    """Below 16: client to supervisor. From 16: supervisor to client (and worker to supervisor)."""

    JOB = 1
    DATA = 2
    DONE = 3
    START = 4
    CANCEL = 5
    HELLO = 16
    PROGRESS = 17
    LOG = 18
    CHUNK = 19
    END = 20


Frame = tuple[FrameType, bytes]


def encode(kind: FrameType, payload: bytes | memoryview = b"") -> bytes:
    if len(payload) > MAX_PAYLOAD:
        raise Infrastructure(
            f"a frame holds at most {MAX_PAYLOAD} bytes, this one has {len(payload)}; send it in pieces"
        )
    return _HEADER.pack(kind, len(payload)) + payload


def encode_json(kind: FrameType, value: Any) -> bytes:
    """Half a surrogate pair, which JSON can smuggle in, becomes a question mark."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return encode(kind, text.encode("utf-8", "replace"))


def decode_json(payload: bytes) -> dict[str, Any]:
    """A JSON object, or an error that does not echo the payload."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as problem:
        raise Infrastructure(
            f"a frame of {len(payload)} bytes is not JSON: {type(problem).__name__}"
        ) from None
    if not isinstance(value, dict):
        raise Infrastructure("a frame's JSON is not an object")
    return value


def encode_data(index: int, data: bytes | memoryview) -> Iterator[bytes]:
    """DATA frames of one input, cut to size."""
    view, step = memoryview(data), MAX_PAYLOAD - _U16.size
    for start in range(0, len(view), step):
        piece = view[start : start + step]
        yield _HEADER.pack(FrameType.DATA, _U16.size + len(piece)) + _U16.pack(index) + piece


def encode_done(index: int) -> bytes:
    return encode(FrameType.DONE, _U16.pack(index))


def input_of(payload: bytes) -> tuple[int, memoryview]:
    """Input index and bytes of a DATA or DONE frame."""
    if len(payload) < _U16.size:
        raise Infrastructure("a data frame is too short to name its input")
    return _U16.unpack_from(payload)[0], memoryview(payload)[_U16.size :]


def header(block: bytes) -> tuple[FrameType, int]:
    code, length = _HEADER.unpack(block)
    if length > MAX_PAYLOAD:
        raise Infrastructure(f"a frame announces {length} bytes, allowed are {MAX_PAYLOAD}")
    try:
        return FrameType(code), length
    except ValueError:
        raise Infrastructure(f"unknown frame type {code}") from None


class FrameDecoder:
    """Bytes in, whole frames out; holds at most one unfinished frame."""

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def complete(self) -> bool:
        """Whether a frame can be had without more bytes."""
        size = len(self._held)
        return size >= HEADER_BYTES and size >= HEADER_BYTES + header(bytes(self._held[:HEADER_BYTES]))[1]

    def feed(self, data: bytes) -> Iterator[Frame]:
        self._held += data
        position = 0
        try:
            while len(self._held) - position >= HEADER_BYTES:
                kind, length = header(bytes(self._held[position : position + HEADER_BYTES]))
                start = position + HEADER_BYTES
                if len(self._held) < start + length:
                    return
                payload = bytes(memoryview(self._held)[start : start + length])
                position = start + length
                yield kind, payload
        finally:
            del self._held[:position]

    def finish(self) -> None:
        """The stream ended; nothing may be left over."""
        if self._held:
            raise SessionLost(f"the stream ended inside a frame, after {len(self._held)} bytes of it")


# The container of results ------------------------------------------------------------------------------

MAGIC = b"RPT1"
MAX_NAME = 200
MAX_PARTS = 64


class Sink(Protocol):
    def write(self, data: memoryview, /) -> object: ...


class PartWriter:
    """Writes named parts one after another; a part's size need not be known before.

    >>> import io; out = io.BytesIO(); writer = PartWriter(out)
    >>> writer.add("report", b"{}"); writer.close(); sorted(read_parts(out.getvalue()))
    ['report']
    """

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._output.write(MAGIC)

    def add(self, name: str, data: bytes | memoryview) -> None:
        self.open(name).write(data)
        self.end()

    def open(self, name: str) -> PartWriter:
        encoded = name.encode()
        if not 0 < len(encoded) <= MAX_NAME:
            raise DataError(f"a result's name has 1 to {MAX_NAME} bytes: {name[:50]!r}", name=name[:50])
        self._output.write(_U16.pack(len(encoded)) + encoded)
        return self

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Bytes of the open part; a file for Arrow's and Parquet's writers."""
        view = memoryview(data).cast("B")
        for start in range(0, len(view), MAX_PAYLOAD):
            piece = view[start : start + MAX_PAYLOAD]
            self._output.write(_U32.pack(len(piece)))
            self._output.write(piece)
        return len(view)

    def flush(self) -> None:
        self._output.flush()

    def end(self) -> None:
        self._output.write(_U32.pack(0))

    def close(self) -> None:
        self._output.write(_U16.pack(0))
        self._output.flush()


class PartReader:
    """Takes the container in pieces and hands each part's bytes to the sink that `open_part` returns.

    `names` lists what may come; a name ending in ":" allows any name that starts with it.
    """

    def __init__(
        self, open_part: Callable[[str], Sink], names: Collection[str], max_parts: int = MAX_PARTS
    ) -> None:
        self._open_part = open_part
        self._names = tuple(names)
        self._max_parts = max_parts
        self._held = bytearray()
        self._seen: list[str] = []
        self._sink: Sink | None = None
        self._left = 0  # bytes of the current piece still to come
        self._want: Callable[[bytes], None] = self._magic
        self._size = len(MAGIC)

    @property
    def seen(self) -> tuple[str, ...]:
        return tuple(self._seen)

    def feed(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if self._left:
                view = self._pass_on(view)
                continue
            taken = self._size - len(self._held)
            self._held += view[:taken]
            view = view[taken:]
            if len(self._held) == self._size:
                block, self._held = bytes(self._held), bytearray()
                self._want(block)

    def finish(self) -> None:
        if self._want != self._over:
            raise DataError("the result is cut short: its end mark is missing", seen=list(self._seen))

    def _pass_on(self, view: memoryview) -> memoryview:
        assert self._sink is not None
        piece = view[: self._left]
        self._sink.write(piece)
        self._left -= len(piece)
        return view[len(piece) :]

    def _expect(self, step: Callable[[bytes], None], size: int) -> None:
        self._want, self._size = step, size

    def _magic(self, block: bytes) -> None:
        if block != MAGIC:
            raise DataError("the result does not start like a result")
        self._expect(self._name_size, _U16.size)

    def _name_size(self, block: bytes) -> None:
        size = _U16.unpack(block)[0]
        if size == 0:
            self._expect(self._over, 1)
        elif size > MAX_NAME or len(self._seen) >= self._max_parts:
            raise DataError(f"the result has a name of {size} bytes or more than {self._max_parts} parts")
        else:
            self._expect(self._name, size)

    def _name(self, block: bytes) -> None:
        name = block.decode("utf-8", "replace")
        if not name.isprintable() or not any(_allowed(name, one) for one in self._names):
            raise DataError(f"the result holds a part that nobody asked for: {name[:50]!r}")
        if name in self._seen:
            raise DataError(f"the result holds the part {name[:50]!r} twice")
        self._seen.append(name)
        self._sink = self._open_part(name)
        self._expect(self._piece, _U32.size)

    def _piece(self, block: bytes) -> None:
        self._left = _U32.unpack(block)[0]
        if self._left == 0:
            self._sink = None
            self._expect(self._name_size, _U16.size)
        elif self._left > MAX_PAYLOAD:
            raise DataError(f"the result holds a piece of {self._left} bytes, allowed are {MAX_PAYLOAD}")

    def _over(self, block: bytes) -> None:
        raise DataError(f"the result goes on after its end mark, with {block!r}")


def _allowed(name: str, pattern: str) -> bool:
    return pattern in ("", name) or (pattern.endswith(":") and name.startswith(pattern))


def read_parts(data: bytes, names: Collection[str] = ("",)) -> dict[str, bytes]:
    """All parts at once, for results known to be small; ("",) stands for any name."""
    found: dict[str, bytearray] = {}

    class Buffer:
        def __init__(self, name: str) -> None:
            self._bytes = found.setdefault(name, bytearray())

        def write(self, piece: memoryview, /) -> None:
            self._bytes.extend(piece)

    reader = PartReader(Buffer, names)
    reader.feed(data)
    reader.finish()
    return {name: bytes(value) for name, value in found.items()}
