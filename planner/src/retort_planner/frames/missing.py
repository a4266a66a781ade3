"""Missing answers: declare codes, fill, drop rows."""

from __future__ import annotations

import re
from typing import Any, Final

from retort_core.schema import Column
from retort_planner.frames.base import COLUMNS, GAP, SEP, Clause, Cutter, Part, Reading, Way, decided, draft
from retort_planner.lexicon import cue, either
from retort_planner.literals import number
from retort_planner.text import C, L, narrow
from retort_planner.values import values_of

_VERBS: Final = r"(?:把|将|视|\b(?:treat|count|consider|regard|code|declare|mark|interpret|take|make|set|handle|define|turn|convert|change|replace)\b)"
_LABELS: Final = re.compile(
    r"拒答|拒绝回答|不知道|不清楚|不适用|跳过|没回答|没答|没填|未回答|未答|无回答|\b(?:refused|don't know|not applicable|no answer|not answered)\b",
    re.IGNORECASE,
)
_ITEM: Final = rf"(?:{L}|[+\-−]?[0-9][0-9.]*|[A-Za-z#/]{{1,12}}|[\u4e00-\u9fff]{{1,8}}?|[()?.\-]{{1,8}})"
_BETWEEN: Final = SEP.replace("/", "")  # N/A is one code
_LIST: Final = re.compile(rf"{_ITEM}(?:(?:{_BETWEEN}){_ITEM})*", re.IGNORECASE)
_AS: Final = re.compile(rf"{either('missing_as')}(?:\s?处理|来处理|看待|对待)?", re.IGNORECASE)


def normalize_missing(c: Clause) -> Reading | None:
    found: re.Match[str] | None = None
    for match in _AS.finditer(c.text):
        if re.search(
            r"缺失|空值|无效|未回答|无回答|拒答|不知道|不适用|跳过|没回答|missing|answer|refused|know|applicable|response",
            match.group(),
            re.IGNORECASE,
        ) and (found is None or re.search(r"[算当视]", match.group())):
            found = match
    if found is None:
        return None
    match = found
    if c.has("fill") and not re.search(r"算|当|视|作为|看作|定义", match.group()):
        return None
    told = _told(c, match)
    if told is not None:
        return told
    k = c.cutter()
    k.remove(match)
    k.cut(r"这[一两二三几0-9]+个?(?:值|数|代码|编码)?|(?:the )?(?:codes?|values?|answers?)\b|代码|编码|取值")
    columns = k.all_columns()
    k.cut(_VERBS)
    values = _values(c, k)
    if not values:
        return None
    label = _LABELS.search(match.group())
    items = [{"value": value, "label": label.group() if label else ""} for value in values]
    return _declared(c, items, columns)


_TOLD: Final = re.compile(
    rf"(?P<value>{L}|[+\-−]?[0-9][0-9.]*)\s?(?:是|代表|表示|为|指|\b(?:is|means|stands for)\b)\s?(?P<label>{_LABELS.pattern})",
    re.IGNORECASE,
)


def _told(c: Clause, match: re.Match[str]) -> Reading | None:
    """「98是不知道，-999是没答，都算缺失」: every code with what it stands for."""
    body = c.text[: match.start()] + c.text[match.end() :]
    found = list(_TOLD.finditer(body))
    k = c.cutter()
    k.left = _TOLD.sub(GAP, body)
    columns = k.all_columns()
    k.cut(_VERBS)
    if not found or not k.clean:
        return None
    items = [{"value": narrow(c.literal(m.group("value"))), "label": m.group("label")} for m in found]
    return _declared(c, items, columns)


def _values(c: Clause, k: Cutter) -> list[str]:
    body = re.sub(
        rf"{GAP}|(?<![A-Za-z])(?:in|for|of|the|all|any)(?![A-Za-z])|^(?:请|帮我)|(?:这|那)?一?(?:列|字段)?(?:中|里|内)(?:面)?的?|列|所有的?|凡是|那些|那几个|这些|都|值(?:为|是)|值",
        " ",
        k.left,
        flags=re.IGNORECASE,
    )
    body = body.strip(" ,的为:")
    if not body or not _LIST.fullmatch(body):
        return []
    parts = [part for part in re.split(rf"{_BETWEEN}|\s+", body, flags=re.IGNORECASE) if part]
    values = [narrow(c.literal(part)) for part in parts]
    # Bare Chinese words must be values of the data: 「以后缺失」 declares nothing.
    return (
        values if all(_plausible(c, part, value) for part, value in zip(parts, values, strict=True)) else []
    )


def _plausible(c: Clause, said: str, value: str) -> bool:
    if (
        re.fullmatch(L, said)
        or number(said) is not None
        or re.fullmatch(r"[A-Za-z#/()?.\-]{1,12}|无|没有|空|不详|未知|跳过|拒答|不知道|不清楚|不适用", said)
    ):
        return True
    return any(
        narrow(held.value) == value
        for column in c.schema.columns
        for held in values_of(column, c.profile)[:200]
    )


def _canonical(value: str) -> str:
    parsed = number(value)
    return str(parsed) if parsed is not None and re.fullmatch(r"[+\-−]?[0-9.,]+", value) else value


def _declared(c: Clause, items: list[dict[str, str]], columns: tuple[str, ...]) -> Reading | None:
    items = [{**item, "value": _canonical(item["value"])} for item in items]
    if columns:
        return decided(
            draft("normalize_missing", columns=list(columns), values=items), weight=65, subject=columns
        )
    wanted = {item["value"] for item in items}
    proposed = [col.name for col in c.schema.columns if wanted & _proposed(c, col)]
    if proposed:
        named = c.say("、", ", ").join(proposed)
        note = c.say(
            f"没有说是哪一列，用在看起来有这些代码的列：{named}。",
            f"No column was named; applied where these codes were proposed: {named}.",
        )
        return decided(
            draft("normalize_missing", columns=proposed, values=items), weight=65, assumptions=(note,)
        )
    holding = [col for col in c.schema.columns if any(h.value in wanted for h in values_of(col, c.profile))]
    carried = [name for name in c.carried if c.schema.find(name)]
    if carried:
        return decided(
            draft("normalize_missing", columns=carried, values=items), weight=65, subject=tuple(carried)
        )
    return _which(c, items, holding)


def _proposed(c: Clause, column: Column) -> set[str]:
    known = c.profile.find(column.id) if c.profile else None
    return {code.value for code in known.proposed_codes} if known else set()


def _which(c: Clause, items: list[dict[str, str]], holding: list[Column]) -> Reading | None:
    """Ordinary values everywhere they occur: which column is meant?"""
    wanted = {item["value"] for item in items}
    ways = [
        Way(
            (draft("normalize_missing", columns=[col.name], values=items),),
            col.name,
            rows=sum(h.count for h in values_of(col, c.profile) if h.value in wanted),
        )
        for col in holding[:7]
    ]
    said = "、".join(sorted(wanted))
    if not ways:
        note = c.say(
            f"没有哪一列里有 {said}，也没有说是哪一列，所以没有改动。请说明列，例如「打分列的98算缺失」。",
            f"No column holds {said} and none was named, so nothing was changed. Name the column.",
        )
        return Reading(Part((Way(()),), assumptions=(note,)), 40)
    none = Way((), c.say("都不是", "None of these"))
    ask = c.say(
        f"{said} 在这些列里是普通的值，要在哪一列算缺失？",
        f"{said} looks like an ordinary value in these columns. Where should it count as missing?",
    )
    return Reading(Part((*ways, none), ask=ask), 40)


_STRATEGIES: Final = ("forward", "backward", "median", "mode", "mean")
_BY: Final = re.compile(
    rf"(?:按照?|根据|分)(?P<zh>{COLUMNS})(?:分组|分别|各自|来|组内|的)?(?:内)?的?|(?:各|每个)(?P<zh2>{COLUMNS})(?:内部?|组内|各自|自己)?的?|\b(?:by|per|within|within each|for each|in each|grouped by)(?: the)? ?(?P<en>{COLUMNS})|\bof (?:its|the same|each|their) (?P<en2>{COLUMNS})",
    re.IGNORECASE,
)
_FILLED: Final = (
    re.compile(
        rf"(?:填充?为|填补?[成为]|补[成为全齐]*[成为]|填上|填入|填写?为|替换[成为]|换成|改[成为]|设[成为]|写成|补上|填|补)\s?(?P<value>{L}|[^,\x01的]{{1,30}})$"
    ),
    re.compile(
        rf"用\s?(?P<value>{L}|[^,\x01]{{1,20}}?)\s?(?:来|去)?(?:填充?|填补|补全|补齐|补上|补充|补|代替|替代|替换)"
    ),
    re.compile(
        rf"\b(?:with|as|by|to|using|=)(?: the)?(?: value| word| text| constant)? (?P<value>{L}|[^,\x01]{{1,30}}?)(?= (?:in|for)\b|$|\x01)",
        re.IGNORECASE,
    ),
)


def fill_missing(c: Clause) -> Reading | None:
    k = c.cutter()
    strategy = next((name for name in _STRATEGIES if k.cue(name)), "")
    if not (cue("fill").search(k.left) or strategy in ("forward", "backward")):
        return None
    by: tuple[str, ...] = ()
    grouped = _BY.search(k.left)
    if grouped is not None and strategy:
        by = c.names(grouped.group())
        k.remove(grouped)
    value = "" if strategy else _constant(k, c)
    if not strategy and not value:
        return None
    missing = k.cue("missing")
    k.cue("fill")
    columns = k.all_columns()
    k.cut(
        r"用|以|拿|取|按|根据|\b(?:with|by|using|as|to|its|of|where|in)\b|值|代替|替代|替换|充|这一?列|整体的?|该列的?|各自的?|本列的?"
    )
    k.cue("missing")
    k.cut(r"代替|替代|替换|\b(?:with|by|using|of|its)\b|处理|地方|部分|位置|单元格")
    columns = columns or tuple(name for name in c.carried if c.schema.find(name))
    if not columns or not k.clean or (not missing and not strategy and c.after != "fill_missing"):
        return None
    if strategy == "mode":
        return _mode(c, columns, by)
    typed = [_typed(c, name, value) for name in columns]
    params: dict[str, Any] = {
        "columns": list(columns),
        "strategy": strategy or "constant",
        "value": typed[0] if value else None,
        "by": list(by),
    }
    return decided(draft("fill_missing", **params), weight=67, subject=columns)


def _constant(k: Cutter, c: Clause) -> str:
    for pattern in _FILLED:
        match = pattern.search(k.left)
        if match is not None and not re.fullmatch(rf"(?:{C}|\s)*", match.group("value")):
            value = c.literal(match.group("value"))
            start, end = match.span("value")
            k.left = k.left[:start] + GAP + k.left[end:]
            return value
    return ""


def _typed(c: Clause, name: str, value: str) -> str | int | float | None:
    column = c.schema.find(name)
    parsed = number(value) if value else None
    return parsed if column is not None and column.dtype.numeric and parsed is not None else value


def _mode(c: Clause, columns: tuple[str, ...], by: tuple[str, ...]) -> Reading:
    column = c.schema.find(columns[0])
    held = values_of(column, c.profile) if column is not None else ()
    ties = [item for item in held if held and item.count == held[0].count][:6]
    if len(columns) == 1 and not by and len(ties) > 1:
        ways = tuple(
            Way(
                (
                    draft(
                        "fill_missing",
                        columns=list(columns),
                        strategy="constant",
                        value=_typed(c, columns[0], item.value),
                        by=[],
                    ),
                ),
                item.value,
                rows=item.count,
            )
            for item in ties
        )
        ask = c.say(
            f"「{columns[0]}」的众数有 {len(ties)} 个，出现次数相同，用哪一个填？",
            f"“{columns[0]}” has {len(ties)} equally frequent values. Which one should fill?",
        )
        return Reading(Part(ways, ask=ask, subject=columns), 67)
    return decided(
        draft("fill_missing", columns=list(columns), strategy="mode", value=None, by=list(by)),
        weight=67,
        subject=columns,
    )


_AT_LEAST: Final = re.compile(
    r"(?:至少|最少|不少于)(?:填了?|回答了?|有|答了)?\s?(?P<n>[0-9]+|[一二两三四五六七八九十]+)\s?(?:个|道|项|列)?(?:题|字段|变量|列|有效值?|值|答案)"
    r"|at least (?P<of>[0-9]+|[a-z]+) (?:out )?of(?: the)?(?= [\ue000-\ue7ff])|at least (?P<en>[0-9]+|[a-z]+) (?:valid |filled |non-?missing )?(?:answers?|values?|columns?|cells?|items?)(?: filled(?: in)?)?",
    re.IGNORECASE,
)


def drop_missing(c: Clause) -> Reading | None:
    k = c.cutter()
    least = _AT_LEAST.search(c.text)
    if least is not None:
        return _with_at_least(c, k, least)
    complete = k.cut(
        r"(?:没有|不含|无)(?:任何)?(?:缺失值?|空值)的?|(?:完整|填全|填完整|全部填写|信息完整)(?:的)?|\b(?:complete|fully filled(?: in)?|without (?:any )?(?:missing(?: values?)?|blanks|gaps)|with no (?:missing(?: values?)?|blanks|gaps))\b"
    )
    if complete is not None:
        columns = k.all_columns()
        kept = k.cue("keep")
        k.cue("rows")
        if kept and k.clean:
            return decided(
                draft("drop_missing", columns=list(columns or c.schema.names), how="any", min_valid=None),
                weight=61,
                subject=columns,
            )
        return None
    if not k.cue("missing") or not k.cue("drop"):
        return None
    columns = k.columns()
    said = k.taken[-1] if columns else ""
    joint = k.cut(
        r"(?:两[个列项]|这几[个列项]|[0-9]列)?(?:同时|都|全部?|全都)(?:是|为)?|\b(?:both|all|all of them|entirely|completely)\b"
    )
    either_ = k.cue("any") or re.search(r"或|\bor\b|任", said, re.IGNORECASE)
    k.cue("rows")
    k.cue("columns")
    k.cut(r"\b(?:where|with|that|have|has|containing|contain|is|are|values?)\b|含有?|有|任何")
    if not k.clean:
        return None
    return _dropped(c, columns, joint=bool(joint) and not either_, either_=bool(either_))


def _dropped(c: Clause, columns: tuple[str, ...], *, joint: bool, either_: bool) -> Reading:
    names = list(columns or c.schema.names)

    def way(how: str, label: str = "") -> Way:
        return Way((draft("drop_missing", columns=names, how=how, min_valid=None),), label, rule=how)

    if len(columns) > 1 and not joint and not either_ and len(columns) < len(c.schema.columns):
        listed = c.say("、", ", ").join(columns)
        ways = (
            way("all", c.say(f"{listed} 都缺失的行", f"rows where all of {listed} are missing")),
            way("any", c.say(f"{listed} 中任何一个缺失的行", f"rows where any of {listed} is missing")),
        )
        ask = c.say("删除哪些行？", "Which rows should be dropped?")
        key = f"missing:{'、'.join(columns)}"
        return Reading(Part(ways, ask=ask, subject=columns, convention=key), 62)
    return Reading(Part((way("all" if joint else "any"),), subject=columns), 62)


def _with_at_least(c: Clause, k: Cutter, least: re.Match[str]) -> Reading | None:
    k.remove(least)
    columns = k.all_columns()
    kept = k.cue("keep")
    k.cue("rows")
    while k.cut(
        r"有效|填写|的|\b(?:with|that|have|filled in|among|of|answered|filled|given|present|valid|non-?missing)\b"
    ):
        pass
    count = number(least.group("n") or least.group("of") or least.group("en"))
    if not kept or count is None or not k.clean or c.reader.read(least.group()) is not None:
        return None
    return decided(
        draft("drop_missing", columns=list(columns or c.schema.names), how="any", min_valid=int(count)),
        weight=60,
        subject=columns,
    )


FRAMES = (normalize_missing, fill_missing, drop_missing)
