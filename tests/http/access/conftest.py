"""A service with accounts: real processes, real log-ins, two projects whose people have nothing to do with one another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2 as httpx
import pytest

A = "/api/v1"
PASSWORD = "correct horse battery"
CSV = "id,city,age\n" + "".join(f"{n},{'Rome' if n % 3 else 'Oslo'},{20 + n % 50}\n" for n in range(60))


@dataclass
class Person:
    """Somebody with a token; `project` is where the short verbs work."""

    http: httpx.Client  # of the house: nobody has cookies
    name: str
    token: str = ""
    refresh: str = ""
    project: str = ""

    def request(self, method: str, path: str, **rest: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return self.http.request(method, path, headers={**headers, **rest.pop("headers", {})}, **rest)

    def get(self, path: str, **rest: Any) -> httpx.Response:
        return self.request("GET", path, **rest)

    def post(self, path: str, json: Any = None, **rest: Any) -> httpx.Response:
        return self.request("POST", path, json=json, **rest)

    def put(self, path: str, json: Any = None, **rest: Any) -> httpx.Response:
        return self.request("PUT", path, json=json, **rest)

    def delete(self, path: str, **rest: Any) -> httpx.Response:
        return self.request("DELETE", path, **rest)

    def made(self, method: str, path: str, json: Any = None, **rest: Any) -> Any:
        reply = self.request(method, path, json=json, **rest)
        assert reply.status_code < 300, reply.text
        return reply.json() if reply.content else None

    @property
    def p(self) -> str:
        return f"{A}/projects/{self.project}"

    def upload(self, dataset: str, data: bytes = CSV.encode(), **query: Any) -> dict[str, Any]:
        path = f"{self.p}/datasets/{dataset}/uploads"
        reply = self.request(
            "POST", path, content=data, headers={"filename": quote(f"{dataset}.csv")}, params=query
        )
        assert reply.status_code == 202, reply.text
        return self.finish(reply.json()["uid"])

    def finish(self, uid: str) -> dict[str, Any]:
        while True:
            task: dict[str, Any] = self.get(f"{self.p}/tasks/{uid}", params={"wait": 20}).json()
            if task["phase"] in ("Complete", "Failed", "AwaitingInput"):
                return task

    def converse(self, dataset: str, branch: str = "main") -> str:
        return str(self.made("POST", f"{self.p}/datasets/{dataset}/conversations", {"branch": branch})["id"])

    def say(self, dataset: str, conversation: str, text: str) -> dict[str, Any]:
        path = f"{self.p}/datasets/{dataset}/conversations/{conversation}/messages"
        return self.finish(self.made("POST", path, {"text": text})["uid"])

    def run(self, dataset: str, source: dict[str, Any], **rest: Any) -> dict[str, Any]:
        path = f"{self.p}/datasets/{dataset}/tasks"
        return self.finish(self.made("POST", path, {"source": source, **rest})["uid"])

    def head(self, dataset: str, branch: str = "main") -> str:
        return str(self.get(f"{self.p}/datasets/{dataset}/branches/{branch}").json()["head"])

    def audit(self, project: str = "") -> list[dict[str, Any]]:
        import json

        path = f"{A}/projects/{project or self.project}/audit" if project or self.project else f"{A}/audit"
        reply = self.get(path)
        assert reply.status_code == 200, reply.text
        return [json.loads(line) for line in reply.text.splitlines()]


@dataclass
class House:
    """The service, its first administrator, and how more people come in."""

    url: str
    home: Path
    process: subprocess.Popen[bytes]
    root: Person

    @property
    def http(self) -> httpx.Client:
        return self.root.http

    def stranger(self) -> Person:
        return Person(self.http, "")

    def login(self, name: str, password: str = PASSWORD, project: str = "") -> Person:
        person = Person(self.http, name, project=project)
        tokens = person.made("POST", f"{A}/auth/login", {"name": name, "password": password})
        person.token, person.refresh = tokens["access_token"], tokens["refresh_token"]
        return person

    def invited(self, name: str, project: str = "", role: str = "member") -> Person:
        """A new account by invitation, logged in."""
        path = f"{A}/projects/{project}/invitations" if project else f"{A}/invitations"
        token = self.root.made("POST", path, {"role": role})["token"]
        stranger = Person(self.http, name)
        stranger.made("POST", f"{A}/accounts", {"name": name, "password": PASSWORD, "invitation": token})
        return self.login(name, project=project)

    def project(self, name: str) -> str:
        return str(self.root.made("POST", f"{A}/projects", {"name": name})["id"])

    def stop(self) -> None:
        self.http.close()
        with self.process as process:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def open_house(home: Path, **environment: str) -> House:
    import json

    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "retort_api.mains.embedded",
            "--accounts",
            "--home",
            str(home),
            "--port",
            "0",
            "--json",
        ],
        stdout=subprocess.PIPE,
        env={**os.environ, "RETORT_LOGIN_PER_MINUTE": "0", "RETORT_CALLER_PER_MINUTE": "0", **environment},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the service did not start; its reason stands on stderr"
    ready = json.loads(line)
    root = Person(httpx.Client(base_url=ready["url"], timeout=60), "root")
    token = Path(ready["first_admin"]).read_text().strip()
    body = {"name": "root", "password": PASSWORD, "invitation": token}
    assert root.made("POST", f"{A}/accounts", body)["admin"] is True
    house = House(ready["url"], home, process, root)
    house.root = house.login("root")
    return house


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all tests that add to it and take nothing away from one another."""
    house = open_house(tmp_path_factory.mktemp("house"))
    yield house
    house.stop()


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """`own_house(RETORT_…="…")`: one of its own, with its settings."""
    opened: list[House] = []

    def make(**environment: str) -> House:
        opened.append(open_house(tmp_path / f"home{len(opened)}", **environment))
        return opened[-1]

    yield make
    for one in opened:
        one.stop()


@dataclass
class Two:
    """Two projects with data, and somebody of every role in each."""

    admin: Person
    analyst: Person
    member: Person
    other: Person  # administers the other project


@pytest.fixture(scope="session")
def two(house: House) -> Two:
    for name in ("ours", "theirs"):
        house.project(name)
    people = Two(
        admin=house.invited("ours-admin", "ours", "admin"),
        analyst=house.invited("ours-analyst", "ours", "analyst"),
        member=house.invited("ours-member", "ours", "member"),
        other=house.invited("theirs-admin", "theirs", "admin"),
    )
    for owner, data in ((people.admin, "shared"), (people.other, "secret")):
        task = owner.upload(data)
        assert task["phase"] == "Complete", task["status"]
    return people
