"""Patterns of the common subset mean the same to Polars (Rust) and to Python."""

from __future__ import annotations

import polars as pl
import pytest

from retort_core.errors import StepError
from retort_plans import patterns

TEXTS = [
    "",
    "a",
    "A1",
    "北京市",
    "x-y",
    "1,234.5",
    "a\n",
    "a\nb",
    "１２",
    "  pad ",
    "(x)",
    "a+b",
    "\\",
    "tab\there",
    "$5",
    "aaa",
]


@pytest.mark.parametrize(
    "pattern",
    [
        "a", "^a$", "a$", "^.$", r"\d+", r"^\w+$", r"\s", r"[a-zA-Z\d]+", r"[^a-z]", "[一-龥]{2,}", "(北|上)京?市", "a|b", "x.y", r"\(x\)",
        r"a\+b", r"\$\d", r"^\s*$", "a{2}", "a{2,}?", r"\bA", r"\u5317", "(?:a|b)+", r"[\-.]", r"\\", r"\t",
    ],
)  # fmt: skip
def test_both_engines_find_the_same_texts(pattern: str) -> None:
    patterns.check(pattern)
    compiled = patterns.compiled(pattern)
    found = pl.Series(TEXTS).str.contains(pattern).to_list()
    assert found == [compiled.search(text) is not None for text in TEXTS]


@pytest.mark.parametrize(
    "pattern",
    ["", "(?=a)", "(?<!a)b", r"(a)\1", "a++", "a*+", "(?>a)", "(?i)a", "(?P<n>a)", "a{", "a}", "[", "[]", "[a&&b]", "[[:alpha:]]", "a**", r"\Z", r"\z",
     r"\p{L}", r"[\b]", "a{2000}", "(", "x" * 501, "a{3,1}"],
)  # fmt: skip
def test_what_the_two_read_differently_is_refused(pattern: str) -> None:
    with pytest.raises(StepError, match="cannot be used"):
        patterns.check(pattern)


@pytest.mark.parametrize("pattern", ["x*", "a?", "^", "$", r"\b", "(?:)"])
def test_replacing_what_may_be_nothing_is_refused(pattern: str) -> None:
    patterns.check(pattern)
    with pytest.raises(StepError, match="empty text"):
        patterns.check_not_empty(pattern)
