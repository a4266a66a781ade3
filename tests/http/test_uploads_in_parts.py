"""Uploads in parts over HTTP: pieces are safe one by one, cuts cost nothing but time, damage is noticed, limits hold."""

from __future__ import annotations

import base64
import hashlib
import random
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from faulty import Proxy, proxy

from retort_client import uploads
from retort_client.problems import Refused, Unreachable
from retort_client.session import Client
from retort_core.http.tasks import Task

P = "/api/v1/projects/default"
LEAST, MOST = 256 << 10, 8 << 20
ROWS = 60_000


def table(rows: int = ROWS, seed: int = 1) -> bytes:
    chance = random.Random(seed)
    return b"id,code\n" + b"".join(f"{n},{chance.getrandbits(64):016x}\n".encode() for n in range(rows))


def sha(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


@dataclass
class Sender:
    """The wire as the page of the API describes it, without the client."""

    http: httpx.Client
    dataset: str
    sessions: str = field(init=False)

    def __post_init__(self) -> None:
        self.sessions = f"{P}/datasets/{self.dataset}/upload-sessions"

    def begin(self, data: bytes, **changes: str) -> httpx.Response:
        headers = {"filename": "a.csv", "upload-length": str(len(data)), "repr-digest": sha(data), **changes}
        return self.http.post(self.sessions, headers=headers)

    def send(self, session: str, piece: bytes, offset: int, **headers: str) -> httpx.Response:
        given = {"upload-offset": str(offset), **headers}
        return self.http.patch(f"{self.sessions}/{session}", content=piece, headers=given)

    def state(self, session: str) -> dict[str, Any]:
        return self.http.get(f"{self.sessions}/{session}").json()  # type: ignore[no-any-return]

    def finish(self, session: str) -> httpx.Response:
        return self.http.post(f"{self.sessions}/{session}")


@pytest.fixture
def sender(service: Any, request: pytest.FixtureRequest) -> Sender:
    return Sender(service.http, request.node.name[:80].replace("[", "-").replace("]", ""))


def objects(service: Any) -> set[str]:
    return {path.name for path in (service.home / "objects").glob("??/*")}


def refused(reply: httpx.Response, status: int, words: str) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert words in reply.json()["detail"]
    return reply.json()  # type: ignore[no-any-return]


def test_a_file_in_pieces_is_the_file_and_its_pieces_go(service: Any, sender: Sender) -> None:
    data, before = table(), objects(service)
    begun = sender.begin(data)
    assert begun.status_code == 201, begun.text
    session = begun.json()["id"]
    assert begun.headers["location"] == f"{sender.sessions}/{session}"
    for start in range(0, len(data), LEAST):
        piece = data[start : start + LEAST]
        sent = sender.send(session, piece, start, **{"content-digest": sha(piece)})
        assert sent.status_code == 200, sent.text
        assert sent.headers["upload-offset"] == str(start + len(piece))
        if start == 0:
            assert len(objects(service) - before) == 1
    first, again = sender.finish(session), sender.finish(session)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["uid"] == again.json()["uid"], "asked twice, made once"
    assert service.finish(first.json()["uid"])["phase"] == "Complete"
    found = service.get(f"{P}/datasets/{sender.dataset}").json()
    assert (found["rows"], found["columns"]) == (ROWS, 2)
    assert hashlib.sha256(data).hexdigest() in objects(service)
    assert len(service.get(f"{P}/datasets/{sender.dataset}/commits").json()["items"]) == 1
    left = [
        path for path in (service.home / "objects").glob("??/*") if LEAST <= path.stat().st_size <= LEAST + 32
    ]
    assert not left, "pieces of a whole file are cleared away"


def test_what_was_cut_off_is_not_kept_and_the_same_file_goes_on(service: Any, sender: Sender) -> None:
    data = table(seed=2)
    session = sender.begin(data).json()["id"]
    assert sender.send(session, data[:LEAST], 0).status_code == 200
    place = httpx.URL(service.url)
    with socket.create_connection((place.host, place.port), 10) as cut:
        head = (
            f"PATCH {sender.sessions}/{session} HTTP/1.1\r\nHost: {place.host}\r\nUpload-Offset: {LEAST}\r\n"
        )
        cut.sendall(f"{head}Content-Length: {LEAST}\r\n\r\n".encode() + data[LEAST : LEAST + 1000])
    assert sender.state(session)["offset"] == LEAST
    again = sender.begin(data).json()
    assert (again["id"], again["offset"]) == (session, LEAST), "the same file for the same purpose"
    assert sender.begin(data, filename="b.csv").json()["id"] != session
    refused(sender.send(session, data[:LEAST], 0), 409, f"goes on at byte {LEAST}")
    refused(sender.finish(session), 409, f"goes on at byte {LEAST}")
    assert sender.send(session, data[LEAST:], LEAST).status_code == 200
    assert service.finish(sender.finish(session).json()["uid"])["phase"] == "Complete"


def test_damage_is_noticed_in_a_piece_and_in_the_whole(service: Any, sender: Sender) -> None:
    data, other = table(seed=3), table(seed=4)
    session = sender.begin(data).json()["id"]
    refused(sender.send(session, other, 0, **{"content-digest": sha(data)}), 422, "piece was damaged")
    assert sender.state(session)["offset"] == 0
    assert sender.send(session, other[: len(data)], 0).status_code == 200
    before = objects(service)
    refused(sender.finish(session), 422, "damaged on its way")
    assert len(before - objects(service)) == 1, "what is of no use goes"
    refused(sender.finish(session), 404, "There is no")
    assert service.get(f"{P}/datasets/{sender.dataset}").status_code == 404


def test_of_the_same_piece_sent_by_many_one_is_kept(service: Any, sender: Sender) -> None:
    from concurrent.futures import ThreadPoolExecutor

    data = table(seed=5)
    session = sender.begin(data).json()["id"]
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: sender.send(session, data[:LEAST], 0).status_code, range(6)))
    assert sorted(replies) == [200, *[409] * 5]
    assert sender.send(session, data[LEAST:], LEAST).status_code == 200
    with ThreadPoolExecutor(4) as pool:
        uids = {reply.json()["uid"] for reply in pool.map(lambda _: sender.finish(session), range(4))}
    assert len(uids) == 1
    assert service.finish(uids.pop())["phase"] == "Complete"
    assert service.get(f"{P}/datasets/{sender.dataset}").json()["rows"] == ROWS


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"repr-digest": ""}, 422, "Repr-Digest is missing"),
        ({"repr-digest": "md5=:AAAA:"}, 422, "must have a sha-256"),
        ({"upload-length": str(3 << 30)}, 413, "larger than 2048 MiB"),
        ({"upload-length": "0"}, 422, ""),
        ({"upload-length": "many"}, 422, ""),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_byte(
    sender: Sender, headers: dict[str, str], status: int, words: str
) -> None:
    refused(sender.begin(b"a\n1\n", **headers), status, words)


def test_pieces_have_a_size_and_the_file_its_length(sender: Sender) -> None:
    data = bytes(20 << 20)
    session = sender.begin(data).json()["id"]
    refused(sender.send(session, data[: MOST + 1], 0), 413, f"larger than {MOST} bytes")
    refused(sender.send(session, data[: LEAST - 1], 0), 422, f"has {LEAST} bytes at least")
    refused(sender.send(session, b"", 0), 422, "0 came")
    small = sender.begin(b"a\n1\n").json()["id"]
    refused(sender.send(small, b"a\n1\n2", 0), 422, "the file has 4")
    refused(sender.send("0" * 32, b"a", 0), 404, "Begin again")


def test_what_is_given_up_leaves_nothing(service: Any, sender: Sender) -> None:
    data, before = table(seed=6), objects(service)
    session = sender.begin(data).json()["id"]
    assert sender.send(session, data[:LEAST], 0).status_code == 200
    assert service.http.delete(f"{sender.sessions}/{session}").status_code == 204
    assert objects(service) == before
    refused(sender.send(session, data[LEAST:], LEAST), 404, "There is no")


def test_a_dataset_that_was_made_for_a_file_that_never_came_goes_with_it(
    service: Any, sender: Sender
) -> None:
    place = f"{P}/datasets/{sender.dataset}"
    session = sender.begin(table(seed=11)).json()["id"]
    assert service.get(place).json()["head"] == ""
    assert service.http.delete(f"{sender.sessions}/{session}").status_code == 204
    assert service.get(place).status_code == 404
    # One that somebody made stays, and so does one that holds something by then.
    assert service.http.post(f"{P}/datasets", json={"name": sender.dataset}).status_code == 201
    session = sender.begin(table(seed=11)).json()["id"]
    assert service.http.delete(f"{sender.sessions}/{session}").status_code == 204
    assert service.get(place).status_code == 200
    other = Sender(service.http, f"{sender.dataset}-2")
    session = other.begin(table(seed=11)).json()["id"]
    assert service.upload(other.dataset)["phase"] == "Complete"
    assert service.http.delete(f"{other.sessions}/{session}").status_code == 204
    assert service.get(f"{P}/datasets/{other.dataset}").json()["rows"] == 300


@pytest.fixture
def net(service: Any) -> Iterator[Proxy]:
    with proxy(httpx.URL(service.url).port or 0) as net:
        yield net


class Cuts:
    """The network comes back after a pause, as often as it was cut."""

    def __init__(self, net: Proxy) -> None:
        self.net, self.pauses = net, 0

    def __call__(self, _seconds: float) -> None:
        self.pauses += 1
        self.net.fault = ""


@pytest.mark.parametrize("fault", ["refuse", "cut", "garbage", "unavailable"])
def test_the_client_goes_on_after_cuts(service: Any, net: Proxy, tmp_path: Path, fault: Any) -> None:
    path, safe = tmp_path / "survey.csv", 0
    path.write_bytes(table(900_000, seed=7))
    cuts = Cuts(net)

    def told(size: int) -> None:
        nonlocal safe
        safe += size
        if 0 < safe < path.stat().st_size:
            net.fault = fault

    with Client(f"http://127.0.0.1:{net.port}", "default") as client:
        task = uploads.send(client, f"cut by {fault}", path, {"mode": "new"}, told, cuts)
        assert cuts.pauses >= 2
        assert safe == path.stat().st_size
        assert client.finish(task).phase == "Complete"
        assert client.dataset(f"cut by {fault}").info().rows == 900_000


def test_the_client_gives_up_in_the_end_and_a_later_one_goes_on(
    service: Any, net: Proxy, tmp_path: Path
) -> None:
    path, told = tmp_path / "survey.csv", list[int]()
    path.write_bytes(table(900_000, seed=8))

    def cut(size: int) -> None:
        told.append(size)
        net.fault = "refuse" if sum(told) else ""

    with Client(f"http://127.0.0.1:{net.port}", "default") as client, pytest.raises(Unreachable):
        uploads.send(client, "given up", path, {"mode": "new"}, cut, lambda _: None)
    net.fault = ""
    later: list[int] = []
    with Client(service.url, "default") as client:
        task = uploads.send(client, "given up", path, {"mode": "new"}, later.append)
        assert later[0] == sum(told) > 0, "what was safe is not sent again"
        assert client.finish(task).phase == "Complete"


def test_who_waits_for_a_task_waits_until_a_service_that_went_away_is_back(service: Any, net: Proxy) -> None:
    sent = service.http.post(
        f"{P}/datasets/waited/uploads", content=table(50, seed=12), headers={"filename": "a.csv"}
    )
    pauses: list[float] = []

    def back(seconds: float) -> None:
        pauses.append(seconds)
        net.fault = "" if len(pauses) == 3 else "refuse"

    net.fault = "refuse"
    with Client(f"http://127.0.0.1:{net.port}", "default") as client:
        task = client.finish(Task.model_validate(sent.json()), sleep=back)
        assert task.phase == "Complete"
        assert pauses == [0.25, 0.5, 1.0]
        net.fault = "refuse"
        never = Task.model_validate(sent.json())
        with pytest.raises(Unreachable):
            client.finish(never, sleep=lambda _: None)
    net.fault = ""


def test_a_refusal_is_not_tried_again(service: Any, tmp_path: Path) -> None:
    path = tmp_path / "survey.csv"
    path.write_bytes(table(400_000, seed=9))
    with Client(service.url, "default") as client, pytest.raises(Refused, match="no dataset"):
        uploads.send(client, "never there", path, {"mode": "append"}, sleep=lambda _: pytest.fail("waits"))


@pytest.fixture
def small(start_service: Callable[..., Any], tmp_path: Path) -> Iterator[Any]:
    """A service with accounts' quotas: a project may hold 4 MB."""
    service = start_service(tmp_path / "home", RETORT_UPLOAD_BYTES=str(2 << 20))
    yield service
    service.http.close()
    with service.process as process:
        process.terminate()
        process.wait(20)


def test_files_on_their_way_are_bounded(small: Any) -> None:
    sender = Sender(small.http, "many")
    refused(sender.begin(bytes((2 << 20) + 1)), 413, "larger than 2 MiB")
    assert small.get(f"{P}/datasets/many").status_code == 404, "nothing is made for what is refused"
    for number in range(32):
        assert sender.begin(b"x%d" % number).status_code == 201
    told = refused(sender.begin(b"y"), 429, "are on their way")
    assert told["code"] == "too-many"
    assert sender.begin(b"x0").status_code == 201, "one that is under way goes on"


def test_what_expired_is_swept_when_another_begins(small: Any) -> None:
    import sqlite3

    sender, data = Sender(small.http, "old"), table(seed=10)
    before = objects(small)
    session = sender.begin(data).json()["id"]
    assert sender.send(session, data[:LEAST], 0).status_code == 200
    with sqlite3.connect(small.home / "retort.db") as connection:
        connection.execute("UPDATE upload_sessions SET expires_at = '2020-01-01 00:00:00.000000'")
    connection.close()
    refused(sender.send(session, data[LEAST:], LEAST), 404, "expired")
    assert Sender(small.http, "another").begin(b"another").status_code == 201
    assert objects(small) == before
    assert small.get(f"{P}/datasets/old").status_code == 404
