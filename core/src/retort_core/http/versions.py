"""Versions as the API shows them: commits, branches, table pages, differences, results."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

from pydantic import Field, JsonValue

from retort_core import changes
from retort_core.changes import Changes, ColumnChange
from retort_core.http.datasets import BranchName
from retort_core.lifecycle.statuses import Counts
from retort_core.models import Model
from retort_core.plans import Plan, Step
from retort_core.profiles import Finding
from retort_core.schema import Column, Schema

CommitKind: TypeAlias = Literal["import", "plan", "script", "replay", "restore", "codebook"]


class Branch(Model):
    """`kind`: a person's branch, a tag (kept tips are tagged automatically), or a staged result."""

    name: str
    kind: Literal["branch", "tag", "staging"] = "branch"
    head: str
    version: int = 1
    updated_at: datetime
    protected: bool = False  # only an administrator of the project changes it


class BranchCreate(Model):
    """Costs no data. `source`: any ref; "" = the default branch's head."""

    name: BranchName
    source: str = Field(default="", max_length=128)


class BranchMove(Model):
    """`head`: any ref. The head it must still have stands in If-Match."""

    head: str = Field(min_length=1, max_length=128)


class Commit(Model):
    """One version. `instruction` is verbatim; `title` comes from its plan."""

    id: str
    short: str  # the 12 characters people see
    root: str
    parents: tuple[str, ...]
    generation: int
    kind: CommitKind
    title: str
    instruction: str = ""
    author: str
    created_at: datetime
    task: str
    counts: Counts
    branches: tuple[str, ...] = ()  # refs whose head this is


class CommitDetail(Commit):
    schema_: Schema = Field(
        alias="schema"
    )  # JSON: "schema"; a pydantic model cannot have a field of that name
    plan: Plan | None = None
    has_script: bool = False
    versions: dict[str, str] = {}  # of the engines that made it

    model_config = {"populate_by_name": True}


class CommitPlan(Model):
    plan: Plan
    explanation: tuple[str, ...]


class Quality(Model):
    """The quality report: findings with a sentence each in the asked language; `file`: how the file was read."""

    rows: int
    columns: int
    findings: tuple[Finding, ...]
    sentences: tuple[str, ...]
    file: tuple[str, ...] = ()


class Mark(Model):
    """Why a cell of a page has no value: `row` is the index within the page."""

    row: int
    column: str
    state: Literal["missing", "invalid"]
    reason: str = ""
    raw: str | None = None


class TablePage(Model):
    """Rows in displayed order; values as canonical JSON (dates and decimals as text), null where a mark says why."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[JsonValue, ...], ...]
    marks: tuple[Mark, ...] = ()
    offset: int
    total: int
    shares: tuple[str, ...] = ()  # columns of results that hold shares, 0 to 1, shown as percent
    other_rows: tuple[int, ...] = ()  # rows of this page that hold something else there, such as a mean
    stale: bool = False  # of results: the data has moved on


class CellChange(changes.CellChange):
    """`column`: the column's name in the newer version, instead of its id."""


class RowChange(Model):
    row: int
    change: Literal["added", "removed"]
    values: dict[str, JsonValue] = {}


class Diff(Model):
    """What changed from `older` to `newer`; counts are complete, `rows` and `cells` are one page."""

    older: str
    newer: str
    common: str = ""  # nearest common ancestor
    tier: str = ""  # how rows were matched: same, rows, key, content
    counts: Counts
    changes: Changes
    columns: tuple[ColumnChange, ...]
    cells_by_column: dict[str, int] = {}  # by name in the newer version
    rows: tuple[RowChange, ...] = ()
    cells: tuple[CellChange, ...] = ()
    next_cursor: str = ""


class Graph(Model):
    """The whole history: commits newest first (children before parents), and what points at them."""

    commits: tuple[Commit, ...]
    branches: tuple[Branch, ...]


class RefMove(Model):
    """One line of the reflog: nothing a branch ever pointed at is lost."""

    seq: int
    name: str
    was: str
    now: str
    why: str
    by: str
    at: datetime


class ResultPart(Model):
    name: str
    rows: int
    columns: tuple[str, ...]


class Result(Model):
    """A read-only answer, pinned to the commit it was computed from; `stale` once the branch moved on."""

    id: str
    task: str
    dataset: str
    commit: str
    branch: str
    title: str
    plan: Plan | None = None
    steps: tuple[Step, ...] = ()
    parts: tuple[ResultPart, ...]
    stale: bool = False
    created_at: datetime
