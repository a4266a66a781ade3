"""Patterns of the common subset mean the same to Polars (Rust) and to Python."""

from __future__ import annotations

import time
from contextlib import suppress

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    "pattern",
    [
        "x*",
        "a?",
        "^",
        "$",
        r"\b",
        "(?:)",
        "()",
        "(a|)",
        "a*|b",
        "(?:a?){3}",
        "a{0,3}",
        "a{0}",
        "(?:a*b*)+",
        "^$",
        "(a|b*)c?",
        "x*?",
    ],
)
def test_replacing_what_may_be_nothing_is_refused(pattern: str) -> None:
    patterns.check(pattern)
    with pytest.raises(StepError, match="empty text"):
        patterns.check_not_empty(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "a",
        "a+",
        "(a|b)c?",
        "(?:a?){3}b",
        "a{2,}?",
        r"\bx",
        "[ab]*c",
        r"\*",
        "[*]",
        "(a|bc)d*",
        "^a$",
        r"a\|",
        "(?:(?:a){2}b*)+",
    ],
)
def test_replacing_what_is_something_is_let_through(pattern: str) -> None:
    patterns.check(pattern)
    patterns.check_not_empty(pattern)


NESTED = "(?:(?:(?:a?){1000}){1000}){1000}"


@pytest.mark.parametrize("pattern", [NESTED, NESTED + "b", "(?:a{1000}){11}", "(?:" + "ab" * 100 + "){1000}"])
def test_a_pattern_that_is_huge_once_written_out_is_refused_by_reading_it(pattern: str) -> None:
    """Regression: whether it matches an empty text was tried with it, in the service, for as long as it liked."""
    began = time.monotonic()
    with pytest.raises(StepError, match="parts"):
        patterns.check(pattern)
    with suppress(StepError):
        patterns.check_not_empty(pattern)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("pattern", ["a{1000}", "(?:ab){1000}", r"\d{4}-\d{2}-\d{2}", "(?:a{10}){10}"])
def test_what_people_count_is_let_through(pattern: str) -> None:
    patterns.check(pattern)


_ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "^", "$", r"\b", r"\d", "1"])


@given(
    st.recursive(
        _ATOMS,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map("".join),
            st.tuples(inner, inner).map(lambda two: f"(?:{two[0]}|{two[1]})"),
            st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "*?"])).map(
                lambda two: f"(?:{two[0]}){two[1]}"
            ),
        ),
        max_leaves=6,
    )
)
def test_what_is_said_to_be_something_never_matches_nothing(pattern: str) -> None:
    patterns.check(pattern)
    try:
        patterns.check_not_empty(pattern)
    except StepError:
        return
    found = patterns.compiled(pattern)
    assert not [m for text in ("", "a", "ab1", "b a") for m in found.finditer(text) if m.start() == m.end()]
