"""A commit and a ref as the commit log keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from retort_core.http.versions import CommitKind
from retort_core.lifecycle.statuses import Counts
from retort_core.plans import Plan

RefKind: TypeAlias = Literal["branch", "tag", "staging"]
# Why a ref moved; undo and redo are read back from these (see `walks`).
Why: TypeAlias = Literal["create", "commit", "correction", "undo", "redo", "move", "keep", "stage", "done"]


@dataclass(frozen=True, kw_only=True)
class CommitRecord:
    """One version. `snapshot`: key of its manifest in the snapshot store.

    `details`: facts of an import (`upload`, `filename`, `options`, `key`, `report`) and `versions` of the engines.
    """

    id: str
    dataset: str
    root: str
    snapshot: str
    parents: tuple[str, ...]
    generation: int
    kind: CommitKind
    title: str
    instruction: str
    author: str
    task: str
    attempt: str
    counts: Counts
    plan: Plan | None = None
    script: str = ""
    details: dict[str, Any] = field(default_factory=dict)
    created_at: datetime
    seq: int = 0

    @property
    def parent(self) -> str:
        return self.parents[0] if self.parents else ""


@dataclass(frozen=True, kw_only=True)
class Ref:
    dataset: str
    name: str
    kind: RefKind
    head: str
    version: int
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Move:
    """One line of the reflog."""

    seq: int
    name: str
    was: str
    now: str
    why: Why
    by: str
    at: datetime
