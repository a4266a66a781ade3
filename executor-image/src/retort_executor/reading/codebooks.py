"""Codebooks: a table that explains the columns of another one, to changes for the operation `annotate_columns`.

Two shapes are known. *One row a variable*: name, label, `1=男;2=女`, missing codes, type, group. *One row a value*:
name (written once or on each row), value, its label. A workbook may have one sheet of each; all visible sheets that
are codebooks are joined. The header is looked for by its words, in Chinese and English, below any title.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from retort_core.cells import fold
from retort_executor.reading.codelists import (
    BARE_CODE,
    canonical,
    code_labels,
    codes,
    ends_of_scale,
    kind_of,
    scale_of,
    sounds_missing,
)
from retort_executor.reading.names import clean
from retort_executor.reading.report import FileReport

ROLES: Final = {
    "variable": ("变量", "变量名", "变量名称", "字段", "字段名", "字段名称", "列名", "列", "名称", "题号", "variable", "variablename", "var", "varname", "name", "field", "fieldname", "column", "columnname", "item"),
    "label": ("标签", "变量标签", "题目", "题干", "问题", "问卷题目", "说明", "描述", "含义", "中文名", "label", "variablelabel", "question", "questiontext", "description", "text", "title"),
    "values": ("值标签", "选项", "取值", "取值说明", "编码", "码表", "值", "选项编码", "编码说明", "values", "valuelabels", "codes", "options", "categories", "responses", "coding", "value"),
    "value_label": ("值标签", "选项", "选项内容", "选项文字", "值含义", "标签值", "valuelabel", "valuelabels", "option", "optiontext", "category", "meaning"),
    "missing": ("缺失", "缺失值", "缺失码", "缺失编码", "缺失值编码", "missing", "missingvalues", "missingcodes", "na"),
    "kind": ("类型", "题型", "变量类型", "数据类型", "type", "kind", "questiontype", "datatype", "measure", "measurement", "measurementlevel", "level"),
    "scale": ("量表", "范围", "取值范围", "scale", "range"),
    "group": ("组", "分组", "题组", "模块", "部分", "group", "section", "block", "grid"),
    "separator": ("分隔符", "分隔", "separator", "delimiter"),
}  # fmt: skip
# A value label in a table of one row a value is often headed by the plain word.
LABEL_OF_VALUE: Final = ("标签", "label", "含义", "meaning", "说明", "description", "text", "名称")
SEARCHED: Final = 15  # rows above the header
TEXT_LIMIT: Final = 500  # characters of a label


@dataclass(slots=True)
class Entry:
    """What the codebook says about one variable."""

    label: str = ""
    kind: str = ""
    group: str = ""
    separator: str = ""
    ends: tuple[int, int] | None = None
    values: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def change(self, column: str) -> dict[str, Any] | None:
        """The JSON of one change; None when nothing is said. A scale without ends is not called one."""
        scale = self._scale()
        said = {
            "label": self.label,
            "kind": "" if self.kind == "scale" and scale is None else self.kind,
            "scale": scale if self.kind in ("scale", "") else None,
            "value_labels": _pairs(self.values),
            "missing_codes": _pairs(self.missing),
            "group": self.group,
            "separator": self.separator,
        }
        kept = {key: value for key, value in said.items() if value}
        return {"column": column, **kept} if kept else None

    def joined(self, other: Entry) -> Entry:
        """What two sheets say; the first wins where both speak."""
        return Entry(
            label=self.label or other.label,
            kind=self.kind or other.kind,
            group=self.group or other.group,
            separator=self.separator or other.separator,
            ends=self.ends or other.ends,
            values={**other.values, **self.values},
            missing={**other.missing, **self.missing},
        )

    def _scale(self) -> dict[str, Any] | None:
        found = scale_of(self.values.items(), frozenset(self.missing))
        if self.ends is None:
            return found if self.kind == "scale" else None
        if found and (found["min"], found["max"]) == self.ends:
            return found
        return {"min": self.ends[0], "max": self.ends[1], "direction": "ascending"}


def _pairs(codes_: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"value": value, "label": label[:TEXT_LIMIT]} for value, label in codes_.items()]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the header of a codebook stands and which column plays which role."""

    header: int
    roles: Mapping[str, int]

    @property
    def by_value(self) -> bool:
        return "value" in self.roles


def find_layout(rows: Sequence[Sequence[str]]) -> Layout | None:
    """The first row whose words name a variable and something about it; None when the table is no codebook."""
    for at, row in enumerate(rows[:SEARCHED]):
        found = _roles([fold(clean(cell)).replace("_", "") for cell in row], rows[at + 1 :])
        if "variable" in found and len(found) > 1:
            return Layout(at, found)
    return None


def _roles(words: Sequence[str], below: Sequence[Sequence[str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for role in ("variable", "missing", "kind", "scale", "group", "separator"):
        at = _first(words, ROLES[role], found.values())
        if at is not None:
            found[role] = at
    found |= _value_roles(words, below, frozenset(found.values()))
    at = _first(words, ROLES["label"], found.values())
    return found if at is None else {**found, "label": at}


def _value_roles(
    words: Sequence[str], below: Sequence[Sequence[str]], taken: frozenset[int]
) -> dict[str, int]:
    """Where values stand: lists such as `1=男;2=女` in one column, or a code and its label in two."""
    possible = [at for at, word in enumerate(words) if word in ROLES["values"] and at not in taken]
    lists = [
        at
        for at in possible
        if _share(below, at, lambda cell: bool(code_labels(cell) or ends_of_scale(cell))) >= 0.2
    ]
    if lists:
        return {"values": lists[0]}
    single = [at for at in possible if _share(below, at, lambda cell: bool(BARE_CODE.fullmatch(cell))) >= 0.8]
    if not single:
        return {}
    code = single[0]
    wanted = (*ROLES["value_label"], *LABEL_OF_VALUE)
    beside = [at for at, word in enumerate(words) if word in wanted and at != code and at not in taken]
    if not beside:
        return {"value": code}
    # of two columns that may hold the value's label, the one behind the value: the other is the variable's
    return {"value": code, "value_label": min(beside, key=lambda at: (at < code, at))}


def _share(rows: Sequence[Sequence[str]], column: int, holds: Callable[[str], bool]) -> float:
    cells = [row[column].strip() for row in rows if column < len(row) and row[column].strip()]
    return sum(1 for cell in cells if holds(cell)) / len(cells) if cells else 0.0


def _first(words: Sequence[str], wanted: Sequence[str], taken: Collection[int]) -> int | None:
    places = (at for word in wanted for at, given in enumerate(words) if given == word and at not in taken)
    return next(places, None)


def read_entries(rows: Sequence[Sequence[str]], layout: Layout, report: FileReport) -> dict[str, Entry]:
    """Variable name -> what is said about it, in the order of the codebook."""
    entries: dict[str, Entry] = {}
    current, nameless, unknown = "", [], []
    for number, row in enumerate(rows[layout.header + 1 :], layout.header + 2):
        cells = {role: row[at].strip() for role, at in layout.roles.items() if at < len(row)}
        if not any(cells.values()):
            continue
        name = clean(cells.get("variable", "")) or (current if layout.by_value else "")
        if not name:
            nameless.append(number)
            continue
        current = name
        _add(entries.setdefault(name, Entry()), cells)
        if cells.get("kind") and not kind_of(cells["kind"]):
            unknown.append(cells["kind"][:80])
    if nameless:
        report.find("rows-without-variable", "warning", len(nameless), lines=nameless)
    if unknown:
        report.find("unknown-types", "info", len(unknown), words=sorted(set(unknown)))
    return entries


def _add(entry: Entry, cells: Mapping[str, str]) -> None:
    entry.label = entry.label or clean(cells.get("label", ""))[:TEXT_LIMIT]
    entry.group = entry.group or clean(cells.get("group", ""))
    entry.separator = entry.separator or cells.get("separator", "")[:1]
    entry.kind = entry.kind or kind_of(cells.get("kind", "")) or ""
    entry.ends = entry.ends or ends_of_scale(cells.get("scale", "")) or ends_of_scale(cells.get("values", ""))
    if cells.get("value"):
        entry.values[canonical(cells["value"])] = clean(cells.get("value_label", ""))
    for value, label in code_labels(cells.get("values", "")):
        entry.values[value] = clean(label)
    for value, label in codes(cells.get("missing", "")):
        entry.missing[value] = label or entry.values.get(value, "")


def changes_of(entries: Mapping[str, Entry], report: FileReport) -> list[dict[str, Any]]:
    """Changes for `annotate_columns`; labels that sound like no answer are said, never declared."""
    changes = [change for name, entry in entries.items() if (change := entry.change(name))]
    unsaid = {
        name: [
            value
            for value, label in entry.values.items()
            if value not in entry.missing and sounds_missing(label)
        ]
        for name, entry in entries.items()
    }
    proposed = {name: values for name, values in unsaid.items() if values}
    if proposed:
        report.find("labels-that-sound-missing", "info", len(proposed), columns=proposed)
    return changes
