"""Tasks and events as the API shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field, JsonValue

from retort_core.http.datasets import BranchName
from retort_core.lifecycle.sources import Review, Source
from retort_core.lifecycle.statuses import Phase, TaskStatus
from retort_core.models import Model


class TaskCreate(Model):
    """`base`: a ref to start from ("" = the branch's head). `conversation`: whose turn it becomes, if any."""

    source: Source
    branch: BranchName = "main"
    base: str = Field(default="", max_length=128)
    review: Review = "WhenSurprising"
    conversation: str = ""
    lang: Literal["", "zh", "en"] = ""
    active_deadline_seconds: int = Field(default=600, ge=1, le=86_400)


class Task(Model):
    """`status.conditions` say where it stands; `phase` is derived from them. `source` repeats what was asked."""

    uid: str
    project: str
    dataset: str
    branch: str
    source: Source
    review: Review
    requester: str
    lang: Literal["zh", "en"]
    conversation: str = ""
    created_at: datetime
    finished_at: datetime | None = None
    phase: Phase
    status: TaskStatus

    @property
    def over(self) -> bool:
        return self.status.terminal


class Event(Model):
    """One line of the event stream; `seq` resumes it (`Last-Event-ID`).

    kind        data
    task        {"phase", "message"}: the task's status changed; GET it for the rest
    progress    {"stage", ...}: while it runs
    log         {"text"}: what the running code printed, capped and escaped
    preview     {"columns", "rows"}: first rows of an upload, before it is typed
    ref         {"branch", "head", "was", "why"}: a branch moved
    """

    seq: int
    kind: Literal["task", "progress", "log", "preview", "ref"]
    task: str = ""
    dataset: str = ""
    at: datetime
    data: dict[str, JsonValue] = {}
