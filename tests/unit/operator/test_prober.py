"""Probes of nodes: how many at a time, and that a refusal counts only while somebody listened."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from retort_core.door import HEALTH_PORT, SESSION_PORT
from retort_core.probing import PASSED
from retort_operator import probe
from retort_operator.fleet import Fleet
from retort_operator.pods import Maker, PodView, view
from retort_operator.probe import AT_ONCE, Prober
from retort_operator.profiles import Profiles
from retort_operator.proofs import INGRESS, Proofs

pytestmark = pytest.mark.asyncio
PROBES, EXECUTOR_IP = "10.1.9.", "10.1.0.1"
REFUSED = "Connection refused"


class Bench:
    """A cluster with one probe Pod after the other, of which the watch tells what `tell` is called for."""

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, Any]] = {}
        self.created, self.flying, self.most = 0, 0, 0
        self.tried: list[str] = []
        self.ips: dict[str, str] = {}
        self.meets: Callable[[str], str] = lambda _: "timeout"  # whoever tries to come in
        self.proofs, self.fleet, self.profiles = Proofs(3600), Fleet(), Profiles()
        self.proofs.policy({"metadata": {"name": "closed", "uid": "u"}, "spec": {}})
        spec = {"image": f"one@sha256:{'0' * 64}", "replicas": 1, "capacity": 9}
        assert self.profiles.apply({"metadata": {"name": "default", "uid": "u"}, "spec": spec})
        cluster: Any = self
        self.prober = Prober(
            cluster=cluster, fleet=self.fleet, profiles=self.profiles, proofs=self.proofs,
            maker=Maker(namespace="executors", secret=b"k" * 32), targets={"api-server": "tcp:10.0.0.1:443"},
            reach=self.reach,
        )  # fmt: skip

    def executor(self, node: str, name: str = "e") -> PodView:
        found = PodView(
            name=name, uid=name, version="1", profile="default", node=node, phase="Running", ready=True,
            ip=EXECUTOR_IP,
        )  # fmt: skip
        self.fleet.apply(found)
        status = {
            "phase": "Running",
            "podIP": EXECUTOR_IP,
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        self.pods[name] = {"metadata": {"name": name, "uid": name}, "status": status}
        return found

    async def create(self, resource: object, namespace: str, body: dict[str, Any]) -> None:
        name = body["metadata"]["name"]
        self.created += 1
        self.flying += 1
        self.ips[name] = f"{PROBES}{self.created}"
        self.most = max(self.most, self.flying)
        self.pods[name] = {"metadata": {**body["metadata"], "uid": name}, "spec": body["spec"]}
        asyncio.get_running_loop().call_later(0.01, self.ready, name)

    async def get(self, resource: object, namespace: str, name: str) -> dict[str, Any] | None:
        return self.pods.get(name)

    async def delete(self, resource: object, namespace: str, name: str) -> None:
        self.flying -= 1
        del self.pods[name]

    def ready(self, name: str) -> None:
        ready = [{"type": "Ready", "status": "True"}]
        self.change(
            name, {"phase": "Running", "podIP": self.ips[name], "hostIP": "10.0.0.2", "conditions": ready}
        )

    def end(self, name: str, *, told: bool = True) -> None:
        command = json.loads(self.pods[name]["spec"]["containers"][0]["command"][-1])
        word = {"reached": dict.fromkeys(command, "timeout"), "walls": {}, "callers": 0}
        state = {"terminated": {"exitCode": 0, "message": json.dumps(word)}}
        status = {"phase": "Succeeded", "hostIP": "10.0.0.2", "containerStatuses": [{"state": state}]}
        self.change(name, status, told=told)

    def change(self, name: str, status: dict[str, Any], *, told: bool = True) -> None:
        self.pods[name]["status"] = status
        if told:
            self.prober.note(view(self.pods[name]))

    async def reach(self, target: str) -> str:
        self.tried.append(target)
        if PROBES not in target:
            return PASSED
        name = next(name for name, ip in self.ips.items() if f":{ip}:" in target)
        asyncio.get_running_loop().call_later(0.02, lambda: name in self.pods and self.end(name))
        return self.meets(name)

    async def prove(self) -> tuple[str, tuple[str, ...]]:
        """What is found out about the node "n"."""
        proved = asyncio.Event()
        self.prober.proved = proved.set
        self.prober.look()
        await asyncio.wait_for(proved.wait(), 10)
        found = self.proofs.of("n")
        return found.state, found.barriers


@pytest.fixture
def bench() -> Bench:
    found = Bench()
    found.executor("n")
    return found


async def test_a_node_whose_probe_lets_nobody_in_is_proven(bench: Bench) -> None:
    assert await bench.prove() == ("proven", ())
    assert {f"tcp:{PROBES}1:{port}" for port in (SESSION_PORT, HEALTH_PORT)} <= set(bench.tried)


async def test_whoever_comes_in_leaves_the_node_unproven_however_late(bench: Bench) -> None:
    def late(name: str) -> str:
        bench.end(name)
        return PASSED

    bench.meets = late
    assert await bench.prove() == ("unproven", (INGRESS,))


@pytest.mark.parametrize("told", [True, False])
async def test_a_refusal_after_the_probe_has_ended_proves_nothing(bench: Bench, told: bool) -> None:
    """Regression: with many probes at once, the attempt was made when nobody listened any more, and counted as a wall."""

    def late(name: str) -> str:
        bench.end(name, told=told)
        return REFUSED

    bench.meets = late
    assert await bench.prove() == ("unknown", (INGRESS,))


async def test_a_refusal_after_the_time_of_listening_proves_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kubelet need not have noticed yet that nobody listens."""
    now = [1000.0]
    monkeypatch.setattr(probe, "time", SimpleNamespace(monotonic=lambda: now[0]), raising=False)

    def late(_: str) -> str:
        now[0] += probe.reach.LISTENS
        return REFUSED

    bench.meets = late
    assert await bench.prove() == ("unknown", (INGRESS,))


async def test_a_neighbour_that_has_ended_proves_nothing(bench: Bench) -> None:
    """Regression: that nobody reached it counted as a wall. Other walls stand without it."""
    found: list[tuple[str, str]] = []
    judge = probe.judge

    def judged(barriers: Any, policies: str) -> Any:
        found.extend((one.name, one.state) for one in barriers)
        return judge(barriers, policies)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(probe, "judge", judged)
        assert await bench.prove() == ("proven", ())
        assert ("to-executor", "stands") in found
        found.clear()
        bench.proofs.policy({"metadata": {"name": "closed", "uid": "another"}, "spec": {}})
        bench.pods["e"]["status"]["phase"] = "Succeeded"
        assert await bench.prove() == ("proven", ())
        assert ("to-executor", "unknown") in found


async def test_a_few_nodes_are_tried_at_a_time(bench: Bench) -> None:
    """Regression: a change of a policy tried all at once; their attempts waited for each other until nobody listened."""
    nodes = [f"n{number}" for number in range(12)]
    for number, node in enumerate(nodes):
        bench.executor(node, f"e{number}")
    bench.prober.look()
    async with asyncio.timeout(10):
        while not all(bench.proofs.proven(node) for node in nodes):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert bench.most == AT_ONCE


async def test_a_node_that_has_lost_its_executors_meanwhile_is_not_tried(bench: Bench) -> None:
    bench.fleet.remove("e")
    for number in range(AT_ONCE + 3):
        bench.executor(f"n{number}", f"e{number}")
    bench.prober.look()
    await asyncio.sleep(0)
    for number in range(AT_ONCE, AT_ONCE + 3):
        bench.fleet.remove(f"e{number}")
    async with asyncio.timeout(10):
        while bench.prober._flying:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert bench.created == AT_ONCE


async def test_nodes_out_of_use_are_forgotten_by_looking(bench: Bench) -> None:
    assert await bench.prove() == ("proven", ())
    told: list[set[str]] = []
    bench.proofs.forget = told.append  # type: ignore[method-assign]
    bench.prober.look()
    assert told == [{"n"}]


async def test_looking_up_names_holds_nothing_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: they were looked up in the loop while the process led, and a name server that did not answer cost it the
    lease."""
    looking = threading.Event()

    def slow(host: str, port: str, **_: Any) -> list[Any]:
        assert looking.wait(5)
        return [(0, 0, 0, "", ({"api": "10.0.0.7"}.get(host, host), int(port)))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    bench.prober.targets = {"api-server": "tcp:api:443"}
    asyncio.get_running_loop().call_later(0.05, looking.set)
    assert await bench.prove() == ("proven", ())
    assert "tcp:10.0.0.7:443" in bench.tried
