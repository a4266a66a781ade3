"""A server in front of a server that does what networks and servers do: refuse, stall, cut off, answer nonsense."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Fault: TypeAlias = Literal["", "refuse", "stall", "cut", "garbage", "html", "flip", "unavailable"]
BLOCK = 1 << 16
BODY = b"\r\n\r\n"


@dataclass
class Proxy:
    """Passes bytes on to 127.0.0.1:`to`; `fault` may be changed at any time and holds for the replies from then on.

    `after`: bytes of a body that are let through before it is cut or altered.
    """

    to: int
    fault: Fault = ""
    after: int = 0
    port: int = 0
    connections: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, ready: threading.Event, stop: asyncio.Event, tls: ssl.SSLContext | None) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=tls)
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
            await stop.wait()
            for writer in tuple(self._writers):
                writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.fault == "refuse":
            writer.transport.abort()
            return
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.to)
        self._writers |= {writer, up_writer}
        with suppress(
            OSError, asyncio.IncompleteReadError
        ):  # ENOTCONN of a side that has gone is no ConnectionError
            await asyncio.gather(self._requests(reader, up_writer), self._replies(up_reader, writer))
        for one in (writer, up_writer):
            one.transport.abort()
            self._writers.discard(one)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while block := await reader.read(BLOCK):
            if self.fault == "refuse":
                raise ConnectionResetError
            writer.write(block)
            await writer.drain()
        writer.write_eof()

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passed = 0
        while block := await reader.read(BLOCK):
            passed, block = self._altered(block, passed)
            if self.fault == "stall":
                await asyncio.Event().wait()
            writer.write(block)
            await writer.drain()
            if self.fault in ("cut", "html", "garbage", "unavailable", "refuse"):
                raise ConnectionResetError
        writer.write_eof()

    def _altered(self, block: bytes, passed: int) -> tuple[int, bytes]:
        """The block as it goes on, and how many bytes of the body are through. A reply's head comes in one block."""
        head, body = (b"", block) if passed else _parted(block)
        match self.fault:
            case "cut":
                return 0, head + body[: self.after]
            case "garbage":
                return 0, b"\x00\xff\x13 what?\r\n\r\n"
            case "html":
                return 0, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<p>hi</p>"
            case "unavailable":
                return (
                    0,
                    b"HTTP/1.1 503 Slow Down\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbusy",
                )
            case "flip" if len(body) > self.after:
                flipped = bytes([body[self.after] ^ 1])
                return len(body), head + body[: self.after] + flipped + body[self.after + 1 :]
        return len(body), block


def _parted(block: bytes) -> tuple[bytes, bytes]:
    head, mark, body = block.partition(BODY)
    return (head + mark, body) if mark else (b"", block)


@contextmanager
def proxy(to: int, tls: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    """Runs in a thread of its own."""
    found, ready = Proxy(to), threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(found.serve(ready, stop, tls)))
    thread.start()
    assert ready.wait(10)
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        with suppress(asyncio.CancelledError):
            loop.run_until_complete(asyncio.sleep(0))
        loop.close()
