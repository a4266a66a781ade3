"""Templates and sentences as the API shows and takes them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field, JsonValue

from retort_core.http.datasets import BranchName, Name
from retort_core.lifecycle.sources import Review
from retort_core.models import Model
from retort_core.plans import Plan, Step


class ParameterPlace(Model):
    """A literal of step `step`: `path` leads to it through the step's parameters."""

    step: str
    path: tuple[str | int, ...]


class TemplateParameter(Model):
    name: str = Field(min_length=1, max_length=60)
    label: str = Field(default="", max_length=200)
    places: tuple[ParameterPlace, ...] = Field(min_length=1, max_length=50)
    default: JsonValue


class TemplateCreate(Model):
    """The edits of a dataset after version `from` ("" = from the import on) up to and with version `to`."""

    name: Name
    title: str = Field(default="", max_length=200)
    description: str = Field(default="", max_length=2000)
    dataset: Name
    since: str = Field(default="", max_length=128, alias="from")
    to: str = Field(default="main", max_length=128)
    parameters: tuple[TemplateParameter, ...] = Field(default=(), max_length=50)


class TemplateColumnInfo(Model):
    """A column that the steps name: on another table, one of its columns plays this part."""

    name: str
    dtype: str
    kind: str
    label: str = ""
    used_by: tuple[str, ...] = ()


class TemplateInfo(Model):
    """`explanation`: one sentence a step. `built_in` ones come with the product and cannot be removed."""

    name: str
    title: str
    description: str = ""
    built_in: bool = False
    steps: tuple[Step, ...]
    explanation: tuple[str, ...]
    columns: tuple[TemplateColumnInfo, ...]
    parameters: tuple[TemplateParameter, ...] = ()
    author: str = ""
    created_at: datetime | None = None


class TemplateUse(Model):
    """`mapping`: template's column -> the dataset's, where they differ. `values`: parameters that differ."""

    mapping: dict[str, str] = Field(default={}, max_length=2000)
    values: dict[str, JsonValue] = Field(default={}, max_length=50)
    branch: BranchName = "main"
    review: Review = "WhenSurprising"


class TemplateMisfit(Model):
    """`code`: missing, type, twice, step or parameter. `nearest`: columns that could be meant."""

    code: Literal["missing", "type", "twice", "step", "parameter"]
    column: str = ""
    message: str
    nearest: tuple[str, ...] = ()


class TemplateFit(Model):
    """All that stands in the way at once; `plan` when nothing does. Nothing has run."""

    mapping: dict[str, str]
    misfits: tuple[TemplateMisfit, ...] = ()
    plan: Plan | None = None
    explanation: tuple[str, ...] = ()


class SentenceSlot(Model):
    """A part of a sentence to be chosen: a column, or a word with an example."""

    name: str
    what: Literal["column", "value"]
    example: str
    dtypes: tuple[str, ...] = ()  # of columns that fit; empty = any


class Sentence(Model):
    """`text` has slots in braces: 删除{column}列. Filled in, the rule planner understands it."""

    id: str
    family: str
    text: str
    slots: tuple[SentenceSlot, ...]

    def filled(self, **chosen: Any) -> str:
        """With examples where nothing is chosen."""
        return self.text.format(**{slot.name: slot.example for slot in self.slots} | chosen)
