"""The language a task is answered in: that of its own words, unless it says so."""

from __future__ import annotations

import re
from typing import Final, Literal

from retort_core.lifecycle.sources import Source
from retort_core.plans import Lang

_CHINESE: Final = re.compile("[\u4e00-\u9fff]")
_WORD: Final = re.compile("[A-Za-z][A-Za-z0-9_']*")


def language(text: str, given: Literal["", "zh", "en"]) -> Lang:
    """English words may name Chinese columns, and the other way round; the more frequent script wins."""
    if given:
        return given
    return "zh" if len(_CHINESE.findall(text)) > len(_WORD.findall(text)) else "en"


def of_source(source: Source, given: Literal["", "zh", "en"]) -> Lang:
    words = source.instruction.text if source.instruction is not None else ""
    if source.plan is not None:
        words = source.plan.plan.title
    if source.upload is not None:
        words = source.upload.filename
    return language(words, given)
