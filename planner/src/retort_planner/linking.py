"""Column linking: which words of a message are columns of this table.

Longest match over names, labels, grid groups (Q5, 第5题), Excel letters and positions; every hit becomes one private
character, so that later patterns see `删除⟨0⟩列` whatever the column is called. A column name is data: a column called
删除 is linked only when it is quoted or followed by 列. A name that is merely *near* is never linked here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Final

from retort_core.schema import DType, Kind, Schema
from retort_planner.lexicon import KEYWORDS
from retort_planner.memo import by_identity
from retort_planner.text import COLUMN_BASE, LITERAL_BASE, SPAN, Protected, fold

_SUFFIX: Final = re.compile(r"(?:这一?|那一?)?(?:列|字段|变量|题|\s?columns?\b|\s?fields?\b|\s?variables?\b)")
_ASSIGNS: Final = re.compile(
    r"(?:改成|改为|改名为|重命名为|命名为|叫做?|替换成|替换为|换成|换为|变成|设为|设成|设置为|填为|填成|填充为|为|是|等于|包含|含有|成|"
    r"[=:]|\bto|\bwith|\bas|\binto|\bis|\bcontains?|\bcalled|\bnamed|\bequals?)\s?$",
    re.IGNORECASE,
)
_ORDINALS: Final = {c: i for i, c in enumerate("一二三四五六七八九十", 1)}
_POSITION: Final = re.compile(
    r"倒数第\s?(?P<back>[0-9]{1,3}|[一二三四五六七八九十])\s?(?:列|个字段)|\b(?P<backen>second|third) (?:to|from) (?:the )?last column\b|(?:最后|末尾|后)(?P<tail>[0-9]{1,2}|[两二三四五六])列|\blast (?P<tailen>[0-9]{1,2}|two|three|four|five) columns\b"
    r"|第\s?(?P<at>[0-9]{1,4}|[一二三四五六七八九十])\s?(?P<unit>列|个字段|题|问)"
    r"|(?:最后一列|\bthe last column\b|\blast column\b|第一列)"
    r"|\b(?P<letter>[A-Z]{1,2})\s?列|第\s?(?P<letter2>[A-Z]{1,2})\s?列|\bcolumn (?P<letter3>[A-Z]{1,2})\b(?!\s?(?:=|column))"
    r"|(?:所有|全部|每个|每一?)的?(?P<kind>文本|文字|字符|数值|数字|日期|时间)?(?:列|字段|变量)"
    r"|\b(?:all|every|each)(?: of)?(?: the)? ?(?P<kinden>text|string|numeric|number|date)? (?:columns?|fields?|variables?)\b"
    r"|前\s?(?P<first>[0-9]{1,3}|[一二两三四五六七八九十])\s?(?:列|个字段)|\bfirst (?P<firsten>[0-9]{1,3}|two|three|four|five) columns\b"
)
_WORD_NUMBERS: Final = {"two": 2, "three": 3, "four": 4, "five": 5, "两": 2, **_ORDINALS}


@dataclass(frozen=True)
class Mention:
    """Columns that one piece of the message names: several for a grid, or when it is ambiguous."""

    text: str
    columns: tuple[str, ...]
    ambiguous: bool = False
    suffixed: bool = False  # followed by 列, column …


@dataclass(frozen=True)
class Linked:
    """The message with columns and literals as single characters."""

    text: str
    mentions: tuple[Mention, ...]
    literals: tuple[str, ...]
    schema: Schema

    def mention(self, char: str) -> Mention:
        return self.mentions[ord(char) - COLUMN_BASE]

    def literal(self, char: str) -> str:
        return self.literals[ord(char) - LITERAL_BASE]

    def plain(self, text: str) -> str:
        """`text` with columns and literals written out again."""
        return "".join(self._spell(char) for char in text)

    def _spell(self, char: str) -> str:
        code = ord(char)
        if COLUMN_BASE <= code < COLUMN_BASE + SPAN:
            return self.mention(char).text
        if LITERAL_BASE <= code < LITERAL_BASE + SPAN:
            return self.literal(char)
        return char


def lower(text: str) -> str:
    """Lower case that never changes the length."""
    return "".join(c if len(c.lower()) != 1 else c.lower() for c in text)


def _key(text: str) -> str:
    return lower(" ".join(unicodedata.normalize("NFKC", text).split()))


@dataclass(frozen=True)
class Index:
    """Every way to name a column -> the columns it may mean; `lengths` longest first."""

    names: dict[str, tuple[str, ...]]
    lengths: tuple[int, ...]
    positions: tuple[str, ...]


@by_identity
def index(schema: Schema) -> Index:
    names: dict[str, tuple[str, ...]] = {}
    for weak in (_spaced_names, _labels, _groups):
        for key, columns in weak(schema):
            names[key] = tuple(dict.fromkeys((*names.get(key, ()), *columns)))
    names.update(_exact(schema))
    names.pop("", None)
    lengths = tuple(sorted({len(key) for key in names}, reverse=True))
    return Index(names, lengths, schema.names)


def _exact(schema: Schema) -> list[tuple[str, tuple[str, ...]]]:
    found: dict[str, tuple[str, ...]] = {}
    for name in schema.names:
        found[_key(name)] = (*found.get(_key(name), ()), name)
    return list(found.items())


def _spaced_names(schema: Schema) -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    for name in schema.names:
        key = _key(name)
        for variant in {
            re.sub(r"[\s_\-]+", " ", key),
            re.sub(r"[\s_\-]+", "", key),
            re.sub(r"[\s\-]+", "_", key),
        }:
            found += [(variant, (name,))]
        for spelt in {key, re.sub(r"[\s_\-]+", " ", key)}:
            found.extend((plural, (name,)) for plural in _plurals(spelt))
    return found


def _plurals(key: str) -> list[str]:
    if not key.isascii() or not key[-1:].isalpha() or len(key) < 3:
        return []
    return [key[:-1] + "ies"] if key.endswith("y") else [key + "s"]


def _labels(schema: Schema) -> list[tuple[str, tuple[str, ...]]]:
    return [(_key(column.label), (column.name,)) for column in schema.columns if len(column.label) > 1]


def _groups(schema: Schema) -> list[tuple[str, tuple[str, ...]]]:
    """A grid's Q5 is its group: declared in the schema, or columns q5_1, q5_2 … under one stem."""
    groups: dict[str, list[str]] = {}
    for column in schema.columns:
        stem = re.fullmatch(r"([a-z]+[0-9]+)[_.\-](?:r?[0-9]+)(?:[_c][0-9]+)?", lower(column.name))
        for name in {lower(column.group), stem.group(1) if stem else ""} - {""}:
            groups.setdefault(name, []).append(column.name)
    taken = {lower(name) for name in schema.names}
    return [(name, tuple(columns)) for name, columns in groups.items() if name not in taken]


def link(protected: Protected, schema: Schema) -> Linked:
    """Replace every mention of a column by its private character."""
    builder = _Builder(protected, schema)
    return builder.run()


class _Builder:
    def __init__(self, protected: Protected, schema: Schema) -> None:
        self.source, self.low = protected.text, lower(protected.text)
        self.protected, self.schema, self.index = protected, schema, index(schema)
        self.mentions: list[Mention] = []
        self.out: list[str] = []

    def run(self) -> Linked:
        at = 0
        while at < len(self.source):
            at = self.quoted(at) or self.named(at) or self.placed(at) or self.copy(at)
        return Linked("".join(self.out), tuple(self.mentions), self.protected.literals, self.schema)

    def add(self, columns: tuple[str, ...], start: int, end: int, *, ambiguous: bool = False) -> int:
        suffixed = _SUFFIX.match(self.source, end) is not None
        self.out.append(chr(COLUMN_BASE + len(self.mentions)))
        text = (
            self.protected.literals[ord(self.source[start]) - LITERAL_BASE]
            if self._is_literal(start)
            else self.source[start:end]
        )
        self.mentions.append(Mention(text, columns, ambiguous, suffixed))
        return end

    def _is_literal(self, at: int) -> bool:
        return LITERAL_BASE <= ord(self.source[at]) < LITERAL_BASE + SPAN

    def copy(self, at: int) -> int:
        self.out.append(self.source[at])
        return at + 1

    def quoted(self, at: int) -> int:
        if not self._is_literal(at):
            return 0
        columns = self.index.names.get(_key(self.protected.literals[ord(self.source[at]) - LITERAL_BASE]))
        if not columns or (
            _ASSIGNS.search("".join(self.out)[-12:]) and not _SUFFIX.match(self.source, at + 1)
        ):
            return self.copy(at)
        return self.add(columns, at, at + 1, ambiguous=self._unclear(columns))

    def named(self, at: int) -> int:
        for length in self.index.lengths:
            if at + length > len(self.low):
                continue
            key = self.low[at : at + length]
            columns = self.index.names.get(key)
            if columns and self._stands_alone(at, at + length, key):
                return self.add(columns, at, at + length, ambiguous=self._unclear(columns))
        return 0

    def _unclear(self, columns: tuple[str, ...]) -> bool:
        """Several columns under one name are a grid when they share a group or stem, else a question."""
        if len(columns) < 2:
            return False
        stems = {re.sub(r"[_.\-]?r?[0-9]+(?:c[0-9]+)?$", "", lower(name)) for name in columns}
        groups = {self.schema[name].group for name in columns}
        return len(stems) > 1 and (len(groups) > 1 or groups == {""})

    def _stands_alone(self, start: int, end: int, key: str) -> bool:
        before, after = self.low[start - 1 : start], self.low[end : end + 1]
        if _wordlike(key[0]) and before and _wordlike(before):
            return False
        if _wordlike(key[-1]) and after and _wordlike(after):
            return False
        suffixed = _SUFFIX.match(self.source, end) is not None
        if key.isdigit() or (len(key) == 1 and not key.isascii()) or fold(key) in KEYWORDS:
            return suffixed or self.low[max(0, start - 7) : start].endswith("column ")
        return True

    def placed(self, at: int) -> int:
        match = _POSITION.match(self.source, at)
        if match is None:
            return 0
        columns = _by_position(match, self.schema, self.index)
        return self.add(columns, at, match.end()) if columns else 0


def _wordlike(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _WORD_NUMBERS.get(text, 0)


def _by_position(  # noqa: PLR0911 - one line per way to count columns
    match: re.Match[str], schema: Schema, known: Index
) -> tuple[str, ...]:
    text, names, group = match.group(), schema.names, match.groupdict()
    behind = _from_the_end(match, names)
    if behind:
        return behind
    if group["at"] and group["unit"] in ("题", "问"):
        return known.names.get(f"q{_number(group['at'])}", ())
    if group["at"]:
        return names[_number(group["at"]) - 1 :][:1]
    letters = group["letter"] or group["letter2"] or group["letter3"]
    if letters:
        return names[_letters(letters) :][:1]
    count = group["first"] or group["firsten"]
    if count:
        return names[: _number(count)]
    if "最后" in text or "last" in text:
        return names[-1:]
    if text == "第一列":
        return names[:1]
    return _of_type(schema, group["kind"] or group["kinden"] or "")


def _from_the_end(match: re.Match[str], names: tuple[str, ...]) -> tuple[str, ...]:
    group = match.groupdict()
    back = group["back"] or {"second": "2", "third": "3"}.get((group["backen"] or "").lower(), "")
    if back:
        at = _number(back)
        return names[-at : len(names) - at + 1] if 0 < at <= len(names) else ()
    tail = group["tail"] or group["tailen"]
    return names[-_number(tail) :] if tail else ()


def _letters(text: str) -> int:
    number = 0
    for char in text:
        number = number * 26 + ord(char) - 64
    return number - 1


def _of_type(schema: Schema, word: str) -> tuple[str, ...]:
    if word in ("文本", "文字", "字符", "text", "string"):
        return tuple(c.name for c in schema.columns if c.dtype is DType.text and c.kind is not Kind.id)
    if word in ("数值", "数字", "numeric", "number"):
        return tuple(c.name for c in schema.columns if c.dtype.numeric)
    if word in ("日期", "时间", "date"):
        return tuple(c.name for c in schema.columns if c.dtype.temporal or c.kind is Kind.date)
    return schema.names


def _compounded(linked: Linked, text: str, name: str, char: str, mentions: list[Mention]) -> str:
    """年龄组, made by an earlier clause, holds the name of the column 年龄, which is a character by now."""
    for match in re.finditer(r"[\ue000-\ue7ff]", text):
        known = linked.mention(match.group()).text
        head, found, tail = name.partition(known)
        said = f"{head}{match.group()}{tail}"
        if found and (head or tail) and said in text:
            mentions.append(Mention(name, (name,)))
            return text.replace(said, char)
    return text


def extended(linked: Linked, text: str, names: tuple[str, ...]) -> tuple[Linked, str]:
    """`text` of a later clause with columns linked that an earlier clause made."""
    mentions = list(linked.mentions)
    for name in sorted(names, key=len, reverse=True):
        if len(mentions) < SPAN:
            text = _compounded(linked, text, name, chr(COLUMN_BASE + len(mentions)), mentions)
        edge = (r"(?<![A-Za-z0-9_])", r"(?![A-Za-z0-9_])") if name.isascii() else ("", "")
        pattern = re.compile(edge[0] + re.escape(name) + edge[1], re.IGNORECASE)
        if len(name) > 1 and len(mentions) < SPAN and fold(name) not in KEYWORDS and pattern.search(text):
            text = pattern.sub(chr(COLUMN_BASE + len(mentions)), text)
            mentions.append(Mention(name, (name,)))
    return replace(linked, mentions=tuple(mentions)), text
