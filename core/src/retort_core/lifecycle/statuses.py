"""What is known about a task, for people and programs: conditions, and the facts behind them. No data in it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import Field, JsonValue

from retort_core.models import Model
from retort_core.plans import Alternative, Slot


class ConditionType(StrEnum):
    """In the order a task usually meets them; exactly one of the last two becomes true, once."""

    accepted = "Accepted"
    prepared = "Prepared"
    awaiting_input = "AwaitingInput"
    running = "Running"
    complete = "Complete"
    failed = "Failed"


Phase: TypeAlias = Literal["Pending", "Preparing", "AwaitingInput", "Running", "Complete", "Failed"]


class Condition(Model):
    type: ConditionType
    status: Literal["True", "False"]
    reason: str
    message: str = ""
    at: datetime


class PlannedWork(Model):
    """What will run: `explanation` has one sentence a step in the language of the message."""

    digest: str
    title: str
    steps: tuple[dict[str, JsonValue], ...] = ()
    explanation: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    planner: str = ""
    read_only: bool = False


class AskedQuestion(Model):
    """One card: at most three slots with buttons; a free text is always possible."""

    id: str
    text: str
    slots: tuple[Slot, ...]
    remember: bool = False  # 以后都这样 can be ticked


class Counts(Model):
    """Measured from the changeset, never taken from the worker's own words."""

    rows_before: int = 0
    rows_after: int = 0
    columns_before: int = 0
    columns_after: int = 0
    rows_added: int = 0
    rows_removed: int = 0
    columns_added: int = 0
    columns_removed: int = 0
    columns_changed: int = 0  # renamed, moved, of another type, or described otherwise
    rows_moved: int = 0
    cells_changed: int = 0
    cells_set_missing: int = 0
    cells_invalid: int = 0  # invalid cells in the new version


class Staged(Model):
    """A finished version that waits for a yes: `why` in the message's language, `code` for programs."""

    commit: str
    counts: Counts = Field(default_factory=Counts)
    code: str = ""  # rows-beyond-words, columns-beyond-words, cells-beyond-words, empty-result, always
    why: str = ""
    # `notes`: severity and text of what a person should know; of replays: counts per instruction, unseen values
    data: dict[str, JsonValue] = {}


class Outcome(Model):
    """What a completed task leaves: a new head, a read-only result, or neither (then `message` says why)."""

    commit: str = ""
    result: str = ""
    parent: str = ""
    branch: str = ""
    counts: Counts = Field(default_factory=Counts)
    follow: str = ""  # uid of the task that this message answered or approved
    data: dict[str, JsonValue] = {}  # notes; of commands: the diff summary, the history, the suggestions


class Failure(Model):
    """Why a task failed: class for the retry policy, code and facts for programs, a sentence for people."""

    failure: Literal["Infrastructure", "Model", "Data", "Limit", "Policy", "Cancelled", "Input"]
    code: str
    message: str
    details: dict[str, JsonValue] = {}


class Usage(Model):
    """Measured by the supervisor and the service, in seconds and bytes."""

    queued_seconds: float = 0
    prepare_seconds: float = 0
    run_seconds: float = 0
    intake_seconds: float = 0
    confine_ms: float = 0
    peak_bytes: int = 0
    total_seconds: float = 0


class TaskStatus(Model):
    conditions: tuple[Condition, ...] = ()
    base_commit: str = ""
    attempt: int = 0
    round: int = 0  # of preparation: one more with every answer
    plan: PlannedWork | None = None
    question: AskedQuestion | None = None
    staged: Staged | None = None
    result: Outcome | None = None
    failure: Failure | None = None
    message: str = ""  # the last sentence for a person
    usage: Usage = Field(default_factory=Usage)
    retry_at: datetime | None = None
    rebases: int = (
        0  # how often the branch moved before the result was on it, and the work was done again there
    )
    rebased_at: datetime | None = None
    promoting: bool = False  # the branch is being moved; only that transaction can still be cancelled

    def condition(self, kind: ConditionType) -> Condition | None:
        return next((condition for condition in self.conditions if condition.type is kind), None)

    def holds(self, kind: ConditionType) -> bool:
        condition = self.condition(kind)
        return condition is not None and condition.status == "True"

    @property
    def terminal(self) -> bool:
        return self.holds(ConditionType.complete) or self.holds(ConditionType.failed)

    @property
    def phase(self) -> Phase:
        """Derived, for columns and badges; programs read the conditions."""
        for kind, phase in _PHASES:
            if self.holds(kind):
                return phase
        return "Preparing" if self.holds(ConditionType.accepted) else "Pending"


_PHASES: tuple[tuple[ConditionType, Phase], ...] = (
    (ConditionType.complete, "Complete"),
    (ConditionType.failed, "Failed"),
    (ConditionType.awaiting_input, "AwaitingInput"),
    (ConditionType.running, "Running"),
)
