"""What executors must not reach, as addresses: a Pod under the policies has no name server to ask."""

from __future__ import annotations

import socket

import pytest

from retort_operator.probe import looked_up, targets_of


def test_further_targets_are_looked_up_where_there_is_a_name_server() -> None:
    given = targets_of(
        "https://127.0.0.1:6443",
        {"broker": "http://localhost:8767"},
        "",
        "database=localhost:5432,six=[::1]:9000",
    )
    found = looked_up(given)
    assert found["api-server"] == "tcp:127.0.0.1:6443"
    assert found["to-database"] in ("tcp:127.0.0.1:5432", "tcp:[::1]:5432")
    assert found["to-six"] == "tcp:[::1]:9000"


def test_a_name_that_is_nowhere_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    found = looked_up(targets_of("https://127.0.0.1:6443", {}, "", "gone=database.example:5432"))
    assert found["to-gone"] == "tcp:database.example:5432"
