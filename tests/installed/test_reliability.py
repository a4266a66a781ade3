"""Every part ended again and again under a steady stream of tasks, on a real node: what is counted, and how soon it goes on.

RETORT_KILLS: how often each (5; `make soak` asks for 30). Moments are drawn from a seed. After each kind: every task of the
stream has ended in exactly one way, its branch's history is its tasks and nothing else, `retort fsck` is content, and the
pool is what it was. Recovery: from the harm to the end of a task that was made after it.
"""

from __future__ import annotations

import json
import os
import random
import re
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.cluster.conftest import PYTHON
from tests.cluster.kube import ROOT, Program
from tests.installed.apiserver import api_server
from tests.installed.conftest import EXECUTORS, SYSTEM, Installation
from tests.installed.harm import REST, Harm, Kind, kinds
from tests.installed.machine import Machine, until
from tests.installed.stream import Project, Stream, Task

from retort_client.session import Client

KILLS = int(os.environ.get("RETORT_KILLS", "5"))
BAR = 30.0  # seconds, the 99th of a hundred
ENOUGH = 30  # of which the slowest says something; of fewer the middle one is held to the bar, and the slowest is told
PATIENCE = 150.0  # for a single task: it tells of a task that hangs, not of one that is slow
POOL = 2
FOREVER = 10**12
REPORT = ROOT / "build" / "reliability.json"
SURVEY = "id,v0\n" + "".join(f"{n},{n * 7 % 50}\n" for n in range(60))
PEOPLE = {"north": "ann", "south": "bob"}

pytestmark = pytest.mark.timeout(400 + (120 + REST) * KILLS)


@dataclass
class Site:
    """The installation with two projects that have data, and who is at work in it."""

    installation: Installation
    stream: Stream
    harm: Harm
    tokens: dict[str, str]

    @property
    def kubectl(self) -> Program:
        return self.installation.kubectl


@pytest.fixture(scope="module")
def site(installation: Installation) -> Iterator[Site]:
    REPORT.unlink(missing_ok=True)
    installation.forward()
    found = {name: begun(installation, name, person) for name, person in PEOPLE.items()}
    harm = Harm(Machine(installation.kubectl), installation.kubectl, random.Random("harm"))
    with api_server() as client:
        stream = Stream(client, tuple(project for project, _ in found.values()))
        with stream.witness.looking():
            yield Site(installation, stream, harm, {name: token for name, (_, token) in found.items()})


def begun(installation: Installation, name: str, person: str) -> tuple[Project, str]:
    """A project with one dataset, and a token of its person."""
    env = installation.editor(name, person)
    path = installation.folder / "visits.csv"
    path.write_text(SURVEY)
    installation.retort("load", str(path), **env)
    return Project(name, f"system:serviceaccount:{name}:{person}", "visits"), env["RETORT_TOKEN"]


KINDS = (
    "operator", "api", "broker", "executor", "postgresql", "kubelet", "containerd", "api-server", "watches",
    "object-store", "two-operators", "clock",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_tasks_go_on_and_nothing_is_lost_or_doubled(
    site: Site, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    one = kinds(site.harm)[kind]
    with one.around(), site.stream.flowing(kind):
        recoveries = sorted(recovery(site, kind, one, number) for number in range(KILLS))
    tasks = [one for branch in branches(site, kind) for one in site.stream.made[branch]]
    ended_once(site, tasks)
    idle_again(site)
    told(capsys, report(kind, recoveries, tasks))
    site.installation.forward()
    for branch in branches(site, kind):
        history_is_its_tasks(site, branch)
    consistent(site)
    assert (percentile(recoveries, 0.99) if KILLS >= ENOUGH else statistics.median(recoveries)) <= BAR, (
        recoveries
    )


@pytest.mark.parametrize("number", range(max(1, KILLS // 5)))
def test_a_namespace_goes_while_its_tasks_run(site: Site, number: int) -> None:
    name = f"leaving-{number}"
    one = begun(site.installation, name, "eve")[0]
    for branch in ("first", "second"):
        site.stream.send(one, f"{name}-{branch}", loops=FOREVER)
    busy = f"retort.dev/role=executor,retort.dev/tenant={name}"
    until("both run", lambda: len(site.harm.machine.containers(EXECUTORS, busy)) == 2)
    site.kubectl("delete", "namespace", name, "--timeout=60s", seconds=80)
    idle_again(site)


def recovery(site: Site, name: str, kind: Kind, number: int) -> float:
    """Seconds from the harm, or from its end where it lasts, to the end of a task made after it."""
    time.sleep(random.Random(f"{name}-{number}").uniform(0.2, 2.5))  # the moment: somewhere in the stream
    at = kind.strike()
    probe = site.stream.probe(name)
    if kind.mend is not None:
        at = kind.mend()
    site.stream.witness.until(probe, PATIENCE)
    kind.after()
    time.sleep(kind.rest)
    return max(probe.ended_at - at, 0.0)


def branches(site: Site, kind: str) -> list[str]:
    own = re.compile(rf"((north|south)-)?{kind}-(probe-)?\d+")
    return [name for name in site.stream.branches if own.fullmatch(name)]


def ended_once(site: Site, tasks: list[Task]) -> None:
    assert not site.stream.witness.wrong, site.stream.witness.wrong
    bad = {one.name: one.status for one in tasks if one.seen != {"Complete"}}
    assert not bad, bad


def history_is_its_tasks(site: Site, branch: str) -> None:
    """Newest first: each task's own version in its turn, none beside them, down to what was loaded."""
    project = site.stream.branches[branch]
    with Client(site.installation.env["RETORT_URL"], project.name, token=site.tokens[project.name]) as client:
        commits = list(client.dataset(project.dataset).commits(branch))
    made = [one for one in commits if one.kind != "import"]
    expected = [(one.status["result"]["commit"], one.uid) for one in site.stream.made[branch]]
    assert [(one.id, one.task) for one in reversed(made)] == expected


def idle_again(site: Site) -> None:
    """No executor left of any task, and as many idle ones as the profile asks for."""

    def settled() -> bool:
        pods = site.kubectl.inside(EXECUTORS).json("get", "pods", "-l", "retort.dev/role=executor")["items"]
        return len(pods) == POOL and not any("retort.dev/task" in one["metadata"]["labels"] for one in pods)

    until("the pool is back to its size", settled)
    site.installation.idle(POOL)


def consistent(site: Site) -> None:
    """What is stored agrees with what is recorded, of every project and all kinds so far."""
    command = (PYTHON, "-I", "-m", "retort_api.mains.fsck", "--json")
    said = json.loads(site.kubectl.inside(SYSTEM)("exec", "deploy/retort-api", "-c", "api", "--", *command))
    assert said["clean"], said["problems"]


def percentile(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def report(kind: str, recoveries: list[float], tasks: list[Task]) -> str:
    """A line for people; the same as JSON for tables."""
    attempts = sum(one.status.get("attempt", 1) - 1 for one in tasks)
    row: dict[str, Any] = {
        "kills": len(recoveries), "tasks": len(tasks), "further_attempts": attempts,
        "p50": round(statistics.median(recoveries), 1), "p99": round(percentile(recoveries, 0.99), 1),
    }  # fmt: skip
    REPORT.parent.mkdir(exist_ok=True)
    known = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    REPORT.write_text(json.dumps({**known, kind: row}, indent=1) + "\n")
    return (
        f"{kind}: {row['kills']} times, {row['tasks']} tasks once each ({attempts} further attempts), "
        f"recovered after p50 {row['p50']} s, p99 {row['p99']} s"
    )


def told(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")
