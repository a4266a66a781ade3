"""Columns that belong together: a grid (q5_1 to q5_6, q14r01c01) or the 0/1 columns of a multi-answer question."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from retort_core.schema import DType, Kind

# q5_1, Q5.2, q5-3, q14r01c01, 5(1), Q7_a is not one: letters are variants of a question (q8a).
_MEMBER: Final = re.compile(r"^(?P<stem>.*?[^\s_.\-])(?:[_.\-](?P<n>\d{1,3})|r\d{1,3}c\d{1,3}|[(（]\d{1,3}[)）]|[_.\-]r?\d{1,3}[_.\-]c?\d{1,3})$", re.IGNORECASE)  # fmt: skip
# Q5_物流速度, Q5—服务: a question's number before its items.
_ITEM: Final = re.compile(r"^(?P<stem>[Qq]\d{1,3}|第\d{1,3}题)(?:[_\-—–:：.、]|\s).+$")
_ALIKE: Final = {Kind.single: "coded", Kind.scale: "coded", Kind.numeric: "numeric", Kind.multi: "multi", Kind.text: "text"}  # fmt: skip


def groups_of(columns: Sequence[tuple[str, Kind, DType]]) -> Mapping[str, str]:
    """Column name -> group name, for groups of two and more neighbours in meaning."""
    stems: dict[str, list[str]] = {}
    of: dict[str, str] = {}
    for name, kind, dtype in columns:
        stem = _stem(name)
        if stem and kind in _ALIKE and dtype in (DType.integer, DType.text, DType.boolean, DType.number):
            stems.setdefault(stem, []).append(name)
            of[name] = _ALIKE[kind]
    found: dict[str, str] = {}
    for stem, names in stems.items():
        usual = max({of[name] for name in names}, key=lambda alike: sum(of[n] == alike for n in names))
        members = [name for name in names if of[name] in (usual, "coded", "numeric")]
        if len(members) > 1 and stem not in {name for name, _, _ in columns}:
            found |= dict.fromkeys(members, stem)
    return found


def _stem(name: str) -> str:
    found = _MEMBER.match(name) or _ITEM.match(name)
    return found["stem"] if found else ""
