"""The token of a log-in: kept for its owner only, renewed in time, and by one command at a time."""

from __future__ import annotations

import json
import stat
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from retort_client.credentials import Kept, Store
from retort_client.people import People
from retort_client.session import Client


class Service(BaseHTTPRequestHandler):
    """Gives every refresh token exactly one successor, and says which token it was shown."""

    good = "r0"
    renewals = 0
    lock = threading.Lock()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.lock:
            fits = body["refresh_token"] == type(self).good
            if fits:
                type(self).renewals += 1
                type(self).good = f"r{self.renewals}"
            tokens = {
                "access_token": f"a{self.renewals}",
                "expires_in": 900,
                "refresh_token": self.good,
                "name": "x",
            }
        self._answer(200 if fits else 401, tokens if fits else {})

    def do_GET(self) -> None:
        self._answer(200, {"name": self.headers.get("Authorization", "nobody"), "kind": "account"})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def url() -> Iterator[str]:
    Service.good, Service.renewals = "r0", 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETORT_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("RETORT_TOKEN", raising=False)


def kept(url: str, seconds: float) -> None:
    Store().put(url, Kept(name="x", access="a-old", refresh="r0", until=time.time() + seconds))


def shown(url: str, token: str = "") -> str:
    with Client(url, token=token) as client:
        return People(client).me().name


def test_the_file_is_its_owners_only(url: str) -> None:
    kept(url, 900)
    store = Store()
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    store.put(url, None)
    assert store.get(url) is None
    assert "a-old" not in store.path.read_text()


def test_which_token_is_shown(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(url) == "nobody"
    kept(url, 900)
    assert shown(url) == "Bearer a-old"
    monkeypatch.setenv("RETORT_TOKEN", "of-the-environment")
    assert shown(url) == "Bearer of-the-environment"
    assert shown(url, "given") == "Bearer given"


def test_a_token_of_one_service_is_not_shown_to_another(url: str) -> None:
    kept("https://elsewhere.example", 900)
    assert shown(url) == "nobody"


def test_a_token_is_renewed_before_it_ends(url: str) -> None:
    kept(url, 10)
    assert shown(url) == "Bearer a1"
    assert shown(url) == "Bearer a1"
    assert Service.renewals == 1


def test_commands_at_the_same_time_renew_once(url: str) -> None:
    kept(url, 0)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(shown(url))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["Bearer a1"] * 8
    assert Service.renewals == 1


def test_a_session_that_is_over_is_forgotten(url: str) -> None:
    kept(url, 0)
    Service.good = "another"
    assert shown(url) == "nobody"
    assert Store().get(url) is None


def test_a_damaged_file_and_a_lock_left_behind_stop_nobody(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retort_client.credentials.PATIENCE", 0.1)
    kept(url, 0)
    store = Store()
    store.path.with_suffix(".lock").touch()
    assert shown(url) == "Bearer a1"
    store.path.write_text("[1")
    assert shown(url) == "nobody"


def test_a_renewal_the_service_cannot_answer_is_an_error_and_keeps_the_token(url: str) -> None:
    kept("http://127.0.0.1:9", 0)
    with Client("http://127.0.0.1:9") as client, pytest.raises(Exception, match="No Retort service"):
        People(client).me()
    assert Store().get("http://127.0.0.1:9") is not None
