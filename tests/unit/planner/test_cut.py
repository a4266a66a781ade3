"""Values said one after another without anything between them."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort_planner.values import cut


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("上海广州", ("上海", "广州"), ("上海", "广州")),
        ("上海、广州和北京", ("上海", "广州", "北京"), ("上海", "广州", "北京")),
        ("上海广州、", ("上海", "广州"), ("上海", "广州")),
        ("上海广", ("上海", "广州"), ()),
        ("很满意满意", ("很满意", "满意"), ("很满意", "满意")),
        ("甲乙丙", ("甲乙", "乙丙", "甲"), ("甲", "乙丙")),  # the longest first would leave 丙
        ("中和南", ("中和", "中", "南"), ("中和", "南")),
        ("、上海", ("上海",), ()),
    ],
)
def test_all_of_it_is_words(text: str, words: tuple[str, ...], found: tuple[str, ...]) -> None:
    assert cut(text, words) == found


def test_values_that_repeat_one_another_take_no_time() -> None:
    """Regression: forty characters that could be cut in two to the thirty-seventh ways held up the whole service."""
    words = ["啊" * length for length in range(38, 0, -1)]
    began = time.monotonic()
    assert cut("啊" * 38 + "呀", words) == ()
    assert time.monotonic() - began < 10


@given(
    st.text("ab、", max_size=8),
    st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=4, unique=True),
)
def test_it_is_what_the_regular_expression_says(text: str, words: list[str]) -> None:
    pattern = "|".join(map(re.escape, words))
    fits = re.fullmatch(rf"(?:(?:{pattern})[,、/和跟与]?)+", text) is not None
    assert bool(cut(text, words)) is fits
