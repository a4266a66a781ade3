"""From what `decide` knows to what an AgentTask's status shows, and when showing it is worth a write. Pure.

Every write goes to etcd and to everybody who watches, so a task is shown when people should see a change: a question, an
end, and a run that lasts. What lies between is in the service's row.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from retort_core.errors import NotFound
from retort_core.lifecycle.statuses import AskedQuestion, Counts, Failure, Staged, TaskStatus, Usage
from retort_core.resources.conditions import TaskReason
from retort_core.resources.v1alpha1 import (
    AgentTaskStatus,
    Condition,
    CountsStatus,
    FailureStatus,
    OptionStatus,
    PlanStatus,
    QuestionStatus,
    ResultStatus,
    SlotStatus,
    StagedStatus,
    UsageStatus,
)

RUNNING_AFTER: Final = 0.5  # seconds; a run that is over sooner shows its end only
WAITING_AFTER: Final = 10.0  # seconds without an executor before it is said why
# Their sentences are ours and quote no cell, what is not there is called by its name at most. Others may: an exception of a
# script, a value that is nearly there.
QUOTES_NOTHING: Final = frozenset({"Infrastructure", "Limit", "Policy", "Cancelled"})


def key(status: TaskStatus) -> tuple[str, ...]:
    """What of it decides whether another one is worth a write."""
    phase = status.phase
    if phase == "AwaitingInput":
        question = status.question.id if status.question is not None else ""
        staged = status.staged.commit if status.staged is not None else ""
        return (phase, question, staged)
    return (phase,)


def patch(
    status: TaskStatus,
    generation: int,
    *,
    pod: str = "",
    waits: tuple[TaskReason, str, datetime] | None = None,
) -> dict[str, Any]:
    """A merge patch of the whole status: what it no longer has is set to null."""
    running = next((one.at for one in status.conditions if one.type == "Running"), None)
    over = next(
        (one.at for one in status.conditions if one.status == "True" and one.type in ("Complete", "Failed")),
        None,
    )
    shown = AgentTaskStatus(
        observed_generation=generation,
        conditions=_conditions(status, generation, waits),
        phase=status.phase,
        base_commit=status.base_commit,
        attempt=status.attempt,
        pod_name=pod,
        plan=_plan(status),
        question=_question(status.question),
        staged=_staged(status.staged),
        result=_result(status),
        failure=_failure(status.failure),
        usage=_usage(status.usage) if over is not None else None,
        start_time=running,
        completion_time=over,
        message=_cut(status.message or (waits[1] if waits else ""), 1024),
    )
    return shown.model_dump(mode="json", by_alias=True)


def told(failure: Failure) -> str:
    """What an event says of it. Who may read the events of a namespace need not be let into any data; who may read the task's
    object is, by every role of the chart."""
    if failure.failure in QUOTES_NOTHING or failure.code == NotFound.code:
        return failure.message
    return f"{failure.code}: why is in status.message of the task"


def _conditions(
    status: TaskStatus, generation: int, waits: tuple[TaskReason, str, datetime] | None
) -> list[Condition]:
    found = [
        Condition(
            type=one.type.value,
            status=one.status,
            reason=one.reason,
            message=_cut(one.message, 1024),
            last_transition_time=one.at,
            observed_generation=generation,
        )
        for one in status.conditions
    ]
    if waits is not None:
        reason, message, since = waits
        found = [one for one in found if one.type != "Running"]
        found.append(
            Condition(
                type="Running",
                status="False",
                reason=reason.value,
                message=_cut(message, 1024),
                last_transition_time=since,
                observed_generation=generation,
            )
        )
    return found


def _plan(status: TaskStatus) -> PlanStatus | None:
    if status.plan is None:
        return None
    steps = [_cut(one, 300) for one in status.plan.explanation[:64]]
    return PlanStatus(digest=status.plan.digest[:64], title=_cut(status.plan.title, 300), steps=steps)


def _question(question: AskedQuestion | None) -> QuestionStatus | None:
    if question is None:
        return None
    slots = [
        SlotStatus(
            id=_cut(slot.id, 64),
            text=_cut(slot.text, 600),
            options=[
                OptionStatus(id=_cut(one.id, 64), label=_cut(one.label, 300)) for one in slot.options[:8]
            ],
        )
        for slot in question.slots[:3]
    ]
    return QuestionStatus(id=_cut(question.id, 64), text=_cut(question.text, 1024), slots=slots)


def _staged(staged: Staged | None) -> StagedStatus | None:
    if staged is None or not _commit(staged.commit):
        return None
    return StagedStatus(
        commit=staged.commit,
        code=_cut(staged.code, 64),
        why=_cut(staged.why, 1024),
        counts=_counts(staged.counts),
    )


def _commit(text: str) -> bool:
    return len(text) == 64


def _result(status: TaskStatus) -> ResultStatus | None:
    done = status.result
    if done is None:
        return None
    return ResultStatus(
        commit=done.commit,
        result_id=done.result[:64],
        branch=_cut(done.branch, 100),
        counts=_counts(done.counts),
    )


def _failure(failure: Failure | None) -> FailureStatus | None:
    return None if failure is None else FailureStatus(class_=failure.failure, code=_cut(failure.code, 64))


def _counts(counts: Counts) -> CountsStatus:
    return CountsStatus.model_validate({name: getattr(counts, name) for name in CountsStatus.model_fields})


def _usage(usage: Usage) -> UsageStatus:
    return UsageStatus(
        prepare_milliseconds=round(usage.prepare_seconds * 1000),
        run_milliseconds=round(usage.run_seconds * 1000),
        intake_milliseconds=round(usage.intake_seconds * 1000),
        peak_bytes=usage.peak_bytes,
    )


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"
