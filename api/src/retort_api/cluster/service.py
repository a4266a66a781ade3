"""The service as the operator meets it: one task told, its wishes started, everything the rows know told back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.access import member_repository as members
from retort_api.cluster import promises
from retort_api.cluster import repository as objects
from retort_api.cluster.acts import Acts
from retort_api.cluster.projects import project_of
from retort_api.cluster.repository import TaskObjectRecord
from retort_api.conversations import repository as conversations
from retort_api.datasets import repository as datasets
from retort_api.kit.database import Database
from retort_api.kit.signals import Signal
from retort_api.runs.service import TaskWork
from retort_api.tasks import events, repository
from retort_api.tasks.languages import of_source
from retort_api.tasks.records import Ending, TaskRecord
from retort_core import names
from retort_core.errors import Conflict, NotFound, RetortError, Unavailable
from retort_core.http.internal import CommitFeed, OpenTasks, TaskObject, TaskPut, TaskSeen, Wanted
from retort_core.http.looks import decided, observed, wish
from retort_core.lifecycle.failures import failure_of
from retort_core.lifecycle.observations import Promoted
from retort_core.lifecycle.statuses import Failure, TaskStatus
from retort_core.lifecycle.tasks import decide

# Rules plan in 10 ms and a branch is moved in one transaction: what comes at once is decided on at once, which spares the
# operator an event and a request each (37 ms of 358). What takes longer is told of by its event.
AT_ONCE_SECONDS: Final = 0.1
PROMOTING_SECONDS: Final = 5.0
LATE: Final = "this task moved on meanwhile"


class _Standing(NamedTuple):
    """A task as one transaction left it, and what is to be begun for it."""

    task: TaskRecord
    seen: TaskSeen
    wanted: Wanted


class TaskDesk:
    def __init__(self, database: Database, work: TaskWork, acts: Acts, signal: Signal) -> None:
        self._database, self._work, self._acts, self._signal = database, work, acts, signal

    async def put(self, body: TaskPut) -> TaskSeen:
        """Raises Conflict with the newer state when it was decided on an older one."""
        try:
            standing = await self._database.transact(lambda connection: self._mirrored(connection, body))
        except Unavailable:
            raise
        except RetortError as error:
            if isinstance(error, Conflict) and "seen" in error.details:
                raise
            return _unknown(body, failure_of(error))
        begun: list[Wanted] = []
        while True:
            self._signal.notify()
            if not self._start(standing):
                break
            begun.append(standing.wanted)
            if not await self._acts.rest(body.task.uid, AT_ONCE_SECONDS):
                break
            standing = await self._database.transact(lambda connection: self._onward(connection, body))
        return standing.seen.model_copy(update={"begun": tuple(begun)})

    async def get(self, uid: str) -> TaskSeen:
        async with self._database.single() as connection:
            task, record = await objects.task_and_object(connection, uid)
        if task is None:
            raise NotFound(f"There is no task {uid[:40]!r}.")
        return await self._seen(task, record)

    async def open(self, after: str, limit: int) -> OpenTasks:
        async with self._database.read() as connection:
            found = await objects.open_tasks(connection, int(after or 0), limit)
        items = [await self.get(uid) for _, uid in found]
        return OpenTasks(items=tuple(items), after=str(found[-1][0]) if len(found) == limit else "")

    async def commits(self, after: int, limit: int) -> CommitFeed:
        async with self._database.read() as connection:
            found = await objects.commit_facts(connection, after, limit)
        return CommitFeed(items=tuple(found), after=found[-1].seq if found else after)

    async def gone(self, uid: str) -> None:
        """The object is no more: an open task ends as cancelled, unless its branch has been moved by then."""
        task = await self._ending(uid)
        staged = task.status.staged if task is not None and task.status.promoting else None
        if task is not None and staged is not None and _unanswered(task.replies.promoted, staged.commit):
            self._acts.promote(self._work, task, staged.commit)
            await self._acts.rest(uid, PROMOTING_SECONDS)
            task = await self._ending(uid)
        if task is None:
            return
        facts = replace(task.facts, cancelled=True)
        decision = decide(facts, observed(await self._seen(task, None)), datetime.now(UTC))
        if not decision.status.terminal:
            raise Unavailable("The branch of this task is being moved; ask again.")
        await self._database.transact(lambda connection: self._end(connection, task, decision.status))
        self._signal.notify()

    async def _ending(self, uid: str) -> TaskRecord | None:
        """The task if it is still open; what it is asked for is marked as cancelled. Others are only put away."""
        async with self._database.write() as connection:
            task = await repository.hold(connection, uid)
            if task is None or task.status.terminal:
                await objects.archive(connection, uid)
                return None
            await repository.cancel(connection, uid)
        return task

    async def _end(self, connection: AsyncConnection, task: TaskRecord, status: TaskStatus) -> None:
        held = await repository.hold(connection, task.uid)
        if held is None or held.status != task.status:
            raise Unavailable("This task moved on meanwhile; ask again.")
        await objects.touch(connection, task.uid)
        await self._save(connection, held, status)
        await self._work.record(connection, held, status)
        await objects.archive(connection, task.uid)

    # -- one transaction ---------------------------------------------------------------------------------

    async def _mirrored(self, connection: AsyncConnection, body: TaskPut) -> _Standing:
        """The row with the decided status and what the object's spec says by now. What a new task starts from is held in it from
        the first moment: what is prepared at once and what is decided later are of one version."""
        project = await project_of(connection, body.task.namespace, body.task.namespace_uid)
        task, record = await objects.task_and_object(connection, body.task.uid)
        status = body.status
        if task is None:
            task = await _added(connection, body.task, project)
            base = await self._work.base(task)
            if isinstance(base, str) and not status.conditions:
                status = status.model_copy(update={"base_commit": base})
        elif task.project != project:
            raise NotFound("this task belongs to another project")
        if record is None:
            record = TaskObjectRecord(task=task.uid, name=body.task.name)
            await objects.add_object(connection, record)
        task = await self._merged(connection, task, body)
        if (status != task.status or record.revision == 0) and body.revision != record.revision:
            raise Conflict(LATE, seen=(await self._seen(task, record)).model_dump(mode="json"))
        seen = await self._seen(replace(task, status=status), record)
        return await self._decided(connection, body, _Standing(task, seen, body.wanted))

    async def _onward(self, connection: AsyncConnection, body: TaskPut) -> _Standing:
        """What follows from the reply that has just come, if it is a decision of this PUT's."""
        task, record = await objects.task_and_object(connection, body.task.uid)
        if task is None:
            raise NotFound(f"There is no task {body.task.uid!r}.")
        standing = _Standing(task, await self._seen(task, record), Wanted())
        return await self._decided(connection, body, standing)

    async def _decided(self, connection: AsyncConnection, body: TaskPut, standing: _Standing) -> _Standing:
        """The row with what is decided of it: by who asks, and on the sight that came with it by the same rule here. What is
        wanted anew follows from a decision that is made here; what it did not change was asked for before."""
        task, seen, wanted = standing.task, standing.seen, standing.wanted
        if body.sight is not None:
            decision = decided(body.task, seen, body.sight)
            if decision.status != seen.status or not seen.revision:
                wanted = wish(decision, seen)
            seen = seen.model_copy(update={"status": decision.status})
        if seen.status != task.status or not seen.revision:
            # First, as replies do: one order of locks, and no deadlock.
            await self._save(connection, task, seen.status)
            if not await objects.advance(connection, task.uid, seen.revision):
                raise Conflict(LATE, seen=(await self.get(task.uid)).model_dump(mode="json"))
            seen = seen.model_copy(update={"revision": seen.revision + 1})
        if wanted.end:
            if not seen.archived:
                await self._work.record(connection, task, seen.status)
            await objects.archive(connection, task.uid)
            seen = seen.model_copy(update={"archived": True})
        return _Standing(replace(task, status=seen.status), seen, wanted)

    async def _seen(self, task: TaskRecord, record: TaskObjectRecord | None) -> TaskSeen:
        known = task.status.conditions or task.status.base_commit
        base: str | Failure = task.status.base_commit if known else await self._work.base(task)
        return TaskSeen(
            uid=task.uid,
            revision=record.revision if record is not None else 0,
            status=task.status,
            base=base,
            prepared=task.replies.prepared,
            run=task.replies.run,
            promoted=task.replies.promoted,
            answer=task.answer,
            approval=task.approval,
            review=task.review,
            cancelled=task.cancelled,
            archived=record is not None and record.archived,
        )

    async def _merged(self, connection: AsyncConnection, task: TaskRecord, body: TaskPut) -> TaskRecord:
        """The task with what the object says and its row does not know yet. The row is where both ways to answer meet, so an old
        answer on the object never replaces a newer one that came over HTTP: only what fits the open question or version counts."""
        given, status = body.task, body.status
        question, staged = status.question, status.staged
        answer, approval = given.answer, given.approval
        if (
            answer is not None
            and question is not None
            and answer.question == question.id
            and (task.answer is None or task.answer.question != question.id)
        ):
            await repository.save_answer(connection, task.uid, answer)
            task = replace(task, answer=answer)
        if (
            approval is not None
            and staged is not None
            and approval.commit == staged.commit
            and (task.approval is None or task.approval.commit != staged.commit)
            and await self._work.gate.said(connection, task, approval, given.approver)
        ):
            await repository.save_approval(connection, task.uid, approval)
            task = replace(task, approval=approval)
        if given.cancelled and not task.cancelled:
            await repository.cancel(connection, task.uid)
            task = replace(task, cancelled=True)
        return task

    async def _save(self, connection: AsyncConnection, task: TaskRecord, status: TaskStatus) -> None:
        ending = Ending(at=datetime.now(UTC), work=self._work.left(task)) if status.terminal else None
        await repository.save_status(connection, task.uid, status, ending)
        data = {"phase": status.phase, "message": status.message}
        await events.add(connection, "task", data, task=task.uid, dataset=task.dataset, project=task.project)

    def _start(self, standing: _Standing) -> bool:
        """Whether something was begun whose reply is to come."""
        task, seen, wanted = standing
        prepared, round_ = seen.prepared, wanted.prepare
        ready = not isinstance(seen.base, Failure)  # else there is nothing to prepare for
        if round_ is not None and ready and (prepared is None or prepared.round < round_):
            self._acts.prepare(self._work, task, round_)
            return True
        if wanted.promote and _unanswered(seen.promoted, wanted.promote):
            self._acts.promote(self._work, task, wanted.promote)
            return True
        return False


def _unanswered(promoted: Promoted | None, commit: str) -> bool:
    """Whether nothing is known yet of the move to this very version."""
    return promoted is None or not promoted.answers(commit)


def _unknown(body: TaskPut, failure: Failure) -> TaskSeen:
    """There can be no row (no such dataset, a namespace that is no heir): the operator ends the task with this."""
    return TaskSeen(
        uid=body.task.uid,
        revision=body.revision,
        status=body.status,
        base=failure,
        archived=body.wanted.end,
    )


async def _added(connection: AsyncConnection, given: TaskObject, project: str) -> TaskRecord:
    names.branch(given.branch)  # as over HTTP; the rule of the object's definition may be an older one
    dataset = await datasets.find(connection, project, given.dataset)
    if dataset is None:
        raise NotFound(f"There is no dataset {given.dataset!r} in {given.namespace!r}.")
    guarded = await members.is_protected(connection, dataset.id, given.branch)
    task = TaskRecord(
        uid=given.uid,
        project=project,
        dataset=dataset.id,
        branch=given.branch,
        base=given.base,
        source=given.source,
        review="Always" if guarded else given.review,
        requester=given.requester,
        lang=of_source(given.source, given.lang),
        conversation=given.conversation,
        deadline_seconds=given.active_deadline_seconds,
        created_at=given.created_at,
    )
    await repository.add(connection, task)
    await promises.keep(connection, given)
    if task.conversation and await members.asker(connection, task.uid) is None:
        await _own_conversation(connection, task)
    return task


async def _own_conversation(connection: AsyncConnection, task: TaskRecord) -> None:
    """What a task speaks in is checked where it is asked for over HTTP. An object names it as it likes: then it must be its
    requester's own, about the same dataset, or a task would cancel and answer what others are asked."""
    found = await conversations.find(connection, task.dataset, task.conversation)
    if found is None or await members.owner(connection, task.conversation) != task.requester:
        raise NotFound(
            f"{task.requester} has no conversation {task.conversation[:40]!r} on this dataset: leave spec.conversation out."
        )
