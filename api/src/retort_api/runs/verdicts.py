"""What a command comes to: done, a run, or another outcome of planning."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from retort_api.runs.work import Work
from retort_core.lifecycle.statuses import Outcome
from retort_core.plans import Outcome as PlannerOutcome

Act = Callable[[AsyncConnection], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`act`: database changes that belong into the transaction of the reply; `wake`: tasks to look at after it."""

    done: Outcome = field(default_factory=Outcome)
    message: str = ""
    work: Work | None = None
    outcome: PlannerOutcome | None = None
    move: tuple[str, str, str, str] | None = None  # ref, to, expect, why
    create: tuple[str, str] | None = None  # name, head
    act: Act | None = None
    wake: tuple[str, ...] = ()
