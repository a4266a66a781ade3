"""Every sentence of the library is understood as what it says, in both languages, with its examples and without."""

from __future__ import annotations

import pytest

from retort_core.plans import Lang, Planned
from retort_planner.eval import tables
from retort_planner.eval.run import TODAY
from retort_planner.requests import Request
from retort_planner.rules import plan
from retort_planner.sentences import OPERATION, sentences

ALL = [(lang, one.id) for lang in ("zh", "en") for one in sentences(lang)]  # type: ignore[arg-type]


def said(lang: Lang, text: str) -> tuple[str, ...]:
    request = Request(
        text=text, schema=tables.schema(lang), profile=tables.profile(lang), today=TODAY, lang=lang
    )
    outcome = plan(request)
    assert isinstance(outcome, Planned), (text, outcome)
    return tuple(step.op for step in outcome.plan.steps)


@pytest.mark.parametrize(("lang", "identifier"), ALL)
def test_a_sentence_with_its_examples_is_understood(lang: Lang, identifier: str) -> None:
    sentence = next(one for one in sentences(lang) if one.id == identifier)
    assert said(lang, sentence.filled()) == (OPERATION[identifier],)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_slots_stand_in_the_text_and_name_columns_of_the_table(lang: Lang) -> None:
    for sentence in sentences(lang):
        assert all("{" + slot.name + "}" in sentence.text for slot in sentence.slots)
        for slot in sentence.slots:
            if slot.what == "column":
                column = tables.schema(lang)[slot.example]
                assert not slot.dtypes or column.dtype.value in slot.dtypes
    assert set(OPERATION) == {sentence.id for sentence in sentences(lang)}
