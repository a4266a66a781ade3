"""Whether the server of a pooled connection is still there, seen without a round trip."""

from __future__ import annotations

import fcntl
import os
import resource
import socket
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import InvalidatePoolError

from retort_api.kit.postgres.database import _still_there

HIGH = 1100  # above what `select` can look at


def test_a_connection_with_a_high_descriptor_is_looked_at_like_any_other() -> None:
    """Regression: `select` raised ValueError for descriptors above 1023, so a busy service lost its database."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft <= HIGH:
        if hard != resource.RLIM_INFINITY and hard <= HIGH:
            pytest.skip(f"no more than {hard} descriptors here")
        resource.setrlimit(resource.RLIMIT_NOFILE, (HIGH + 100, hard))
    ours, servers = socket.socketpair()
    high = fcntl.fcntl(ours, fcntl.F_DUPFD, HIGH)
    try:
        connection = SimpleNamespace(driver_connection=SimpleNamespace(closed=False, fileno=lambda: high))
        _still_there(connection, None, None)
        servers.close()
        with pytest.raises(InvalidatePoolError):
            _still_there(connection, None, None)
    finally:
        os.close(high)
        ours.close()
        servers.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
