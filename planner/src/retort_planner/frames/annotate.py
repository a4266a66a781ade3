"""What columns are: labels, value labels, scales, by words instead of a codebook file."""

from __future__ import annotations

import re
from typing import Any, Final

from retort_core.schema import Column
from retort_planner.frames.base import Clause, Reading, decided, draft
from retort_planner.text import C, L

_LABEL: Final = (
    re.compile(
        rf"^(?:请)?(?:把|将|给)?(?P<col>{C})(?:列|字段|题)?(?:的)?(?:变量)?(?:标签|中文名|题目|题干|说明|含义)(?:改[成为]|设置?[为成]|是|为|叫|写成|标为|:)\s?(?P<label>{L}|.{{1,120}})$"
    ),
    re.compile(
        rf"^(?:请)?(?:给)?(?P<col>{C})(?:列|字段)?(?:加上?|添加|打上)(?:一个)?标签[:]?\s?(?P<label>{L}|.{{1,120}})$"
    ),
    re.compile(
        rf"^(?:set |make |change )?(?:the )?label (?:of|for) (?:column )?(?P<col>{C})(?: column)? ?(?:to|is|as|=|:|should be)? ?(?P<label>{L}|.{{1,120}})$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^(?:label|annotate)(?: the)?(?: column)? ?(?P<col>{C})(?: column)? (?:as|with|=|:) ?(?P<label>{L}|.{{1,120}})$",
        re.IGNORECASE,
    ),
    re.compile(rf"^(?P<col>{C})(?:列|题)?的?(?:意思是|是指|指的是|问的是)\s?(?P<label>{L}|.{{1,120}})$"),
    re.compile(
        rf"^(?:column )?(?P<col>{C}) (?:stands for|asks(?: about)?|is about|is labell?ed) ?(?P<label>{L}|.{{1,120}})$",
        re.IGNORECASE,
    ),
)
_SCALE: Final = re.compile(
    rf"^(?:把|将)?(?P<cols>{C}(?:(?:、|,|和|到|至|-|,? and | to ){C})*)(?:列|题|这几题)?\s?(?:都)?(?:是|为|设为|的量表(?:是|为)?|\bis\b|\bare\b|\bas\b|\buses?\b)\s?(?:一个|an?|on a|a)?\s?(?:从)?(?P<low>[0-9]+)\s?(?:分)?\s?(?:到|至|-|~|–|\bto\b)\s?(?P<high>[0-9]+)\s?(?:分)?(?:的)?\s?(?:量表|打分|评分|scale)(?P<rest>.*)$",
    re.IGNORECASE,
)
_PAIR: Final = re.compile(
    rf"(?P<value>[+\-]?[0-9]{{1,6}}|{L}|[A-Za-z]{{1,3}})\s?(?:的标签是|代表|表示|指的是|对应的?是?|的?意思是|意为|是指|就是|\b(?:means|stands for|represents|denotes|is labell?ed)\b)\s?(?P<label>{L}|[^,;、]{{1,40}}?)(?=$|\s?[,;、]|\s?和[0-9]|\s?and\b)",
    re.IGNORECASE,
)


def annotate_columns(c: Clause) -> Reading | None:
    text = re.sub(r"^(?:请|帮我|please )+", "", c.text, flags=re.IGNORECASE)
    return _labelled(c, text) or _scaled(c, text) or _valued(c, text)


def _labelled(c: Clause, text: str) -> Reading | None:
    match = next((m for pattern in _LABEL if (m := pattern.match(text))), None)
    if match is None:
        return None
    names = c.names(match.group("col"))
    label = c.literal(match.group("label"))
    return _annotated(names, [{"column": names[0], "label": label}]) if len(names) == 1 and label else None


def _scaled(c: Clause, text: str) -> Reading | None:
    match = _SCALE.match(text)
    if match is None:
        return None
    rest = match.group("rest").strip(" ,.")
    descending = re.search(
        r"(?:1|低|小|越小)(?:分)?(?:最好|越好|是最好)|越小越好|descending|1 (?:is|being) (?:the )?best|lower is better",
        rest,
        re.IGNORECASE,
    )
    ascending = re.search(
        r"(?:高|大)(?:分)?(?:最好|越好)|越大越好|ascending|higher is better|[0-9]+ (?:is|being) (?:the )?best",
        rest,
        re.IGNORECASE,
    )
    if rest and not (descending or ascending):
        return None
    scale = {
        "min": int(match.group("low")),
        "max": int(match.group("high")),
        "direction": "descending" if descending else "ascending",
    }
    names = c.names(match.group("cols"))
    return _annotated(names, [{"column": name, "kind": "scale", "scale": scale} for name in names])


def _valued(c: Clause, text: str) -> Reading | None:
    pairs = list(_PAIR.finditer(text))
    if not pairs:
        return None
    left = re.sub(
        r"[\s,;、:和]|and|里|中|列|的|题|把|在|in|for|column|,|值",
        "",
        _PAIR.sub("", text),
        flags=re.IGNORECASE,
    )
    chars = re.findall(C, left)
    names = c.names(left) if chars else tuple(n for n in c.carried if c.schema.find(n))
    if re.sub(C, "", left) or len(names) < 1:
        return None
    if any(re.search(r"缺失|空值|无效|missing|no answer", m.group("label"), re.IGNORECASE) for m in pairs):
        return None  # a code that means a missing answer is declared, not labelled
    told = [(c.literal(m.group("value")), c.literal(m.group("label"))) for m in pairs]
    return _annotated(
        names, [{"column": name, "value_labels": _merged(c.schema[name], told)} for name in names]
    )


def _merged(column: Column, told: list[tuple[str, str]]) -> list[dict[str, Any]]:
    """Labels that were there stay, the new ones win."""
    labels = {item.value: item.label for item in column.value_labels} | dict(told)
    return [{"value": value, "label": label} for value, label in labels.items()]


def _annotated(names: tuple[str, ...], changes: list[dict[str, Any]]) -> Reading:
    return decided(draft("annotate_columns", changes=changes), weight=71, subject=names)


FRAMES = (annotate_columns,)
