"""A task as its row holds it, and what is derived from that."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from retort_core.http.tasks import Task
from retort_core.lifecycle.observations import Prepared, Promoted, Ran
from retort_core.lifecycle.sources import Answer, Approval, Review, Source
from retort_core.lifecycle.statuses import TaskStatus
from retort_core.lifecycle.tasks import TaskFacts
from retort_core.plans import Lang


@dataclass(frozen=True, kw_only=True)
class Replies:
    """What the actions of a task reported: the observed half of every decision."""

    prepared: Prepared | None = None
    run: Ran | None = None
    promoted: Promoted | None = None

    def with_(self, reply: Prepared | Ran | Promoted) -> Replies:
        match reply:
            case Prepared():
                return replace(self, prepared=reply)
            case Ran():
                return replace(self, run=reply)
            case _:
                return replace(self, promoted=reply)


@dataclass(frozen=True, kw_only=True)
class Ending:
    """When a task ended, and what is kept of its work."""

    at: datetime
    work: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class TaskRecord:
    uid: str
    project: str
    dataset: str
    branch: str
    base: str
    source: Source
    review: Review
    requester: str
    lang: Lang
    conversation: str
    deadline_seconds: int
    created_at: datetime
    status: TaskStatus = field(default_factory=TaskStatus)
    answer: Answer | None = None
    approval: Approval | None = None
    cancelled: bool = False
    replies: Replies = field(default_factory=Replies)
    work: dict[str, Any] = field(default_factory=dict)
    finished_at: datetime | None = None
    seq: int = 0

    @property
    def facts(self) -> TaskFacts:
        return TaskFacts(
            created_at=self.created_at,
            status=self.status,
            review=self.review,
            answer=self.answer,
            approval=self.approval,
            cancelled=self.cancelled,
            active_deadline=timedelta(seconds=self.deadline_seconds),
        )

    @property
    def waits(self) -> bool:
        """Whether it needs a person, and what the person said has not arrived yet."""
        status = self.status
        if status.phase != "AwaitingInput" or self.cancelled:
            return False
        if status.question is not None:
            return self.answer is None or self.answer.question not in ("", status.question.id)
        staged = status.staged
        return staged is None or self.approval is None or self.approval.commit != staged.commit

    @property
    def public(self) -> Task:
        return Task(
            uid=self.uid,
            project=self.project,
            dataset=self.dataset,
            branch=self.branch,
            source=self.source,
            review=self.review,
            requester=self.requester,
            lang=self.lang,
            conversation=self.conversation,
            created_at=self.created_at,
            finished_at=self.finished_at,
            phase=self.status.phase,
            status=self.status,
        )
