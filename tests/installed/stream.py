"""A steady stream of tasks and a witness of every change of theirs, through whatever happens to the cluster meanwhile.

Lanes of two projects: each makes one task after the other on a branch of its own, every one of which renames the column that
the one before made (`v3` to `v4`). So a version that is lost or made twice cannot stay unseen: the next one would fail.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
from tests.installed.apiserver import AWAY, tasks_of

OVER = ("Complete", "Failed")
LOOPS = 12_000_000  # about half a second of an executor
# A lane rests about as long as its task took. On slow machines lanes that ask again at once keep the processors busy with
# nothing but themselves, and what is measured then is how long their queue is.
LONGEST_REST = 5.0
LONG = 10 * LOOPS  # long enough to be found and struck, on a slow machine beside other work too
SCRIPT = "def run(table):\n    for _ in range({loops}):\n        pass\n    return table.rename({{{was!r}: {now!r}}})\n"


@dataclass(frozen=True)
class Project:
    name: str
    person: str
    dataset: str


@dataclass
class Task:
    name: str
    project: Project
    branch: str
    made_at: float
    ended_at: float = 0.0
    seen: set[str] = field(default_factory=set)  # terminal conditions, of all times it was looked at
    status: dict[str, Any] = field(default_factory=dict)
    uid: str = ""

    @property
    def over(self) -> bool:
        return bool(self.ended_at)

    @property
    def runs(self) -> bool:
        return self.status.get("phase") == "Running"


class Witness:
    """Lists and watches both projects' tasks, again after every cut; remembers each terminal condition ever shown."""

    def __init__(self, client: httpx.Client, projects: tuple[Project, ...]) -> None:
        self._client, self._projects = client, projects
        self._told = threading.Condition()
        self._tasks: dict[tuple[str, str], Task] = {}
        self.wrong: list[str] = []
        self._over = threading.Event()

    @contextmanager
    def looking(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._look, args=(one,), daemon=True) for one in self._projects]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()

    def expect(self, task: Task) -> Task:
        with self._told:
            self._tasks[task.project.name, task.name] = task
        return task

    def until(self, task: Task, seconds: float, *, begun: bool = False) -> None:
        """It has ended, or `begun` to run."""
        with self._told:
            done = self._told.wait_for(lambda: task.over or (begun and task.runs), seconds)
        wanted = "begun" if begun else "ended"
        assert done, f"{task.project.name}/{task.name} has not {wanted} within {seconds:.0f} s: {task.status}"

    def of(self, branch: str) -> list[Task]:
        with self._told:
            return [one for one in self._tasks.values() if one.branch == branch]

    def _look(self, project: Project) -> None:
        path = tasks_of(project.name)
        while not self._over.is_set():
            with suppress(*AWAY):
                reply = self._client.get(path, timeout=10)
                reply.raise_for_status()
                found = reply.json()
                for one in found["items"]:
                    self._note(project, one)
                self._watch(project, found["metadata"]["resourceVersion"])
            time.sleep(0.1)

    def _watch(self, project: Project, version: str) -> None:
        query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "300"}
        patience = httpx.Timeout(10, read=320)
        with self._client.stream("GET", tasks_of(project.name), params=query, timeout=patience) as reply:
            reply.raise_for_status()
            for line in reply.iter_lines():
                event = json.loads(line)
                if event["type"] == "ERROR" or self._over.is_set():
                    return
                if event["type"] != "DELETED":
                    self._note(project, event["object"])

    def _note(self, project: Project, raw: dict[str, Any]) -> None:
        status = raw.get("status") or {}
        ends = {
            one["type"]
            for one in status.get("conditions", ())
            if one["type"] in OVER and one["status"] == "True"
        }
        with self._told:
            task = self._tasks.get((project.name, raw["metadata"]["name"]))
            if task is None:
                return
            task.status, task.uid = status, raw["metadata"]["uid"].replace("-", "")
            if task.over and not ends:
                self.wrong.append(f"{task.name} was {task.seen} and is not over any more: {status}")
            task.seen |= ends
            if len(task.seen) > 1:
                self.wrong.append(f"{task.name} ended twice: {task.seen}")
            if ends and not task.over:
                task.ended_at = time.monotonic()
            self._told.notify_all()


class Stream:
    """`lanes` of each project while `flowing`; `probe` sends one more at once, on a branch of its own."""

    def __init__(self, client: httpx.Client, projects: tuple[Project, ...], lanes: int = 2) -> None:
        self._client, self._projects, self._lanes = client, projects, lanes
        self.witness = Witness(client, projects)
        self._count = 0
        self.branches: dict[str, Project] = {}
        self.made: dict[str, list[Task]] = defaultdict(list)  # of each branch, in order

    @contextmanager
    def flowing(self, kind: str) -> Iterator[None]:
        """At its end every task that was begun is over."""
        stop = threading.Event()
        failed: list[BaseException] = []
        threads = [
            threading.Thread(target=self._lane, args=(project, f"{kind}-{n}", stop, failed), daemon=True)
            for project in self._projects
            for n in range(self._lanes)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join(150)
        assert not failed, failed
        assert not any(thread.is_alive() for thread in threads), "a lane does not come to its end"

    def _lane(self, project: Project, name: str, stop: threading.Event, failed: list[BaseException]) -> None:
        chance = random.Random(f"{project.name}/{name}")
        branch = f"{project.name}-{name}"
        try:
            while not stop.is_set():
                task = self.send(project, branch, loops=LOOPS if chance.random() < 0.5 else 0)
                self.witness.until(task, 120)
                assert "Complete" in task.seen, f"{task.name}: {task.status}"  # nothing can be built on it
                took = min(task.ended_at - task.made_at, LONGEST_REST)
                stop.wait(chance.uniform(0.2, 0.7) + chance.uniform(0.5, 1.5) * took)
        except BaseException as problem:  # noqa: BLE001 - told where the stream is waited for
            failed.append(problem)

    def probe(self, kind: str) -> Task:
        return self._aside(f"{kind}-probe")

    def long(self, kind: str) -> Task:
        """A run that goes on for some seconds, on a branch of its own; returns once it has begun."""
        task = self._aside(f"{kind}-long", loops=LONG)
        self.witness.until(task, 120, begun=True)
        return task

    def _aside(self, name: str, *, loops: int = 0) -> Task:
        """On a branch of its own, of the projects in turn."""
        self._count += 1
        project = self._projects[self._count % len(self._projects)]
        return self.send(project, f"{name}-{self._count}", loops=loops)

    def send(self, project: Project, branch: str, *, loops: int = 0) -> Task:
        """One task more on this branch, asked for again until the API server has it: a script with loops, else a plan."""
        earlier = self.made[branch]
        number = len(earlier)
        self.branches[branch] = project
        name = f"{branch}-{number}"
        source = _script(number, loops) if loops else _plan(number)
        spec = {
            "requester": project.person, "datasetName": project.dataset, "source": source, "review": "Auto",
            "base": branch if number else "main", "branch": branch, "infrastructureRetries": 10,
        }  # fmt: skip
        body = {
            "apiVersion": "retort.dev/v1alpha1", "kind": "AgentTask", "metadata": {"name": name}, "spec": spec,
        }  # fmt: skip
        task = self.witness.expect(Task(name, project, branch, time.monotonic()))
        self._post(project, body)
        earlier.append(task)
        return task

    def _post(self, project: Project, body: dict[str, Any]) -> None:
        end = time.monotonic() + 120
        said = ""
        while time.monotonic() < end:
            with suppress(*AWAY):
                reply = self._client.post(
                    tasks_of(project.name),
                    json=body,
                    headers={"Impersonate-User": project.person},
                    timeout=10,
                )
                if reply.status_code in (201, 409):  # there already: an answer was lost
                    return
                said = reply.text
                if reply.status_code in (400, 422):
                    break
            time.sleep(0.1)
        raise AssertionError(f"{body['metadata']['name']} was not accepted: {said}")


def _plan(number: int) -> dict[str, Any]:
    params = {"mapping": [{"from": f"v{number}", "to": f"v{number + 1}"}]}
    steps = [{"id": "s1", "op": "rename_columns", "params": params}]
    return {"plan": {"json": json.dumps({"title": f"Step {number}", "steps": steps})}}


def _script(number: int, loops: int) -> dict[str, Any]:
    return {"script": {"source": SCRIPT.format(loops=loops, was=f"v{number}", now=f"v{number + 1}")}}
