"""How a file was read, in words: every finding of the reader has a sentence; a forged report does no harm."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort_api.commits.filenotes import LONGEST, MOST, SEVERITIES, file_notes

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "reading.md"
CODES = re.findall(r"^\| `([a-z0-9-]+)` \| (info|warning|error) \|", PAGE.read_text(), re.MULTILINE)


@pytest.mark.parametrize(("code", "severity"), CODES)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_finding_of_a_reader_has_a_sentence(code: str, severity: str, lang: Any) -> None:
    finding = {
        "code": code,
        "severity": severity,
        "count": 1234,
        "details": {"column": "年龄", "lines": [3, 3, 7]},
    }
    (note,) = file_notes({"findings": [finding]}, lang)
    assert note["severity"] == severity
    assert "{" not in str(note["text"])
    assert str(note["text"]).endswith("。" if lang == "zh" else ".")


def test_a_title_and_the_names_that_changed_are_shown() -> None:
    report = {
        "title_rows": [["2024 年调查"]],
        "renamed": [{"original": "a\nb", "name": "a b"}, {"original": "", "name": "列3"}],
        "findings": [
            {"code": "title-rows", "severity": "info", "count": 1, "details": {}},
            {"code": "names-changed", "severity": "info", "count": 2, "details": {}},
        ],
    }
    title, names = (str(note["text"]) for note in file_notes(report, "zh"))
    assert "2024 年调查" in title
    assert "∅ → 列3" in names


def test_the_gravest_comes_first() -> None:
    findings = [{"code": c, "severity": s, "count": 1, "details": {}} for c, s in CODES]
    told = [note["severity"] for note in file_notes({"findings": findings}, "en")]
    assert told == sorted(told, key=lambda severity: -SEVERITIES.index(str(severity)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=500),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=10,
)
FORGED = st.dictionaries(
    st.sampled_from(["code", "severity", "count", "details"]), JSON | st.sampled_from([c for c, _ in CODES])
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "findings": JSON | st.lists(JSON | FORGED, max_size=60),
            "title_rows": JSON,
            "renamed": JSON,
        },
    )
)
def test_a_forged_report_gives_short_sentences_or_none(report: dict[str, Any]) -> None:
    notes = file_notes(report, "zh")
    assert len(notes) <= MOST
    assert all(len(str(note["text"])) <= LONGEST + 1 and note["severity"] in SEVERITIES for note in notes)
