"""Values: set, replace, merge, recode."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from retort_core.schema import Column, Kind
from retort_planner.frames.base import (
    COLUMNS,
    GAP,
    SEP,
    Clause,
    Part,
    Reading,
    Way,
    decided,
    draft,
)
from retort_planner.frames.rows import free, new_name
from retort_planner.grounding import look_up
from retort_planner.lexicon import either
from retort_planner.literals import number
from retort_planner.text import C, L, narrow
from retort_planner.trees import Where, conditioned_columns
from retort_planner.values import complete, holders, values_of

_EMPTY: Final = r"(?:空(?:值|白|的)?|缺失值?|null|none|na|nan|无值|(?:an? )?(?:empty|missing|blank)(?: values?| cells?)?|nothing)"
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


def set_value(c: Clause) -> Reading | None:
    text = c.text
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


def _is_column(*texts: str) -> bool:
    """A slot that is nothing but columns belongs to another operation; 其他城市 is a value all the same."""
    return any(re.fullmatch(rf"(?:{C}|[\s,、和与及]|and|列|column)+", text) for text in texts)


def _place(text: str) -> re.Match[str] | None:
    """Where the values are: at the start (在城市列里…), or in English at the end (… in city)."""
    ending = re.search(r",?\s?(?:\b(?:in|of|for|from)\b)\s?" + _IN_END + r"$", text, re.IGNORECASE)
    return re.match(_IN, text, re.IGNORECASE) or ending


def _is_empty(value: str | None) -> bool:
    return value is None or re.fullmatch(_EMPTY, value.strip(), re.IGNORECASE) is not None


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
    apart = re.fullmatch(
        rf"(?P<where>.{{2,200}}?)(?:的,?|, ?)(?:人|行|用户|受访者|记录|样本)?(?:的)?(?:其)?(?P<target>{C})(?:列|字段)?(?:的)?",
        what,
    )
    if apart is not None:
        where = c.reader.read(apart.group("where"))
        target = c.names(apart.group("target"))
        if where is not None and len(target) == 1:
            return _set(c, target[0], where, value)
    whole = re.fullmatch(rf"(?:整个?|the )?({C})(?:这?一?列|字段|整列)?", what)
    if whole is not None:
        return _whole_column(c, c.names(whole.group(1)), value)
    where = c.reader.read(what)
    if where is None:
        return None
    columns = conditioned_columns(where)
    return _set(c, columns[0], where, value) if len(columns) == 1 else None


def _set(c: Clause, target: str, where: Where | None, value: str | None) -> Reading | None:
    column = c.schema.find(target)
    if column is None:
        return None
    new = None if _is_empty(value) else _typed(column, c.literal(value or ""))
    return decided(draft("set_value", column=target, where=where, value=new), weight=59, subject=(target,))


def _typed(column: Column, text: str) -> str | int | float:
    parsed = number(text)
    return (
        parsed
        if column.dtype.numeric and column.kind is not Kind.multi and parsed is not None
        else narrow(text)
    )


def _whole_column(c: Clause, names: tuple[str, ...], value: str | None) -> Reading | None:
    if len(names) != 1:
        return None
    if _is_empty(value):
        return decided(draft("set_value", column=names[0], where=None, value=None), weight=57, subject=names)
    text, column = c.literal(value or ""), c.schema[names[0]]
    if re.search(rf"{C}|\b(?:where|if|when|unless)\b|如果|的时候", value or "") or _not_a_value(value or ""):
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
            (draft("set_value", column=names[0], where=None, value=_typed(column, text)),),
            c.say(f"把整列的值都改成「{text}」", f"Set every cell to “{text}”"),
            rows=rows,
        ),
    )
    ask = c.say(
        f"「{names[0]}」改成「{text}」：是改列名，还是改所有的值？",
        f"“{names[0]}” to “{text}”: rename the column, or change every value?",
    )
    return Reading(Part(ways, ask=ask, subject=names), 45)


def _not_a_value(text: str) -> bool:
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
    return re.fullmatch(rf"(?:proper|real|actual|valid|normal|正常的?|标准的?|正确的?)?\s?{words}(?:的?(?:类型|格式|形式|列))?", text.strip(), re.IGNORECASE) is not None


_IN: Final = rf"(?P<where>(?:把|将|在|对|\bin\b|\bfor\b|\bfrom\b|\bof\b)?\s?(?:the )?(?:columns? )?(?P<cols>{COLUMNS})(?:列|字段|\scolumns?)?(?:中|里面?|内|上)?(?:的)?[,:]?)"
_IN_END: Final = rf"(?:the )?(?:columns? )?(?P<cols>{COLUMNS})(?:\scolumns?)?"
_ARROW: Final = r"(?:都|全部?|统一|一律)?\s?(?:替换[成为]?|换[成为]|改[成为]|变[成为]|更[正改]为|修[正改][成为]|写成|转[成为]|->|→|=>)\s?"
_PAIR_ZH: Final = re.compile(
    rf"^(?:的)?(?:值|所有的?|全部的?|每个)?(?P<from>{L}|[^,;\x01]{{1,40}}?)(?:这个字|字样|这个词|字符|两个字|的值|的)?{_ARROW}(?P<to>{L}|[^,;\x01]{{0,40}}?)(?:吧|即可)?$"
)
_PAIR_EN: Final = re.compile(
    rf"^(?:please |then )?(?:replace|change|substitute|swap|turn|correct|rewrite|fix|convert)(?: all| every| each| the| any)*(?: (?:values?|occurrences?|instances?|text|word|cells?)(?: of| equal to)?)? ?(?P<from>{L}|[^,;\x01]{{1,40}}?) (?:with|to|by|into|for) ?(?P<to>{L}|[^,;\x01]{{1,40}}?)$",
    re.IGNORECASE,
)
_SUBSTRING: Final = re.compile(
    r"字样|字符|这个字|这个词|文字|部分内容|子串|中出现的|里出现的|包含的|每个|\b(?:occurrences?|instances?|substring|the word|the text|characters?|every)\b",
    re.IGNORECASE,
)


def replace_values(c: Clause) -> Reading | None:
    text = re.sub(r"^(?:请|帮我|please )", "", c.text, flags=re.IGNORECASE)
    columns: tuple[str, ...] = ()
    place = _place(text)
    if place is not None:
        columns = c.names(place.group("cols"))
        text = (text[: place.start()] + text[place.end() :]).strip(" ,")
    text = re.sub(r"^(?:把|将|里的?|中的?|内的?|的)", "", text).strip()
    match = _PAIR_ZH.match(text) or _PAIR_EN.match(text)
    if match is None or _is_column(match.group("from"), match.group("to")):
        return None
    if re.match(r"(?:是|为|等于|在)(?!否)", match.group("from")) and re.search(C, match.group("from")):
        return None  # a condition with its target: 省份是广东的，城市写成广州
    sources = [
        c.literal(part) for part in re.split(SEP, match.group("from"), flags=re.IGNORECASE) if part.strip()
    ]
    return _replaced(c, columns, sources, match.group("to"), substring=_SUBSTRING.search(c.text) is not None)


def _replaced(
    c: Clause, columns: tuple[str, ...], sources: list[str], to: str, *, substring: bool
) -> Reading | None:
    target = (
        ""
        if re.fullmatch(r"空字符串?|空串|空文本|nothing|\"\"|", to.strip(), re.IGNORECASE)
        else c.literal(to)
    )
    target = {"空格": " ", "space": " ", "a space": " ", "逗号": ",", "顿号": "、"}.get(target, target)
    columns = columns or _holding(c, sources)
    if not columns or not sources or not all(sources):
        return None
    column = c.schema.find(columns[0])
    if (
        column is None
        or column.dtype.temporal
        or _not_a_value(to)
        or (number(sources[0]) is None and column.dtype.numeric and not column.value_labels)
    ):
        return None
    exact = [_held(c, c.schema[name], source) for name in columns for source in sources]
    if substring or (not any(exact) and _inside(c, columns, sources)):
        mapping = [{"from": source, "to": target} for source in sources]
        return decided(
            draft("replace_values", columns=list(columns), mapping=mapping, match="substring"),
            weight=63,
            subject=columns,
        )
    return _exactly(c, columns, sources, to, target)


def _holding(c: Clause, sources: list[str]) -> tuple[str, ...]:
    found = [set(holders(c.schema, c.profile, source)) for source in sources]
    common = set.intersection(*found) if found else set()
    if len(common) == 1:
        return tuple(common)
    carried = tuple(name for name in c.carried if c.schema.find(name))
    return carried[:1] if not common or (carried[:1] and carried[0] in common) else ()


def _held(c: Clause, column: Column, text: str) -> bool:
    own = narrow(text)
    return any(narrow(held.value) == own for held in values_of(column, c.profile))


def _inside(c: Clause, columns: tuple[str, ...], sources: list[str]) -> bool:
    """No cell is exactly this, but some contain it: it is part of a text that is meant."""
    values = [held.value for name in columns for held in values_of(c.schema[name], c.profile)[:300]]
    return bool(values) and all(
        any(source in value and source != value for value in values) for source in sources
    )


def _exactly(c: Clause, columns: tuple[str, ...], sources: list[str], to: str, target: str) -> Reading:
    empty = _is_empty(to)

    def steps(values: list[str]) -> tuple[Any, ...]:
        if empty:
            return tuple(
                draft("set_value", column=name, where=_among(c.schema[name], values), value=None)
                for name in columns
            )
        mapping = [
            {"from": _code(c.schema[columns[0]], value), "to": _code(c.schema[columns[0]], target)}
            for value in values
        ]
        return (draft("replace_values", columns=list(columns), mapping=mapping, match="exact"),)

    lost = _lost(c, columns, sources)
    if lost is not None:
        return _nearest(c, lost, sources, steps, columns)
    return Reading(Part((Way(steps(sources)),), subject=columns), 63)


def _among(column: Column, values: list[str]) -> Where:
    typed = [_typed(column, value) for value in values]
    if len(typed) == 1:
        return {"column": column.name, "op": "eq", "value": typed[0]}
    return {"column": column.name, "op": "in", "value": typed}


def _code(column: Column, text: str) -> str | int | float:
    return _typed(column, text) if column.dtype.numeric else text


def _lost(c: Clause, columns: tuple[str, ...], sources: list[str]) -> Any:
    if len(columns) != 1 or not complete(c.schema[columns[0]], c.profile):
        return None
    found = [look_up(source, c.schema[columns[0]], c.profile) for source in sources]
    return next((item for item in found if item.exact is None and (item.near or item.variants)), None)


def _nearest(c: Clause, item: Any, sources: list[str], steps: Any, columns: tuple[str, ...]) -> Reading:
    ways = [
        Way(
            steps([held.value if source == item.value else source for source in sources]),
            held.value,
            rows=held.count,
        )
        for held in (*item.variants, *item.near)[:3]
    ]
    ways.append(
        Way(
            steps(sources),
            c.say(f"就按「{item.value}」（现在 0 行）", f"“{item.value}” as it is (0 rows now)"),
            rows=0,
        )
    )
    ask = c.say(
        f"「{columns[0]}」列里没有「{item.value}」，是指下面哪个？",
        f"Column “{columns[0]}” has no “{item.value}”. Which of these is meant?",
    )
    return Reading(Part(tuple(ways), ask=ask, subject=columns), 63)


_MERGE_ZH: Final = re.compile(
    rf"^(?:把|将)?(?P<from>.{{1,120}}?)(?:这[几两三]个?(?:值|写法|选项)?)?(?:都|全部?|统一)?(?:合并[成为到]*|合成|归并[成为到]*|归[为成到入]|并[成为到]|统一[成为]|统一写成|算作|视为|当作|写成)(?:同一[个类]?|一个|一[类组项])?(?:,?(?:叫做?|命名为|名为))?[:]?(?P<to>{L}|[^,;\x01]{{1,30}})$"
)
_MERGE_EN: Final = re.compile(
    rf"^(?:please )?(?:merge|combine|group|collapse|lump|unify|consolidate|treat|fold)(?: the)?(?: values| categories| answers)? ?(?P<from>.{{1,120}}?) (?:together )?(?:into|as|to|under)(?: one)?(?: value| category)?(?: called| named)? ?(?P<to>{L}|[^,;\x01]{{1,30}})$",
    re.IGNORECASE,
)


def merge_values(c: Clause) -> Reading | None:
    text = c.text
    columns: tuple[str, ...] = ()
    place = _place(text)
    if place is not None:
        columns = c.names(place.group("cols"))
        text = (text[: place.start()] + text[place.end() :]).strip(" ,")
    text = re.sub(r"^(?:请|帮我|please )?(?:把|将)?(?:里的?|中的?|的)?", "", text)
    match = _MERGE_ZH.match(text) or _MERGE_EN.match(text)
    if match is None or _is_column(match.group("from"), match.group("to")):
        return None
    if re.match(r"(?:是|为|等于|在)(?!否)", match.group("from")) and re.search(C, match.group("from")):
        return None
    sources = [
        c.literal(part) for part in re.split(SEP, match.group("from"), flags=re.IGNORECASE) if part.strip()
    ]
    columns = columns or _holding(c, sources)
    to = c.literal(match.group("to"))
    if len(columns) != 1 or not sources or _not_a_value(match.group("to")):
        return None
    if len(sources) == 1 and not _held(c, c.schema[columns[0]], sources[0]):
        return None

    def steps(values: list[str]) -> tuple[Any, ...]:
        return (
            draft(
                "merge_values", column=columns[0], groups=[{"from": [v for v in values if v != to], "to": to}]
            ),
        )

    lost = _lost(c, columns, sources)
    if lost is not None:
        return _nearest(c, lost, sources, steps, columns)
    return Reading(Part((Way(steps(sources)),), subject=columns), 64)


_CODE_PAIR: Final = re.compile(
    rf"(?:\band )?(?P<from>{L}|[^,;:=→\x01、]{{1,30}}?)\s?(?:编码[为成]|编[为成]|=>|->|=|→|:|改[为成]|转[为成]|记[为成]?(?=[0-9])|记[为成]|换成|映射[为成到]|变[为成]|赋值?为|为|是|\b(?:as|to|becomes?|is)\b)\s?(?P<to>{L}|[^,;:=→\x01、]{{1,30}}?)(?=$|\s?[,;、]|\s?和|\s(?:and)\b)",
    re.IGNORECASE,
)


def recode_values(c: Clause) -> Reading | None:
    reverse = _reversed(c)
    if reverse is not None:
        return reverse
    text, name = c.text, ""
    asked = re.search(either("recode"), text, re.IGNORECASE)
    named = re.search(
        r"[,;]?\s?(?:存[为到成]|放[到在]|写入|生成|保存[为到]|新列(?:叫|为|名为)?|\b(?:into|in|as|called|named)\b)\s?(?:新列|a new column|new column|column)?\s?(?:called |named |叫)?(?P<name>[\ue800-\uefff]|[A-Za-z_][A-Za-z0-9_]*|[\u4e00-\u9fff]{2,12})(?:列)?$",
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
        columns = _holding(c, [c.literal(re.sub(r"^\s*and ", "", m.group("from"))) for m in _CODE_PAIR.finditer(re.sub(asked.re, "", text))])
    body = text[: head.start()] + GAP + text[head.end() :] if head else text
    return _recoded(c, columns, body, name, asked=asked is not None)


def _recoded(c: Clause, columns: tuple[str, ...], body: str, name: str, *, asked: bool) -> Reading | None:
    body = re.sub(rf"^[\s{GAP}]*(?:请|把|将|对|please )*|{GAP}", " ", body)
    body = re.sub(
        r"(?<![A-Za-z])(?:recode|re-code|map|encode|remap|values?|transform|translate|convert|code|so that|with|the|column|of|in|as(?= [A-Za-z]+ ?[=:]))(?![A-Za-z])|(?:转|改|换|变)[成为](?:数字|数值|分数|编码)(?=[:,])|重新?编码为?|编码为?(?=[:,]|$|\s)|映射[为成]?|(?:列|字段)?(?:中|里)的?|^列|数字化|进行|按照?",
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
    if not asked and not all(_held(c, column, a) for a, _ in pairs):
        return None
    numeric = all(number(b) is not None and re.fullmatch(r"[+\-]?[0-9.]+", b) for _, b in pairs)
    mapping = [{"from": _code(column, a), "to": number(b) if numeric else b} for a, b in pairs]
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


FRAMES = (set_value, replace_values, merge_values, recode_values)
