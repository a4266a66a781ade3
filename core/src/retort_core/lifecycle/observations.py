"""What can be seen of a task from outside its status: replies of the actions it started, and its sandbox.

All of it comes from rows and sandboxes, none from the status that is to be decided, so a restarted or a second
decider sees the same and decides the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from retort_core.lifecycle.statuses import AskedQuestion, Failure, Outcome, PlannedWork, Staged, Usage
from retort_core.models import Model


class Prepared(Model):
    """Reply to `Prepare`: exactly one of the four; `round` says to which one."""

    round: int
    ready: PlannedWork | None = None
    asked: AskedQuestion | None = None
    done: Outcome | None = None  # a command, finished without a sandbox
    failure: Failure | None = None
    message: str = ""


class Ran(Model):
    """Reply to `Run` of one attempt: a staged version, or an outcome that moves no branch, or a failure."""

    attempt: int
    staged: Staged | None = None
    done: Outcome | None = None
    failure: Failure | None = None
    message: str = ""
    usage: Usage | None = None


class Promoted(Model):
    """Reply to `Promote`: written by the transaction that moved the branch, or refused to.

    `commit`: the staged version it is about. `head`: where a branch that moved meanwhile stands, when the work may be
    done again there; `failure` is then what is told if it may not.
    """

    commit: str = ""
    head: str = ""
    done: Outcome | None = None
    failure: Failure | None = None
    message: str = ""

    def answers(self, commit: str) -> bool:
        """Whether it is about this staged version. One that names none is of a release in which a task had only one."""
        return self.commit in ("", commit)


SandboxPhase: TypeAlias = Literal["claiming", "ready", "lost"]


@dataclass(frozen=True, kw_only=True)
class SandboxState:
    attempt: int
    phase: SandboxPhase
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Observed:
    """`base`: the commit the task starts from ("" before the first import), or why there is none. `problem`: why it may have no
    sandbox."""

    base: str | Failure
    problem: Failure | None = None
    prepared: Prepared | None = None
    sandbox: SandboxState | None = None
    run: Ran | None = None
    promoted: Promoted | None = None


@dataclass(frozen=True)
class Prepare:
    round: int


@dataclass(frozen=True)
class Claim:
    attempt: int


@dataclass(frozen=True)
class Run:
    attempt: int


@dataclass(frozen=True)
class Promote:
    commit: str


@dataclass(frozen=True)
class Release:
    attempt: int


Action: TypeAlias = Prepare | Claim | Run | Promote | Release
