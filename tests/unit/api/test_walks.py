"""Undo and redo as a walk over the moves of a branch."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_api.commits.records import Move
from retort_api.commits.walks import walk
from retort_api.tasks.languages import language

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def moves(*steps: tuple[str, str]) -> list[Move]:
    """(why, where to), from nothing on."""
    made: list[Move] = []
    here = ""
    for number, (why, to) in enumerate(steps):
        made.append(Move(seq=number, name="main", was=here, now=to, why=why, by="me", at=NOW))  # type: ignore[arg-type]
        here = to
    return made


def test_two_steps_back_at_once_are_redone_one_by_one() -> None:
    walked = walk(moves(("commit", "a"), ("commit", "b"), ("commit", "c"), ("undo", "a")))
    assert (walked.back, walked.forward) == ((), ("c", "b"))


def test_a_correction_is_undone_to_before_what_it_replaced() -> None:
    walked = walk(moves(("commit", "a"), ("commit", "wrong"), ("correction", "right")))
    assert walked.back == ("a",)


def test_a_branch_made_from_elsewhere_has_no_walk_of_its_own() -> None:
    assert walk(moves(("create", "x"))).back == ()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(["edit", "undo", "redo"]), max_size=20))
def test_it_behaves_like_a_list_with_a_cursor(acts: list[str]) -> None:
    line, at, steps, number = ["v0"], 0, [("commit", "v0")], 0
    for act in acts:
        if act == "edit":
            number += 1
            line, at = [*line[: at + 1], f"v{number}"], at + 1
            steps.append(("commit", line[at]))
        elif act == "undo" and at > 0:
            at -= 1
            steps.append(("undo", line[at]))
        elif act == "redo" and at + 1 < len(line):
            at += 1
            steps.append(("redo", line[at]))
    walked = walk(moves(*steps))
    assert list(walked.back) == line[:at]
    assert list(walked.forward) == line[at + 1 :][::-1]


@pytest.mark.parametrize(("text", "lang"), [
    ("删除备注列", "zh"), ("drop rows where 年龄 is under 20", "en"), ("把score列大于10的设为空", "zh"),
    ("q5_1均值", "zh"), ("undo", "en"), ("NPS 是多少", "zh"), ("", "en"),
])  # fmt: skip
def test_the_language_of_a_message(text: str, lang: str) -> None:
    assert language(text, "") == lang
    assert language(text, "zh") == "zh"
