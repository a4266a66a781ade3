"""A whole installation on loopback: API server and kubelet in memory; operator, service, broker, executors, PostgreSQL and
S3 for real, the service and the broker as the processes that their images start.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2 as httpx
import kopf
import servers
import services
from aiohttp import web
from doors import HALF, NETWORK, DoorKubelet
from fake_cluster import FakeCluster, Raw

from retort_core.probing import PASSED
from retort_operator.main import Operator
from retort_operator.settings import Settings
from retort_tables.objects.s3 import Bucket

EXECUTORS, HOME, TENANT = "retort-executors", "retort", "survey"
PROFILE: Raw = {"image": "retort-executor@sha256:" + "0" * 64, "replicas": 1, "capacity": 4}
POLICY: Raw = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "egress": [], "ingress": []}
REVIEWS = ("/tokenreviews", "/subjectaccessreviews")
ANALYST = frozenset({"get", "list", "create", "run", "update", "delete", "approve", "use", "cancel"})
READER = frozenset({"get", "list", "create", "run"})
START_SECONDS = 40.0


async def migrated(database: str, bucket: Bucket) -> dict[str, str]:
    """The environment of an installation on these, with its tables made."""
    env = services.environment(database, bucket)
    done = await asyncio.to_thread(services.command, "migrate", env=env)
    assert done.returncode == 0, done.stderr
    return env


class Reviewed(FakeCluster):
    """With what an API server says of people: tokens and rights. `people`: token -> (name, verbs in every project)."""

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, tuple[str, frozenset[str]]] = {}

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if not request.path.endswith(REVIEWS):
            return await super()._serve(request)
        body = await request.json()
        token = request.path.endswith(REVIEWS[0])
        status = self._who(body["spec"]) if token else {"allowed": self._may(body["spec"])}
        return web.json_response({**body, "status": status}, status=201)

    def _who(self, spec: Raw) -> Raw:
        found = self.people.get(spec["token"])
        if found is None:
            return {"authenticated": False}
        user = {"username": found[0], "uid": found[0], "groups": ["system:authenticated"]}
        return {"authenticated": True, "user": user, "audiences": spec["audiences"]}

    def _may(self, spec: Raw) -> bool:
        wanted = spec["resourceAttributes"]
        verbs = next((verbs for name, verbs in self.people.values() if name == spec["user"]), frozenset())
        more = wanted.get("subresource") in ("protected", "others")
        return wanted.get("namespace") != "private" and wanted["verb"] in verbs and not more


async def control(target: str) -> str:
    """Everything answers this process but executors."""
    return "timeout" if target.startswith((f"tcp:{HALF}.", "tcp:10.1.")) else PASSED


@dataclass
class Part:
    """A process of the installation."""

    main: str
    port: int
    env: dict[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.main, env={**os.environ, **self.env}, stderr=log
            )
        url = f"http://127.0.0.1:{self.port}/readyz"
        async with asyncio.timeout(START_SECONDS), httpx.AsyncClient() as client:
            while True:
                assert self.process.returncode is None, self.log.read_text()
                try:
                    if (await client.get(url)).status_code == 200:
                        return
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

    async def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)
            await self.process.wait()


@dataclass
class Installation:
    """`env`: where the database and the objects are, migrated."""

    env: dict[str, str]
    settings: dict[str, Any] = field(default_factory=dict)
    invitation: str = field(
        default_factory=lambda: os.urandom(32).hex()
    )  # opens the first account of the service

    async def __aenter__(self) -> Self:
        self._stack = AsyncExitStack()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        for name in ("token", "key"):
            (folder / name).write_text(os.urandom(32).hex())
        self.cluster = Reviewed()
        await self.cluster.open()
        self._stack.push_async_callback(self.cluster.close)
        self.kubelet = DoorKubelet(self.cluster, start=0.02)
        self._stack.push_async_callback(self.kubelet.close)
        self.namespace(TENANT)
        self.cluster.add("executorprofiles", "default", EXECUTORS, dict(PROFILE))
        self.cluster.add("networkpolicies", "closed", EXECUTORS, POLICY)
        self.public, *internal = servers.free_ports(3)
        self.service, self.broker = self._parts(folder, *internal)
        for part in (self.service, self.broker):
            self._stack.push_async_callback(part.stop)
        await asyncio.gather(self.service.start(), self.broker.start())
        self._operators = lambda: self._operate(folder, *internal)
        self._operators()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(self._operating, return_exceptions=True)
        await self._stack.aclose()

    def _parts(self, folder: Path, api: int, broker: int) -> tuple[Part, Part]:
        both = {
            **self.env,
            "RETORT_INTERNAL_HOST": "127.0.0.1",
            "RETORT_INTERNAL_TOKEN_FILE": str(folder / "token"),
            "RETORT_SESSION_KEY_FILE": str(folder / "key"),
        }
        account = folder / "account"
        account.mkdir()
        (account / "token").write_text("the service's own")
        mine = {
            "RETORT_HOME": str(folder / "api"), "RETORT_PORT": str(self.public), "RETORT_INTERNAL_PORT": str(api),
            "RETORT_CLUSTER": "true", "RETORT_AUTHORISATION": "cluster",
            "RETORT_CLUSTER_URL": self.cluster.url, "RETORT_CLUSTER_FOLDER": str(account), "RETORT_FIRST_ADMIN": self.invitation,
        }  # fmt: skip
        its = {
            "RETORT_HOME": str(folder / "broker"),
            "RETORT_INTERNAL_PORT": str(broker),
            "RETORT_POD_NETWORKS": NETWORK,
        }
        return (
            Part("retort_api.mains.cluster", api, {**both, **mine}, folder / "api.log"),
            Part("retort_api.mains.broker", broker, {**both, **its}, folder / "broker.log"),
        )

    def _operate(self, folder: Path, api: int, broker: int) -> None:
        settings = Settings(
            api_url=f"http://127.0.0.1:{api}",
            broker_url=f"http://127.0.0.1:{broker}",
            internal_token_file=str(folder / "token"),
            session_key_file=str(folder / "key"),
            namespace=HOME,
            executors_namespace=EXECUTORS,
            health_port=0,
            metrics_port=0,
            lease_seconds=3,
            resync_seconds=1,
            **self.settings,
        )
        self._stop = asyncio.Event()
        self._operator = Operator(
            settings, kopf.ConnectionInfo(server=self.cluster.url), control, environment=self.env
        )
        self._operating = asyncio.create_task(self._operator.run(self._stop))

    def namespace(self, name: str) -> None:
        self.cluster.add("namespaces", name, labels={"retort.dev/project": "enabled"})

    async def operator_killed(self) -> None:
        """As by a signal that cannot be caught: what it was doing is cut, its Lease runs out, another one takes over."""
        for session in self._operator._sessions:
            await session.close()
        self._operating.cancel()
        await asyncio.gather(self._operating, return_exceptions=True)
        self._operators()

    def person(
        self, name: str, verbs: frozenset[str] = ANALYST, namespace: str = TENANT
    ) -> httpx.AsyncClient:
        """Over HTTP, with a token of the cluster."""
        token = f"token-of-{name}"
        self.cluster.people[token] = (name, verbs)
        return httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{self.public}/api/v1/projects/{namespace}",
            headers={"authorization": f"Bearer {token}"}, timeout=60,
        )  # fmt: skip

    async def account(self, name: str, verbs: frozenset[str] = ANALYST) -> httpx.AsyncClient:
        """The first account of the service, over HTTP, with these rights in the cluster."""
        self.cluster.people[f"none-of-{name}"] = (f"retort:{name}", verbs)
        url, secret = f"http://127.0.0.1:{self.public}/api/v1", os.urandom(16).hex()
        async with httpx.AsyncClient(base_url=url, timeout=60) as anybody:
            wanted = {"invitation": self.invitation, "name": name, "password": secret}
            made = await anybody.post("/accounts", json=wanted)
            assert made.status_code == 201, made.text
            tokens = await anybody.post("/auth/login", json={"name": name, "password": secret})
        bearer = {"authorization": f"Bearer {tokens.json()['access_token']}"}
        return httpx.AsyncClient(base_url=f"{url}/projects/{TENANT}", headers=bearer, timeout=60)

    async def uploaded(
        self, name: str, table: bytes, namespace: str = TENANT, headers: Mapping[str, str] | None = None
    ) -> Raw:
        """By amy, over HTTP; its task, once it is Complete."""
        async with self.person("amy", namespace=namespace) as amy:
            sent = {"x-filename": "people.csv", "content-type": "application/octet-stream", **(headers or {})}
            reply = await amy.post(f"/datasets/{name}/uploads", content=table, headers=sent)
            assert reply.status_code == 202, reply.text
            done = await amy.get(f"/tasks/{reply.json()['uid']}", params={"wait": 50})
        task: Raw = done.json()
        assert task["phase"] == "Complete", task
        return task

    def task(self, name: str, source: Raw, namespace: str = TENANT, **spec: Any) -> None:
        """As `kubectl apply` makes it."""
        body = {"source": source, "datasetName": "people", "requester": "amy", **spec}
        self.cluster.add("agenttasks", name, namespace, body)

    def status(self, name: str, namespace: str = TENANT) -> Raw:
        return (self.cluster.get("agenttasks", name, namespace) or {}).get("status", {})

    async def phase(self, name: str, *wanted: str, seconds: float = 60, namespace: str = TENANT) -> Raw:
        await self.until(
            lambda: self.status(name, namespace).get("phase") in wanted,
            seconds,
            lambda: str(self.status(name, namespace)),
        )
        return self.status(name, namespace)

    async def until(
        self, holds: Callable[[], bool], seconds: float = 60, told: Callable[[], str] = lambda: ""
    ) -> None:
        """Looks again whenever the cluster changes."""
        changed = asyncio.Event()

        def heard(*_: object) -> None:
            changed.set()

        self.cluster.on_change.append(heard)
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    changed.clear()
                    if self._operating.done():
                        self._operating.result()
                    await changed.wait()
        except TimeoutError:
            raise AssertionError(f"not within {seconds} s; {told()}\n{self.service.log.read_text()[-3000:]}"
                                 f"\n{self.broker.log.read_text()[-3000:]}") from None  # fmt: skip
        finally:
            self.cluster.on_change.remove(heard)
