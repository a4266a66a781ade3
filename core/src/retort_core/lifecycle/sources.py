"""What a task is made from: a required, immutable one-of. After preparation every source is a script.

source        given by
instruction   words of a conversation
plan          a typed plan (a form, an accepted suggestion, an alternative)
command       what the service does itself: undo, redo, undo_step, branch, switch, ... (see `plans.Command`)
script        a person's own Python; rows are aligned afterwards
upload        a file already received and stored
restore       an earlier version becomes the head again, as a new version
"""

from __future__ import annotations

from typing import Literal, Self, TypeAlias

from pydantic import Field, JsonValue, model_validator

from retort_core.models import Model
from retort_core.plans import Command, Lang, Plan

UploadMode: TypeAlias = Literal["new", "corrected", "append", "codebook"]


class Instruction(Model):
    text: str = Field(min_length=1, max_length=10_000)


class PlanSource(Model):
    """`result`: id of a read-only result to run on instead of the dataset."""

    plan: Plan
    result: str = ""


class ScriptSource(Model):
    source: str = Field(min_length=1, max_length=262_144)
    title: str = Field(default="", max_length=200)


class UploadSource(Model):
    """`upload`: id of the stored bytes. `options`: sheet, delimiter, encoding, header rows; empty = detected.
    `key`: names of the columns that identify a row when a corrected file replaces an earlier one."""

    upload: str
    filename: str = Field(max_length=255)
    mode: UploadMode = "new"
    key: tuple[str, ...] = ()
    options: dict[str, JsonValue] = {}


class RestoreSource(Model):
    commit: str


class Source(Model):
    """Exactly one of these is set."""

    instruction: Instruction | None = None
    plan: PlanSource | None = None
    command: Command | None = None
    script: ScriptSource | None = None
    upload: UploadSource | None = None
    restore: RestoreSource | None = None

    @model_validator(mode="after")
    def exactly_one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"exactly one of {', '.join(type(self).model_fields)} must be given, not {len(given)}"
            )
        return self

    @property
    def kind(self) -> str:
        return next(name for name in type(self).model_fields if getattr(self, name) is not None)


class Answer(Model):
    """To an open question: the button (`choice`, option ids joined by "+") or words."""

    question: str = ""  # id of the question; "" = the one that is open
    choice: str = Field(default="", max_length=500)
    text: str = Field(default="", max_length=10_000)
    remember: bool = False  # 以后都这样

    @model_validator(mode="after")
    def one_of_both(self) -> Self:
        if bool(self.choice) == bool(self.text):
            raise ValueError("give either `choice` or `text`")
        return self


class Approval(Model):
    """Yes to exactly this staged commit; `approved=False` is a no."""

    commit: str
    approved: bool = True


class Approver(Model):
    """Who says so on a task's object; both are held to the caller by admission. `protected`: whether it counts on a protected
    branch."""

    name: str
    protected: bool = False


Review: TypeAlias = Literal["Auto", "WhenSurprising", "Always"]
__all__ = [
    "Answer",
    "Approval",
    "Approver",
    "Instruction",
    "Lang",
    "PlanSource",
    "RestoreSource",
    "Review",
    "ScriptSource",
    "Source",
    "UploadMode",
    "UploadSource",
]
