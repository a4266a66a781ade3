"""Validation in pieces is strict UTF-8, wherever a piece ends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_executor.reading import encodings

TEXTS = st.text(alphabet="a\n中é😀", max_size=40).map(str.encode)
CUT_OFF = st.builds(lambda data, at: data[:at] + data[at + 1 :], TEXTS, st.integers(0, 60))


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    monkeypatch.setattr(encodings, "CHUNK", 7)


def decodes(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(max_examples=200, deadline=None)
@given(st.one_of(TEXTS, CUT_OFF, st.binary(max_size=40), TEXTS.map(lambda data: data + b"\x80" * 20)))
def test_says_what_the_decoder_says(data):
    assert encodings.is_utf8(data) == decodes(data)


def test_a_surrogate_is_no_character():
    assert not encodings.is_utf8(b"abcdefghij\xed\xa0\x80")
