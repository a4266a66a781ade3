"""Heads that come too slowly, over a real socket: cut and told, while whoever asks in time is served on one connection."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, Request

from retort_api.mains.serving import Listener, beside, listening

pytestmark = pytest.mark.asyncio
SECONDS = 0.5
ASKED = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    app = FastAPI()

    @app.get("/")
    async def here() -> str:
        return "here"

    @app.post("/")
    async def took(request: Request) -> int:
        return len(await request.body())

    with listening("127.0.0.1", 0) as bound:
        port: int = bound.getsockname()[1]
        async with beside(Listener(app=app, socket=bound, head_seconds=SECONDS)):
            yield port


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    return int(head[0].split()[1]), headers, await reader.readexactly(int(headers["content-length"]))


async def dribble(writer: asyncio.StreamWriter) -> None:
    """A header line every now and then, for as long as somebody takes it."""
    writer.write(b"GET / HTTP/1.1\r\n")
    for number in range(1000):
        writer.write(f"X-{number}: a\r\n".encode())
        await writer.drain()
        await asyncio.sleep(0.05)


async def test_a_head_that_dribbles_is_cut_in_its_time_however_often_a_line_comes() -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began = time.monotonic()
        slow = asyncio.create_task(dribble(writer))
        status, headers, body = await answer(reader)
        assert (status, headers["connection"], headers["content-type"]) == (
            408, "close", "application/problem+json",
        )  # fmt: skip
        assert json.loads(body)["code"] == "timed-out"
        assert SECONDS <= time.monotonic() - began < 20 * SECONDS
        assert await reader.read() == b""
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        writer.close()


async def test_who_says_nothing_at_all_is_let_go() -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(20 * SECONDS):
            assert await reader.read() == b""
        writer.close()


async def test_the_second_request_of_a_connection_has_its_time_too() -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(ASKED)
            status, _, body = await answer(reader)
            assert (status, body) == (200, b'"here"')
        writer.write(b"GET / HT")
        status, *_ = await answer(reader)
        assert status == 408
        writer.close()


async def test_a_body_may_take_longer_than_a_head() -> None:
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n")
        for _ in range(4):
            await asyncio.sleep(SECONDS / 2)
            writer.write(b"x")
        status, _, body = await answer(reader)
        assert (status, body) == (200, b"4")
        writer.close()
