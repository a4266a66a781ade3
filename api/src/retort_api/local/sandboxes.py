"""Sandboxes on this machine: supervisor processes, each with a session over an inherited socketpair.

A supervisor is a fresh interpreter (`python -I`), never a fork of this process: nothing of the service's memory,
descriptors or environment is behind the wall to begin with. It runs one job after another, each in its own
single-use worker; a supervisor that misbehaves is killed and replaced.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog

from retort_api.kit.turns import Turns
from retort_api.runs.sandboxes import Sandbox
from retort_api.runs.session import Session
from retort_core.errors import Infrastructure
from retort_core.lifecycle.pools import Pool, refill

log = structlog.get_logger(__name__)
START_SECONDS: Final = 60.0
STREAM_LIMIT: Final = 4 << 20


@dataclass(kw_only=True)
class LocalSandbox:
    """One supervisor; `broken` ones are not used again."""

    process: asyncio.subprocess.Process
    session: Session
    broken: bool = False

    @property
    def usable(self) -> bool:
        return not self.broken and self.process.returncode is None

    async def close(self) -> None:
        """Closing the session ends the supervisor; one that stays is killed."""
        self.session.close()
        try:
            async with asyncio.timeout(2):
                await self.process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


async def start(worker: str, threads: int) -> LocalSandbox:
    """A supervisor that has said what it enforces."""
    ours, theirs = socket.socketpair()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", "retort_core.supervision",
            "--fd", str(theirs.fileno()), "--worker", worker, "--threads", str(threads),
            pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            env={"LANG": "C.UTF-8"}, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        ours.close()
        raise Infrastructure(f"a sandbox could not be started: {error.strerror}") from error
    finally:
        theirs.close()
    ours.setblocking(False)  # noqa: FBT003
    reader, writer = await asyncio.open_connection(sock=ours, limit=STREAM_LIMIT)
    sandbox = LocalSandbox(process=process, session=Session(reader=reader, writer=writer))
    try:
        await sandbox.session.greet(START_SECONDS)
    except BaseException:
        await sandbox.close()
        raise
    return sandbox


class LocalSandboxes:
    """Keeps `target` idle supervisors of one kind and never more than `capacity` in all; those that wait for one take turns
    by owner, so that nobody waits for all that another one has to do."""

    def __init__(self, worker: str, threads: int, target: int = 1, capacity: int = 2) -> None:
        self._worker, self._threads = worker, threads
        self._target, self._capacity = target, capacity
        self._idle: deque[LocalSandbox] = deque()
        self._starting: set[asyncio.Task[LocalSandbox]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._claimed = 0
        self._waiting: Turns[asyncio.Future[LocalSandbox]] = Turns()
        self._closed = False
        self.hello: dict[str, Any] = {}

    async def open(self) -> dict[str, Any]:
        """The first supervisor; what it says it enforces holds for this machine."""
        self._offer(await start(self._worker, self._threads))
        self.hello = self._idle[0].session.hello
        self._refill()
        return self.hello

    def claim_idle(self) -> Sandbox | None:
        while self._idle:
            sandbox = self._idle.popleft()
            if sandbox.usable:
                self._claimed += 1
                self._refill()
                return sandbox
            self._forget(sandbox)
        return None

    async def claim(self, owner: str) -> Sandbox:
        idle = self.claim_idle()
        if idle is not None:
            return idle
        future: asyncio.Future[LocalSandbox] = asyncio.get_running_loop().create_future()
        self._waiting.add(owner, future)
        self._refill()
        try:
            return await future
        except asyncio.CancelledError:
            if future.cancelled():
                self._waiting.drop(owner, future)
            elif future.done() and future.exception() is None:
                await self.release(future.result())
            raise

    @asynccontextmanager
    async def claimed(self, owner: str) -> AsyncIterator[Sandbox]:
        sandbox = await self.claim(owner)
        try:
            yield sandbox
        finally:
            await self.release(sandbox)

    @asynccontextmanager
    async def spare(self) -> AsyncIterator[Sandbox | None]:
        sandbox = self.claim_idle() if self._claimed < self._capacity // 2 else None
        try:
            yield sandbox
        finally:
            if sandbox is not None:
                await self.release(sandbox)

    async def release(self, sandbox: Sandbox) -> None:
        self._claimed -= 1
        try:
            if isinstance(sandbox, LocalSandbox) and sandbox.usable and not self._closed:
                self._offer(sandbox)
            else:
                await sandbox.close()
        finally:
            self._refill()

    async def close(self) -> None:
        self._closed = True
        for task in tuple(self._starting):
            task.cancel()
        await asyncio.gather(*self._starting, *self._closing, return_exceptions=True)
        await asyncio.gather(*(sandbox.close() for sandbox in self._idle))
        self._idle.clear()

    def _forget(self, sandbox: LocalSandbox) -> None:
        """One that died while it was idle is closed in its own time."""
        closing = asyncio.create_task(sandbox.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def _offer(self, sandbox: LocalSandbox) -> None:
        while self._waiting:
            future = self._waiting.next()
            if not future.done():
                self._claimed += 1
                future.set_result(sandbox)
                return
        self._idle.append(sandbox)

    def _refill(self) -> None:
        if self._closed:
            return
        waiting = sum(not future.done() for future in self._waiting)
        pool = Pool(
            target=self._target,
            capacity=self._capacity,
            idle=len(self._idle),
            starting=len(self._starting),
            claimed=self._claimed,
        )
        for _ in range(max(0, refill(pool, waiting))):
            task = asyncio.create_task(start(self._worker, self._threads))
            self._starting.add(task)
            task.add_done_callback(self._started)

    def _started(self, task: asyncio.Task[LocalSandbox]) -> None:
        """Out of those that start and into what it becomes in one step: counted twice, nobody would start what a claim in
        between waits for."""
        self._starting.discard(task)
        if task.cancelled():
            return
        problem = task.exception()
        if problem is None:
            self._offer(task.result())
            return
        log.error("sandbox_start_failed", worker=self._worker, exc_info=problem)
        self._refuse(Infrastructure(f"a sandbox could not be started: {problem}"))
        if self._waiting:
            # Else the next claim starts one: without it, starts that fail would follow one another for ever.
            self._refill()

    def _refuse(self, problem: Infrastructure) -> None:
        """One start that failed is the answer to one claim."""
        while self._waiting:
            future = self._waiting.next()
            if not future.done():
                future.set_exception(problem)
                return
