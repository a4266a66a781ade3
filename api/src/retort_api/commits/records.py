"""A commit and a ref as the commit log keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from retort_core.http.versions import CommitKind
from retort_core.identity import CommitFacts, commit_id, plan_digest, script_digest
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


def identifier(record: CommitRecord) -> str:
    """The id that the rest of the record gives: how it is made, and how it is proven later."""
    versions = record.details.get("versions", {})
    return commit_id(
        CommitFacts(
            dataset=record.dataset,
            root=record.root,
            parents=record.parents,
            author=record.author,
            planner=str(record.details.get("planner", "")),
            message=record.instruction,
            kind=record.kind,
            created_at=record.created_at,
            script=script_digest(record.script) if record.script else "",
            plan=plan_digest(record.plan.model_dump(mode="json")) if record.plan is not None else "",
            runner=" ".join(f"{name}={version}" for name, version in sorted(versions.items())),
        )
    )


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
