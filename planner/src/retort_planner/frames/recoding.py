"""Recoding: 男=1，女=2; bachelor as 1, master as 2; reversed scales."""

from __future__ import annotations

import re
from typing import Final

from retort_core.schema import Column
from retort_planner.frames.base import COLUMNS, GAP, Clause, Reading, decided, draft
from retort_planner.frames.rows import free, new_name
from retort_planner.frames.slots import code_of, held_in, holding
from retort_planner.lexicon import either
from retort_planner.literals import number
from retort_planner.text import C, L
from retort_planner.values import values_of

_CODE_PAIR: Final = re.compile(
    rf"(?:\band )?(?P<from>{L}|[^,;:=→\x01、]{{1,30}}?)\s?(?:编码[为成]|编[为成]|=>|->|=|→|:|改[为成]|转[为成]|记[为成]?(?=[0-9])|记[为成]|换成|映射[为成到]|变[为成]|赋值?为|为|是|\b(?:as|to|becomes?|is)\b)\s?(?P<to>{L}|[^,;:=→\x01、]{{1,30}}?)(?=$|\s?[,;、]|\s?和|\s(?:and)\b)",
    re.IGNORECASE,
)


def recode_values(c: Clause) -> Reading | None:
    reverse = _reversed(c)
    if reverse is not None:
        return reverse
    text, name = c.text, ""
    asked = re.search(
        rf"{either('recode')}|\b(?:to|into) (?:numbers|codes|scores|points)(?=[:,])|(?:转|改|换|变)[成为](?:数字|数值|分数|编码)(?=[:,])",
        text,
        re.IGNORECASE,
    )
    named = re.search(
        r"[,;]?\s?(?:存[为到成]|放[到在]|写入|生成|保存[为到]|新列(?:叫|为|名为)?|编码[成为到]新列(?:叫|为)?|\b(?:into|in|as|called|named)\b)\s?(?:新列|a new column|new column|column)?\s?(?:called |named |叫)?(?P<name>[\ue800-\uefff]|[A-Za-z_][A-Za-z0-9_]*|[\u4e00-\u9fff]{2,12})(?:列)?$",
        text,
        re.IGNORECASE,
    )
    if (
        named is not None
        and re.search(r"存|新|放|写入|生成|保存|new|into", named.group(), re.IGNORECASE)
        and not re.search(r"[=→]", named.group())
    ):
        text, name = text[: named.start()], c.literal(named.group("name"))
    head = re.search(COLUMNS, text, re.IGNORECASE)
    columns = c.names(head.group()) if head else tuple(n for n in c.carried if c.schema.find(n))
    if not columns and asked:
        columns = holding(
            c,
            [
                c.literal(re.sub(r"^\s*and ", "", m.group("from")))
                for m in _CODE_PAIR.finditer(re.sub(asked.re, "", text))
            ],
        )
    body = text[: head.start()] + GAP + text[head.end() :] if head else text
    return _recoded(c, columns, body, name, asked=asked is not None)


def _recoded(c: Clause, columns: tuple[str, ...], body: str, name: str, *, asked: bool) -> Reading | None:
    body = re.sub(rf"^[\s{GAP}]*(?:请|把|将|对|please )*|{GAP}", " ", body)
    body = re.sub(
        r"(?<![A-Za-z])(?:recode|re-code|map|encode|remap|values?|transform|translate|convert|code|so that|with|the|column|of|in|as(?= [A-Za-z]+ ?[=:]))(?![A-Za-z])|\bto (?:numbers|codes|scores|points)(?=[:,])|(?:转|改|换|变)[成为](?:数字|数值|分数|编码)(?=[:,])|重新?编码为?|编码为?(?=[:,]|$|\s)|映射[为成]?|(?:列|字段)?(?:中|里)的?|^列|数字化|进行|按照?",
        " ",
        body,
        flags=re.IGNORECASE,
    ).strip(" ,:;的")
    body = _spelled_out(c, columns, body) if asked else body
    pairs = [
        (c.literal(re.sub(r"^\s?and ", "", m.group("from"))), c.literal(m.group("to")))
        for m in _CODE_PAIR.finditer(body)
    ]
    left = re.sub(r"[\s,;、和]|and", "", _CODE_PAIR.sub("", body))
    if not pairs or left or len(columns) != 1 or re.search(C, body):
        return None
    if len(pairs) < 2 and not asked:
        return None
    column = c.schema[columns[0]]
    if not asked and not all(held_in(c, column, a) for a, _ in pairs):
        return None
    numeric = all(number(b) is not None and re.fullmatch(r"[+\-]?[0-9.]+", b) for _, b in pairs)
    mapping = [{"from": code_of(column, a), "to": number(b) if numeric else b} for a, b in pairs]
    fresh = free(c, name) if name else ""
    return decided(
        draft("recode_values", column=column.name, mapping=mapping, new_name=fresh, otherwise="keep"),
        weight=65,
        subject=columns,
    )


def _spelled_out(c: Clause, columns: tuple[str, ...], body: str) -> str:
    """「本科1硕士2博士3」: values of the column with their codes directly behind."""
    column = c.schema.find(columns[0]) if len(columns) == 1 else None
    words = (
        sorted((held.value for held in values_of(column, c.profile)), key=len, reverse=True) if column else []
    )
    for word in words[:50]:
        body = re.sub(rf"[,、]?{re.escape(word)}\s?(?=[0-9]+(?![.0-9%]))", f",{word}=", body)
    return body.strip(" ,")


def _reversed(c: Clause) -> Reading | None:
    k = c.cutter()
    if not k.cue("reverse"):
        return None
    text, name = new_name(c, k.left) if re.search(r"存|新列|叫|\binto\b|\bas\b", k.left) else (k.left, "")
    k.left = text
    columns = k.all_columns()
    k.cut(r"处理|操作|题|计分|编码|量表|分值|分数|scores?|items?|scale|scoring|of")
    if not columns or not k.clean:
        return None
    drafts, notes = [], []
    for column in (c.schema[n] for n in columns):
        span = _span(c, column)
        if span is None:
            return None
        low, high = span
        if column.scale is None:
            notes.append(
                c.say(
                    f"「{column.name}」按 {low}–{high} 分反向。", f"“{column.name}” reversed on {low}–{high}."
                )
            )
        mapping = [{"from": n, "to": low + high - n} for n in range(low, high + 1)]
        drafts.append(
            draft(
                "recode_values",
                column=column.name,
                mapping=mapping,
                new_name=free(c, name) if name else "",
                otherwise="keep",
            )
        )
    return decided(*drafts, weight=69, subject=columns, assumptions=tuple(notes))


def _span(c: Clause, column: Column) -> tuple[int, int] | None:
    """Ends of the scale; seen values without proposed codes when none is declared."""
    if column.scale is not None:
        return column.scale.min, column.scale.max
    known = c.profile.find(column.id) if c.profile else None
    if known is None or not column.dtype.numeric:
        return None
    codes = {code.value for code in known.proposed_codes}
    points = sorted({float(item.value) for item in known.values if item.value not in codes})
    whole = all(point.is_integer() for point in points)
    return (int(points[0]), int(points[-1])) if points and whole and points[-1] - points[0] <= 11 else None


FRAMES = (recode_values,)
