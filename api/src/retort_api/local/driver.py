"""The driver: observes tasks, lets `decide` decide, saves the status and starts what follows.

One reply is one transaction: what an action found and what is decided from it are saved together, so a crash
between the two cannot exist. Actions start at once and report back; asking for one that is under way does nothing.
Two of them take no time of their own and are done inside the transaction that decides them: claiming a sandbox that is
idle anyway, and moving the branch. So a step without a question is two transactions after its plan: one that begins the
run, one that stores the version, moves the branch and completes the task. After a restart every open task is looked at
again: what it had found is in its row, what was under way is asked for anew. This is the operator's loop on one machine,
with the same `decide`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeAlias

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.kit.database import Database
from retort_api.kit.signals import Signal
from retort_api.runs.sandboxes import Sandbox, Sandboxes
from retort_api.tasks import events, repository
from retort_api.tasks.records import Ending, Replies, TaskRecord
from retort_core.errors import RetortError, Unavailable
from retort_core.lifecycle.failures import failure_of
from retort_core.lifecycle.observations import (
    Action,
    Claim,
    Observed,
    Prepare,
    Prepared,
    Promote,
    Promoted,
    Ran,
    Release,
    Run,
    SandboxState,
)
from retort_core.lifecycle.statuses import Failure, TaskStatus
from retort_core.lifecycle.tasks import Decision, decide

log = structlog.get_logger(__name__)
Reply: TypeAlias = Prepared | Ran | Promoted
Settle: TypeAlias = Callable[[AsyncConnection, Reply], Awaitable[None]]
RESYNC_SECONDS: Final = 30.0
AWAY_SECONDS: Final = 2.0  # between two looks while the database or the object store is away
RESTLESS: Final = "a task that goes on"  # a topic that nobody listens to
INTERNAL: Final = "an unexpected error; it is in the service's log, nothing was changed"


class Work(Protocol):
    """What the actions do. Each returns its reply, or has it settled inside its own transaction (then None)."""

    async def base(self, task: TaskRecord) -> str | Failure: ...
    async def prepare(self, task: TaskRecord, settle: Settle) -> Prepared | None: ...
    async def run(self, task: TaskRecord, attempt: int, sandbox: Sandbox, settle: Settle) -> Ran | None: ...
    async def promoted(self, connection: AsyncConnection, task: TaskRecord, commit: str) -> Promoted: ...
    def left(self, task: TaskRecord) -> dict[str, Any]: ...
    async def record(self, connection: AsyncConnection, task: TaskRecord, status: TaskStatus) -> None: ...


class _TooLate(Exception):
    """The task has ended meanwhile: what comes with this reply is not stored either."""


@dataclass(frozen=True, kw_only=True)
class _Next:
    """What a decision leaves to do; `task` is None when there is no such task."""

    task: TaskRecord | None = None
    actions: tuple[Action, ...] = ()
    wake_at: datetime | None = None


@dataclass(kw_only=True)
class _Held:
    attempt: int
    sandbox: Sandbox | None = None
    lost: str = ""


class Driver:
    def __init__(self, database: Database, work: Work, pool: Sandboxes, signal: Signal) -> None:
        self._database, self._work, self._pool, self._signal = database, work, pool, signal
        self._held: dict[str, _Held] = {}
        self._flying: dict[tuple[str, Action], asyncio.Task[None]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._looks: set[asyncio.Task[None]] = set()
        self._ticker: asyncio.Task[None] | None = None
        self._closed = False

    async def open(self) -> None:
        await self._resync()
        self._ticker = asyncio.create_task(self._tick())

    async def close(self) -> None:
        """Stops looking; what was under way is asked for again at the next start."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        tasks = [*self._flying.values(), *self._looks, *([self._ticker] if self._ticker else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        held, self._held = self._held, {}
        for one in held.values():
            if one.sandbox is not None:
                await one.sandbox.close()

    def wake(self, uid: str) -> None:
        """Look at this task soon."""
        self._soon(uid)

    def _soon(self, uid: str, reply: Reply | None = None) -> None:
        if self._closed:
            return
        task = asyncio.create_task(self._look(uid, reply))
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    def _when_back(self, uid: str, reply: Reply | None = None) -> None:
        """Without the database or the objects nothing is decided and nothing fails: looked at again until they are
        back, or until the task's own time is up."""
        asyncio.get_running_loop().call_later(AWAY_SECONDS, self._soon, uid, reply)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(RESYNC_SECONDS)
            with suppress(Unavailable):
                await self._resync()

    async def _resync(self) -> None:
        async with self._database.read() as connection:
            uids = await repository.open_uids(connection)
        for uid in uids:
            self.wake(uid)

    # -- deciding ----------------------------------------------------------------------------------------

    async def _look(self, uid: str, reply: Reply | None = None) -> None:
        try:
            async with self._database.write() as connection:
                after = await self._decided(connection, uid, reply)
        except Unavailable:
            self._when_back(uid, reply)
            return
        except Exception:
            log.exception("task_look_failed", task=uid)
            return
        await self._follow(after)

    async def _decided(self, connection: AsyncConnection, uid: str, reply: Reply | None) -> _Next:
        """Saves `reply` and what follows from it."""
        before = await repository.hold(connection, uid)
        if before is None:
            return _Next()
        now = datetime.now(UTC)
        task, decision = await self._settled(connection, _replied(before, reply), now)
        status = decision.status
        if task.replies is not before.replies or status != before.status:
            ending = Ending(at=now, work=self._work.left(task)) if status.terminal else None
            await repository.save_decision(connection, uid, task.replies, status, ending)
        if status != before.status:
            data = {"phase": status.phase, "message": status.message}
            await events.add(connection, "task", data, task=uid, dataset=task.dataset, project=task.project)
        if status.terminal and not before.status.terminal:
            await self._work.record(connection, task, status)
        return _Next(task=task, actions=decision.actions, wake_at=decision.wake_at)

    async def _settled(
        self, connection: AsyncConnection, task: TaskRecord, now: datetime
    ) -> tuple[TaskRecord, Decision]:
        """Decides until nothing is left that can be done right here."""
        while True:
            decision = decide(task.facts, await self._observed(task), now)
            task = replace(task, status=decision.status)
            if self._claimed_at_once(task.uid, decision.actions):
                continue
            promote = next((one for one in decision.actions if isinstance(one, Promote)), None)
            if promote is None:
                return task, decision
            task = _replied(task, await self._promoted(connection, task, promote.commit))

    def _claimed_at_once(self, uid: str, actions: tuple[Action, ...]) -> bool:
        """Should the transaction fail, the sandbox is still held for this attempt, and seen at the next look."""
        claim = next((one for one in actions if isinstance(one, Claim)), None)
        if claim is None or uid in self._held or self._closed:
            return False
        sandbox = self._pool.claim_idle()
        if sandbox is not None:
            self._held[uid] = _Held(attempt=claim.attempt, sandbox=sandbox)
        return sandbox is not None

    async def _promoted(self, connection: AsyncConnection, task: TaskRecord, commit: str) -> Promoted:
        """Whole or not at all within the transaction; what went wrong is told, and the rest of it stands."""
        try:
            return await self._work.promoted(connection, task, commit)
        except (Unavailable, SQLAlchemyError):
            raise  # of the whole transaction: it is run again
        except RetortError as error:
            return Promoted(commit=commit, failure=failure_of(error))
        except Exception:
            log.exception("promotion_failed", task=task.uid)
            failure = Failure(failure="Infrastructure", code="internal", message=INTERNAL)
            return Promoted(commit=commit, failure=failure)

    async def _observed(self, task: TaskRecord) -> Observed:
        replies: Replies = task.replies
        base = task.status.base_commit if task.status.conditions else await self._work.base(task)
        return Observed(
            base=base,
            prepared=replies.prepared,
            run=replies.run,
            promoted=replies.promoted,
            sandbox=self._state(task.uid),
        )

    def _state(self, uid: str) -> SandboxState | None:
        held = self._held.get(uid)
        if held is None:
            return None
        if held.lost:
            return SandboxState(attempt=held.attempt, phase="lost", reason=held.lost)
        return SandboxState(attempt=held.attempt, phase="ready" if held.sandbox is not None else "claiming")

    async def _follow(self, after: _Next) -> None:
        task = after.task
        if task is None:
            return
        # Who waits for its end has nothing to see before it.
        rests = task.status.terminal or task.status.phase == "AwaitingInput"
        self._signal.notify(task.uid if rests else RESTLESS)
        for action in after.actions:
            self._start(task, action)
        timer = self._timers.pop(task.uid, None)
        if timer is not None:
            timer.cancel()
        if after.wake_at is not None:
            delay = max(0.0, (after.wake_at - datetime.now(UTC)).total_seconds())
            self._timers[task.uid] = asyncio.get_running_loop().call_later(delay, self.wake, task.uid)

    # -- acting ------------------------------------------------------------------------------------------

    def _start(self, task: TaskRecord, action: Action) -> None:
        key = (task.uid, action)
        if key in self._flying or self._closed:
            return
        flight = asyncio.create_task(self._perform(task, action))
        self._flying[key] = flight
        flight.add_done_callback(lambda done: self._landed(key, done))

    def _landed(self, key: tuple[str, Action], done: asyncio.Task[None]) -> None:
        """The same action may be under way again by now; that one stays on the list."""
        if self._flying.get(key) is done:
            del self._flying[key]

    async def _perform(self, task: TaskRecord, action: Action) -> None:
        """`task` is as it was decided upon, work included: nobody but this driver changes that."""
        match action:
            case Claim(attempt):
                await self._claim(task, attempt)
            case Release(attempt):
                await self._release(task.uid, attempt)
            case _:
                await self._reply(task, action)

    async def _reply(self, task: TaskRecord, action: Action) -> None:
        """One action and its one reply; an error becomes a failure with its class, never a hanging task."""
        settled: list[_Next] = []

        async def settle(connection: AsyncConnection, reply: Reply) -> None:
            held = await repository.hold(connection, task.uid)
            if held is None or held.status.terminal:
                raise _TooLate
            settled.append(await self._decided(connection, task.uid, reply))

        try:
            reply = await self._act(task, action, settle)
        except _TooLate:
            return
        except Unavailable:
            self._flying.pop((task.uid, action), None)
            await self._drop_sandbox(task.uid, action)
            self._when_back(task.uid)
            return
        except RetortError as error:
            reply = _failed(action, failure_of(error))
        except Exception:
            log.exception("action_failed", task=task.uid, action=type(action).__name__)
            reply = _failed(action, Failure(failure="Infrastructure", code="internal", message=INTERNAL))
        # Off the list before the decision that follows, which may ask for the same action again.
        self._flying.pop((task.uid, action), None)
        if reply is not None:
            await self._look(task.uid, reply)
        elif settled:
            await self._follow(settled[-1])

    async def _act(self, task: TaskRecord, action: Action, settle: Settle) -> Reply | None:
        match action:
            case Prepare():
                return await self._work.prepare(task, settle)
            case Run(attempt):
                held = self._held.get(task.uid)
                if held is None or held.sandbox is None or held.attempt != attempt:
                    return None
                return await self._work.run(task, attempt, held.sandbox, settle)
            case _:
                raise AssertionError(action)

    async def _claim(self, task: TaskRecord, attempt: int) -> None:
        uid = task.uid
        held = self._held[uid] = _Held(attempt=attempt)
        try:
            held.sandbox = await self._pool.claim(task.project)
        except RetortError as error:
            held.lost = error.message
        self._flying.pop((uid, Claim(attempt)), None)
        if self._held.get(uid) is not held and held.sandbox is not None:
            await self._pool.release(held.sandbox)  # released while it was being claimed
            return
        await self._look(uid)

    async def _drop_sandbox(self, uid: str, action: Action) -> None:
        """A run that stopped half-way leaves a sandbox that is not used again; the same attempt claims another."""
        held = self._held.get(uid)
        if isinstance(action, Run) and held is not None and held.sandbox is not None:
            used, held.sandbox = held.sandbox, None
            used.broken = True
            await self._pool.release(used)

    async def _release(self, uid: str, attempt: int) -> None:
        held = self._held.get(uid)
        if held is None or held.attempt != attempt:
            return
        del self._held[uid]
        claiming = self._flying.get((uid, Claim(attempt)))
        if claiming is not None and held.sandbox is None:
            claiming.cancel()  # it would cost its project a turn
        running = self._flying.get((uid, Run(attempt)))
        if running is not None:  # over before its reply: cancelled or past its deadline
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            if held.sandbox is not None:
                held.sandbox.broken = True
        if held.sandbox is not None:
            await self._pool.release(held.sandbox)


def _failed(action: Action, failure: Failure) -> Reply:
    match action:
        case Prepare(number):
            return Prepared(round=number, failure=failure)
        case Run(attempt):
            return Ran(attempt=attempt, failure=failure)
        case _:
            raise AssertionError(action)


def _replied(task: TaskRecord, reply: Reply | None) -> TaskRecord:
    """A reply takes the place of the one of an earlier round or attempt."""
    return task if reply is None else replace(task, replies=task.replies.with_(reply))
