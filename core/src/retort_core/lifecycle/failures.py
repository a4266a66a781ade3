"""Failure classes and what each allows: who may try again, how often, and after how long.

class           tried again                                  examples
Infrastructure  yes, with growing pauses                     sandbox lost, disk, server, object store away
Model           repaired at most twice by the planner        unusable model output
Data            no; the column and values are named          a cast that must not fail did
Limit           no; the limit is named                       time, memory, bytes
Policy          no                                           a barrier, an approval that was refused
Cancelled       no                                           by the person
Input           no; what, where, what to do                  unreadable file, a step that does not fit
"""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import Final, Literal, TypeAlias

from retort_core.errors import (
    BadInput,
    Conflict,
    DataError,
    Infrastructure,
    LimitExceeded,
    NotFound,
    PolicyDenied,
    RetortError,
    Unavailable,
)
from retort_core.lifecycle.statuses import Failure

FailureClass: TypeAlias = Literal["Infrastructure", "Model", "Data", "Limit", "Policy", "Cancelled", "Input"]

# First match wins, so children stand before their parents.
_CLASSES: Final[tuple[tuple[type[RetortError], FailureClass], ...]] = (
    (Infrastructure, "Infrastructure"),
    (LimitExceeded, "Limit"),
    (DataError, "Data"),
    (PolicyDenied, "Policy"),
    (BadInput, "Input"),
    (NotFound, "Input"),
    (Conflict, "Input"),
)
FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(seconds=60)
LONGEST_REBASE_PAUSE: Final = timedelta(seconds=5)
OUTAGE_RETRIES: Final = 7  # of a task whose data could not be read or stored: 123 s of pauses
MOST_REBASES: Final = 10  # of one task; a branch that moves faster than its work takes is left to a person


def classify(error: RetortError) -> FailureClass:
    """An error without a class of its own is the service's fault, hence Infrastructure."""
    return next((name for kind, name in _CLASSES if isinstance(error, kind)), "Infrastructure")


def failure_of(error: RetortError) -> Failure:
    return Failure(
        failure=classify(error), code=error.code, message=error.message, details=dict(error.details)
    )


def retried(failure: Failure, attempt: int, retries: int) -> bool:
    """Whether attempt number `attempt` (from 1) may be followed by another. `retries` are for lost sandboxes; a database or
    an object store that is away for a minute would use them up within seconds."""
    allowed = max(retries, OUTAGE_RETRIES) if failure.code == Unavailable.code else retries
    return failure.failure == "Infrastructure" and attempt <= allowed


def pause(attempt: int) -> timedelta:
    """1, 2, 4, ... seconds before the attempt after `attempt`; the first is cheap because most losses are rare."""
    doublings: int = 2 ** (attempt - 1)
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE)


def rebase_pause(rebases: int, took: float, staged: str) -> timedelta:
    """None before the first; then about as long as the work `took`, twice that, ... : who keeps losing the race lets the
    others pass, and not all for the same time (`staged`: the version that was late; no two are the same)."""
    if rebases <= 1:
        return timedelta()
    doublings: float = 2.0 ** (rebases - 2)
    share = 0.5 + zlib.crc32(staged.encode()) / 2**32
    return min(timedelta(seconds=took * doublings * share), LONGEST_REBASE_PAUSE)
