"""Bars on state, measured on a real PostgreSQL and a real S3; exit 1 when one is missed.

    make bench-state

1. 64 clients x 20 commits on 8 branches of one dataset, over two replicas' connections: no lost update, no duplicate,
   every refused compare-and-swap is a Conflict that its client repeats; every request is sent twice.
2. The service is killed (SIGKILL) 50 times under load, each time at a random moment after it has acknowledged four more
   versions: afterwards `fsck --deep` is clean and no acknowledged version is missing. RETORT_BENCH_KILLS sets another number.
3. What HTTP costs over the repository calls that it makes: p50 at most 5 ms, without accounts and with.
4. A page of 200 x 20 cells, warm from S3: p50 at most 25 ms.
5. 200 idle event streams: at most 100 MB more memory. 6. An upload of 100 MB: at most 64 MB more.

One machine for everything: clients, service, PostgreSQL (fsync on), S3 (SeaweedFS). Memory is what the service's own
process holds (RSS, files that it maps included); workers behind their walls are counted by other benchmarks.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import secrets
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import httpx2 as httpx
import servers
import services
from killing import EVERY_TRY_CUT, Load
from services import P, Service
from survey_file import survey_file
from tasks import machine

from retort_api.commits.log import CommitLog
from retort_api.commits.records import CommitRecord
from retort_api.datasets import repository as datasets
from retort_api.datasets.repository import DatasetRecord
from retort_api.kit.postgres.database import PostgresDatabase
from retort_api.kit.postgres.settings import PostgresSettings
from retort_api.migrations import schema
from retort_api.projects import repository as projects
from retort_core.errors import Conflict
from retort_core.identity import digest
from retort_core.lifecycle.statuses import Counts

CLIENTS, COMMITS, BRANCHES, REPLICAS = 64, 20, 8, 2
LEAST = 4  # versions between two kills: 200 in all
KILLS = int(os.environ.get("RETORT_BENCH_KILLS", "50"))
CALLS = 300
OVERHEAD_MS, PAGE_MS, STREAMS_MB, UPLOAD_MB = 5.0, 25.0, 100.0, 64.0
STREAMS, UPLOAD_BYTES = 200, 100_000_000
MISSED: list[str] = []
SMALL = b"id,age\n" + b"".join(f"{n},{20 + n % 50}\n".encode() for n in range(200))


def bar(name: str, found: float, most: float, unit: str = "") -> None:
    ok = found <= most
    print(f"{name:<64} {found:9.2f} {unit:<3} (at most {most:g}) {'ok' if ok else 'MISSED'}", flush=True)
    if not ok:
        MISSED.append(name)


def told(name: str, found: float, unit: str = "") -> None:
    print(f"{'  ' + name:<64} {found:9.2f} {unit}", flush=True)


# -- 1. rivals ---------------------------------------------------------------------------------------------


@dataclass
class Rivals:
    """Clients that each read the head, build on it and publish, until the swap succeeds."""

    logs: list[CommitLog]
    refused: int = 0

    def version(self, name: str, parent: str, number: int, generation: int) -> CommitRecord:
        return CommitRecord(
            id=digest("commit", name + parent), dataset="d1", root=digest("root", name), snapshot=digest("m", name),
            parents=(parent,) if parent else (), generation=generation, kind="plan", title=name, instruction=name,
            author=f"client {number}", task=digest("t", name)[:32], attempt=f"d1/{name}/1", counts=Counts(rows_after=3),
            created_at=datetime.now(UTC),
        )  # fmt: skip

    async def client(self, number: int) -> list[tuple[str, str]]:
        mine, branch = self.logs[number % len(self.logs)], f"b{number % BRANCHES}"
        other = self.logs[(number + 1) % len(self.logs)]
        made = []
        for count in range(COMMITS):
            record = await self._swapped(mine, branch, number, count)
            again = await other.publish([record], branch, record.parent)  # sent twice, to another replica
            assert again.id == record.id, "a repeated attempt made a version of its own"
            made.append((branch, record.id))
        return made

    async def _swapped(self, log: CommitLog, branch: str, number: int, count: int) -> CommitRecord:
        while True:
            head = await log.head("d1", branch)
            generation = (await log.get("d1", head)).generation + 1 if head else 0
            record = self.version(f"{number}-{count}", head, number, generation)
            try:
                return await log.publish([record], branch, head)
            except Conflict:
                self.refused += 1


async def rivals(url: str) -> None:
    """Checked from the rows: each branch is one line of all that was acknowledged, each of it once."""
    settings = PostgresSettings(database_url=url, database_connections=20)
    bases = [PostgresDatabase(settings) for _ in range(REPLICAS)]
    await schema.upgrade(bases[0])
    now = datetime.now(UTC)
    async with bases[0].write() as connection:
        await projects.add(connection, "p1", "default", now)
        record = DatasetRecord(id="d1", project="p1", name="d1", title="", created_at=now)
        await datasets.add(connection, record)
    found = Rivals([CommitLog(base) for base in bases])
    began = time.perf_counter()
    done = await asyncio.gather(*(found.client(number) for number in range(CLIENTS)))
    seconds = time.perf_counter() - began
    acknowledged = [one for part in done for one in part]
    log = found.logs[0]
    every = {one.id: one for one in await log.commits("d1")}
    lost = duplicates = broken = 0
    for number in range(BRANCHES):
        branch, line, at = f"b{number}", [], await log.head("d1", f"b{number}")
        while at:
            line.append(at)
            at = every[at].parent
        here = {commit for name, commit in acknowledged if name == branch}
        lost += len(here - set(line))
        titles = Counter(every[one].title for one in line)
        duplicates += sum(count - 1 for count in titles.values())
        moves = await log.moves("d1", branch)
        broken += sum(before.now != after.was for before, after in itertools.pairwise(moves))
        broken += [move.now for move in moves] != line[::-1]
    for base in bases:
        await base.close()
    duplicates += len(every) - len({(one.author, one.title) for one in every.values()})
    bar(f"{CLIENTS} clients x {COMMITS} commits on {BRANCHES} branches: lost updates", lost, 0)
    bar("  duplicates", duplicates, 0)
    bar("  commits missing or too many", abs(len(every) - CLIENTS * COMMITS), 0)
    bar("  branches whose moves are not one line", broken, 0)
    told("refused swaps, each repeated by its client", found.refused)
    told("commits a second, each sent twice", len(acknowledged) / seconds, "/s")


# -- 2. kills ----------------------------------------------------------------------------------------------


def kills(service: Service) -> None:
    with service.client() as client:
        assert services.upload(client, "killed", SMALL)["phase"] == "Complete"
        names = tuple(f"k{number}" for number in range(3))
        for name in names:
            made = client.post(f"{P}/datasets/killed/branches", json={"name": name, "source": "main"})
            assert made.status_code == 201
    load = Load(service, "killed", names)
    load.under_kills(KILLS, random.Random(11), (0.0, 1.0), least=LEAST)
    bar(f"{load.kills} kills under load: acknowledged versions that are missing", len(load.lost()), 0)
    done = services.command("fsck", "--deep", "--json", env=service.env)
    report = json.loads(done.stdout)
    for problem in report["problems"]:
        print("   ", problem)
    bar("  problems that fsck finds", len(report["problems"]), 0)
    others = load.ended.total() - load.ended["Complete"] - load.ended[EVERY_TRY_CUT]
    bar("  tasks that failed for another reason than three cuts", others, 0)
    told("tasks whose three tries were all cut by a kill", load.ended[EVERY_TRY_CUT])
    told("tasks that came to their end", load.ended["Complete"])
    told("versions acknowledged meanwhile", len(load.acknowledged))
    told("requests cut off by a kill", load.cut)


# -- 3. and 4. time ------------------------------------------------------------------------------------------


async def clocked(*calls: Callable[[], Awaitable[object]]) -> list[float]:
    """p50 of each in ms; they take turns, so that a busy machine is busy for all of them."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(CALLS):
        for call, mine in zip(calls, times, strict=True):
            began = time.perf_counter()
            await call()
            mine.append(1000 * (time.perf_counter() - began))
    return [statistics.median(mine[20:]) for mine in times]


async def overhead(service: Service, dataset: str, head: str, token: str = "") -> None:
    """The same question asked of the repository here and of the service over HTTP, in turns. `token`: of a service with
    accounts, where who asks is looked up and what they may is decided, for every request."""
    base = PostgresDatabase(PostgresSettings(database_url=service.env["RETORT_DATABASE_URL"]))
    log, path = CommitLog(base), f"{P}/datasets/{dataset}"
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=service.url, timeout=30, verify=False, headers=bearer) as client:
        identifier = (await client.get(path)).json()["id"]

        async def over(url: str) -> None:
            assert (await client.get(url)).status_code == 200

        async def version_of(dataset: str) -> None:
            found = await log.resolve(dataset, head)
            await log.get(dataset, found)
            await log.refs(dataset)

        pairs: dict[str, tuple[Callable[[], Awaitable[object]], str]] = {
            "a branch": (lambda: log.ref(identifier, "main"), f"{path}/branches/main"),
            "the moves of branches": (lambda: log.moves(identifier, limit=101), f"{path}/reflog"),
            "a version": (lambda: version_of(identifier), f"{path}/commits/{head}"),
        }
        for name, (call, url) in pairs.items():
            plain, whole = await clocked(call, lambda url=url: over(url))
            accounts = "with accounts on, " if token else ""
            bar(f"{accounts}HTTP over its repository calls, {name}, p50", whole - plain, OVERHEAD_MS, "ms")
            told("the repository calls alone", plain, "ms")
    await base.close()


@contextmanager
def with_accounts(folder: Path, env: dict[str, str]) -> Iterator[tuple[Service, str]]:
    """The service as people log in to it, and the token of its first administrator."""
    opened = {
        "RETORT_FIRST_ADMIN": secrets.token_hex(16),
        "RETORT_CALLER_PER_MINUTE": "0",
        "RETORT_LOGIN_PER_MINUTE": "0",
    }
    service = Service(folder / "accounts", {**env, **opened}, services.ON_SERVERS)
    with service.running() as client:
        who = {"name": "bench", "password": secrets.token_hex(16)}
        invited = {**who, "invitation": opened["RETORT_FIRST_ADMIN"]}
        assert client.post("/api/v1/accounts", json=invited).status_code == 201
        yield service, client.post("/api/v1/auth/login", json=who).json()["access_token"]


def page(service: Service, dataset: str) -> None:
    with service.client() as client:
        times = []
        for number in range(CALLS // 3):
            query = {"offset": 200 * (number % 50), "limit": 200}
            began = time.perf_counter()
            found = client.get(f"{P}/datasets/{dataset}/commits/main/table", params=query).json()
            times.append(1000 * (time.perf_counter() - began))
            assert (len(found["rows"]), len(found["columns"])) == (200, 20)
    bar("page of 200 x 20 of 100,000 rows, warm from S3, p50", statistics.median(times[5:]), PAGE_MS, "ms")


# -- 5. and 6. memory ----------------------------------------------------------------------------------------


def status_of(pid: int, name: str) -> float:
    """MB of one line of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith(name + ":"))


@contextmanager
def peak(pid: int) -> Iterator[dict[str, float]]:
    """MB above where it began, at most: of everything (rss) and of what no file backs (anonymous, sampled)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the highest water mark begins anew
    before, over = {name: status_of(pid, name) for name in ("VmRSS", "RssAnon")}, threading.Event()
    found, highest = {}, [before["RssAnon"]]

    def sample() -> None:
        while not over.wait(0.01):
            highest.append(status_of(pid, "RssAnon"))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield found
    finally:
        over.set()
        sampler.join()
    found["rss"] = status_of(pid, "VmHWM") - before["VmRSS"]
    found["anonymous"] = max(highest) - before["RssAnon"]


def still_open(one: socket.socket) -> bool:
    """A closed one is read as empty."""
    try:
        return one.recv(65_536) != b""
    except BlockingIOError:
        return True


def streams(service: Service) -> None:
    assert service.process is not None
    pid, place = service.process.pid, urlsplit(service.url)
    request = (
        f"GET {P}/events HTTP/1.1\r\nHost: {place.hostname}\r\nLast-Event-ID: 1000000000\r\n\r\n".encode()
    )
    with ExitStack() as stack, peak(pid) as found:
        before = status_of(pid, "VmRSS")
        held = []
        for _ in range(STREAMS):
            one = stack.enter_context(socket.create_connection((place.hostname, place.port), 10))
            one.sendall(request)
            assert b"200 OK" in one.recv(4096)
            one.settimeout(0)
            held.append(one)
        time.sleep(5)  # idle is what is measured: pings, nothing else
        assert all(still_open(one) for one in held)
        after = status_of(pid, "VmRSS")
        with service.client() as client:
            assert client.get(f"{P}/datasets").status_code == 200, "the service answers beside them"
    bar(f"{STREAMS} idle event streams, more memory", after - before, STREAMS_MB, "MB")
    told("at the highest", found["rss"], "MB")


def big(folder: Path) -> Path:
    """The benchmark's survey file, cut after 100 MB at the end of a line."""
    path = folder / "big.csv"
    data = survey_file().read_bytes()[:UPLOAD_BYTES]
    path.write_bytes(data[: data.rindex(b"\n") + 1])
    return path


def memory(service: Service, folder: Path) -> None:
    assert service.process is not None
    path = big(folder)
    with service.client() as client:
        with peak(service.process.pid) as found, path.open("rb") as file:
            reply = client.post(f"{P}/datasets/big/uploads", content=file, headers={"filename": path.name})
            assert reply.status_code == 202, reply.text
        uid = reply.json()["uid"]
        with peak(service.process.pid) as reading:
            assert services.finished(client, uid)["phase"] == "Complete"
    size = path.stat().st_size / 1e6
    bar(f"upload of {size:.0f} MB, more memory at the highest", found["rss"], UPLOAD_MB, "MB")
    told("of which not a file's", found["anonymous"], "MB")
    told("while it is read and becomes a version", reading["rss"], "MB")
    told("of which not a file's", reading["anonymous"], "MB")


def main() -> None:
    print(machine())
    print("psycopg", version("psycopg") + ", minio", version("minio") + ", load", os.getloadavg()[0])
    with servers.postgresql() as postgres, servers.seaweedfs() as s3, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(postgres.run("postgres", "--version", capture_output=True).stdout.decode().strip())
        asyncio.run(rivals(postgres.create("rivals")))
        bucket = s3.bucket("bench")
        env = services.environment(postgres.create("state"), bucket)
        done = services.command("migrate", env=env)
        assert done.returncode == 0, done.stderr
        service = services.on_servers(folder / "home", env)
        with service.running() as client:
            told_by = services.upload(client, "hundred", survey_file(100_000).read_bytes())
            assert told_by["phase"] == "Complete", told_by
            head = told_by["status"]["result"]["commit"]
            asyncio.run(overhead(service, "hundred", head))
            page(service, "hundred")
            streams(service)
        with with_accounts(folder, env) as (guarded, token):
            asyncio.run(overhead(guarded, "hundred", head, token))
        with service.running():
            memory(service, folder)
        with service.running():
            kills(service)
    sys.exit(bool(MISSED))


if __name__ == "__main__":
    main()
