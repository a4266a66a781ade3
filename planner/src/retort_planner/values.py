"""Values of the data as words: which columns hold a literal, what is a variant of it, what is near it.

Variants are the same thing written otherwise (北京/北京市, pro/Pro, width, spaces, punctuation). Opposites are never
variants: 满意/不满意, 湖北/河北, male/female differ in meaning however few letters they differ in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pypinyin import lazy_pinyin
from rapidfuzz.distance import OSA

from retort_core.profiles import ColumnProfile, Profile
from retort_core.schema import Column, Kind, Schema
from retort_planner.memo import by_identity
from retort_planner.text import has_cjk, narrow

_SUFFIXES: Final = (
    "特别行政区",
    "维吾尔自治区",
    "壮族自治区",
    "回族自治区",
    "自治区",
    "自治州",
    "地区",
    "有限责任公司",
    "股份有限公司",
    "有限公司",
    "省",
    "市",
    "区",
    "县",
)
_NEGATIONS: Final = re.compile(
    r"不|非|无|未|没|\bno\b|\bnot\b|\bnon|\bun|\bdis|\bin(?=[a-z]{4})", re.IGNORECASE
)
MAX_SCANNED: Final = 400  # values compared by distance: the most frequent ones


@dataclass(frozen=True)
class Held:
    """A value of a column and how many rows hold it."""

    value: str
    count: int


def values_of(column: Column, profile: Profile | None) -> tuple[Held, ...]:
    """Distinct values, most frequent first; codes of a multi-answer column."""
    known = profile.find(column.id) if profile is not None else None
    if known is None:
        return ()
    source = known.codes if column.kind is Kind.multi and known.codes else known.values
    return tuple(Held(item.value, item.count) for item in source)


def complete(column: Column, profile: Profile | None) -> bool:
    """Whether every value of the column is known, so that an unknown literal matches nothing."""
    known = profile.find(column.id) if profile is not None else None
    return known is not None and (known.complete or bool(column.kind is Kind.multi and known.codes))


@by_identity
def _holders(schema: Schema, profile: Profile | None) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for column in schema.columns:
        words = [narrow(item.label) for item in column.value_labels]
        if not column.dtype.numeric and not column.dtype.temporal:
            words += [narrow(held.value) for held in values_of(column, profile)]
        for word in dict.fromkeys(words):
            found.setdefault(word, []).append(column.name)
    return {word: tuple(columns) for word, columns in found.items()}


def holders(schema: Schema, profile: Profile | None, literal: str) -> tuple[str, ...]:
    """Columns that hold `literal` (as a value or a value's label), or a variant of it."""
    table = _holders(schema, profile)
    exact = table.get(narrow(literal), ())
    if exact or not literal.strip():
        return exact
    key = stem(literal)
    return _stems(schema, profile).get(key, ()) if len(key) > 1 else ()


@by_identity
def _stems(schema: Schema, profile: Profile | None) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for word, columns in _holders(schema, profile).items():
        if len(word) <= 20:
            found.setdefault(stem(word), []).extend(columns)
    return {key: tuple(dict.fromkeys(columns)) for key, columns in found.items()}


SEPARATORS: Final = frozenset(",、/和跟与")


def segmented(
    schema: Schema, profile: Profile | None, text: str, column: str = ""
) -> tuple[str, tuple[str, ...]] | None:
    """「上海广州」 as several values of one column said without anything between them."""
    if not has_cjk(text) or not 2 <= len(text) <= 40:
        return None
    table = _holders(schema, profile)
    inside = [word for word in table if word and word in text and has_cjk(word)]
    columns = dict.fromkeys(name for word in inside for name in table[word])
    for name in [column] if column in columns else columns:
        words = sorted((word for word in inside if name in table[word]), key=len, reverse=True)
        found = cut(text, words)
        if found:
            return (name, found) if len(found) > 1 else None
    return None


def cut(text: str, words: Sequence[str]) -> tuple[str, ...]:
    """All of `text` as words that follow one another, each with a separator after it or not; of several ways the one whose words
    are earliest in `words`. Empty where there is none. By tables, because words of data may be cut in exponentially many ways."""
    ends: dict[
        int, tuple[str, int]
    ] = {}  # from where the rest can be cut: its first word, and where that leaves it
    for at in range(len(text) - 1, -1, -1):
        for word in words:
            after = at + len(word)
            if not text.startswith(word, at):
                continue
            past = after + 1 if text[after : after + 1] in SEPARATORS else after
            reached = next((end for end in (past, after) if end == len(text) or end in ends), None)
            if reached is not None:
                ends[at] = word, reached
                break
    found: list[str] = []
    at = 0
    while at in ends:
        word, at = ends[at]
        found.append(word)
    return tuple(found)


@lru_cache(maxsize=8192)
def fingerprint(text: str) -> str:
    """Without regard to case, width, spaces and punctuation; signs and decimals are kept."""
    plain = narrow(text).casefold()
    if re.fullmatch(r"[+\-]?[0-9.,]+%?", plain):
        return plain
    return re.sub(r"[\W_]+", "", plain)


@lru_cache(maxsize=8192)
def stem(text: str) -> str:
    """The fingerprint without 省/市/有限公司 …, when two characters are left."""
    key = fingerprint(text)
    for suffix in _SUFFIXES:
        if key.endswith(suffix) and len(key) - len(suffix) >= 2:
            return key.removesuffix(suffix)
    return key


@lru_cache(maxsize=8192)
def pinyin(text: str) -> str:
    return "".join(lazy_pinyin(text)).casefold() if has_cjk(text) else fingerprint(text)


def variants(literal: str, values: Iterable[Held]) -> tuple[Held, ...]:
    """Other spellings of `literal` among `values`."""
    own, key = narrow(literal), stem(literal)
    return tuple(h for h in values if narrow(h.value) != own and same_thing(literal, h.value, key))


def same_thing(one: str, other: str, key: str = "") -> bool:
    """Whether two texts write the same thing: fingerprint, place suffix, or pinyin of a Chinese value."""
    key = key or stem(one)
    if not key or opposite(one, other):
        return False
    if key == stem(other):
        return not (_level(one) and _level(other) and _level(one) != _level(other))
    if has_cjk(one) == has_cjk(other):
        return False
    chinese, latin = (one, other) if has_cjk(one) else (other, one)
    return len(fingerprint(latin)) >= 4 and fingerprint(latin) in (pinyin(stem(chinese)), pinyin(chinese))


def _level(text: str) -> str:
    """吉林省 and 吉林市 are two places."""
    end = narrow(text)[-1:]
    return end if end in "省市县区" else ""


def opposite(one: str, other: str) -> bool:
    """One says no where the other does not."""
    return len(_NEGATIONS.findall(narrow(one))) != len(_NEGATIONS.findall(narrow(other)))


def nearest(literal: str, values: Iterable[Held], limit: int = 3) -> tuple[Held, ...]:
    """At most three values that `literal` may have meant; best first."""
    scored = []
    for held in list(values)[:MAX_SCANNED]:
        score = closeness(literal, held.value)
        if score > 0:
            scored.append((-score, -held.count, held.value, held))
    return tuple(item[3] for item in sorted(scored)[:limit])


def closeness(one: str, other: str) -> float:
    """0 (unrelated) to 1 (the same) by letters, by pinyin, by containment."""
    a, b = fingerprint(one)[:60], fingerprint(other)[:60]
    if not a or not b:
        return 0.0
    letters = OSA.normalized_similarity(a, b)
    if len(a) >= 2 and len(b) >= 2 and (a in b or b in a):
        letters = max(letters, 0.7)
    sound = 0.0
    if has_cjk(one) or has_cjk(other):
        sound = OSA.normalized_similarity(pinyin(one)[:80], pinyin(other)[:80])
        sound = sound if sound >= 0.8 else 0.0
    floor = 0.5 if has_cjk(one) and has_cjk(other) else 0.65
    return max(letters if letters >= floor else 0.0, sound)


def profile_of(column: Column, profile: Profile | None) -> ColumnProfile | None:
    return profile.find(column.id) if profile is not None else None
