r"""`decide`: from what a task is and what is seen of it to its next status, actions and wake-up time.

Pure and level-based: time comes in as a value, actions may be asked for again (effects are idempotent by task,
kind and number), nothing is remembered outside the status. Shared by the embedded driver and the operator.

    Accepted -> Prepared -> Running -> (AwaitingInput: a yes) -> Complete
        |          ^  \        ^                             |      Failed from anywhere, once
        |          |   \       +--- the branch moved: again on its new head
        |          |    AwaitingInput: a question
        +----------+----------- an answer prepares the next round
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from retort_core.lifecycle import failures
from retort_core.lifecycle.observations import (
    Action,
    Claim,
    Observed,
    Prepare,
    Promote,
    Release,
    Run,
)
from retort_core.lifecycle.sources import Answer, Approval, Review
from retort_core.lifecycle.statuses import (
    Condition,
    ConditionType,
    Failure,
    Outcome,
    Staged,
    TaskStatus,
)

INPUT_TIMEOUT: Final = timedelta(days=7)
CANCELLED: Final = Failure(failure="Cancelled", code="cancelled", message="cancelled")


@dataclass(frozen=True, kw_only=True)
class TaskFacts:
    """The parts of a task that decisions depend on; `answer`, `approval`, `cancelled` are the mutable ones."""

    created_at: datetime
    status: TaskStatus
    review: Review = "WhenSurprising"
    answer: Answer | None = None
    approval: Approval | None = None
    cancelled: bool = False
    queue_timeout: timedelta = timedelta(minutes=10)
    active_deadline: timedelta = timedelta(minutes=10)
    infrastructure_retries: int = 2


@dataclass(frozen=True, kw_only=True)
class Decision:
    status: TaskStatus
    actions: tuple[Action, ...] = ()
    wake_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class _View:
    """One evaluation: the task with the status as decided so far."""

    task: TaskFacts
    status: TaskStatus
    seen: Observed
    now: datetime

    def with_(self, **changes: object) -> _View:
        return replace(self, status=self.status.model_copy(update=changes))

    def condition(
        self, kind: ConditionType, value: Literal["True", "False"], reason: str, message: str = ""
    ) -> _View:
        """Sets a condition; its time moves only when the status flips, as everywhere in Kubernetes."""
        old = self.status.condition(kind)
        at = old.at if old is not None and old.status == value else self.now
        new = Condition(type=kind, status=value, reason=reason, message=message, at=at)
        rest = tuple(one for one in self.status.conditions if one.type is not kind)
        order = list(ConditionType)
        return self.with_(
            conditions=tuple(sorted((*rest, new), key=lambda one: order.index(one.type))),
            message=message or self.status.message,
        )

    def without(self, kind: ConditionType, reason: str) -> _View:
        return self.condition(kind, "False", reason) if self.status.holds(kind) else self

    def release(self) -> tuple[Action, ...]:
        sandbox = self.seen.sandbox
        return (Release(sandbox.attempt),) if sandbox is not None else ()

    def waiting(self, *actions: Action, wake_at: datetime | None = None) -> Decision:
        return Decision(status=self.status, actions=actions, wake_at=wake_at)

    def since(self, kind: ConditionType) -> datetime:
        condition = self.status.condition(kind)
        return condition.at if condition is not None else self.task.created_at

    def complete(self, done: Outcome, message: str) -> Decision:
        view = self.without(ConditionType.awaiting_input, "Done").without(ConditionType.running, "Done")
        view = view.condition(ConditionType.complete, "True", "Done", message)
        return view.with_(result=done, staged=None, question=None, promoting=False).waiting(*self.release())

    def fail(self, failure: Failure, reason: str = "") -> Decision:
        view = self.without(ConditionType.awaiting_input, "Failed").without(ConditionType.running, "Failed")
        view = view.condition(ConditionType.failed, "True", reason or failure.failure, failure.message)
        return view.with_(failure=failure, question=None, promoting=False, retry_at=None).waiting(
            *self.release()
        )


_Stage = Callable[[_View], "_View | Decision"]


def decide(task: TaskFacts, seen: Observed, now: datetime) -> Decision:
    view = _View(task=task, status=task.status, seen=seen, now=now)
    if task.status.terminal:
        return view.waiting(*view.release())
    for stage in _STAGES:
        result = stage(view)
        if isinstance(result, Decision):
            return result
        view = result
    raise AssertionError("the last stage always decides")


def _promotion(view: _View) -> _View | Decision:
    """Once the branch is being moved, only that transaction knows whether the task was cancelled in time."""
    if not view.status.promoting:
        return view
    reply, staged = view.seen.promoted, view.status.staged
    wanted = staged.commit if staged is not None else ""
    if reply is None or not reply.answers(wanted):
        return view.waiting(Promote(wanted))
    if reply.done is not None:
        return view.complete(reply.done, reply.message)
    if reply.head and view.task.cancelled:
        return view.fail(CANCELLED)
    if reply.head and view.status.rebases < failures.MOST_REBASES:
        return _rebased(view, wanted)
    return view.fail(reply.failure or CANCELLED)


def _rebased(view: _View, late: str) -> Decision:
    """Another attempt, on the head that the branch has now; what was staged, and a yes to it, hold no longer."""
    rebases = view.status.rebases + 1
    retry_at = view.now + failures.rebase_pause(rebases, view.status.usage.total_seconds, late)
    again = view.condition(ConditionType.running, "False", "Rebasing").with_(
        staged=None,
        promoting=False,
        attempt=view.status.attempt + 1,
        rebases=rebases,
        rebased_at=view.now,
        retry_at=retry_at,
    )
    return again.waiting(*view.release(), wake_at=retry_at)


def _cancellation(view: _View) -> _View | Decision:
    return view.fail(CANCELLED) if view.task.cancelled else view


def _acceptance(view: _View) -> _View | Decision:
    if view.status.holds(ConditionType.accepted):
        return view
    base = view.seen.base
    if isinstance(base, Failure):
        return view.fail(base)
    return view.condition(ConditionType.accepted, "True", "BaseResolved").with_(base_commit=base)


def _question(view: _View) -> _View | Decision:
    """An answer to the open question starts the next round of preparation; answers to others are ignored."""
    question, answer = view.status.question, view.task.answer
    if question is None:
        return view
    if answer is None or answer.question not in ("", question.id):
        return _awaiting(view)
    cleared = view.with_(question=None, round=view.status.round + 1)
    return cleared.without(ConditionType.awaiting_input, "Answered")


def _awaiting(view: _View) -> Decision:
    limit = view.since(ConditionType.awaiting_input) + INPUT_TIMEOUT
    if view.now >= limit:
        late = Failure(failure="Limit", code="input-timeout", message="no answer came in time")
        return view.fail(late, "InputTimeout")
    return view.waiting(*view.release(), wake_at=limit)


def _preparation(view: _View) -> _View | Decision:
    if view.status.holds(ConditionType.prepared):
        return view
    reply = view.seen.prepared
    if reply is None or reply.round != view.status.round:
        return _until(view, view.task.created_at + view.task.queue_timeout, Prepare(view.status.round))
    if reply.failure is not None:
        return view.fail(reply.failure)
    if reply.done is not None:
        return view.complete(reply.done, reply.message)
    if reply.asked is not None:
        asked = view.condition(ConditionType.awaiting_input, "True", "Question", reply.asked.text)
        return asked.with_(question=reply.asked).waiting(wake_at=view.now + INPUT_TIMEOUT)
    ready = view.condition(ConditionType.prepared, "True", "Planned", reply.message)
    return ready.with_(plan=reply.ready, attempt=1)


def _until(view: _View, limit: datetime, *actions: Action) -> Decision:
    """Waits for a reply until `limit`; a task that was answered late gets its time from the answer on."""
    answered = view.status.condition(ConditionType.awaiting_input)
    if answered is not None:
        limit = max(limit, answered.at + view.task.queue_timeout)
    if view.now >= limit:
        late = Failure(failure="Limit", code="queue-timeout", message="no capacity in time; try again")
        return view.fail(late, "QueueTimeout")
    return view.waiting(*actions, wake_at=limit)


def _result(view: _View) -> _View | Decision:
    """What the current attempt replied; a lost sandbox without a reply is a reply too."""
    status, reply, sandbox = view.status, view.seen.run, view.seen.sandbox
    if status.staged is not None:
        return view
    if reply is not None and reply.attempt == status.attempt:
        if reply.usage is not None:
            view = view.with_(usage=reply.usage)
        if reply.failure is not None:
            return _again_or_fail(view, reply.failure)
        if reply.done is not None:
            return view.complete(reply.done, reply.message)
        return view.without(ConditionType.running, "Staged").with_(staged=reply.staged)
    lost = sandbox is not None and sandbox.attempt == status.attempt and sandbox.phase == "lost"
    gone = sandbox is None and status.holds(ConditionType.running)
    if lost or gone:
        reason = sandbox.reason if sandbox is not None else ""
        message = reason or "the sandbox went away in the middle of the run"
        failure = Failure(failure="Infrastructure", code="session-lost", message=message)
        return _again_or_fail(view, failure)
    return view


def _again_or_fail(view: _View, failure: Failure) -> Decision:
    """Attempts on a head that had moved are none of those that infrastructure costs."""
    attempt = view.status.attempt
    lost = max(1, attempt - view.status.rebases)
    if not failures.retried(failure, lost, view.task.infrastructure_retries):
        return view.fail(failure)
    retry_at = view.now + failures.pause(lost)
    waiting = view.without(ConditionType.running, "Retrying").with_(attempt=attempt + 1, retry_at=retry_at)
    return waiting.waiting(*view.release(), wake_at=retry_at)


def _running(view: _View) -> _View | Decision:
    """Claims a sandbox, then runs in it, each within its own time."""
    status, sandbox = view.status, view.seen.sandbox
    if status.staged is not None:
        return view
    if status.retry_at is not None and view.now < status.retry_at:
        return view.waiting(*view.release(), wake_at=status.retry_at)
    view = view.with_(retry_at=None)
    if view.seen.problem is not None and (sandbox is None or sandbox.attempt != status.attempt):
        return view.fail(view.seen.problem)
    if sandbox is None or sandbox.attempt != status.attempt or sandbox.phase != "ready":
        stale = view.release() if sandbox is not None and sandbox.attempt != status.attempt else ()
        limit = max(view.since(ConditionType.prepared), view.since(ConditionType.running))
        limit = max(limit, status.rebased_at or limit)
        return _until(view, limit + view.task.queue_timeout, *stale, Claim(status.attempt))
    view = view.condition(ConditionType.running, "True", "Running")
    limit = view.since(ConditionType.running) + view.task.active_deadline
    if view.now >= limit:
        seconds = int(view.task.active_deadline.total_seconds())
        message = f"the run took longer than {seconds} s and was stopped"
        return view.fail(Failure(failure="Limit", code="deadline-exceeded", message=message), "Deadline")
    return view.waiting(Run(status.attempt), wake_at=limit)


def _approval(view: _View) -> _View | Decision:
    """Promotes what was asked for; asks for a yes to exactly this staged commit when it goes beyond that."""
    staged, approval = view.status.staged, view.task.approval
    if staged is None:
        raise AssertionError("a run ends staged, done or failed")
    if needs_approval(view.task.review, staged):
        if approval is None or approval.commit != staged.commit:
            asked = view.condition(ConditionType.awaiting_input, "True", "Approval", staged.why)
            return _awaiting(asked)
        if not approval.approved:
            return view.fail(
                Failure(failure="Cancelled", code="rejected", message="not approved"), "Rejected"
            )
        view = view.without(ConditionType.awaiting_input, "Approved")
    return view.with_(promoting=True).waiting(*view.release(), Promote(staged.commit))


def needs_approval(review: Review, staged: Staged) -> bool:
    """`Auto` never asks: scripts of platform teams that accept whatever their plan does."""
    return review == "Always" or (review == "WhenSurprising" and bool(staged.code))


_STAGES: Final[tuple[_Stage, ...]] = (
    _promotion,
    _cancellation,
    _acceptance,
    _question,
    _preparation,
    _result,
    _running,
    _approval,
)
