"""What the actions of a task do: prepare, promote, and in one process also run. Each ends in one transaction with its reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.commits import repository as commits
from retort_api.commits.log import Change, CommitLog
from retort_api.commits.records import Why
from retort_api.conventions import repository as conventions
from retort_api.kit import sequenced
from retort_api.kit.database import Database
from retort_api.kit.signals import Signal
from retort_api.runs.gates import Gate
from retort_api.runs.preparation import Preparation, Readied
from retort_api.runs.rebasing import conflict, may_rebase, moved
from retort_api.runs.remembering import answered
from retort_api.runs.running import Running
from retort_api.runs.sandboxes import Sandbox
from retort_api.runs.sentences import done, say
from retort_api.runs.traces import TaskTraces
from retort_api.runs.work import Work, afterwards, stores
from retort_api.tasks import repository
from retort_api.tasks.records import TaskRecord
from retort_core.errors import Conflict, RetortError, Unavailable
from retort_core.identity import short
from retort_core.lifecycle.failures import failure_of
from retort_core.lifecycle.observations import Prepared, Promoted, Ran
from retort_core.lifecycle.statuses import Failure, Outcome, Staged, TaskStatus
from retort_core.lifecycle.tasks import CANCELLED
from retort_core.names import staging

log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class TaskWork:
    """The adapter behind the driver's port; everything it needs is given to it in `mains/`."""

    database: Database
    commits: CommitLog
    preparation: Preparation
    gate: Gate
    signal: Signal
    traces: TaskTraces
    wake: Callable[[str], None] = lambda _: None
    told: Callable[[TaskRecord, TaskStatus], None] = lambda _, __: None

    async def base(self, task: TaskRecord) -> str | Failure:
        """What the task starts from; the first upload starts from nothing."""
        try:
            if task.base:
                return await self.commits.resolve(task.dataset, task.base)
            head = await self.commits.head(task.dataset, task.branch)
        except Unavailable:
            raise  # nobody knows: asked again, never the end of a task
        except RetortError as error:
            return failure_of(error)
        if head or task.source.upload is not None:
            return head
        try:
            await self.commits.ref(task.dataset, task.branch)
        except RetortError as error:
            refs = await self.commits.refs(task.dataset)
            message = error.message if refs else say("base-missing", task.lang)
            return Failure(failure="Input", code="not-found", message=message)
        return head

    # -- prepare -----------------------------------------------------------------------------------------

    async def prepare(self, task: TaskRecord, settle: Any) -> Prepared | None:
        async with self.traces.span("prepare", task):
            readied = await self.preparation(task)
        superseded = await self._superseded(task, readied)
        verdict = readied.verdict
        try:
            if verdict is not None and verdict.move is not None:
                ref, to, expect, why = verdict.move
                move: Why = why  # type: ignore[assignment]
                await self.commits.move(
                    task.dataset, ref, to, expect, move, task.requester, self._also(task, readied, settle)
                )
            elif verdict is not None and verdict.create is not None:
                name, head = verdict.create
                await self.commits.create(
                    task.dataset, name, "branch", head, task.requester, self._also(task, readied, settle)
                )
            else:
                await self.database.transact(self._also(task, readied, settle))
        finally:
            for uid in (*superseded, *(verdict.wake if verdict is not None else ())):
                self.wake(uid)
        return None

    def _also(self, task: TaskRecord, readied: Readied, settle: Any) -> Any:
        async def also(connection: AsyncConnection) -> None:
            work = readied.work
            if work.question is None and task.work:  # an answered question stays, for 以后都这样
                earlier = Work.model_validate(task.work)
                kept = {"question": earlier.question, "choice": readied.choice or earlier.choice}
                work = work.model_copy(update=kept)
            if stores(work):
                await self.gate.stores(connection, task.project)
            await repository.save_work(connection, task.uid, _stored(work))
            if readied.remember:
                await conventions.remember(connection, task.project, answered(work))
            verdict = readied.verdict
            if verdict is not None and verdict.act is not None:
                await verdict.act(connection)
            if _is_new_turn(readied) and task.conversation:
                waiting = await repository.waiting(connection, task.dataset, task.conversation)
                if waiting is not None and waiting.uid != task.uid:
                    await repository.cancel(connection, waiting.uid)
            await settle(connection, readied.reply)

        return also

    async def _superseded(self, task: TaskRecord, readied: Readied) -> tuple[str, ...]:
        """A new instruction takes the place of a question or a yes that is still open in its conversation."""
        if not task.conversation or not _is_new_turn(readied):
            return ()
        async with self.database.single() as connection:
            waiting = await repository.waiting(connection, task.dataset, task.conversation)
        return (waiting.uid,) if waiting is not None and waiting.uid != task.uid else ()

    # -- promote -----------------------------------------------------------------------------------------

    async def promote(self, task: TaskRecord, commit: str, settle: Any) -> Promoted | None:
        """In a transaction of its own, for a decider that is not in this process."""

        async def promoting(connection: AsyncConnection) -> None:
            row = await repository.hold(connection, task.uid)
            fresh = row if row is not None else replace(task, cancelled=True)
            await settle(connection, await self.promoted(connection, fresh, commit))

        await self.database.transact(promoting)
        return None

    async def promoted(self, connection: AsyncConnection, task: TaskRecord, commit: str) -> Promoted:
        """The branch moves and the staging ref goes, together or not at all, inside the caller's transaction."""
        if task.cancelled:
            return Promoted(commit=commit, failure=CANCELLED)
        async with self.traces.span("promote", task):
            return await self._moved(connection, task, commit)

    async def _moved(self, connection: AsyncConnection, task: TaskRecord, commit: str) -> Promoted:
        await self.gate.promoted(connection, task, commit)
        work = await self._expecting(connection, task, commit)
        staged, ran = task.status.staged, task.replies.run
        assert staged is not None
        change = Change(
            name=task.branch, to=commit, expect=work.expect, kind="branch", why=work.why, by=task.requester
        )
        try:
            async with sequenced.nested(connection):
                await self.commits.move_within(connection, task.dataset, change)
                await self.commits.drop_ref(connection, task.dataset, staging(task.uid))
        except Conflict as late:
            return _late(task, work, commit, str(late.details.get("head", "")))
        told = (
            ran.message if ran is not None and not staged.code else _told(task, staged, commit, work.expect)
        )
        outcome = Outcome(
            commit=commit, parent=work.expect, branch=task.branch, counts=staged.counts, data=staged.data
        )
        return Promoted(commit=commit, done=outcome, message=told)

    async def _expecting(self, connection: AsyncConnection, task: TaskRecord, commit: str) -> Work:
        """What was done again was made of the head that the branch must still have; nothing else tells it as surely."""
        work = Work.model_validate(task.work)
        if moved(task) is None:
            return work
        parents = await commits.parents(connection, task.dataset, commit)
        return work.model_copy(update={"expect": parents[0]})

    def left(self, task: TaskRecord) -> dict[str, Any]:
        """What is kept of the work of a task that ends."""
        return _stored(afterwards(Work.model_validate(task.work))) if task.work else {}

    async def record(self, connection: AsyncConnection, task: TaskRecord, status: TaskStatus) -> None:
        """In the transaction that ends the task. What a failed one had staged is an unreferenced version from then on:
        let go of afterwards, a crash in between would hold it for ever."""
        if status.failure is not None:
            await self.commits.drop_ref(connection, task.dataset, staging(task.uid))
        await self.gate.ended(connection, task, status)
        self.told(task, status)


@dataclass(kw_only=True)
class DrivenWork(TaskWork):
    """With the runs, where one process does everything."""

    running: Running

    async def run(self, task: TaskRecord, attempt: int, sandbox: Sandbox, settle: Any) -> Ran | None:
        return await self.running(task, attempt, sandbox, settle)


def _stored(work: Work) -> dict[str, Any]:
    return work.model_dump(mode="json", exclude_defaults=True)


def _is_new_turn(readied: Readied) -> bool:
    """Whether it changes data or asks something itself; looking around leaves open questions open."""
    reply = readied.reply
    return reply.asked is not None or (reply.ready is not None and not reply.ready.read_only)


def _late(task: TaskRecord, work: Work, commit: str, head: str) -> Promoted:
    """The branch moved. What may be done again there is tried; the failure is told where it may not, or not any more."""
    failure = failure_of(conflict(task, work.expect, head))
    return Promoted(commit=commit, failure=failure, head=head if may_rebase(work) else "")


def _told(task: TaskRecord, staged: Staged, commit: str, head: str) -> str:
    """What was asked for a yes says what it did once it has it."""
    told = done(staged.counts, commit, task.lang)
    return told if moved(task) is None else f"{told} {say('rebased', task.lang, head=short(head))}"
