"""Acts: what the operator wants done for a task, started once and settled by the first reply.

Two replicas may be asked for the same act (a retried request, a resync); both may do it, one reply is stored. Nothing is
remembered here that a restart may not lose: the operator asks again until the reply shows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.cluster import repository as objects
from retort_api.kit.database import Database
from retort_api.kit.signals import Signal
from retort_api.tasks import events, repository
from retort_api.tasks.records import Replies, TaskRecord
from retort_core.errors import Conflict, RetortError, Unavailable
from retort_core.lifecycle.failures import failure_of
from retort_core.lifecycle.observations import Prepared, Promoted, Ran
from retort_core.lifecycle.statuses import Failure

log = structlog.get_logger(__name__)
Reply: TypeAlias = Prepared | Ran | Promoted
Settle: TypeAlias = Callable[[AsyncConnection, Reply], Awaitable[None]]
Do: TypeAlias = Callable[[Settle], Awaitable[Reply | None]]
INTERNAL = "an unexpected error; it is in the service's log, nothing was changed"


class Preparing(Protocol):
    """Of `runs.service.TaskWork`: what an API replica does itself."""

    async def prepare(self, task: TaskRecord, settle: Settle) -> Prepared | None: ...
    async def promote(self, task: TaskRecord, commit: str, settle: Settle) -> Promoted | None: ...


class AlreadySettled(Conflict):
    """Raised inside a settling transaction, so that it rolls back: another replica was faster."""


class Acts:
    def __init__(self, database: Database, signal: Signal) -> None:
        self._database, self._signal = database, signal
        self._flying: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def close(self) -> None:
        flying = list(self._flying.values())
        for one in flying:
            one.cancel()
        await asyncio.gather(*flying, return_exceptions=True)

    async def drain(self, seconds: float) -> None:
        """Lets what is under way end for so long, then stops it."""
        if self._flying:
            await asyncio.wait(list(self._flying.values()), timeout=seconds)
        await self.close()

    def prepare(self, work: Preparing, task: TaskRecord, round_: int) -> None:
        def failed(failure: Failure) -> Reply:
            return Prepared(round=round_, failure=failure)

        self.start(task.uid, f"prepare/{round_}", lambda settle: work.prepare(task, settle), failed)

    def promote(self, work: Preparing, task: TaskRecord, commit: str) -> None:
        def failed(failure: Failure) -> Reply:
            return Promoted(commit=commit, failure=failure)

        self.start(task.uid, "promote", lambda settle: work.promote(task, commit, settle), failed)

    async def rest(self, uid: str, seconds: float) -> bool:
        """Whether what is under way for a task has ended, waited for that long at most."""
        mine = [flight for (task, _), flight in self._flying.items() if task == uid]
        return not mine or not (await asyncio.wait(mine, timeout=seconds))[1]

    def start(self, uid: str, name: str, do: Do, failed: Callable[[Failure], Reply]) -> bool:
        """False when it is under way already."""
        key = (uid, name)
        if key in self._flying:
            return False
        flight = asyncio.create_task(self._perform(uid, do, failed))
        self._flying[key] = flight
        flight.add_done_callback(lambda done: self._landed(key, done))
        return True

    def _landed(self, key: tuple[str, str], done: asyncio.Task[None]) -> None:
        if self._flying.get(key) is done:
            del self._flying[key]

    async def _perform(self, uid: str, do: Do, failed: Callable[[Failure], Reply]) -> None:
        async def settle(connection: AsyncConnection, reply: Reply) -> None:
            await self._settle(connection, uid, reply)

        try:
            reply = await do(settle)
        except (AlreadySettled, Unavailable):
            return  # without the database or the objects there is no reply yet: the operator asks again
        except RetortError as error:
            reply = failed(failure_of(error))
        except Exception:
            log.exception("act_failed", task=uid)
            reply = failed(Failure(failure="Infrastructure", code="internal", message=INTERNAL))
        try:
            if reply is not None:
                last = reply
                await self._database.transact(lambda connection: settle(connection, last))
        except AlreadySettled:
            return
        except Exception:
            log.exception("reply_not_stored", task=uid)  # the operator asks again
            return
        self._signal.notify()

    async def _settle(self, connection: AsyncConnection, uid: str, reply: Reply) -> None:
        task = await repository.hold(connection, uid)
        if task is None or task.status.terminal or answered(task.replies, reply) or given_up(task, reply):
            raise AlreadySettled("this was settled already")
        await repository.save_replies(connection, uid, task.replies.with_(reply))
        revision = await objects.touch(connection, uid)  # a decision made without this reply is refused
        told: dict[str, Any] = {"reply": type(reply).__name__, "revision": revision}
        await events.add(connection, "reply", told, task=uid, dataset=task.dataset, project=task.project)


def given_up(task: TaskRecord, reply: Reply) -> bool:
    """Whether a later attempt was decided on: the executor was seen to go before its result was told of, and whatever it
    still brings would be a second version of the same task."""
    return isinstance(reply, Ran) and reply.attempt < task.status.attempt


def answered(replies: Replies, reply: Reply) -> bool:
    """Whether the rows hold a reply to the same round, attempt or promotion, or to a later one."""
    match reply:
        case Prepared(round=number):
            return replies.prepared is not None and replies.prepared.round >= number
        case Ran(attempt=number):
            return replies.run is not None and replies.run.attempt >= number
        case _:
            return replies.promoted is not None and replies.promoted.answers(reply.commit)
