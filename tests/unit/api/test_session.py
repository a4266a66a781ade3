"""A session's own clock, against a peer that is a few lines here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from retort_api.runs import session as sessions
from retort_api.runs.session import Listener, Session
from retort_core.errors import SessionLost
from retort_core.jobs import End, Job, Limits, Usage
from retort_core.wire import FrameDecoder, FrameType, encode_json

pytestmark = pytest.mark.asyncio
JOB = Job("a-1", "script", limits=Limits(seconds=0.2), inputs=("table",))


async def slow() -> AsyncIterator[bytes]:
    for _ in range(3):
        await asyncio.sleep(0.3)
        yield b"x"


async def supervisor(there: socket.socket, *, answers: bool) -> None:
    reader, writer = await asyncio.open_connection(sock=there)
    decoder = FrameDecoder()
    while data := await reader.read(1 << 16):
        if answers and any(kind is FrameType.START for kind, _ in decoder.feed(data)):
            writer.write(encode_json(FrameType.END, End(None, Usage()).to_json()))
    writer.close()


@pytest.mark.parametrize("answers", [True, False])
async def test_a_run_is_given_its_time_from_its_start_on(
    monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    """However long it took to feed it; and one that says nothing then is lost."""
    monkeypatch.setattr(sessions, "GRACE_SECONDS", 0.1)
    here, there = socket.socketpair()
    peer = asyncio.create_task(supervisor(there, answers=answers))
    reader, writer = await asyncio.open_connection(sock=here)
    session = Session(reader=reader, writer=writer)
    running = session.run(JOB, [slow], Listener(chunk=lambda _: None))
    if answers:
        assert (await running).ok
    else:
        with pytest.raises(SessionLost):
            await asyncio.wait_for(running, 20)
    session.close()
    await peer
