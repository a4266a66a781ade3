"""Connections to the service."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from retort_operator.service_client import _events, lively


def test_a_connection_notices_that_its_other_end_vanished() -> None:
    """Regression: after an API Pod was deleted by force, a yes took a minute to be heard."""
    with lively((socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 0))) as found:
        assert found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        told = [
            found.getsockopt(socket.IPPROTO_TCP, option)
            for option in (
                socket.TCP_KEEPIDLE,
                socket.TCP_KEEPINTVL,
                socket.TCP_KEEPCNT,
                socket.TCP_USER_TIMEOUT,
            )
        ]
    idle, interval, count, unanswered = told
    assert idle + interval * count <= 6
    assert unanswered == 6000


async def _lines(*lines: bytes) -> AsyncIterator[bytes]:
    for line in lines:
        yield line


@pytest.mark.asyncio
async def test_an_event_that_cannot_be_read_is_passed_by_and_its_values_are_not_told() -> None:
    """Regression: one of a kind that a newer service knows cut the stream, at every new beginning again."""
    lines = _lines(
        b"id: 7\n", b'data: {"seq": 7, "kind": "row", "data": {"name": "Ada"}, "cell": "secret"}\n', b"\n",
        b"id: 8\n", b'data: {"seq": 8, "kind": "task"}\n', b"\n",
    )  # fmt: skip
    with capture_logs() as logs:
        found = [(one.seq, one.event and one.event.kind) async for one in _events(lines)]
    assert found == [(7, None), (8, "task")]
    assert [one["event"] for one in logs] == ["event_unreadable"]
    assert "secret" not in str(logs)
    assert "Ada" not in str(logs)


@pytest.mark.asyncio
async def test_half_an_event_at_the_end_of_a_cut_stream_is_not_taken_for_a_strange_one() -> None:
    lines = _lines(b"id: 7\n", b'data: {"seq": 7, "kind": "task"}\n', b"\n", b"id: 8\n", b'data: {"seq": 8')
    assert [one.seq async for one in _events(lines)] == [7]
