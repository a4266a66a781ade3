"""Whole columns: keep, drop, rename, move."""

from __future__ import annotations

import re
from typing import Final

from retort_planner.frames.base import COLUMNS, GAP, Clause, Reading, decided, draft
from retort_planner.lexicon import cue, either
from retort_planner.lexicon.zh import CUES
from retort_planner.polarity import exception
from retort_planner.text import C

_ROW_WORDS: Final = cue("rows")


def drop_columns(c: Clause) -> Reading | None:
    k = c.cutter()
    if not k.cue("drop"):
        return None
    columns = k.all_columns()
    noun = k.cue("columns")
    if not columns or not k.clean:
        return None
    # 「删除城市」 can only be the column; 「删除城市列」 says so.
    return decided(draft("drop_columns", columns=list(columns)), weight=60 if noun else 50)


def select_columns(c: Clause) -> Reading | None:
    apart = exception(c.text)
    k = c.cutter()
    if apart is not None:
        k.left = apart.rest
        columns = c.names(apart.inner)
        k.cue("columns")
        every = k.all_columns()
        if every and set(every) != set(c.schema.names):
            return None
        if not columns or re.sub(rf"{COLUMNS}|列|字段|\s|columns?|the", "", apart.inner, flags=re.IGNORECASE):
            return None
        if k.cue("drop") and k.clean:
            return decided(draft("select_columns", columns=list(columns)), weight=62)
        k.cue("keep")
        return decided(draft("drop_columns", columns=list(columns)), weight=62) if k.clean else None
    if not k.cue("keep"):
        return None
    columns = k.all_columns()
    k.cue("columns")
    return decided(draft("select_columns", columns=list(columns)), weight=50) if columns and k.clean else None


_NEW: Final = r"(?P<to>[^,;、\x01]{1,60}?)"
_RENAME: Final = (
    re.compile(
        rf"(?:把|将)?\s?(?P<from>{C})(?:这一?列|一?列|字段|变量)?(?:的)?(?:列名|名字|名称|字段名|标题)?\s?"
        rf"(?:{either('rename')}|(?:列|列名|字段名?|名字|名称|标题)(?:改成|改为|换成|换为|变成|变为|叫做?))\s?(?:为|成|叫|作)?\s?{_NEW}(?:列)?$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?:rename|change the (?:column )?(?:name|{C}) of|relabel)(?: the)?(?: columns?)?\s?(?P<from>{C})(?: columns?)?\s?(?:\bto\b|\bas\b|\binto\b|=|→|->|=>)\s?{_NEW}$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?:rename|call)(?: the)?(?: columns?)?\s?(?P<from>{C})(?: columns?)?\s?{_NEW}$", re.IGNORECASE
    ),
    re.compile(rf"重命名\s?(?P<from>{C})列?\s?(?:为|成|到|->)\s?{_NEW}$"),
    re.compile(
        rf"^\s?(?P<from>{C})(?: columns?)?\s?(?:should be|to be|is to be|->|=>|→)(?: (?:called|named|renamed(?: to)?))?(?!\s?(?:over|under|above|below|between|at|more|less|not|positive|negative)\b)\s?{_NEW}$",
        re.IGNORECASE,
    ),
)


_GIVEN_NAME: Final = re.compile(
    rf"(?:把|将)?(?P<from>{C})列?\s?(?:改成|改为|换成|叫做?|to|as|->|→|为)\s?{_NEW}", re.IGNORECASE
)


def rename_columns(c: Clause) -> Reading | None:
    mapping: list[dict[str, str]] = []
    text = re.sub(
        r"^(?:请|麻烦|帮我|please |can you |could you |i want to |i'd like to )+",
        "",
        c.text,
        flags=re.IGNORECASE,
    )
    asked = cue("rename").search(text) is not None
    parts = re.split(r",(?:并?且?再?把?)|、|;|，| and (?=[\ue000-\ue7ff])|和(?=[\ue000-\ue7ff])", text)
    several = len(parts) > 1 and all(_GIVEN_NAME.fullmatch(part.strip()) for part in parts)
    for part in parts:
        match = next((m for pattern in _RENAME if (m := pattern.search(part.strip()))), None)
        match = match or (_GIVEN_NAME.fullmatch(part.strip()) if mapping or several else None)
        if match is None:
            return None
        names = c.names(match.group("from"))
        left = part.strip()[: match.start()] if match.re is not None else ""
        if len(names) != 1 or re.sub(
            r"把|将|请|the|columns?|\s|rename|列|字段|的", "", left, flags=re.IGNORECASE
        ):
            return None
        mapping.append({"from": names[0], "to": _name(c, match.group("to"))})
    weight = 70 if asked else 58
    return (
        decided(
            draft("rename_columns", mapping=mapping),
            weight=weight,
            subject=tuple(item["to"] for item in mapping),
        )
        if mapping and all(m["to"] for m in mapping)
        else None
    )


_MORE: Final = re.compile(
    r"\b(?:and|then) (?:then )?(?:move|put|get|bring|sort|drop|delete|remove|fill|convert|make|trim|show|keep)\b|(?:并|然后|再|顺便)",
    re.IGNORECASE,
)


def _name(c: Clause, text: str) -> str:
    """The new name; nothing when the words go on with another instruction."""
    if _MORE.search(text):
        return ""
    text = re.sub(r"^(?:新的?|a |the |new name )|(?:吧|这个名字|好了|即可)$", "", text.strip())
    return c.literal(text)


_BESIDE_ZH: Final = re.compile(
    rf"(?P<anchor>{C})(?:这一?列|列|字段)?的?(?P<word>{CUES['before']}|{CUES['after']})(?!面?[\ue000-\ue7ff])"
)
_BESIDE_EN: Final = re.compile(
    rf"(?P<word>{either('before')}|{either('after')})\s?(?:the )?(?:columns? )?(?P<anchor>{C})", re.IGNORECASE
)


def reorder_columns(c: Clause) -> Reading | None:
    k = c.cutter()
    moved = k.cue("move")
    if not moved:
        return None
    beside = _BESIDE_ZH.search(k.left) or _BESIDE_EN.search(k.left)
    if beside is not None:
        word, anchor = beside.group("word"), beside.group("anchor")
        k.remove(beside)
        columns, anchors = k.all_columns(), c.names(anchor)
        position = "before" if cue("before").search(word) and not cue("after").fullmatch(word) else "after"
        k.cue("columns")
        if columns and len(anchors) == 1 and k.clean and anchors[0] not in columns:
            return decided(
                draft("reorder_columns", columns=list(columns), position=position, anchor=anchors[0]),
                weight=64,
            )
        return None
    columns = k.all_columns() or tuple(n for n in c.carried if c.schema.find(n))
    k.cut(r"\bvery\b")
    first, last = k.cue("first"), None
    if first is None:
        last = k.cue("last")
    k.cut(r"位置?|表格|the table|of the table|of all|to the|side")
    if not columns or not (first or last) or not k.clean:
        return None
    return decided(
        draft("reorder_columns", columns=list(columns), position="first" if first else "last", anchor=""),
        weight=64,
    )


FRAMES = (drop_columns, select_columns, rename_columns, reorder_columns)
__all__ = ["FRAMES", "GAP"]
