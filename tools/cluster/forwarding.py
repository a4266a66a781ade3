"""The node's one door: a loopback port of the machine, passed on to the API server inside.

The listening socket was opened outside and inherited, so it belongs to the machine's network while this process
lives in the node's. It closes with the node.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Final

from places import API_PORT, NODE_ADDRESS

PIECE: Final = 1 << 16


def serve(listener: int) -> None:
    asyncio.run(_serve(socket.socket(fileno=listener)))


async def _serve(listener: socket.socket) -> None:
    server = await asyncio.start_server(_pass_on, sock=listener)
    async with server:
        await server.serve_forever()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        inner_reader, inner_writer = await asyncio.open_connection(NODE_ADDRESS, API_PORT)
    except OSError:  # the API server is not there: the caller sees a closed connection and may try again
        writer.close()
        return
    await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(PIECE):
            target.write(data)
            await target.drain()
    with contextlib.suppress(OSError):
        target.close()
