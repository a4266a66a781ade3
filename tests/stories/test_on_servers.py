"""The service on a real PostgreSQL and a real S3 that go away, come back, are killed, backed up and restored."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import psycopg
import pytest
import servers
import services
from faulty import Fault, Proxy, proxy
from killing import EVERY_TRY_CUT, Load
from services import P, Service

from retort_client import uploads
from retort_client.problems import Unreachable
from retort_client.session import Client
from retort_tables.objects.s3 import Bucket, S3Objects

CSV = b"id,age\n" + b"".join(f"{n},{20 + n % 50}\n".encode() for n in range(200))
D = f"{P}/datasets/survey"

# Under kills the service starts six times beside another worker: 40 s where a start takes 3 s, 112 where it takes 8.
pytestmark = pytest.mark.timeout(600)


@dataclass
class Site:
    """A service with a database server and a bucket of its own; the network to the bucket may fail."""

    postgres: servers.PostgreSQL
    database: str
    bucket: Bucket
    net: Proxy
    service: Service
    before: list[dict[str, Any]]  # versions as they were on one machine

    @property
    def client(self) -> httpx.Client:
        return self.service.client()

    def readiness(self) -> tuple[int, dict[str, str]]:
        """As a load balancer sees it, at the second port."""
        reply = httpx.get(f"http://127.0.0.1:{self.service.env['RETORT_METRICS_PORT']}/readyz", timeout=10)
        return reply.status_code, reply.json()

    def fsck(self, **changes: str) -> dict[str, Any]:
        done = services.command("fsck", "--deep", "--json", env={**self.service.env, **changes})
        assert done.stdout, done.stderr
        return json.loads(done.stdout)  # type: ignore[no-any-return]


def versions(client: httpx.Client) -> list[dict[str, Any]]:
    return client.get(f"{D}/commits", params={"limit": 500}).json()["items"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def site(s3: servers.S3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """It began as a home on one machine."""
    home = tmp_path_factory.mktemp("embedded")
    with Service(home).running() as client:
        assert services.upload(client, "survey", CSV)["phase"] == "Complete"
        assert services.run(client, "survey", services.flag("young"))["phase"] == "Complete"
        before = versions(client)
    with servers.postgresql() as postgres, proxy(s3.port) as net:
        database = postgres.create("retort")
        bucket = replace(s3.bucket(home.name), endpoint=f"127.0.0.1:{net.port}")
        env = services.environment(database, bucket)
        env |= {"RETORT_S3_SECONDS": "1", "RETORT_METRICS_PORT": str(servers.free_port())}
        done = services.command("migrate", "--from", str(home), env=env)
        assert done.returncode == 0, done.stderr
        service = services.on_servers(tmp_path_factory.mktemp("served"), env)
        with service.running():
            yield Site(postgres, database, bucket, net, service, before)


def finish(site: Site, uid: str) -> dict[str, Any]:
    with site.client as client:
        return services.finished(client, uid)


def start(client: httpx.Client, name: str, branch: str = "main") -> str:
    body = {"source": services.flag(name), "branch": branch, "active_deadline_seconds": 600}
    reply = client.post(f"{D}/tasks", json=body)
    assert reply.status_code == 202, reply.text
    return str(reply.json()["uid"])


def branch(client: httpx.Client, name: str) -> str:
    assert client.post(f"{D}/branches", json={"name": name, "source": "main"}).status_code == 201
    return name


def refused(client: httpx.Client, method: str, path: str, **rest: Any) -> dict[str, Any]:
    """A request without its servers: a problem that says so, and when to try again."""
    reply = client.request(method, path, **rest)
    assert reply.status_code == 503, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert int(reply.headers["retry-after"]) >= 1
    problem: dict[str, Any] = reply.json()
    assert problem["code"] == "unavailable"
    return problem


def test_what_was_on_one_machine_is_on_the_servers(site: Site) -> None:
    with site.client as client:
        found = versions(client)
        assert [one for one in found if one in site.before] == site.before
        page = client.get(f"{D}/commits/{site.before[0]['id']}/table", params={"limit": 3}).json()
        assert [row[0] for row in page["rows"]] == ["0", "1", "2"]
        task = services.run(client, "survey", services.flag("later"), branch=branch(client, "moved"))
    assert task["phase"] == "Complete", task["status"]["failure"]


def test_a_home_is_not_copied_over_what_is_there(site: Site, tmp_path: Path) -> None:
    home = tmp_path / "other"
    with Service(home).running():
        pass
    done = services.command("migrate", "--from", str(home), env=site.service.env)
    assert done.returncode == 1
    assert "holds rows already" in done.stderr


def test_a_second_service_on_the_same_database_does_not_start(site: Site, tmp_path: Path) -> None:
    done = services.command(
        "api", "--no-accounts", "--port", "0", "--home", str(tmp_path), env=site.service.env
    )
    assert done.returncode == 1
    assert "drives the tasks of this database" in done.stderr


def test_tasks_wait_for_a_database_that_was_restarted_and_end_well(site: Site) -> None:
    with site.client as client:
        names = [branch(client, f"pg{number}") for number in range(4)]
        uids = [start(client, f"f_{name}", name) for name in names]
        site.postgres.stop()
        try:
            told = refused(client, "GET", f"{D}/commits")
            assert "database" in told["detail"]
            code, parts = site.readiness()
            assert (code, parts["objects"]) == (503, "ok")
            assert parts["database"].startswith(("down", "no answer"))
            refused(client, "POST", f"{D}/tasks", json={"source": services.flag("never")})
        finally:
            site.postgres.start()
    assert site.readiness() == (200, {"database": "ok", "objects": "ok"})
    for uid in uids:
        task = finish(site, uid)
        assert task["phase"] == "Complete", task["status"]["failure"]


def test_tasks_wait_for_an_object_store_that_was_away_and_end_well(site: Site) -> None:
    assert site.readiness() == (200, {"database": "ok", "objects": "ok"})
    with site.client as client:
        name = branch(client, "s3")
        site.net.fault = "refuse"
        try:
            told = refused(
                client, "POST", f"{P}/datasets/other/uploads", content=CSV, headers={"filename": "a.csv"}
            )
            assert "object store" in told["detail"]
            uid = start(client, "f_s3", name)
            waiting = client.get(f"{P}/tasks/{uid}", params={"wait": 3}).json()
            assert waiting["phase"] not in ("Complete", "Failed")
            code, parts = site.readiness()  # named, but requests still come: what needs no object works
            assert (code, parts["database"]) == (200, "ok")
            assert parts["objects"].startswith(("down", "no answer"))
            assert client.get(f"{D}/commits").status_code == 200
        finally:
            site.net.fault = ""
    assert finish(site, uid)["phase"] == "Complete"
    assert site.fsck()["problems"] == []


@pytest.mark.parametrize("fault", ["stall", "garbage", "unavailable"])
def test_an_object_store_out_of_its_mind_is_waited_for_and_nothing_is_lost(site: Site, fault: Fault) -> None:
    """Slow, nonsense, 503: told to whoever asks, survived by what is under way."""
    with site.client as client:
        name, dataset = branch(client, f"s3-{fault}"), f"{P}/datasets/arrives-{fault}"
        site.net.fault = fault
        try:
            told = refused(client, "POST", f"{dataset}/uploads", content=CSV, headers={"filename": "a.csv"})
            assert "object store" in told["detail"]
            uid = start(client, f"f_{fault}", name)
            waiting = client.get(f"{P}/tasks/{uid}", params={"wait": 2}).json()
            assert waiting["phase"] not in ("Complete", "Failed")
        finally:
            site.net.fault = ""
        assert services.upload(client, f"arrives-{fault}", CSV)["phase"] == "Complete"
    assert finish(site, uid)["phase"] == "Complete"
    assert site.fsck()["problems"] == []


def test_a_database_without_connections_is_waited_for(site: Site) -> None:
    taken: list[psycopg.Connection[tuple[object, ...]]] = []
    with site.client as client:
        name = branch(client, "full")
        with psycopg.connect(site.postgres.url(), autocommit=True) as root:
            mine = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'retort'"
            with suppress(psycopg.OperationalError):
                while True:  # as fast as the service opens them again
                    taken.append(psycopg.connect(site.postgres.url()))
            root.execute(mine)
            with suppress(psycopg.OperationalError):
                while True:
                    taken.append(psycopg.connect(site.postgres.url()))
            try:
                told = refused(client, "GET", f"{D}/commits")
                assert "no connection left" in told["detail"]
                refused(client, "POST", f"{D}/tasks", json={"source": services.flag("never")})
            finally:
                for one in taken:
                    one.close()
        task = finish(site, start(client, "f_full", name))
        assert task["phase"] == "Complete", task["status"]["failure"]


def test_a_large_file_goes_on_in_another_process_on_another_machine(site: Site, tmp_path: Path) -> None:
    """Its pieces lie in the object store: the service is killed, one with an empty home takes over, nothing is sent twice."""
    path, safe = tmp_path / "large.csv", list[int]()
    path.write_bytes(b"id,text\n" + b"".join(b"%d,%032x\n" % (n, n * n) for n in range(500_000)))
    size = path.stat().st_size

    def killed(size: int) -> None:
        safe.append(size)
        if sum(safe):
            site.service.kill()

    with Client(site.service.url, "default") as client, pytest.raises(Unreachable):
        uploads.send(client, "large", path, {"mode": "new"}, killed, lambda _: None)
    other, later = services.on_servers(tmp_path / "home", site.service.env), list[int]()
    with other.running(), Client(other.url, "default") as client:

        def away(_: int) -> None:
            later.append(_)
            site.net.fault = "refuse" if sum(later) < size else ""

        def back(_: float) -> None:
            site.net.fault = ""

        task = uploads.send(client, "large", path, {"mode": "new"}, away, back)
        assert later[0] == sum(safe) > 0
        assert sum(later) == size
        assert client.finish(task).phase == "Complete"
        assert client.dataset("large").info().rows == 500_000
    site.service.start()
    report = site.fsck()
    assert report["clean"], report["problems"]


def test_nothing_that_was_acknowledged_is_lost_when_the_service_is_killed(site: Site) -> None:
    """Five times here, fifty in `make bench-state`."""
    with site.client as client:
        names = tuple(branch(client, f"k{number}") for number in range(3))
    load = Load(site.service, "survey", names)
    load.under_kills(5, random.Random(7), (0.0, 1.0), least=2)
    assert load.kills == 5
    assert len(load.acknowledged) >= 10
    # Two clients share each branch and change columns of their own: nobody is refused. Only a task that was at work in
    # three kills of the five may fail, because three tries are all that is promised to what may itself be the killer.
    assert set(load.ended) <= {"Complete", EVERY_TRY_CUT}, load.failures
    assert load.ended[EVERY_TRY_CUT] <= 2, "as many as there are executors, three kills each"
    assert load.lost() == [], "an acknowledged version is not on its branch"
    report = site.fsck()
    assert report["clean"], report["problems"]


def test_a_backup_gives_the_same_versions_back(site: Site, tmp_path: Path) -> None:
    """As docs/how-to/operations.md says: the database first, the objects afterwards."""
    dump = tmp_path / "retort.dump"
    with dump.open("wb") as file:
        site.postgres.run("pg_dump", "--format=custom", site.database, stdout=file)
    copy = replace(site.bucket, prefix=site.bucket.prefix + "-copy")
    source, target = S3Objects(site.bucket), S3Objects(copy)
    for key in source.keys():  # noqa: SIM118 - not a dictionary
        with source.open(key) as stream:
            assert target.put(stream.read()) == key
    restored = site.postgres.create("restored")
    with dump.open("rb") as file:
        site.postgres.run("pg_restore", "--exit-on-error", f"--dbname={restored}", stdin=file)
    env = services.environment(restored, copy)
    report = site.fsck(**env)
    assert report["clean"], report["problems"]
    with site.client as client:
        here = versions(client)
    assert report["commits"] >= len(here)
    with services.on_servers(tmp_path / "home", env).running() as client:
        assert versions(client) == here
        task = services.run(client, "survey", services.flag("after"))
        assert task["phase"] == "Complete", task["status"]["failure"]
