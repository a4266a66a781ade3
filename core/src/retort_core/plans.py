"""Plan, Step and the outcomes of planning: the data that travels between planner, API, operator and history."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, JsonValue

from retort_core.models import Model

Lang: TypeAlias = Literal["zh", "en"]


class Step(Model):
    """One operation of the catalogue (`retort_plans.catalogue`) with its parameters as plain JSON."""

    id: str
    op: str
    params: dict[str, JsonValue]
    reason: str = ""


class Plan(Model):
    """What one instruction does. `title` becomes the commit's title, in the language of the instruction."""

    title: str
    steps: tuple[Step, ...]
    assumptions: tuple[str, ...] = ()


class Planned(Model):
    """Run this. `base`: "" = the branch's head; a commit id when a correction replaces the last instruction.
    `result`: id of an earlier read-only result the plan runs on instead of the dataset."""

    outcome: Literal["planned"] = "planned"
    plan: Plan
    base: str = ""
    result: str = ""
    alternatives: tuple[Alternative, ...] = ()
    planner: Literal["rules", "model", "suggestion"] = "rules"


class Alternative(Model):
    """Another reading that was not taken because the taken one loses nothing; offered as a button."""

    label: str
    plan: Plan


class Option(Model):
    """One button: what it says, what it would touch, and whether it is preselected (never when destructive)."""

    id: str
    label: str
    detail: str = ""
    rows: int | None = None  # rows or cells it touches, from the profile
    default: bool = False
    rule: str = ""  # what a convention stores when this is to be done from now on; the same in every language


class Slot(Model):
    """One undecided thing of an instruction. `convention`: the key under which 以后都这样 stores its answer."""

    id: str
    text: str
    convention: str = ""
    options: tuple[Option, ...] = Field(min_length=1, max_length=8)


class Candidate(Model):
    """The complete plan behind one choice: `choice` = option ids joined by "+" in the order of the slots."""

    choice: str
    plan: Plan | None = None
    command: Command | None = None
    instruction: str = ""  # or the words it stands for, when they ask something themselves


class Question(Model):
    """Needs an answer: one card for the whole instruction, at most three slots; a click needs no second planning."""

    outcome: Literal["question"] = "question"
    text: str
    slots: tuple[Slot, ...] = Field(min_length=1, max_length=3)
    candidates: tuple[Candidate, ...] = ()
    base: str = ""
    convention: str = ""  # that of its first slot that has one


class Declined(Model):
    """Cannot do: why, and the nearest thing that can be done."""

    outcome: Literal["declined"] = "declined"
    reason: str
    nearest: str = ""
    final: bool = False  # declined on principle: no other planner is asked


class Command(Model):
    """Done by the API itself, without a sandbox.

    verb      args
    undo      {"steps": 1}
    redo      {"steps": 1}
    undo_step {"commit": id, "step": id}: take back one step and replay what came after it
    branch    {"name": str}; switch {"name": str}
    diff      {"from": ref, "to": ref}
    export    {"format": "csv"|"xlsx"|"parquet", "encoding": "utf-8"|"utf-8-sig"|"gb18030"}
    history   {}
    profile   {"column": name or ""}
    suggest   {}
    accept    {"suggestion": id}
    answer    {"choice": str}: answers the open question
    approve   {}; reject {}
    remember  {}: 以后都这样
    conventions {}: what is remembered
    forget    {"which": position, words of one, or "" for the last}
    """

    outcome: Literal["command"] = "command"
    verb: str
    args: dict[str, JsonValue] = Field(default_factory=dict)


Outcome: TypeAlias = Annotated[Planned | Question | Declined | Command, Field(discriminator="outcome")]
for _model in (Planned, Candidate):
    _model.model_rebuild()


class Suggestion(Model):
    """A ready plan the data itself proposes; a button, never applied by itself."""

    id: str
    text: str  # what was seen, with counts
    action: str  # what the button says
    plan: Plan
    rows: int = 0
    severity: Literal["info", "warning", "error"] = "warning"


class Script(Model):
    """What every task becomes: Python that defines `run(table)`, and how its rows relate to the base version.

    `carried`: the table has `__row_id` and companions, and the result keeps them. `aligned`: the table has a
    person's columns only and rows are matched afterwards. `version` yields a DataFrame, `answer` a dict of them.
    """

    source: str
    rows: Literal["carried", "aligned"]
    yields: Literal["version", "answer"]
