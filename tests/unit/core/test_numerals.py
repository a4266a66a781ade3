"""Plain numbers: what converts without loss, and what stays text."""

from __future__ import annotations

import polars as pl
import pytest

from retort_core.missing import is_soft_token, missing_reason
from retort_core.numerals import FRACTION, GROUPED, INTEGER, SCIENTIFIC, looks_like_id, number_text


@pytest.mark.parametrize(
    ("text", "kind", "canonical"),
    [
        ("1", "integer", "1"),
        ("0", "integer", "0"),
        ("-5", "integer", "-5"),
        ("+5", "integer", "5"),
        ("−5", "integer", "-5"),
        ("-0", "integer", "0"),
        (" 12 ", "integer", "12"),
        ("１２３４", "integer", "1234"),
        ("1,234", "integer", "1234"),
        ("１，２３４", "integer", "1234"),
        ("12,345,678", "integer", "12345678"),
        ("999999999999999", "integer", "999999999999999"),
        ("2.50", "decimal", "2.50"),
        (".5", "decimal", "0.5"),
        ("1,234.50", "decimal", "1234.50"),
        ("0.12345678901234567", "decimal", "0.12345678901234567"),
        ("1.0E+05", "number", "100000"),
        ("2.5e-05", "number", "2.5e-05"),
    ],
)
def test_plain_numbers(text: str, kind: str, canonical: str) -> None:
    assert number_text(text) == (kind, canonical)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "-",
            "007",
            "00.5",
            "1234567890123456",
            "0.123456789012345678",
            "1,23",
            "1234,567",
            "12,34,567",
        ),
        *(
            "¥5",
            "$5",
            "5%",
            "3万",
            "2亿",
            "5元",
            "5kg",
            "1E5",
            "2E3",
            "5.",
            "1.2.3",
            "1 234",
            "三十",
            "nan",
            "inf",
        ),
        *("+8613800138000", "1.234,5", "0x10", "１２３４５６７８９０１２３４５６", "--5", "5-"),
    ],
)
def test_texts_that_are_no_plain_number(text: str) -> None:
    assert number_text(text) is None


def test_digits_that_are_a_name() -> None:
    assert looks_like_id("007")
    assert looks_like_id("1234567890123456")
    assert not looks_like_id("0")
    assert not looks_like_id("10")


@pytest.mark.parametrize("pattern", [INTEGER, GROUPED, FRACTION, SCIENTIFIC])
def test_patterns_mean_the_same_in_polars(pattern: str) -> None:
    import re

    texts = ["1", "007", "-5", "+5", "1,234", "1,23", "2.5", ".5", "5.", "1e-05", "1E5", "1.5E+10", "x", ""]
    assert pl.Series(texts).str.contains(pattern).to_list() == [bool(re.match(pattern, t)) for t in texts]


@pytest.mark.parametrize(
    "text", ["N/A", "n/a", " NULL ", "Ｎ／Ａ", "-", "(空)", "（空）", "( 空 )", "(跳过)", "#N/A", "None"]
)
def test_tokens_regardless_of_case_spaces_and_width(text: str) -> None:
    assert missing_reason(text) == "token"
    assert missing_reason(text, free_text=True) == "token"


@pytest.mark.parametrize("text", ["无", "没有", " 无 "])
def test_words_for_none_are_answers_in_free_text(text: str) -> None:
    assert missing_reason(text) == "token"
    assert missing_reason(text, free_text=True) is None
    assert is_soft_token(text)


def test_empty_and_answers() -> None:
    assert [missing_reason(text) for text in (None, "", "  ", "\u3000")] == ["empty"] * 4
    assert [missing_reason(text) for text in ("0", "无所谓", "nano", "N/A 因为没去")] == [None] * 4
