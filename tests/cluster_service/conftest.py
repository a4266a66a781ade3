"""The service's half of a cluster on loopback: internal listeners, a broker, real doors as Pods, and a decider.

The decider is the operator's loop in its simplest form: the shared `decide`, one PUT a decision, Pods as processes.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import servers
import uvicorn
from fastapi import FastAPI

from retort_api.access.gate import TaskGate
from retort_api.audit.recorder import Recorder
from retort_api.cluster.acts import Acts
from retort_api.cluster.app import internal_app
from retort_api.cluster.attempts import Attempts
from retort_api.cluster.endpoints import Internal, runs, tasks
from retort_api.cluster.projects import project_of
from retort_api.cluster.service import TaskDesk
from retort_api.datasets import repository as datasets
from retort_api.datasets.repository import DatasetRecord, UploadRecord
from retort_api.kit import signals
from retort_api.kit.database import Database
from retort_api.kit.signals import Signal
from retort_api.local.sandboxes import LocalSandboxes
from retort_api.mains import parts
from retort_api.mains.parts import INTAKE
from retort_api.mains.planners import choose
from retort_api.migrations import schema
from retort_api.projects.quotas import Quotas
from retort_api.runs.pods import Dialler, networks
from retort_api.settings import Settings
from retort_core.handshake import session_key
from retort_core.http.internal import (
    AttemptPut,
    PodAddress,
    RunLimits,
    Sight,
    TaskObject,
    TaskPut,
    TaskSeen,
    Wanted,
)
from retort_core.http.looks import decided, wish
from retort_core.lifecycle.observations import Claim, Release, Run, SandboxState
from retort_core.lifecycle.sources import Source
from retort_core.lifecycle.statuses import TaskStatus
from retort_tables.objects.folder import FolderObjects

K = secrets.token_bytes(32)
TOKEN = secrets.token_hex(16)
OVER = ("Complete", "Failed")
LIMITS = RunLimits(seconds=60, memory_bytes=2 << 30, output_bytes=1 << 30)
NAMESPACE, NAMESPACE_UID = "research", str(uuid.uuid4())
CSV = "用户ID,城市,打分\n" + "".join(f"{n},{'北京' if n % 3 else '上海'},{n % 11}\n" for n in range(60))


@dataclass
class Pod:
    """A door as the operator would start it."""

    name: str
    nonce: str
    port: int
    process: asyncio.subprocess.Process

    @classmethod
    async def start(cls) -> Pod:
        name, nonce = f"executor-{uuid.uuid4().hex[:8]}", secrets.token_hex(16)
        port, health = servers.free_ports(2)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-m", "retort_core.door", "--worker", "retort_executor.worker:main"),
            *("--host", "127.0.0.1", "--port", str(port), "--health-port", str(health), "--threads", "1"),
            env={"RETORT_SESSION_KEY": session_key(K, name, nonce).hex(), "RETORT_POD_NAME": name},
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        first = await process.stderr.readline()
        assert first.startswith(b"ready"), first + await process.stderr.read()
        return cls(name, nonce, port, process)

    @property
    def address(self) -> PodAddress:
        return PodAddress(name=self.name, uid=self.name, ip="127.0.0.1", port=self.port, nonce=self.nonce)

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        running = asyncio.create_task(server.serve(sockets=[bound]))
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


@dataclass
class Decider:
    """What the operator does, without a cluster: level-based, one PUT a look. A test's own `put` has no sight: what it says
    is all that is decided."""

    api: httpx.AsyncClient
    broker: httpx.AsyncClient
    pods: dict[str, tuple[int, Pod]] = field(default_factory=dict)
    epoch: int = 1
    puts: int = 0
    limits: RunLimits = LIMITS

    def sight(self, task: TaskObject) -> Sight:
        return Sight(
            at=datetime.now(UTC),
            sandbox=self.sandbox(task.uid),
            queue_timeout_seconds=600,
            active_deadline_seconds=task.active_deadline_seconds,
            infrastructure_retries=2,
        )

    def sandbox(self, uid: str) -> SandboxState | None:
        held = self.pods.get(uid)
        if held is None:
            return None
        attempt, pod = held
        lost = pod.process.returncode is not None
        return SandboxState(
            attempt=attempt, phase="lost" if lost else "ready", reason="the Pod ended" if lost else ""
        )

    async def put(
        self,
        task: TaskObject,
        status: TaskStatus,
        revision: int,
        wanted: Wanted,
        sight: Sight | None = None,
    ) -> TaskSeen:
        body = TaskPut(task=task, status=status, revision=revision, wanted=wanted, sight=sight)
        reply = await self.api.put(f"/internal/v1/tasks/{task.uid}", content=body.model_dump_json())
        self.puts += 1
        if reply.status_code == 409:
            return TaskSeen.model_validate(reply.json()["details"]["seen"])
        assert reply.status_code == 200, reply.text
        return TaskSeen.model_validate_json(reply.content)

    async def finish(self, task: TaskObject, until: tuple[str, ...] = OVER) -> TaskSeen:
        seen = await self.put(task, TaskStatus(), 0, Wanted(), self.sight(task))
        return await self.finish_from(task, seen, until)

    async def finish_from(self, task: TaskObject, seen: TaskSeen, until: tuple[str, ...] = OVER) -> TaskSeen:
        while True:
            status = seen.status
            if status.phase in until:
                return seen
            decision = decided(task, seen, self.sight(task))
            wanted = wish(decision, seen)
            for action in decision.actions:
                match action:
                    case Claim(attempt):
                        self.pods[task.uid] = (attempt, await Pod.start())
                    case Release(_):
                        held = self.pods.pop(task.uid, None)
                        if held is not None:
                            await held[1].stop()
                    case Run(attempt):
                        await self.run(task.uid, attempt)
            if decision.status == status and wanted == Wanted():
                await asyncio.sleep(0.02)  # events would wake a real operator here; the test only polls
            seen = await self.put(task, decision.status, seen.revision, wanted, self.sight(task))

    async def run(self, uid: str, attempt: int) -> None:
        body = AttemptPut(
            pod=self.pods[uid][1].address,
            limits=self.limits,
            epoch=self.epoch,
        )
        path = f"/internal/v1/tasks/{uid}/attempts/{attempt}"
        reply = await self.broker.put(path, content=body.model_dump_json())
        assert reply.status_code in (202, 409), reply.text


@dataclass
class Cluster:
    database: Database
    objects: FolderObjects
    desk: TaskDesk
    attempts: Attempts
    decider: Decider
    api_url: str
    signal: Signal

    async def upload(self, name: str = "survey", data: bytes = CSV.encode()) -> TaskObject:
        """An upload as the public API stores it, and the object that imports it."""
        key, now = self.objects.put(data), datetime.now(UTC)
        async with self.database.write() as connection:
            project = await project_of(connection, NAMESPACE, NAMESPACE_UID)
            found = await datasets.find(connection, project, name)
            if found is None:
                found = DatasetRecord(
                    id=uuid.uuid4().hex, project=project, name=name, title="", created_at=now
                )
                await datasets.add(connection, found)
            record = UploadRecord(
                id=uuid.uuid4().hex,
                dataset=found.id,
                filename="a.csv",
                object=key,
                size=len(data),
                digest=hashlib.sha256(data).hexdigest(),
                created_at=now,
            )
            await datasets.add_upload(connection, record)
        return task_object({"upload": {"upload": record.id, "filename": "a.csv"}}, dataset=name)

    async def until(self, uid: str, holds: Callable[[TaskSeen], bool]) -> TaskSeen:
        while True:
            heard = self.signal.listen()
            seen = await self.desk.get(uid)
            if holds(seen):
                return seen
            await signals.wait(heard, 5)

    async def imported(self, name: str = "survey") -> str:
        seen = await self.decider.finish(await self.upload(name))
        assert seen.status.phase == "Complete", seen.status
        assert seen.status.result is not None
        return seen.status.result.commit


def task_object(source: dict[str, Any], **rest: Any) -> TaskObject:
    given = {
        "uid": uuid.uuid4().hex,
        "name": "t-1",
        "namespace": NAMESPACE,
        "namespace_uid": NAMESPACE_UID,
        "dataset": "survey",
        "requester": "amy",
        "created_at": datetime.now(UTC),
        "source": Source.model_validate(source),
    }
    return TaskObject(**{**given, **rest})


def say(text: str, **rest: Any) -> TaskObject:
    return task_object({"instruction": {"text": text}}, **rest)


@asynccontextmanager
async def opened(home: Path, intakes: int = 1) -> AsyncIterator[Cluster]:
    settings = Settings(home=home)
    async with AsyncExitStack() as stack:
        database = Database(f"sqlite+aiosqlite:///{home / 'retort.db'}")
        stack.push_async_callback(database.close)
        await schema.upgrade(database)
        (home / "spool").mkdir()
        intake = LocalSandboxes(INTAKE, 1, capacity=intakes)
        stack.push_async_callback(intake.close)
        await intake.open()
        on = parts.stored(database, FolderObjects(home / "objects"), Signal(), settings)
        running = parts.running(on, intake, settings, home / "spool")
        acts = Acts(database, on.signal)
        stack.push_async_callback(acts.close)
        gate = TaskGate(
            database, Recorder(database, b"a seal of the tests"), Quotas(database), strangers=True
        )
        desk = TaskDesk(database, parts.work(on, choose(settings), gate), acts, on.signal)
        attempts = Attempts(
            database=database,
            acts=acts,
            dialler=Dialler(secret=K, networks=networks("127.0.0.0/8")),
            run=running,
            holder="broker-1",
            traces=parts.traces(on, None),
        )
        given = Internal(token=TOKEN, database=database, signal=on.signal, desk=desk, attempts=attempts)
        api_url = await stack.enter_async_context(served(internal_app(given, tasks)))
        broker_url = await stack.enter_async_context(served(internal_app(given, runs)))
        headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        clients = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=url, headers=headers, timeout=30))
            for url in (api_url, broker_url)
        ]
        decider = Decider(*clients)
        try:
            yield Cluster(database, on.objects, desk, attempts, decider, api_url, on.signal)  # type: ignore[arg-type]
        finally:
            for _, pod in decider.pods.values():
                await pod.stop()


@pytest.fixture
def open_cluster(tmp_path: Path) -> Any:
    return partial(opened, tmp_path)
