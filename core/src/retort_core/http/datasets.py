"""Projects, datasets and conversations as the API shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, StringConstraints

from retort_core import names
from retort_core.lifecycle.statuses import AskedQuestion
from retort_core.models import Model
from retort_core.plans import Suggestion

Name = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=names.LONGEST, pattern=f"^{names.NAME}$"
    ),
]


def _of_a_branch(name: str) -> str:
    problem = names.branch_problem(name)
    if problem:
        raise ValueError(problem)
    return name


# The pattern is told and not checked: what it refuses is refused with a sentence.
BranchName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=names.LONGEST),
    AfterValidator(_of_a_branch),
    Field(json_schema_extra={"pattern": f"^{names.NAME}$"}),
]


class Barrier(Model):
    """One wall around execution as it is *truly* enforced here; `detail` says how it was proven or why not."""

    name: str
    enforced: bool
    detail: str = ""


class Limit(Model):
    name: str
    value: int
    unit: str = ""


class About(Model):
    """What this service is and what it enforces; `features`: names that clients may rely on."""

    product: Literal["retort"] = "retort"
    version: str
    barriers: tuple[Barrier, ...] = ()
    limits: tuple[Limit, ...] = ()
    versions: dict[str, str] = {}
    planner: str = "rules"
    features: tuple[str, ...] = ()


class ProjectCreate(Model):
    name: Name


class Project(Model):
    id: str
    name: str
    created_at: datetime
    conventions: dict[str, JsonValue] = {}  # answers stored by 以后都这样


class DatasetCreate(Model):
    name: Name
    title: str = Field(default="", max_length=200)


MOST_PART_BYTES = 8 << 20


class UploadSession(Model):
    """A file on its way: `offset` of its `length` bytes are safe. A piece has at most `part_bytes`."""

    id: str
    filename: str
    length: int
    offset: int
    part_bytes: int
    expires_at: datetime


class Dataset(Model):
    """`head`, `rows`, `columns`: of the default branch; empty before the first import."""

    id: str
    name: str
    title: str = ""
    created_at: datetime
    default_branch: str = "main"
    head: str = ""
    rows: int = 0
    columns: int = 0


class ConversationCreate(Model):
    branch: BranchName = "main"
    title: str = Field(default="", max_length=200)


class Conversation(Model):
    """`branch` follows 切换到…; `task` waits for an answer or a yes when not empty."""

    id: str
    dataset: str
    branch: str
    title: str = ""
    created_at: datetime
    task: str = ""
    question: AskedQuestion | None = None
    suggestions: tuple[Suggestion, ...] = ()
    last_result: str = ""


class MessageCreate(Model):
    text: str = Field(min_length=1, max_length=10_000)
    lang: Literal["", "zh", "en"] = ""  # "" = that of the text


class Message(Model):
    """One turn: what was said, and what came of it (`task` has the rest)."""

    id: int
    text: str
    lang: Literal["zh", "en"]
    at: datetime
    task: str
    phase: str
    reply: str = ""
    commit: str = ""
    result: str = ""
