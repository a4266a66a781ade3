"""A service that is killed again and again while clients commit, and what must hold afterwards: for tests and benchmarks."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
import services
from services import P, Service


@dataclass
class Load:
    """Clients that commit to branches of one dataset for as long as the kills go on."""

    service: Service
    dataset: str
    branches: tuple[str, ...]
    clients: int = 6
    acknowledged: list[tuple[str, str]] = field(default_factory=list)  # branch, commit
    cut: int = 0  # requests that a kill left without an answer
    started: list[str] = field(default_factory=list)  # tasks
    ended: Counter[str] = field(
        default_factory=Counter
    )  # what became of all of them, once the kills are over
    _over: threading.Event = field(default_factory=threading.Event)

    def under_kills(self, kills: int, chance: random.Random, between: tuple[float, float]) -> None:
        """`between`: seconds from a start to the kill."""
        with ThreadPoolExecutor(self.clients) as pool:
            workers = [pool.submit(self._work, number) for number in range(self.clients)]
            try:
                for _ in range(kills):
                    self._over.wait(chance.uniform(*between))
                    self.service.kill()
                    self.service.start()
                self._over.wait(between[1])
            finally:
                self._over.set()
            for worker in workers:
                worker.result()
        with self.service.client() as client:
            self.ended = Counter(outcome(services.finished(client, uid)) for uid in self.started)

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
                self.acknowledged.append((task["branch"], task["status"]["result"]["commit"]))

    def lost(self) -> list[tuple[str, str]]:
        """What was acknowledged and is not on its branch now."""
        path = f"{P}/datasets/{self.dataset}"
        with self.service.client() as client:
            graph = {one["id"]: one["parents"] for one in client.get(f"{path}/graph").json()["commits"]}
            heads = {one["name"]: one["head"] for one in client.get(f"{path}/branches").json()["items"]}
        there = {name: ancestors(graph, heads[name]) for name in self.branches}
        return [(name, commit) for name, commit in self.acknowledged if commit not in there[name]]


def outcome(task: dict[str, Any]) -> str:
    """A swap that was refused names both heads; anything else that failed is told by its code."""
    failure = task["status"].get("failure") or {}
    if failure.get("code") == "conflict" and {"expected", "head"} <= failure["details"].keys():
        return "refused"
    return str(failure.get("code", "")) or str(task["phase"])


def ancestors(graph: dict[str, list[str]], head: str) -> set[str]:
    found, todo = set(), [head]
    while todo:
        here = todo.pop()
        if here not in found:
            found.add(here)
            todo += graph.get(here, [])
    return found
