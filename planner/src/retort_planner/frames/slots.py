"""What frames about values share: whether a slot is a value at all, which column holds it, how it is typed."""

from __future__ import annotations

import re
from typing import Final

from retort_core.schema import Column, Kind
from retort_planner.frames.base import COLUMNS, Clause
from retort_planner.lexicon import either
from retort_planner.literals import number
from retort_planner.text import C, narrow
from retort_planner.values import holders, values_of

_EMPTY: Final = r"(?:空(?:值|白|的)?|缺失值?|null|none|na|nan|无值|(?:an? )?(?:empty|missing|blank)(?: values?| cells?)?|nothing)"
_IN: Final = rf"(?P<where>(?:把|将|在|对|\bin\b|\bfor\b|\bfrom\b|\bof\b)?\s?(?:the )?(?:columns? )?(?P<cols>{COLUMNS})(?:列|字段|\scolumns?)?(?:中|里面?|内|上)?(?:的)?[,:]?)"
_IN_END: Final = rf"(?:the )?(?:columns? )?(?P<cols>{COLUMNS})(?:\scolumns?)?"


def is_column(*texts: str) -> bool:
    """A slot that is nothing but columns belongs to another operation; 其他城市 is a value all the same."""
    return any(re.fullmatch(rf"(?:{C}|[\s,、和与及]|and|列|column)+", text) for text in texts)


def place_of(text: str) -> re.Match[str] | None:
    """Where the values are: at the start (在城市列里…), or in English at the end (… in city)."""
    ending = re.search(r",?\s?(?:\b(?:in|of|for|from)\b)\s?" + _IN_END + r"$", text, re.IGNORECASE)
    return re.match(_IN, text, re.IGNORECASE) or ending


def is_empty(value: str | None) -> bool:
    return value is None or re.fullmatch(_EMPTY, value.strip(), re.IGNORECASE) is not None


def typed(column: Column, text: str) -> str | int | float:
    parsed = number(text)
    return (
        parsed
        if column.dtype.numeric and column.kind is not Kind.multi and parsed is not None
        else narrow(text)
    )


def not_a_value(text: str) -> bool:
    """「改成大写」 and 「转成数字」 belong to other frames."""
    words = either(
        "upper",
        "lower",
        "title",
        "t_text",
        "t_integer",
        "t_number",
        "t_date",
        "t_boolean",
        "asc",
        "desc",
        "short",
        "full",
    )
    return (
        re.fullmatch(
            rf"(?:proper|real|actual|valid|normal|正常的?|标准的?|正确的?)?\s?{words}(?:的?(?:类型|格式|形式|列))?",
            text.strip(),
            re.IGNORECASE,
        )
        is not None
    )


def holding(c: Clause, sources: list[str]) -> tuple[str, ...]:
    found = [set(holders(c.schema, c.profile, source)) for source in sources]
    common = set.intersection(*found) if found else set()
    if len(common) == 1:
        return tuple(common)
    carried = tuple(name for name in c.carried if c.schema.find(name))
    return carried[:1] if not common or (carried[:1] and carried[0] in common) else ()


def held_in(c: Clause, column: Column, text: str) -> bool:
    own = narrow(text)
    return any(narrow(held.value) == own for held in values_of(column, c.profile))


def code_of(column: Column, text: str) -> str | int | float:
    return typed(column, text) if column.dtype.numeric else text
