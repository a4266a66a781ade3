"""Cells set to a value: by a condition, by what their row is, all of a column, and all but some."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from retort_planner.frames.base import SEP, Clause, Part, Reading, Way, decided, draft
from retort_planner.frames.slots import is_empty, not_a_value, typed
from retort_planner.text import C, L
from retort_planner.trees import Where, conditioned_columns

_TO: Final = rf"(?P<value>{L}|[^,\x01的]{{1,40}}?)"
_SET_ZH: Final = re.compile(
    rf"^(?:请|帮我)?(?:把|将|令|让)?(?P<what>.{{1,200}}?)(?:的)?(?:值|数值|数据|单元格|部分|分数|那些|内容)?(?:都|全部?|统一|一律)?(?:设置?[为成]|置[为成]|改[为成]|赋值为|修改[为成]|变[为成]|更改为|换成|写成|替换[为成]|标为|当作|定为|记为|填为|填成){_TO}$",
    re.IGNORECASE,
)
_CLEAR_ZH: Final = re.compile(
    r"^(?:请|帮我)?(?:把|将)?(?P<what>.{1,200}?)(?:的)?(?:值|内容|数据)?(?:都|全部)?(?:清空|置空|抹掉)$|^(?:清空|置空|抹掉)(?P<what2>.{1,200}?)(?:的)?(?:值|内容|数据)?$"
)
_SET_EN: Final = (
    re.compile(
        rf"^(?:please )?(?:set|change|make|turn|put|overwrite)(?: all| the| any)*(?: values?(?: of| in)?)? ?(?:the )?(?P<target>{C})(?: columns?| values?| cells?)* (?:to|as|into|=|equal to) ?{_TO},? (?:where|when|whenever|if|for(?: all| rows| those| people)*(?: where| with| who)?|in rows where) ?(?P<where>.{{2,200}})$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^(?:where|when|whenever|if|for rows where|in rows where) ?(?P<where>.{{2,200}}?),? (?:then )?(?:set|change|make|turn|put)(?: the)? ?(?P<target>{C})(?: columns?| values?)* (?:to|as|into|=) ?{_TO}$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^(?:please )?(?:set|change|make|turn|convert|replace|put)(?: all| every| the| any)*(?: (?:values?|cells?|rows?|entries))?(?: (?:of|in|where|that are))? ?(?P<what>.{{1,200}}?) (?:to|as|into|with|by) ?{_TO}$",
        re.IGNORECASE,
    ),
    re.compile(
        r"^(?:please )?(?:blank(?: out)?|clear|wipe|empty|null out|empty out|erase)(?: all| every| the| any)*(?: (?:values?|cells?|contents?))?(?: (?:of|in|where))?(?: the)? ?(?P<what>.{1,200}?)(?: columns?)?$",
        re.IGNORECASE,
    ),
)


_FILL_ZH: Final = re.compile(
    rf"^(?:把|将)?(?P<what>.{{2,200}}?{C})(?:列)?(?:都|一律|全部?|统一)*(?:填|写)[上成为]?\s?{_TO}$"
)


def set_value(c: Clause) -> Reading | None:
    text = c.text
    filled = _FILL_ZH.match(text)
    apart = _apart(c, filled.group("what"), filled.group("value")) if filled else None
    if apart is not None:
        return apart
    match = _SET_ZH.match(text) or _CLEAR_ZH.match(text)
    matches = [match] if match else [m for pattern in _SET_EN if (m := pattern.match(text))]
    for found in matches:
        groups = found.groupdict()
        value = groups.get("value")
        what = groups.get("what") or groups.get("what2") or ""
        reading = _set_targeted(c, groups, value) if groups.get("target") else _set_what(c, what, value)
        if reading is not None:
            return reading
    return None


def _set_targeted(c: Clause, groups: dict[str, Any], value: str | None) -> Reading | None:
    target = c.names(groups["target"])
    it = target[0] if re.match(r"(?:it|they|the value|that)\b", groups["where"], re.IGNORECASE) else ""
    where = (replace(c.reader, subject=it) if it else c.reader).read(groups["where"])
    if where is None or len(target) != 1:
        return None
    return _set(c, target[0], where, value)


def _set_what(c: Clause, what: str, value: str | None) -> Reading | None:
    what = re.sub(
        r"(?:列|字段)?(?:的)?(?:整列|所有值|全部值|全部的?)$|(?: columns?| values?| cells?| everywhere)+$",
        "",
        what.strip(),
        flags=re.IGNORECASE,
    )
    apart = _apart(c, what, value)
    if apart is not None:
        return apart
    whole = re.fullmatch(rf"(?:整个?|the )?({C})(?:这?一?列|字段|整列)?", what)
    if whole is not None:
        return _whole_column(c, c.names(whole.group(1)), value)
    where = c.reader.read(what)
    if where is None:
        return None
    columns = conditioned_columns(where)
    return _set(c, columns[0], where, value) if len(columns) == 1 else None


def _apart(c: Clause, what: str, value: str | None) -> Reading | None:
    """「省份是广东的，城市」: whose cells, and of which column."""
    apart = re.fullmatch(
        rf"(?P<where>.{{2,200}}?)(?:的,?|, ?)(?:人|行|用户|受访者|记录|样本)?(?:的)?(?:其)?(?P<target>{C})(?:列|字段)?(?:的)?",
        what,
    )
    if apart is not None:
        where = c.reader.read(apart.group("where"))
        target = c.names(apart.group("target"))
        if where is not None and len(target) == 1:
            return _set(c, target[0], where, value)
    return None


def _set(c: Clause, target: str, where: Where | None, value: str | None, weight: int = 59) -> Reading | None:
    column = c.schema.find(target)
    if column is None:
        return None
    new = None if is_empty(value) else typed(column, c.literal(value or ""))
    if new is not None and where == {"column": target, "op": "is_missing", "value": None}:
        filled = draft("fill_missing", columns=[target], strategy="constant", value=new, by=[])
        return decided(filled, weight=67, subject=(target,))
    return decided(
        draft("set_value", column=target, where=where, value=new), weight=weight, subject=(target,)
    )


def _whole_column(c: Clause, names: tuple[str, ...], value: str | None) -> Reading | None:
    if len(names) != 1:
        return None
    if is_empty(value):
        return decided(draft("set_value", column=names[0], where=None, value=None), weight=57, subject=names)
    text, column = c.literal(value or ""), c.schema[names[0]]
    if re.search(rf"{C}|\b(?:where|if|when|unless)\b|如果|的时候", value or "") or not_a_value(value or ""):
        return None
    rows = c.profile.rows if c.profile else None
    ways = (
        Way(
            (draft("rename_columns", mapping=[{"from": names[0], "to": text}]),),
            c.say(f"把列名改成「{text}」", f"Rename the column to “{text}”"),
            rows=0,
            default=True,
        ),
        Way(
            (draft("set_value", column=names[0], where=None, value=typed(column, text)),),
            c.say(f"把整列的值都改成「{text}」", f"Set every cell to “{text}”"),
            rows=rows,
        ),
    )
    ask = c.say(
        f"「{names[0]}」改成「{text}」：是改列名，还是改所有的值？",
        f"“{names[0]}” to “{text}”: rename the column, or change every value?",
    )
    return Reading(Part(ways, ask=ask, subject=names), 45)


_REST: Final = (
    re.compile(
        rf"^(?:把|将|对)?(?P<col>{C})(?:列|字段)?(?:里面?|中|内|上)?(?:的)?,?除了?(?P<kept>.{{1,120}}?)(?:以外|之外|外)?(?:的)?,?(?:其余|其他|其它|别的|剩下)(?:的)?(?:值|城市|取值|选项|人)?(?:都|全部?|统一|一律)*(?:归[为到成入并]*|改[成为]|设[为成]|写成|算作?|记为|合并[为成到]*|叫做?|变成|当作?)\s?(?P<to>{L}|[^,;]{{1,20}})$"
    ),
    re.compile(
        rf"^(?:set |change |make |turn |put |recode )?(?:everything|anything|all(?: other)?(?: values)?|every value)(?: in(?: the)? (?P<col>{C}))? (?:other than|but|except(?: for)?|besides|apart from) (?P<kept>.{{1,120}}?)(?: in(?: the)? (?P<col2>{C}))?,? (?:becomes?|to|as|into|should be|is) ?(?P<to>{L}|[^,;]{{1,30}})$",
        re.IGNORECASE,
    ),
)
_GIVEN: Final = re.compile(
    rf"^(?P<where>.{{2,120}}?) (?:gets?|should have|has to have|receives?|must have)(?: an?| the)? (?P<col>{C})(?: of| =| to)? (?P<to>{L}|[^,;]{{1,40}})$",
    re.IGNORECASE,
)
_ARROW: Final = re.compile(
    rf"^(?:把|将)?(?P<where>.{{2,160}}?)(?:的)?\s?(?:->|→|=>)\s?(?:设为|改成|set to )?(?P<to>{L}|[^,;→>]{{1,30}})$"
)


def rest_to(c: Clause) -> Reading | None:
    found = next((m for pattern in _REST if (m := pattern.match(c.text))), None)
    if found is None:
        return None
    groups = found.groupdict()
    char = groups["col"] or groups.get("col2")
    names = c.names(char) if char else tuple(n for n in c.carried if c.schema.find(n))
    parts = [p for p in re.split(SEP, found.group("kept"), flags=re.IGNORECASE) if p and p.strip()]
    kept = [typed(c.schema[names[0]], c.literal(part)) for part in parts] if len(names) == 1 else []
    if not kept or re.search(C, found.group("kept")):
        return None
    where: Where = {"column": names[0], "op": "nin", "value": kept}
    if len(kept) == 1:
        where = {"column": names[0], "op": "ne", "value": kept[0]}
    return _set(c, names[0], where, found.group("to"), weight=72)


def given(c: Clause) -> Reading | None:
    found = _GIVEN.match(c.text)
    where = c.reader.read(found.group("where")) if found else None
    names = c.names(found.group("col")) if found else ()
    return (
        _set(c, names[0], where, found.group("to"), weight=72)
        if found and where and len(names) == 1
        else None
    )


def arrow(c: Clause) -> Reading | None:
    """A condition and what its cells become; two columns with an arrow are a new name."""
    found = _ARROW.match(c.text)
    where = c.reader.read(found.group("where")) if found else None
    names = conditioned_columns(where) if where else ()
    return (
        _set(c, names[0], where, found.group("to"), weight=72)
        if found and where and len(names) == 1
        else None
    )


FRAMES = (set_value, rest_to, given, arrow)
