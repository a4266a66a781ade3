"""Every part ended again and again under a steady stream of tasks, on a real node: what is counted, and how soon it goes on.

RETORT_KILLS: how often each (5; `make soak` asks for 30), RETORT_KINDS: only these. Kinds that need nothing beforehand come in
turn, round by round; their order in a round and the moments are drawn from a seed. After the rounds: every task of the stream
has ended in exactly one way, its branch's history is its tasks and nothing else, `retort fsck` is content, and the pool is what
it was. Recovery: from the harm to the end of a task that was made after it.
"""

from __future__ import annotations

import json
import os
import random
import re
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from tests.cluster.conftest import PYTHON
from tests.cluster.kube import ROOT, Program
from tests.installed.apiserver import api_server
from tests.installed.conftest import EXECUTORS, SYSTEM, Installation
from tests.installed.figures import percentile, told
from tests.installed.harm import Harm, Kind, kinds
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

pytestmark = pytest.mark.timeout(400 + 600 * KILLS)


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
    with api_server() as client:
        harm = Harm(Machine(client), installation.kubectl, random.Random("harm"))
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


# The API server first in each round: scheduler and kubelet pause longer after each failure of it, up to a minute, and forget
# that after two minutes without one. Ends of it closer together than a round measure their patience, not this product.
TURNS = {
    "in-turn": (
        "api-server", "operator", "api", "broker", "executor", "postgresql", "kubelet", "containerd", "watches",
        "object-store",
    ),
    "two-operators": ("two-operators",),
    "clock": ("clock",),
}  # fmt: skip
ONLY = tuple(os.environ.get("RETORT_KINDS", "").split())


@pytest.mark.parametrize("turn", TURNS)
def test_tasks_go_on_and_nothing_is_lost_or_doubled(
    site: Site, turn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = {name: kinds(site.harm)[name] for name in TURNS[turn] if not ONLY or name in ONLY}
    if not chosen:
        pytest.skip("RETORT_KINDS names none of these")
    recoveries: dict[str, list[float]] = {name: [] for name in chosen}
    with around(chosen), site.stream.flowing(turn):
        for number in range(KILLS):
            for name in in_order(tuple(chosen), number):
                recoveries[name].append(recovery(site, turn, chosen[name], f"{name}-{number}"))
            told(
                capsys, f"{turn} {number + 1}: {', '.join(f'{k} {v[-1]:.1f}' for k, v in recoveries.items())}"
            )
    tasks = [one for branch in branches(site, turn) for one in site.stream.made[branch]]
    told(capsys, report(turn, recoveries, tasks))
    ended_once(site, tasks)
    idle_again(site)
    site.installation.forward()
    for branch in branches(site, turn):
        history_is_its_tasks(site, branch)
    consistent(site)
    late = {name: values for name, values in recoveries.items() if held(values) > BAR}
    assert not late, late


@contextmanager
def around(chosen: dict[str, Kind]) -> Iterator[None]:
    with ExitStack() as stack:
        for one in chosen.values():
            stack.enter_context(one.around())
        yield


def in_order(names: tuple[str, ...], number: int) -> tuple[str, ...]:
    return names[0], *random.Random(f"round-{number}").sample(names[1:], len(names) - 1)


@pytest.mark.parametrize("number", range(KILLS))
def test_a_namespace_goes_while_its_tasks_run(site: Site, number: int) -> None:
    name = f"leaving-{number}"
    one = begun(site.installation, name, "eve")[0]
    for branch in ("first", "second"):
        site.stream.send(one, f"{name}-{branch}", loops=FOREVER)
    busy = f"retort.dev/role=executor,retort.dev/tenant={name}"
    until("both run", lambda: len(site.harm.machine.containers(EXECUTORS, busy)) == 2)
    site.kubectl("delete", "namespace", name, "--timeout=60s", seconds=80)
    idle_again(site)


def recovery(site: Site, turn: str, kind: Kind, seed: str) -> float:
    """Seconds from the harm, or from its end where it lasts, to the end of a task made after it."""
    if kind.run:
        site.stream.long(turn)
    time.sleep(random.Random(seed).uniform(0.2, 2.5))  # the moment: somewhere in the stream
    at = kind.strike()
    probe = site.stream.probe(turn)
    if kind.mend is not None:
        at = kind.mend()
    site.stream.witness.until(probe, PATIENCE)
    kind.after()
    return max(probe.ended_at - at, 0.0)


def branches(site: Site, turn: str) -> list[str]:
    own = re.compile(rf"((north|south)-)?{turn}-((probe|long)-)?\d+")
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
    """What is stored agrees with what is recorded, of every project and all turns so far."""
    command = (PYTHON, "-I", "-m", "retort_api.mains.fsck", "--json")
    said = json.loads(site.kubectl.inside(SYSTEM)("exec", "deploy/retort-api", "-c", "api", "--", *command))
    assert said["clean"], said["problems"]


def held(values: list[float]) -> float:
    """What the bar is for."""
    return percentile(values, 0.99) if len(values) >= ENOUGH else statistics.median(values)


def report(turn: str, recoveries: dict[str, list[float]], tasks: list[Task]) -> str:
    """Lines for people; the same as JSON for tables."""
    attempts = sum(one.status.get("attempt", 1) - 1 for one in tasks)
    rows = {
        name: {
            "kills": len(values),
            "p50": round(statistics.median(values), 1),
            "p99": round(percentile(values, 0.99), 1),
        }
        for name, values in recoveries.items()
    }
    found: dict[str, Any] = {"tasks": len(tasks), "further_attempts": attempts, "kinds": rows}
    REPORT.parent.mkdir(exist_ok=True)
    known = json.loads(REPORT.read_text()) if REPORT.exists() else {}
    REPORT.write_text(json.dumps({**known, turn: found}, indent=1) + "\n")
    lines = (
        f"  {name}: {row['kills']} times, recovered after p50 {row['p50']} s, p99 {row['p99']} s"
        for name, row in rows.items()
    )
    return "\n".join((f"{turn}: {len(tasks)} tasks ({attempts} further attempts)", *lines))
