"""The operator as one process: takes the Lease, looks at what there is, watches, decides; ends when anything of it ends.

    python -m retort_operator

Everything is made here and handed on: there are no globals, and a test makes the same with other addresses.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Final

import aiohttp
import kopf
import structlog
from pydantic import ValidationError

from retort_core.errors import Infrastructure, RetortError
from retort_operator import access, handlers
from retort_operator.access import WatchAges
from retort_operator.cluster import PROFILES, Cluster
from retort_operator.health import Health
from retort_operator.lease import Lease, LeaseLost
from retort_operator.logs import logs
from retort_operator.metrics import Metrics
from retort_operator.parts import Parts, Probed
from retort_operator.probe import Reach, reached
from retort_operator.receiver import Receiver
from retort_operator.service_client import Service
from retort_operator.settings import Settings, from_environment
from retort_operator.traces import Traces
from retort_operator.unreadable import faults

log = structlog.get_logger(__name__)
STILL_THERE: Final = 5.0  # seconds after which objects that were not heard of are looked for
STREAM_PAUSES: Final = (0.1, 0.5, 1.0, 2.0)


class Operator:
    """`info`: how to reach the API server; `reach`: the control of the probe."""

    def __init__(
        self,
        settings: Settings,
        info: kopf.ConnectionInfo,
        reach: Reach = reached,
        own_signals: Callable[[], None] = lambda: None,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """`own_signals`: called after the framework has taken the signals of the process for itself. `environment`: where
        spans go to."""
        self.settings, self._info, self._own_signals = settings, info, own_signals
        self.ages, self.metrics, self._traces = WatchAges(), Metrics(), Traces(environment)
        self.health = Health(self.ages, self.metrics)
        self.health.ready = self._unready
        self._reach = reach
        self._sessions: list[aiohttp.ClientSession] = []
        self._state = "waiting for the lease"
        self.receiver: Receiver | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`, or until the first part of it fails."""
        settings = self.settings
        await self.health.open(settings.health_port, settings.metrics_port)
        cluster = Cluster(self._session(), self._info.server, self.metrics)
        lease = Lease(
            cluster, settings.namespace, settings.identity, settings.lease_seconds, settings.pod_name
        )
        tokens = asyncio.create_task(self._keep_tokens())
        self.health.ready = lambda: lease.problem or self._unready()
        try:
            led = await _first(lease.acquire(), stop.wait())
            if led is not None:
                self._state = (
                    "looking at what there is"  # before anything else: a leader is not ready by waiting
                )
                log.info("leading", epoch=lease.epoch)
                self.metrics.leader.set(1)
                await self._lead(cluster, lease, stop)
        finally:
            tokens.cancel()
            try:
                await lease.release()
            finally:
                await self.health.close()
                for session in self._sessions:
                    await session.close()

    async def _lead(self, cluster: Cluster, lease: Lease, stop: asyncio.Event) -> None:
        settings = self.settings
        token = settings.secret("internal_token_file").decode()
        service = Service(settings.api_url, settings.broker_url, token, self.metrics)
        await service.open()
        try:
            parts = self._parts(cluster, service, lease)
            parts.proofs.adopt(lease.inherited)
            lease.told = parts.proofs.told
            await self._together(
                lease.keep(), self._start(cluster, parts), *self._loops(service, parts), until=stop
            )
        finally:
            await service.close()

    def _parts(self, cluster: Cluster, service: Service, lease: Lease) -> Parts:
        probed = Probed(self._info.server, self._reach)
        return Parts(self.settings, cluster, service, lease, self.metrics, self._traces, probed)

    async def _start(self, cluster: Cluster, parts: Parts) -> None:
        """What must be known before the first decision: executors, profiles, policies; then the watches begin."""
        namespace = self.settings.executors_namespace
        async for items in cluster.pages(PROFILES, namespace):
            for raw in items:
                parts.receiver.profile(raw, gone=False)
        await parts.sweeper.pods()
        parts.pools.begin()
        await parts.sweeper.policies()
        await parts.sweeper.narrow()
        parts.receiver.expected = set(await parts.sweeper.objects())
        self.receiver = parts.receiver
        self._state = ""
        parts.started.set()
        await asyncio.Event().wait()

    def _loops(self, service: Service, parts: Parts) -> list[Coroutine[Any, Any, None]]:
        loops = [
            parts.queue.run,
            parts.timers.run,
            parts.sweeper.run,
            parts.projection.run,
            parts.profile_statuses.run,
            self._traces.run,
            lambda: self._listen(service, parts),
            lambda: self._settle(parts),
            lambda: self._watch(
                handlers.projects(parts.receiver), parts.sweeper.scopes if self.settings.namespaces else ()
            ),
            lambda: self._watch(handlers.executors(parts.receiver), (self.settings.executors_namespace,)),
        ]
        return [_after(parts.started, loop) for loop in loops]

    async def _settle(self, parts: Parts) -> None:
        """Once every task there was at the start has been seen, executors without a task are nobody's."""
        listed = time.monotonic()
        while parts.receiver.expected:
            await asyncio.sleep(0.05)
            if time.monotonic() - listed > STILL_THERE:
                parts.receiver.expected &= await self._there(parts)
                listed = time.monotonic()
        parts.sweeper.settled = True
        log.info("settled", tasks=parts.board.known)
        await asyncio.Event().wait()

    async def _there(self, parts: Parts) -> set[str]:
        """Of one that went before the watch began no event tells: it is not waited for."""
        try:
            return set(await parts.sweeper.objects())
        except RetortError as problem:
            log.warning("objects_not_listed", problem=problem.message)
            return parts.receiver.expected

    async def _watch(self, registry: kopf.OperatorRegistry, namespaces: tuple[str, ...]) -> None:
        session = self._session()

        async def login(**_: Any) -> kopf.AiohttpSession:
            return kopf.AiohttpSession(server=self._info.server, aiohttp_session=session)

        kopf.on.login(registry=registry, id="login")(login)
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=handlers.settings(),
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
        )
        self._own_signals()
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            raise Infrastructure("a watch ended by itself")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self, service: Service, parts: Parts) -> None:
        """The service's events; where the stream was cut it goes on."""
        after: int | None = None
        failures = 0
        while True:
            try:
                async with service.listening(after) as events:
                    await self._catch_up(parts)
                    async for heard in events:
                        after, failures = heard.seq, 0
                        if heard.event is not None:
                            parts.receiver.event(heard.event)
            except ValidationError as problem:
                log.warning("events_cut", problem=faults(problem))
            except (RetortError, aiohttp.ClientError, TimeoutError, ValueError) as problem:
                log.warning("events_cut", problem=str(problem) or type(problem).__name__)
            await asyncio.sleep(STREAM_PAUSES[min(failures, len(STREAM_PAUSES) - 1)])
            failures += 1

    async def _catch_up(self, parts: Parts) -> None:
        """A stream that was cut may mean a replica that ended, and what that one did for tasks ended with it: it is asked for
        anew. Only now, because there may have been nobody to ask before. What failed meanwhile is tried again."""
        parts.effects.ask_again()
        await parts.sweeper.tasks()
        parts.queue.again()
        parts.projection.poke()

    def _unready(self) -> str:
        if self._state == "waiting for the lease":
            return ""  # a replica that would take over at once is as ready as it can be
        if self._state:
            return self._state
        missing = len(self.receiver.expected) if self.receiver is not None else 0
        return f"{missing} tasks are still to be read" if missing else ""

    def _session(self) -> aiohttp.ClientSession:
        found = access.session(self._info, self.ages)
        self._sessions.append(found)
        return found

    async def _together(self, *parts: Coroutine[Any, Any, None], until: asyncio.Event) -> None:
        """All of them until one fails or it is over; the others are stopped then."""
        tasks = [asyncio.create_task(part) for part in parts]
        waiter = asyncio.create_task(until.wait())
        try:
            done, _ = await asyncio.wait([*tasks, waiter], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (*tasks, waiter):
                task.cancel()
            await asyncio.gather(*tasks, waiter, return_exceptions=True)

    async def _keep_tokens(self) -> None:
        """Also while another one leads, or the token would be over when it is this one's turn."""
        while True:
            for session in self._sessions:
                with suppress(OSError):  # said where it is used, by the answer to it
                    access.refresh(session)
            await asyncio.sleep(access.TOKEN_SECONDS)


async def _after(started: asyncio.Event, loop: Callable[[], Awaitable[None]]) -> None:
    await started.wait()
    await loop()


async def _first(wanted: Awaitable[Any], other: Awaitable[Any]) -> bool | None:
    """True when `wanted` was first, None when the other was."""
    tasks = [asyncio.ensure_future(wanted), asyncio.ensure_future(other)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    if tasks[0] in done:
        tasks[0].result()
        return True
    return None


async def serve(settings: Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def own_signals() -> None:
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, stop.set)

    own_signals()
    operator = Operator(settings, access.connection(), own_signals=own_signals)
    try:
        await operator.run(stop)
    except LeaseLost as problem:
        log.error("lease_lost", problem=problem.message)  # noqa: TRY400 - no traceback: nothing is wrong here
        return 1
    except RetortError as problem:
        log.error("ended", problem=problem.message)  # noqa: TRY400
        return 1
    return 0


def main() -> None:
    logs()
    try:
        settings = from_environment(os.environ)
        code = asyncio.run(serve(settings))
    except RetortError as problem:
        sys.exit(f"retort-operator: {problem.message}")
    sys.exit(code)
