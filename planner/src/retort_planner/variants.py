"""Variants within a column: groups of values that write the same thing, and broken encodings with their repair.

Fingerprint, place suffix and pinyin for any length; edit distance only for texts of five and more letters. Never
merged: a text and its negation, degrees of a scale, 吉林省 and 吉林市. The most frequent spelling is canonical.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import OSA

from retort_core.profiles import Profile
from retort_core.schema import Column, DType, Kind
from retort_planner.text import has_cjk, narrow
from retort_planner.values import Held, fingerprint, opposite, pinyin, same_thing, stem, values_of

MOST_VALUES: Final = 400  # a column with more distinct values is free text
_DEGREES: Final = re.compile(
    r"非常|十分|很|比较|较|有点|有些|完全|极其|略|稍|太|特别|\b(?:very|strongly|somewhat|slightly|extremely|fairly|rather|quite)\b",
    re.IGNORECASE,
)
# Mapping of what broken exports look like: UTF-8 bytes read as GB18030 or as Latin-1.
_MISREAD: Final = ("gb18030", "latin-1")


@dataclass(frozen=True)
class Group:
    """Spellings of one thing; `keep` is the canonical one, `others` become it."""

    keep: Held
    others: tuple[Held, ...]

    @property
    def rows(self) -> int:
        return sum(held.count for held in self.others)


def groups(column: Column, profile: Profile | None) -> tuple[Group, ...]:
    """Groups of a categorical text column, most rows first."""
    if column.dtype is not DType.text or column.kind in (Kind.id, Kind.multi):
        return ()
    held = [item for item in values_of(column, profile) if item.value.strip() and len(item.value) <= 40]
    known = profile.find(column.id) if profile is not None else None
    if known is None or not known.complete or not 2 <= len(held) <= MOST_VALUES:
        return ()
    return tuple(sorted(_grouped(held), key=lambda group: (-group.rows, group.keep.value)))


def _grouped(held: list[Held]) -> list[Group]:
    buckets: dict[str, list[Held]] = defaultdict(list)
    for item in held:
        buckets[stem(item.value)].append(item)
    _join_pinyin(buckets)
    _join_typos(buckets)
    return [group for bucket in buckets.values() for group in _of(bucket)]


def _join_pinyin(buckets: dict[str, list[Held]]) -> None:
    """Beijing joins 北京."""
    sounds = {pinyin(key): key for key in buckets if has_cjk(key)}
    for key in [key for key in buckets if key.isascii() and len(key) >= 4]:
        home = sounds.get(key) or next(
            (sounds[s] for s in sounds if key in (s + "shi", s + "city", s + "sheng")), None
        )
        if home is not None:
            buckets[home] += buckets.pop(key)


def _join_typos(buckets: dict[str, list[Held]]) -> None:
    """A rare long spelling one letter away from a frequent one."""
    keys = sorted(buckets, key=lambda key: -sum(item.count for item in buckets[key]))
    for rare in reversed(keys):
        if len(rare) < 5 or rare not in buckets:
            continue
        weight = sum(item.count for item in buckets[rare])
        for common in keys:
            if (
                common != rare
                and common in buckets
                and _typo(rare, common)
                and sum(i.count for i in buckets[common]) >= 10 * weight
            ):
                buckets[common] += buckets.pop(rare)
                break


def _typo(one: str, other: str) -> bool:
    if len(other) < 5 or abs(len(one) - len(other)) > 1 or re.sub(r"\D", "", one) != re.sub(r"\D", "", other):
        return False
    return (
        OSA.distance(one, other, score_cutoff=1) == 1 and not opposite(one, other) and not _degree(one, other)
    )


def _degree(one: str, other: str) -> bool:
    return _DEGREES.findall(one) != _DEGREES.findall(other)


def _of(bucket: list[Held]) -> list[Group]:
    """One group, unless two levels of place share the name."""
    levels = {narrow(item.value)[-1:] for item in bucket} & set("省市县区")
    if len(bucket) < 2 or len(levels) > 1:
        return []
    ranked = sorted(bucket, key=lambda item: (-item.count, len(item.value), item.value))
    others = [item for item in ranked[1:] if not opposite(item.value, ranked[0].value)]
    return [Group(ranked[0], tuple(others))] if others else []


def repairs(column: Column, profile: Profile | None) -> tuple[tuple[Held, str], ...]:
    """Values that are broken encodings, with what they were."""
    if column.dtype is not DType.text:
        return ()
    found = ((item, _repaired(item.value)) for item in values_of(column, profile))
    return tuple((item, text) for item, text in found if text)


def _repaired(text: str) -> str:
    if text.isascii() or len(text) < 2:
        return ""
    for encoding in _MISREAD:
        try:
            meant = text.encode(encoding).decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError):
            continue
        if has_cjk(meant) and len(meant) < len(text) and all(char.isprintable() for char in meant):
            return meant
    return ""


__all__ = ["Group", "fingerprint", "groups", "repairs", "same_thing"]
