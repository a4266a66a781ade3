"""Every part of an installation killed again and again under work: each task ends once, each commits once, nothing is left.

The parts are real processes on a PostgreSQL of their own (`installation`); what runs Pods and keeps objects is in memory.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import psycopg
import pytest
import pytest_asyncio
import servers
from installation import TENANT, Installation, migrated

pytestmark = pytest.mark.asyncio(loop_scope="module")
CSV: Final = "id,age\n" + "".join(f"{n},{20 + n % 50}\n" for n in range(40))
KILLS: Final = int(os.environ.get("RETORT_KILLS", "1"))  # of each part; `make soak` asks for 30
TASKS: Final = 4  # a kill
SOURCE: Final = "def run(table):\n    for _ in range(4_000_000):\n        pass\n    return table.head(30)\n"
Kill = Callable[[Installation, servers.PostgreSQL], Awaitable[None]]


@pytest.fixture(scope="module")
def own() -> Any:
    """A database server that may be killed."""
    with servers.postgresql() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at(own: servers.PostgreSQL, s3: servers.S3) -> AsyncIterator[Installation]:
    env = await migrated(await asyncio.to_thread(own.create, "kills"), s3.bucket("kills"))
    async with Installation(env) as found:
        await found.uploaded("people", CSV.encode())
        yield found


async def service(at: Installation, _: servers.PostgreSQL) -> None:
    await at.service.stop(signal.SIGKILL)
    await at.service.start()


async def broker(at: Installation, _: servers.PostgreSQL) -> None:
    await at.broker.stop(signal.SIGKILL)
    await at.broker.start()


async def operator(at: Installation, _: servers.PostgreSQL) -> None:
    await at.operator_killed()


async def executor(at: Installation, _: servers.PostgreSQL) -> None:
    busy = [
        pod["metadata"]["name"]
        for pod in at.kubelet.executors()
        if "retort.dev/task" in pod["metadata"]["labels"] and pod["metadata"]["name"] in at.kubelet.processes
    ]
    if busy:
        await at.kubelet.kill(random.choice(busy))


async def database(_: Installation, own: servers.PostgreSQL) -> None:
    await asyncio.to_thread(own.stop, signal.SIGQUIT)
    await asyncio.to_thread(own.start)


@pytest.mark.parametrize(
    "kill", [service, broker, operator, executor, database], ids=lambda kill: kill.__name__
)
async def test_killed_again_and_again_under_work(
    at: Installation, own: servers.PostgreSQL, kill: Kill
) -> None:
    chance = random.Random(kill.__name__)
    names = [f"{kill.__name__}-{n}" for n in range(KILLS * TASKS)]
    for number in range(KILLS):
        for name in names[number * TASKS : (number + 1) * TASKS]:
            script = {"script": {"source": SOURCE}}
            at.task(name, script, base="main", branch=name, review="Auto", infrastructureRetries=6)
        await asyncio.sleep(chance.uniform(0.1, 3.0))
        await kill(at, own)
    await at.until(
        lambda: all(terminal(at, name) for name in names), 60 + 20 * KILLS, lambda: told(at, names)
    )
    ends = Counter(ended(at, name) for name in names)
    assert ends == {"Complete": len(names)}, told(at, names)
    await asyncio.to_thread(committed_once, at, own, names)
    await at.until(lambda: pool_is_back(at), 30, lambda: str(len(at.kubelet.executors())))


def committed_once(at: Installation, own: servers.PostgreSQL, names: list[str]) -> None:
    """No version is lost and none is doubled, whatever was tried for a task; and its branch stands on it."""
    with psycopg.connect(own.url("kills")) as database:
        made = Counter(database.execute("SELECT task, id FROM commits").fetchall())
        heads = dict(database.execute("SELECT name, head FROM refs WHERE kind = 'branch'").fetchall())
    tasks = {uid for uid, _ in made}
    uids = {
        one["metadata"]["name"]: one["metadata"]["uid"].replace("-", "")
        for one in at.cluster.all("agenttasks")
    }
    assert len(made) == len(tasks), "a task has two versions"
    results = {name: at.status(name)["result"]["commit"] for name in names}
    assert {name: heads.get(name) for name in names} == results
    assert all((uids[name], commit) in made for name, commit in results.items())


def terminal(at: Installation, name: str) -> bool:
    return at.status(name).get("phase") in ("Complete", "Failed")


def over(at: Installation, uid: str) -> bool:
    return any(
        one["metadata"]["uid"].replace("-", "") == uid
        and (one.get("status") or {}).get("phase") == "Complete"
        for one in at.cluster.all("agenttasks", TENANT)
    )


def ended(at: Installation, name: str) -> str:
    """Exactly one terminal condition."""
    conditions = at.status(name)["conditions"]
    (one,) = [c for c in conditions if c["type"] in ("Complete", "Failed") and c["status"] == "True"]
    return str(one["type"])


def told(at: Installation, names: list[str]) -> str:
    left = [name for name in names if at.status(name).get("phase") != "Complete"]
    return "\n".join(f"{name}: {at.status(name)}" for name in left[:5])


def pool_is_back(at: Installation) -> bool:
    pods = at.kubelet.executors()
    return len(pods) == 1 and "retort.dev/task" not in pods[0]["metadata"]["labels"]
