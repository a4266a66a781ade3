"""Prepared work: everything a run needs, as data in the task's row, so that a restarted service can go on."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from retort_api.commits.records import Why
from retort_core.lifecycle.sources import UploadMode
from retort_core.models import Model
from retort_core.plans import Plan, Question, Script


class Replayed(Model):
    """A version whose instruction runs again on a new parent; `plan`: instead of its own (one step taken back)."""

    commit: str
    plan: Plan | None = None


class Import(Model):
    upload: str
    mode: UploadMode
    key: tuple[str, ...] = ()
    options: dict[str, JsonValue] = {}


class Work(Model):
    """`base`: the version it starts from; `expect`: the head the branch must still have at promotion.

    `replay` runs after the work itself (a corrected file), or is all of it (`kind="replay"`).
    """

    kind: Literal["plan", "script", "import", "replay", "restore", "none"]
    title: str = ""
    instruction: str = ""
    planner: str = ""
    base: str = ""
    expect: str = ""
    why: Why = "commit"
    plan: Plan | None = None
    script: Script | None = None
    result: str = ""  # runs on this read-only result
    load: Import | None = None
    replay: tuple[Replayed, ...] = ()
    restore: str = ""
    question: Question | None = None  # what was asked, with the plan behind every choice
    choice: str = ""  # what was chosen of it, by a click or in words


def maker(work: Work) -> str:
    """Who makes it (see `runs.making`): a codebook comes as a file does, and is made as a step is."""
    return "codebook" if work.load is not None and work.load.mode == "codebook" else work.kind


def stores(work: Work) -> bool:
    """Whether its run may make a version that adds to what the project holds. Answers do too, but who holds too much may
    still look."""
    if work.kind in ("none", "restore"):
        return False
    return not work.result and (work.script is None or work.script.yields == "version")


def afterwards(work: Work) -> Work:
    """What is read of it once its task is over: an answer, which 以后都这样 may take up at any time later. Plan and script stand in
    the version that was made, the steps also in the task's status; the plans behind the other choices nobody needs."""
    if work.question is None or not work.choice:
        return Work(kind="none")
    question = work.question.model_copy(update={"candidates": ()})
    return Work(kind="none", question=question, choice=work.choice)
