"""The cluster's word, asked of a Kubernetes API on loopback: what is sent, what is believed, how long, and no word at all."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from retort_api.access.answers import LONGEST, Answers
from retort_api.access.authoriser import Caller
from retort_api.access.cluster import Cluster, in_pod
from retort_api.access.reviews import ClusterTokens, Reviews, identity
from retort_core.errors import Infrastructure, PolicyDenied, Unauthenticated
from retort_core.http.datasets import Project

pytestmark = pytest.mark.asyncio
PROJECT = Project(id="p1", name="team-a", created_at=datetime(2026, 1, 1, tzinfo=UTC))
OTHER = Project(id="p2", name="team-b", created_at=datetime(2026, 1, 1, tzinfo=UTC))
ANNA = Caller(name="retort:anna", kind="account", id="a1")
ROBOT = "system:serviceaccount:team-a:robot"


class Api:
    """`answer(path, spec)` gives the status of a review, or bytes and a code of something else."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, dict[str, Any]]] = []
        self.answer: Any = lambda _path, _spec: {"allowed": True}
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                api.seen.append((self.path, self.headers["Authorization"], body))
                found = api.answer(self.path, body["spec"])
                code, data = (
                    (201, json.dumps({**body, "status": found}).encode())
                    if isinstance(found, dict)
                    else found
                )
                self.send_response(code)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    thread = threading.Thread(target=api.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield api
    api.server.shutdown()
    thread.join()
    api.server.server_close()


@pytest_asyncio.fixture
async def cluster(api: Api, tmp_path: Path) -> AsyncIterator[Cluster]:
    (tmp_path / "token").write_text("our-own-token\n")
    cluster = Cluster(f"http://127.0.0.1:{api.server.server_port}", tmp_path)
    yield cluster
    await cluster.close()


@pytest.fixture
def reviews(cluster: Cluster) -> Reviews:
    async def every() -> list[Project]:
        return [PROJECT, OTHER]

    return Reviews(cluster, every)


# -- whose token ---------------------------------------------------------------------------------------------


def authenticated(**user: Any) -> dict[str, Any]:
    return {
        "authenticated": True,
        "audiences": ["retort"],
        "user": {"username": ROBOT, "uid": "u", "groups": ["g"], **user},
    }


async def test_a_token_belongs_to_whom_the_cluster_says(api: Api, cluster: Cluster) -> None:
    api.answer = lambda _path, _spec: authenticated()
    tokens = ClusterTokens(cluster, "retort")
    caller = await tokens.caller("theirs")
    assert (caller.name, caller.kind, caller.groups, caller.uid, caller.admin) == (
        ROBOT,
        "kubernetes",
        ("g",),
        "u",
        False,
    )
    ((path, shown, body),) = api.seen
    assert (path, shown) == ("/apis/authentication.k8s.io/v1/tokenreviews", "Bearer our-own-token")
    assert body["spec"] == {"token": "theirs", "audiences": ["retort"]}
    await tokens.caller("theirs")
    assert len(api.seen) == 1


@pytest.mark.parametrize("status", [
    {"authenticated": False}, {}, {"authenticated": "true", "user": {"username": "x"}, "audiences": ["retort"]},
    {"authenticated": True, "user": {"username": "x"}},  # a server that knows no audiences accepts any token
    {"authenticated": True, "user": {"username": "x"}, "audiences": ["other"]},
    {"authenticated": True, "audiences": ["retort"]}, {"authenticated": True, "audiences": ["retort"], "user": {"username": ""}},
    {"authenticated": True, "audiences": ["retort"], "user": {"username": "x" * 201}},
])  # fmt: skip
async def test_anything_but_a_clear_yes_for_our_audience_is_a_no(
    api: Api, cluster: Cluster, status: dict[str, Any]
) -> None:
    api.answer = lambda _path, _spec: status
    with pytest.raises(Unauthenticated):
        await ClusterTokens(cluster, "retort").caller("theirs")


# -- may they ------------------------------------------------------------------------------------------------


async def test_a_right_is_asked_as_a_virtual_resource_in_the_projects_namespace(
    api: Api, reviews: Reviews
) -> None:
    assert await reviews.may(ANNA, ("update", "branches/protected"), PROJECT)
    ((path, _, body),) = api.seen
    assert path == "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    assert body["spec"] == {
        "user": "retort:anna", "groups": [], "uid": "",
        "resourceAttributes": {
            "group": "retort.dev", "verb": "update", "resource": "branches", "subresource": "protected", "namespace": "team-a",
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    "status", [{}, {"allowed": False}, {"allowed": "true"}, {"allowed": True, "denied": True}]
)
async def test_anything_but_a_clear_yes_is_a_no(api: Api, reviews: Reviews, status: dict[str, Any]) -> None:
    api.answer = lambda _path, _spec: status
    assert not await reviews.may(ANNA, ("get", "datasets"), PROJECT)


@pytest.mark.parametrize(
    "answer", [(500, b""), (403, b"{}"), (200, b"no json"), (200, b"[]"), (201, b'{"status": 1}'), (302, b"")]
)
async def test_without_an_answer_nothing_is_allowed_and_nothing_is_remembered(
    api: Api, reviews: Reviews, answer: tuple[int, bytes]
) -> None:
    api.answer = lambda _path, _spec: answer
    for _ in range(2):
        with pytest.raises(Infrastructure):
            await reviews.may(ANNA, ("get", "datasets"), PROJECT)
    api.answer = lambda _path, _spec: {"allowed": True}
    assert await reviews.may(ANNA, ("get", "datasets"), PROJECT)


async def test_a_server_that_is_away_lets_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    cluster = Cluster("http://127.0.0.1:9", tmp_path)
    with pytest.raises(Infrastructure):
        await ClusterTokens(cluster, "retort").caller("theirs")
    (tmp_path / "token").unlink()
    with pytest.raises(Infrastructure):
        await cluster.access_review({})
    await cluster.close()


async def test_answers_are_for_one_caller_one_right_one_project(api: Api, reviews: Reviews) -> None:
    api.answer = lambda _path, spec: {
        "allowed": spec["user"] == "retort:anna" and spec["resourceAttributes"]["namespace"] == "team-a"
    }
    assert await reviews.may(ANNA, ("get", "datasets"), PROJECT)
    assert not await reviews.may(ANNA, ("get", "datasets"), OTHER)
    assert not await reviews.may(Caller(name="retort:otto", kind="account"), ("get", "datasets"), PROJECT)
    assert await reviews.may(ANNA, ("get", "datasets"), PROJECT)
    assert len(api.seen) == 3
    assert await reviews.visible(ANNA) == {"p1"}


async def test_a_key_is_limited_before_the_cluster_is_asked(api: Api, reviews: Reviews) -> None:
    key = Caller(name="retort:anna", kind="key", scopes=("read",), project="p1")
    assert not await reviews.may(key, ("create", "datasets"), PROJECT)
    assert not await reviews.may(key, ("get", "datasets"), OTHER)
    assert api.seen == []


@pytest.mark.parametrize("caller", [
    Caller(name="system:masters", kind="oidc"), Caller(name="anna", kind="oidc", groups=("system:masters",)),
    Caller(name="retort:anna", kind="account", groups=("system:nodes",)), Caller(name="anna", kind="account"),
    Caller(name="anna", kind="key"), Caller(name="retort:anna", kind="oidc"),
])  # fmt: skip
async def test_nobody_takes_a_name_of_the_cluster(api: Api, reviews: Reviews, caller: Caller) -> None:
    with pytest.raises(PolicyDenied):
        await reviews.may(caller, ("get", "datasets"), PROJECT)
    assert api.seen == []


async def test_names_are_as_their_voucher_has_them() -> None:
    assert identity(ANNA) == ("retort:anna", ())
    assert identity(Caller(name="oidc:anna", kind="oidc", groups=("oidc:staff",))) == (
        "oidc:anna",
        ("oidc:staff",),
    )
    assert identity(Caller(name=ROBOT, kind="kubernetes", groups=("g",))) == (ROBOT, ("g",))


async def test_answers_end_after_ten_seconds_whatever_was_asked_for() -> None:
    now, asked = [0.0], 0
    answers: Answers[int] = Answers(seconds=3600, now=lambda: now[0])

    async def ask() -> int:
        nonlocal asked
        asked += 1
        return asked

    assert await answers.get("q", ask) == 1
    now[0] = LONGEST - 0.1
    assert await answers.get("q", ask) == 1
    now[0] = LONGEST
    assert await answers.get("q", ask) == 2


async def test_the_address_of_the_api_in_a_pod() -> None:
    assert (
        in_pod({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"})
        == "https://10.0.0.1:443"
    )
    assert in_pod({"KUBERNETES_SERVICE_HOST": "fd00::1"}) == "https://[fd00::1]:443"
    with pytest.raises(Infrastructure, match="no Pod"):
        in_pod({})
