"""A service that is killed again and again while clients commit, and what must hold afterwards: for tests and benchmarks."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2 as httpx
import services
from services import P, Service

TRIES: Final = 3
EVERY_TRY_CUT: Final = "every try cut"
PATIENCE_SECONDS: Final = 180.0


@dataclass
class Load:
    """Clients that commit to branches of one dataset for as long as the kills go on."""

    service: Service
    dataset: str
    branches: tuple[str, ...]
    clients: int = 6
    acknowledged: list[tuple[str, str]] = field(default_factory=list)  # branch, commit
    kills: int = 0
    cut: int = 0  # requests that a kill left without an answer
    started: list[str] = field(default_factory=list)  # tasks
    ended: Counter[str] = field(
        default_factory=Counter
    )  # what became of all of them, once the kills are over
    failures: list[dict[str, Any]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _more: threading.Condition = field(default_factory=threading.Condition)

    def under_kills(
        self, kills: int, chance: random.Random, between: tuple[float, float], least: int
    ) -> None:
        """A kill comes when `least` versions were acknowledged since the start, and `between` seconds later: a service that
        is killed before it does anything has nothing to lose."""
        with ThreadPoolExecutor(self.clients) as pool:
            workers = [pool.submit(self._work, number) for number in range(self.clients)]
            try:
                for _ in range(kills):
                    self._until(len(self.acknowledged) + least)
                    self._over.wait(chance.uniform(*between))
                    self.service.kill()
                    self.kills += 1
                    self.service.start()
                self._over.wait(between[1])
            finally:
                self._over.set()
            for worker in workers:
                worker.result()
        with self.service.client() as client:
            every = [services.finished(client, uid) for uid in self.started]
        self.ended = Counter(outcome(task) for task in every)
        self.failures = [task["status"]["failure"] for task in every if task["status"].get("failure")]

    def _until(self, acknowledged: int) -> None:
        with self._more:
            there = self._more.wait_for(lambda: len(self.acknowledged) >= acknowledged, PATIENCE_SECONDS)
        assert there, f"nothing new was acknowledged within {PATIENCE_SECONDS:g} s"

    def _work(self, number: int) -> None:
        asked, branch = 0, self.branches[number % len(self.branches)]
        while not self._over.is_set():
            self.service.up.wait(60)
            column, asked = f"c{number}_{asked}", asked + 1
            try:
                with self.service.client() as client:
                    body = {"source": services.flag(column), "branch": branch, "active_deadline_seconds": 600}
                    reply = client.post(f"{P}/datasets/{self.dataset}/tasks", json=body)
                    uid = reply.json()["uid"]
                    self.started.append(uid)
                    task = services.finished(client, uid)
            except (httpx.HTTPError, KeyError, json.JSONDecodeError):
                self.cut += 1  # killed in the middle: it may or may not have been done
                continue
            if task["phase"] == "Complete":
                with self._more:
                    self.acknowledged.append((task["branch"], task["status"]["result"]["commit"]))
                    self._more.notify_all()

    def lost(self) -> list[tuple[str, str]]:
        """What was acknowledged and is not on its branch now."""
        path = f"{P}/datasets/{self.dataset}"
        with self.service.client() as client:
            graph = {one["id"]: one["parents"] for one in client.get(f"{path}/graph").json()["commits"]}
            heads = {one["name"]: one["head"] for one in client.get(f"{path}/branches").json()["items"]}
        there = {name: ancestors(graph, heads[name]) for name in self.branches}
        return [(name, commit) for name, commit in self.acknowledged if commit not in there[name]]


def outcome(task: dict[str, Any]) -> str:
    """What failed is told by its code. A task is tried three times, so that one that takes the service down with it ends:
    one whose every try was cut by a kill has had what it was promised."""
    status = task["status"]
    failure = status.get("failure") or {}
    if failure.get("code") == "session-lost" and status["attempt"] - status.get("rebases", 0) >= TRIES:
        return EVERY_TRY_CUT
    return str(failure.get("code", "")) or str(task["phase"])


def ancestors(graph: dict[str, list[str]], head: str) -> set[str]:
    found, todo = set(), [head]
    while todo:
        here = todo.pop()
        if here not in found:
            found.add(here)
            todo += graph.get(here, [])
    return found
