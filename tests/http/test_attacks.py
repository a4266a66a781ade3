"""What is sent to hurt: bodies that never come, deep and huge JSON, headers and names that want to be something else."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from retort_api.kit.guards import Guards

P = "/api/v1/projects/default"
NAMES = [
    "../../etc/passwd",
    "%2e%2e",
    "a/../../b",
    "..\\..\\x",
    "a\x00b",
    "con:x",
    "/etc/passwd",
    "~",
    "-rf",
]


def raw(service: Any, *pieces: bytes, reply: bool = True) -> bytes:
    """Bytes as they are, on a connection of their own; what comes back until it is closed or quiet."""
    address = urlsplit(service.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        if not reply:
            return b""
        return connection.recv(65536)


@pytest.mark.parametrize("content", [
    b'{"name": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b'{"name": "' + b"x" * 3_000_000 + b'"}',
    b'{"name": 1e999999}', b'{"name": ' + b"9" * 1_000_000 + b"}", b'{"name": NaN}', b'{"name":"a","name":"b\\u0000"}',
])  # fmt: skip
def test_deep_huge_and_odd_json_is_bad_input_and_takes_no_time(service: Any, content: bytes) -> None:
    started = time.monotonic()
    reply = service.http.post(
        "/api/v1/projects", content=content, headers={"content-type": "application/json"}
    )
    assert reply.status_code in (400, 422), reply.text[:300]
    assert reply.headers["content-type"] == "application/problem+json"
    assert len(reply.content) < 10_000
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_the_path_is_a_name_and_no_place(service: Any, name: str) -> None:
    for path in (f"{P}/datasets/{quote(name, safe='')}", f"{P}/datasets/{quote(name, safe='')}/commits/main/export",
                 f"/api/v1/projects/{quote(name, safe='')}", f"{P}/results/{quote(name, safe='')}/table"):  # fmt: skip
        reply = service.get(path)
        assert reply.status_code in (404, 422), reply.text
        assert reply.headers["content-type"] == "application/problem+json"
        assert b"root:" not in reply.content


@pytest.mark.parametrize(
    "path",
    ["/../../etc/passwd", "/api/v1/../../etc/passwd", "/api/v1/projects/default/datasets/..%2f..%2fetc"],
)
def test_dots_in_the_path_as_it_is_on_the_wire(service: Any, path: str) -> None:
    got = raw(service, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert got.startswith(b"HTTP/1.1 404"), got[:200]


@pytest.mark.parametrize(
    "name", [*NAMES, 'a"; filename=b.exe', "a\r\nSet-Cookie: x=1", "a\nb.csv", "ä" * 300]
)
def test_the_name_of_a_file_is_never_a_place_nor_a_header(service: Any, name: str) -> None:
    reply = service.http.post(
        f"{P}/datasets/named/uploads", content=b"a,b\n1,2\n", headers={"filename": quote(name, safe="")}
    )
    if reply.status_code == 202:
        task = service.finish(reply.json()["uid"])
        assert task["phase"] in ("Complete", "Failed", "AwaitingInput")
        export = service.get(f"{P}/datasets/named/commits/main/export")
        disposition = export.headers.get("content-disposition", "")
        assert "\r" not in disposition
        assert "set-cookie" not in export.headers
    else:
        assert reply.status_code == 422, reply.text
        assert reply.headers["content-type"] == "application/problem+json"


def test_a_header_with_a_line_break_reaches_nothing(service: Any) -> None:
    head = b"GET /api/v1/about HTTP/1.1\r\nHost: localhost\r\n"
    for line in (b"X-Request-Id: aaaaaaaa\rSet-Cookie: x=1\r\n", b"X-Request-Id: aaaaaaaa\x00b\r\n", b" folded: x\r\n",
                 b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", b"Content-Length: 3\r\nContent-Length: 5\r\n"):  # fmt: skip
        got = raw(service, head + line + b"Connection: close\r\n\r\n")
        assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 200", b"HTTP/1.1 421")), got[:200]
        assert b"set-cookie" not in got.lower()


@pytest.mark.parametrize("identifier", ["short", "a b c d e f g", "x" * 65, "\u00e4" * 10, "../../../etc"])
def test_only_harmless_ids_of_requests_are_repeated(service: Any, identifier: str) -> None:
    reply = service.get("/api/v1/about", headers={"x-request-id": identifier.encode("utf-8")})
    assert reply.status_code == 200
    assert len(reply.headers["x-request-id"]) == 32


def test_an_upload_that_breaks_off_makes_no_task_and_leaves_nothing(service: Any) -> None:
    head = (
        f"POST {P}/datasets/broken-off/uploads HTTP/1.1\r\nHost: localhost\r\nFilename: a.csv\r\n"
        "Content-Length: 1000000\r\n\r\n"
    )
    raw(service, head.encode(), b"a,b\n" * 1000, reply=False)
    for _ in range(1000):
        if not list((service.home / "spool").glob("upload*")):
            break
        time.sleep(0.02)
    assert not list((service.home / "spool").glob("upload*"))
    tasks = service.get(f"{P}/datasets/broken-off/tasks")
    assert tasks.status_code == 404 or tasks.json()["items"] == []


# -- bodies that do not come -------------------------------------------------------------------------------


async def called(
    path: str, pieces: list[tuple[float, bytes]], seconds: float = 0.1
) -> tuple[list[Any], list[bytes]]:
    """What Guards sends to a caller whose body comes in pieces, each after its pause; and what the application read."""
    read: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            read.append(message["body"])
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def coming() -> AsyncIterator[dict[str, Any]]:
        for at, (pause, piece) in enumerate(pieces):
            await asyncio.sleep(pause)
            yield {"type": "http.request", "body": piece, "more_body": at < len(pieces) - 1}

    sent: list[Any] = []
    source = coming()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": path, "headers": [(b"host", b"localhost")], "method": "POST"}
    await Guards(app, ["localhost"], 1024, seconds=seconds)(scope, source.__anext__, send)
    return sent, read


@pytest.mark.asyncio
async def test_a_body_that_drips_is_given_up_however_steadily() -> None:
    sent, _ = await called("/x", [(0.04, b"{")] * 20)
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    assert json.loads(sent[1]["body"])["code"] == "timed-out"


@pytest.mark.asyncio
async def test_an_upload_may_take_as_long_as_something_comes() -> None:
    sent, read = await called("/x/uploads", [(0.04, b"a")] * 10)
    assert (sent[0]["status"], b"".join(read)) == (200, b"a" * 10)


@pytest.mark.asyncio
async def test_an_upload_that_stalls_is_given_up() -> None:
    sent, read = await called("/x/uploads", [(0, b"a"), (5, b"b")])
    assert (sent[0]["status"], read) == (408, [b"a"])
