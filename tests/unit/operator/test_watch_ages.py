"""When a watch was last heard of: what comes in on its stream counts, however long the stream lasts."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import web

from retort_operator import access
from retort_operator.access import WatchAges


@pytest.mark.asyncio
async def test_a_watch_that_brings_something_is_not_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator with steady work was ended by its own liveness: only the beginning of a stream had counted."""
    more, done = asyncio.Event(), asyncio.Event()

    async def watched(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        await more.wait()
        await reply.write(b'{"type":"BOOKMARK"}\n')
        await done.wait()
        return reply

    app = web.Application()
    app.add_routes([web.get("/api/v1/pods", watched)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1/pods"
    ages, clock = WatchAges(), [100.0]
    monkeypatch.setattr(access, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    async with (
        aiohttp.ClientSession(trace_configs=[ages.trace()]) as session,
        session.get(url, params={"watch": "true"}) as reply,
    ):
        clock[0] = 220.0
        assert ages.ages() == {"pods": 120.0}
        more.set()
        assert await anext(aiter(reply.content.iter_chunked(1024)))
        assert ages.ages() == {"pods": 0.0}
        clock[0] = 230.0
        assert ages.ages() == {"pods": 10.0}
        done.set()
    await runner.cleanup()
