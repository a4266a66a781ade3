"""What a task's object and its events say of the data: sentences within bounds, and of a failure no more than its sentence."""

from __future__ import annotations

import json

import pytest

from retort_core.lifecycle.statuses import AskedQuestion, Failure, Outcome, PlannedWork, Staged, TaskStatus
from retort_core.plans import Option, Slot
from retort_operator import statuses

CELL = "张三 13800000000"
LONG = CELL * 1000


def asked() -> AskedQuestion:
    options = tuple(Option(id=f"o{n}", label=LONG, detail=CELL, rule=CELL) for n in range(8))
    slots = tuple(Slot(id=f"q{n}", text=LONG, options=options) for n in range(3))
    return AskedQuestion(id="q", text=LONG, slots=slots)


def test_sentences_that_may_quote_cells_are_cut_and_few() -> None:
    plan = PlannedWork(digest="d", title=LONG, explanation=(LONG,) * 100, steps=({"value": LONG},) * 100)
    shown = statuses.patch(TaskStatus(question=asked(), plan=plan, message=LONG), 1)
    slots = shown["question"]["slots"]
    assert (len(slots), {len(slot["options"]) for slot in slots}) == (3, {8})
    assert max(len(slot["text"]) for slot in slots) <= 600
    assert max(len(one["label"]) for slot in slots for one in slot["options"]) <= 300
    assert (len(shown["question"]["text"]), len(shown["message"])) == (1024, 1024)
    assert (len(shown["plan"]["title"]), len(shown["plan"]["steps"])) == (300, 64)
    assert {len(one) for one in shown["plan"]["steps"]} == {300}


def test_what_stands_beside_the_sentences_is_not_shown() -> None:
    status = TaskStatus(
        failure=Failure(failure="Data", code="data-error", message="no", details={"values": [CELL]}),
        staged=Staged(commit="a" * 64, why="more", data={"notes": [CELL]}),
        result=Outcome(data={"suggestions": [CELL]}),
    )
    assert CELL not in json.dumps(statuses.patch(status, 1), ensure_ascii=False)


@pytest.mark.parametrize("kind", ["Data", "Input", "Model"])
def test_an_event_repeats_no_sentence_that_may_quote_a_cell(kind: str) -> None:
    """Regression: who might read events and no data read what a script had raised."""
    failure = Failure.model_validate(
        {"failure": kind, "code": "data-error", "message": f"ValueError: {CELL}"}
    )
    assert statuses.told(failure) == "data-error: why is in status.message of the task"


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        ("Limit", "limit-exceeded", "The run took longer than 1 s and was stopped"),
        ("Input", "not-found", "There is no dataset 'nowhere'."),
    ],
)
def test_an_event_says_what_is_lacking(kind: str, code: str, message: str) -> None:
    failure = Failure.model_validate({"failure": kind, "code": code, "message": message})
    assert statuses.told(failure) == message
