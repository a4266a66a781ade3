"""Every error Retort raises on purpose, each with a stable code and what follows from it.

RetortError
├── BadInput            the caller's words, file or parameters; says what, where and what to do
│   ├── UnreadableFile      a file that no reader accepts, or only in part
│   ├── StepError           a step does not fit the schema it would run on
│   └── ScriptRefused       a script that screening does not let through
├── Unauthenticated     nobody, or nobody who can prove it: no token, a wrong, expired or revoked one
├── NotFound            no such project, dataset, version, branch, task; or not for this caller
├── Conflict            the head moved, the name exists, the task is over
├── DataError           a run met data it cannot handle; not retried
├── LimitExceeded       time, memory, bytes, rows or columns above a stated limit
│   ├── QuotaExceeded       what a project may hold is used up; waiting does not help
│   └── TooMany             too many requests or tasks at once; waiting helps
├── Cancelled           by the person, or because nobody waits any more
├── PolicyDenied        not allowed for this caller, or blocked by a barrier
├── Infrastructure      a sandbox, disk or server failed; retried
│   ├── Unavailable         the database or the object store cannot be reached right now; nothing was changed
│   └── SessionLost         the sandbox went away in the middle of a run
└── IsolationMissing    a barrier could not be installed; nothing runs without it
"""

from __future__ import annotations

from typing import Any, ClassVar


class RetortError(Exception):
    """`message` is a sentence for a person; `details` are facts for a program (never cell values of others)."""

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    status: ClassVar[int] = 500
    reason: ClassVar[str] = "Internal"  # condition reason of an AgentTask

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class BadInput(RetortError):
    code, status, reason = "bad-input", 422, "BadInput"


class UnreadableFile(BadInput):
    code, reason = "unreadable-file", "UnreadableFile"


class StepError(BadInput):
    code, reason = "step-does-not-fit", "PlanInvalid"


class ScriptRefused(BadInput):
    code, reason = "script-refused", "ScriptRefused"


class Unauthenticated(RetortError):
    code, status, reason = "unauthenticated", 401, "Unauthenticated"


class NotFound(RetortError):
    code, status, reason = "not-found", 404, "NotFound"


class Conflict(RetortError):
    code, status, reason = "conflict", 409, "Conflict"


class DataError(RetortError):
    code, status, reason = "data-error", 422, "DataError"


class LimitExceeded(RetortError):
    code, status, reason = "limit-exceeded", 413, "LimitExceeded"


class QuotaExceeded(LimitExceeded):
    """`details`: quota, used, allowed."""

    code, status, reason = "quota-exceeded", 403, "QuotaExceeded"


class TooMany(LimitExceeded):
    """`details`: retry_after in seconds; of a quota also quota, used, allowed."""

    code, retryable, status, reason = "too-many", True, 429, "TooMany"


class Cancelled(RetortError):
    code, status, reason = "cancelled", 409, "Cancelled"


class PolicyDenied(RetortError):
    code, status, reason = "denied", 403, "PolicyDenied"


class Infrastructure(RetortError):
    code, retryable, status, reason = "infrastructure", True, 503, "Infrastructure"


class Unavailable(Infrastructure):
    code, reason = "unavailable", "Unavailable"


class SessionLost(Infrastructure):
    code, reason = "session-lost", "SessionLost"


class IsolationMissing(RetortError):
    code, status, reason = "isolation-missing", 503, "IsolationUnproven"


def all_errors() -> tuple[type[RetortError], ...]:
    """The tree above, parents first: for the reference page and the HTTP layer. Members may derive their own."""

    def walk(error: type[RetortError]) -> list[type[RetortError]]:
        return [
            error,
            *(
                leaf
                for child in error.__subclasses__()
                if child.__module__ == __name__
                for leaf in walk(child)
            ),
        ]

    return tuple(walk(RetortError))
