"""Connections to the service."""

from __future__ import annotations

import socket

from retort_operator.service_client import lively


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
