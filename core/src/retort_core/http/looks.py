"""A look at a task: what operator and service tell each other of it, put before `decide`. The same for both."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from retort_core.http.internal import Sight, TaskObject, TaskSeen, Wanted
from retort_core.lifecycle.observations import Observed, Prepare, Promote
from retort_core.lifecycle.sources import Review
from retort_core.lifecycle.tasks import Decision, TaskFacts, decide

STRICTER: Final[tuple[Review, ...]] = ("Auto", "WhenSurprising", "Always")


def decided(task: TaskObject, seen: TaskSeen, sight: Sight) -> Decision:
    facts = TaskFacts(
        created_at=task.created_at,
        status=seen.status,
        review=max(task.review, seen.review, key=STRICTER.index),
        answer=seen.answer,
        approval=seen.approval,
        cancelled=seen.cancelled or task.cancelled,
        queue_timeout=timedelta(seconds=sight.queue_timeout_seconds),
        active_deadline=timedelta(seconds=sight.active_deadline_seconds),
        infrastructure_retries=sight.infrastructure_retries,
    )
    return decide(facts, observed(seen, sight, task.source.kind), sight.at)


def observed(seen: TaskSeen, sight: Sight | None = None, kind: str = "") -> Observed:
    """Without a sight: what the rows know, where there is no executor to look at any more. A task that needs an executor for
    certain does not begin with a profile that is not for it; of commands only some do, and end where they would have one."""
    problem = sight.problem if sight is not None else None
    return Observed(
        base=(problem if kind != "command" else None) or seen.base,
        problem=problem,
        prepared=seen.prepared,
        run=seen.run,
        promoted=seen.promoted,
        sandbox=sight.sandbox if sight is not None else None,
    )


def wish(decision: Decision, seen: TaskSeen) -> Wanted:
    """What of a decision the service carries out; the rest is the operator's."""
    if decision.status.terminal:
        return Wanted(end=not seen.archived)
    for action in decision.actions:
        match action:
            case Prepare(round_):
                return Wanted(prepare=round_)
            case Promote(commit):
                return Wanted(promote=commit)
            case _:
                continue
    return Wanted()
