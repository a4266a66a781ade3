"""Column names: made usable and unique, with the file's own text and the reason kept in the report."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from retort_core.cells import INVALID_SUFFIX, ROW_ID, is_hidden
from retort_executor.reading.limits import LIMITS
from retort_executor.reading.report import Renamed

CJK = re.compile(r"[\u3400-\u9fff]")
SPACES = re.compile(r"\s+")


def usable(originals: Sequence[str], *, chinese: bool) -> tuple[list[str], list[Renamed]]:
    """Unique, clean, unreserved names in the same order, and what had to change."""
    proper = {clean(name) for name in originals}  # a made-up name never takes one that the file gives
    used: set[str] = set()
    numbers: dict[str, int] = {}
    names: list[str] = []
    renamed: list[Renamed] = []
    for index, original in enumerate(originals):
        name, why = _one(original, index, chinese=chinese)
        if name in used or (name != clean(original) and name in proper):
            name, why = _free(name, (used, proper), numbers), why or "duplicate"
        used.add(name)
        names.append(name)
        if why:
            renamed.append(Renamed(index, original, name, why))
    return names, renamed


def clean(name: str) -> str:
    """Without control and invisible characters, line breaks or spaces around and in rows."""
    visible = (" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in name)
    kept = "".join(char for char in visible if unicodedata.category(char) not in ("Cf", "Cs", "Co"))
    return SPACES.sub(" ", kept).strip()


def free_name(name: str, used: set[str]) -> str:
    """`name`, numbered when it is taken."""
    return name if name not in used else _free(name, (used, set()), {})


def placeholder(index: int, *, chinese: bool) -> str:
    return f"列{index + 1}" if chinese else f"column_{index + 1}"


def extra_name(*, chinese: bool) -> str:
    """Of the column that takes the surplus cells of rows that are too long."""
    return "多余_1" if chinese else "extra_1"


def _one(original: str, index: int, *, chinese: bool) -> tuple[str, str]:
    name = clean(original)
    if not name:
        return placeholder(index, chinese=chinese), "empty"
    if len(name) > LIMITS.header_text:
        return name[: LIMITS.header_text].rstrip(), "too long"
    if is_hidden(name):
        return _unreserved(name), "reserved"
    return name, "" if name == original else "cleaned"


def _unreserved(name: str) -> str:
    if name == ROW_ID:
        return "row_id"
    while name.endswith(INVALID_SUFFIX):
        name = name.removesuffix(INVALID_SUFFIX) + "_invalid"
    return name


def _free(name: str, taken: tuple[set[str], set[str]], numbers: dict[str, int]) -> str:
    """`name_2`, `name_3`, …; the last number of each name is remembered, 10,000 equal names stay linear."""
    number = numbers.get(name, 1) + 1
    while any(f"{name}_{number}" in names for names in taken):
        number += 1
    numbers[name] = number
    return f"{name}_{number}"
