"""A cluster, a kubelet, a service and operators on loopback, in one loop: what reconcile tests play on."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import kopf
from fake_cluster import FakeCluster, Raw
from fake_kubelet import FakeKubelet
from fake_service import Behaviour, FakeService

from retort_core.probing import PASSED
from retort_operator.main import Operator
from retort_operator.settings import Settings

EXECUTORS, HOME, TENANT = "retort-executors", "retort", "survey"
PLAN = {"plan": {"json": '{"title":"Remove a column","steps":[]}'}}
PROFILE: Raw = {"image": "retort-executor@sha256:" + "0" * 64, "replicas": 2, "capacity": 10}
POLICY: Raw = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "egress": [], "ingress": []}


async def control(target: str) -> str:
    """Everything answers this process but executors."""
    return "timeout" if target.startswith("tcp:10.1.") else PASSED


@dataclass
class Running:
    operator: Operator
    stop: asyncio.Event
    task: asyncio.Task[None]

    async def end(self) -> None:
        self.stop.set()
        await asyncio.gather(self.task, return_exceptions=True)

    async def kill(self) -> None:
        """As by a signal that cannot be caught: nothing it started goes on, and nothing is released."""
        for session in self.operator._sessions:
            await session.close()
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@dataclass
class Stage:
    behaviour: Behaviour = field(default_factory=Behaviour)
    settings: dict[str, Any] = field(default_factory=dict)
    profile: Raw | None = field(default_factory=lambda: dict(PROFILE))
    policy: bool = True
    operators: list[Running] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        (self.folder / "token").write_text("t" * 32)
        (self.folder / "key").write_text("k" * 64)
        self.cluster, self.service = FakeCluster(), FakeService(self.behaviour)
        await self.cluster.open()
        await self.service.open()
        self.kubelet = FakeKubelet(self.cluster)
        self.service.on_run_end = self._run_ended
        self.namespace(TENANT)
        if self.profile is not None:
            self.cluster.add("executorprofiles", "default", EXECUTORS, self.profile)
        if self.policy:
            self.cluster.add("networkpolicies", "closed", EXECUTORS, POLICY)
        return self

    async def __aexit__(self, *_: object) -> None:
        for one in self.operators:
            await one.end()
        await self.kubelet.close()
        await self.service.close()
        await self.cluster.close()
        await self._stack.aclose()

    def _run_ended(self, pod: str) -> None:
        if self.cluster.get("pods", pod, EXECUTORS) is not None:
            self.kubelet.succeed(pod, EXECUTORS)

    def namespace(self, name: str, **marks: str) -> None:
        self.cluster.add("namespaces", name, labels={"retort.dev/project": "enabled", **marks})

    def configured(self, **changes: Any) -> Settings:
        found = Settings(
            api_url=self.service.url,
            broker_url=self.service.url,
            internal_token_file=str(self.folder / "token"),
            session_key_file=str(self.folder / "key"),
            namespace=HOME,
            executors_namespace=EXECUTORS,
            health_port=0,
            metrics_port=0,
            lease_seconds=3,
            resync_seconds=1,
            create_per_second=200,
        )
        return replace(found, **{**self.settings, **changes})

    async def start(self, **changes: Any) -> Running:
        operator = Operator(self.configured(**changes), kopf.ConnectionInfo(server=self.cluster.url), control)
        stop = asyncio.Event()
        running = Running(operator, stop, asyncio.create_task(operator.run(stop)))
        self.operators.append(running)
        return running

    async def warm(self, count: int = 2) -> None:
        """Until so many executors are ready on proven nodes."""
        await self.until(lambda: self.ready() >= count and self.proven(), 30)

    def ready(self) -> int:
        return sum(
            1
            for pod in self.kubelet.executors()
            if _ready(pod) and "retort.dev/task" not in pod["metadata"]["labels"]
        )

    def proven(self) -> bool:
        found = self.cluster.get("executorprofiles", "default", EXECUTORS) or {}
        conditions = {one["type"]: one["status"] for one in found.get("status", {}).get("conditions", ())}
        return conditions.get("Isolated") == "True"

    def task(self, name: str = "", namespace: str = TENANT, **spec: Any) -> str:
        name = name or f"task-{uuid.uuid4().hex[:8]}"
        body = {"source": PLAN, "datasetName": "people", "requester": "alice", **spec}
        self.cluster.add("agenttasks", name, namespace, body)
        return name

    def uid(self, name: str, namespace: str = TENANT) -> str:
        found = self.cluster.get("agenttasks", name, namespace)
        assert found is not None
        uid: str = found["metadata"]["uid"]
        return uid.replace("-", "")

    def status(self, name: str, namespace: str = TENANT) -> Raw:
        found = self.cluster.get("agenttasks", name, namespace)
        return {} if found is None else found.get("status", {})

    def condition(self, name: str, kind: str, namespace: str = TENANT) -> Raw:
        return next(
            (one for one in self.status(name, namespace).get("conditions", ()) if one["type"] == kind), {}
        )

    def edit(self, name: str, namespace: str = TENANT, **spec: Any) -> None:
        self.cluster.change("agenttasks", name, namespace, {"spec": spec})

    async def phase(self, name: str, wanted: str, seconds: float = 30, namespace: str = TENANT) -> Raw:
        await self.until(
            lambda: self.status(name, namespace).get("phase") == wanted,
            seconds,
            lambda: str(self.status(name, namespace)),
        )
        return self.status(name, namespace)

    async def complete(self, name: str, seconds: float = 30, namespace: str = TENANT) -> Raw:
        return await self.phase(name, "Complete", seconds, namespace)

    async def until(
        self, wanted: Callable[[], bool], seconds: float = 30, told: Callable[[], str] = lambda: ""
    ) -> None:
        """Looks again whenever the cluster changes, and ten times a second for what is elsewhere."""
        try:
            async with asyncio.timeout(seconds):
                while not wanted():
                    self._fail_if_over()
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"not within {seconds} s; {told()}") from None

    def _fail_if_over(self) -> None:
        for one in self.operators:
            if one.task.done() and not one.task.cancelled() and not one.stop.is_set():
                one.task.result()

    def writes(self, name: str = "") -> dict[str, int]:
        """Writes by verb and resource; of objects of this name only, if one is given."""
        return {
            f"{verb} {plural}": count
            for (verb, plural, one), count in self.cluster.by_name.items()
            if not name or one == name
        }


def _ready(pod: Raw) -> bool:
    status = pod.get("status", {})
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", ()))
    return status.get("phase") == "Running" and ready and "deletionTimestamp" not in pod["metadata"]
