"""The supervisor's end of its client: frames in, frames out, never blocking on a slow reader."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator

from retort_core.wire import Frame, FrameDecoder

FULL = 4 << 20  # bytes waiting for the client, above which a worker's output is left in its pipe
READ = 1 << 18


class Channel:
    """Over an inherited stream socket. `lost` once the client is gone."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._stream.settimeout(0)
        self._decoder = FrameDecoder()
        self._waiting: deque[memoryview] = deque()
        self.pending = 0
        self.lost = False

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def full(self) -> bool:
        return self.pending > FULL

    def send(self, data: bytes) -> None:
        if self.lost:
            return
        self._waiting.append(memoryview(data))
        self.pending += len(data)
        self.flush()

    def flush(self) -> None:
        """As much as the client takes now."""
        while self._waiting:
            try:
                sent = self._stream.send(self._waiting[0])
            except BlockingIOError:
                return
            except OSError:
                self.lost = True
                return
            self.pending -= sent
            rest = self._waiting.popleft()[sent:]
            if rest:
                self._waiting.appendleft(rest)

    def drain(self) -> None:
        """Wait until the client has everything."""
        self._stream.settimeout(None)
        self.flush()
        self._stream.settimeout(0)

    def held(self) -> Iterator[Frame]:
        """Whole frames that came together with one that ended an earlier look."""
        yield from self._decoder.feed(b"")

    def receive(self) -> Iterator[Frame]:
        """Frames that have arrived; sets `lost` at the end of the stream."""
        try:
            data = self._stream.recv(READ)
        except BlockingIOError:
            yield from self.held()
            return
        except OSError:
            data = b""
        if not data:
            self.lost = True
            return
        yield from self._decoder.feed(data)

    def wait(self) -> None:
        """Until something can be received."""
        if self._decoder.complete:
            return
        self._stream.settimeout(None)
        try:
            if not self._stream.recv(1, socket.MSG_PEEK):
                self.lost = True
        except OSError:
            self.lost = True
        self._stream.settimeout(0)
