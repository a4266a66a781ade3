"""Answers: figures that change nothing. Small ambiguities are settled, said, and the other reading is offered."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any, Final

from retort_core.schema import Column, DType, Kind
from retort_planner.frames.base import COLUMNS, GAP, Clause, Cutter, Draft, Frame, Part, Reading, Way, draft
from retort_planner.lexicon import cue, either
from retort_planner.text import C, narrow
from retort_planner.trees import Where
from retort_planner.values import complete, values_of

_FUNCTIONS: Final = ("top2box", "distinct", "median", "sd", "mean", "sum", "min", "max", "share", "count")
_GROUPED: Final = re.compile(
    rf"(?:按照?|根据|依据|分别按|以|(?<![百十])分(?!布|析|数|段|组|成|为)|各个?|每一?个?|不同的?|每种|每一种)(?P<zh>{COLUMNS})(?:分组|分类|分别|分|来|的人(?!数)|为单位|维度|拆开来?看?|分开来?看?|分别来?看?|来看|之间|内|里|下)?|(?<![A-Za-z])(?:broken down by|split by|grouped by|group by|by each|by|per|for each|for every|across|in each|within each|each|of each|for different|in every|for)(?![A-Za-z])(?: (?:the|different|every|each))? ?(?P<en>{COLUMNS})(?: (?:levels?|groups?|categories|types?|segments?)\b)?",
    re.IGNORECASE,
)
_WEIGHTED: Final = re.compile(
    rf"(?:用|以|按照?)?(?P<zh>{C})(?:列)?(?:来|做|作为|进行|为)?(?:加权|权重)(?:后|的)?|(?:加权|权重)(?:用|为|是|列)+(?P<zh2>{C})|加权(?:后|的)?|\b(?:weighted|weighting|weights?|apply weights?)(?: (?:by|with|using|from))?(?: the)?(?: weight)?(?: ?(?P<en>{C}))?",
    re.IGNORECASE,
)
_FILLER: Final = re.compile(
    r"分别|一下|多大|人?选(?=\s?(?:\x01|$))|差(?=\s?(?:\x01|$))|相差|差异|差别|区别|选的?人数?|选的|大概|大致|大体|有什么|什么|要(?=加权)|各|占|情况|结果|统计表?|汇总表?|数据|有多少|是多少|多少|如何|怎么样|几个|的人|得分|分数|表格?|\b(?:table|statistics|stats|value|values|score|overall|figures?|number|numbers|respondents?|people|there|are|how many|many|of|what|which)\b",
    re.IGNORECASE,
)


@dataclass
class Ask:
    """What of the clause is understood."""

    k: Cutter
    by: tuple[str, ...] = ()
    fns: list[str] = field(default_factory=list)
    weight: str = ""
    where: Where | None = None
    measures: tuple[str, ...] = ()


def weight_of(c: Clause, k: Cutter) -> str | None:
    """Name of the weight column, "" when none is asked for, None when it cannot be told."""
    match = _WEIGHTED.search(k.left)
    if match is None:
        return ""
    char = match.group("zh") or match.group("zh2") or match.group("en")
    k.remove(match)
    if char:
        return c.names(char)[0]
    return next(iter(_weights(c)), None)


def _weights(c: Clause) -> tuple[str, ...]:
    return tuple(col.name for col in c.schema.columns if col.kind is Kind.weight)


def _understood(c: Clause, *, stat: bool = True) -> Ask | None:
    ask = Ask(c.cutter())
    weight = weight_of(c, ask.k)
    if weight is None:
        return None
    ask.weight = weight
    ask.k.cut(r"各(?:个)?(?:题|科|项|门课?|列|问)目?的?")
    for grouped in list(_GROUPED.finditer(ask.k.left)):
        ask.by += c.names(grouped.group())
        ask.k.left = ask.k.left.replace(grouped.group(), GAP, 1)
    ask.by = tuple(dict.fromkeys(ask.by))
    for name in _FUNCTIONS:
        while (match := ask.k.cue(name)) is not None:
            ask.fns += [name] if name not in ask.fns else []
            _ = match
    ask.fns.sort(key=lambda name: cue(name).search(c.text).start() if cue(name).search(c.text) else 0)  # type: ignore[union-attr]
    if stat:
        drop_filler(ask.k)
    return ask


def drop_filler(k: Cutter) -> None:
    for _ in range(6):
        if k.cue("stat") is None and k.cut(_FILLER) is None:
            return


def scoped(c: Clause, ask: Ask) -> bool:
    """Measures, and whatever is left must be a condition on who is counted."""
    rest = ask.k.left.strip()
    ask.measures = tuple(n for n in ask.k.all_columns() if n not in ask.by)
    if ask.k.clean:
        return True
    # 「北京女性的平均年龄」: what stands before the measure says who.
    body = re.sub(rf"{GAP}", " ", rest)
    for match in reversed(list(re.finditer(COLUMNS, body, re.IGNORECASE))):
        names = c.names(match.group())
        condition = f"{body[: match.start()]} {body[match.end() :]}".strip(" ,的")
        where = (
            c.reader.read(
                re.sub(
                    r"^(?:for|among|of|in|只看|仅|其中|在)\s?|(?:的人|中|里)$",
                    "",
                    condition,
                    flags=re.IGNORECASE,
                )
            )
            if condition
            else None
        )
        if where is not None:
            ask.measures = names
            ask.where = None if _whole(c, ask, where) else where
            return True
    where = c.reader.read(re.sub(r"的?(?:人|里|中)$", "", body.strip(" ,的")))
    if where is not None and not _whole(c, ask, where):
        ask.measures, ask.where = (), where
    return where is not None


def _whole(c: Clause, ask: Ask, where: Where) -> bool:
    """「男女各多少人」 lists every value of a column: the column is meant, not a condition."""
    column = c.schema.find(where.get("column", "")) if where.get("op") == "in" else None
    if column is None or not complete(column, c.profile):
        return False
    said = {narrow(str(value)) for value in where["value"]}
    if said != {narrow(held.value) for held in values_of(column, c.profile)}:
        return False
    if ask.measures:
        ask.by = (*ask.by, column.name)
    else:
        ask.measures, ask.by = ((column.name,), ask.by) if ask.by else ((), (column.name,))
    return True


def group_aggregate(c: Clause) -> Reading | None:
    ask = _understood(c)
    if ask is None or not ask.fns or not scoped(c, ask):
        return None
    if not ask.measures and set(ask.fns) <= {"count", "share"}:
        return _counted(c, ask)
    if not ask.measures:
        return _measured_by_group(c, ask)
    if set(ask.fns) == {"share"} or (set(ask.fns) == {"count"} and not ask.by):
        return _shares(c, ask)
    return _aggregated(c, ask)


def _counted(c: Clause, ask: Ask) -> Reading | None:
    one = _single(ask) if ask.fns == ["share"] and not ask.by else None
    if one is not None:
        ask.measures, ask.where = (one,), None
        return counted_values(ask)
    if not ask.by:
        return (
            _answer(c, ask, [{"column": c.schema.names[0], "fn": "count", "as": c.say("人数", "count")}], 52)
            if ask.fns == ["count"]
            else None
        )
    fns = [
        {"column": ask.by[0], "fn": fn, "as": c.say({"count": "人数", "share": "占比"}[fn], fn)}
        for fn in ask.fns
    ]
    return _answer(c, ask, fns, 58)


def _single(ask: Ask) -> str | None:
    """「女性占多少」: the share of one value stands in the table of all of them."""
    where = ask.where or {}
    return where["column"] if where.get("op") in ("eq", "in") else None


def _measured_by_group(c: Clause, ask: Ask) -> Reading | None:
    """「各城市打分均值」 may have swallowed the measure into the group list."""
    numeric = tuple(n for n in ask.by if c.schema[n].dtype.numeric)
    if len(ask.by) > 1 and len(numeric) == 1 and ask.by[-1] == numeric[0]:
        ask.by, ask.measures = ask.by[:-1], numeric
        return _aggregated(c, ask)
    return None


def _shares(c: Clause, ask: Ask) -> Reading | None:
    if ask.by:
        return crosstab_of(c, ask.measures, ask.by, ask.weight, ask.where, weight=57)
    return counted_values(ask) if len(ask.measures) == 1 else None


def _aggregated(c: Clause, ask: Ask) -> Reading | None:
    aggregations = []
    for name in ask.measures:
        for fn in ask.fns:
            if fn not in ("count", "distinct", "share") and not _summable(c.schema[name]):
                return None
            aggregations.append({"column": name, "fn": fn, "as": called(c, name, fn)})
    return _answer(c, ask, aggregations, 60)


def _summable(column: Column) -> bool:
    return column.dtype.numeric or column.dtype is DType.duration


def called(c: Clause, name: str, fn: str) -> str:
    """What a figure is called in the table of the answer."""
    zh = {
        "mean": "均值",
        "sum": "总和",
        "min": "最小值",
        "max": "最大值",
        "median": "中位数",
        "sd": "标准差",
        "count": "人数",
        "share": "占比",
        "distinct": "不同值数",
        "top2box": "前两项占比",
    }
    return c.say(f"{name}_{zh[fn]}", f"{name}_{fn}")


def measured(c: Clause, by: tuple[str, ...], aggregations: list[dict[str, Any]], note: str) -> Reading:
    """Figures by group, with a remark on how they are meant."""
    reading = _answer(c, Ask(c.cutter(), by=by), aggregations, 73)
    notes = tuple(filter(None, (note,)))
    return replace(reading, part=replace(reading.part, assumptions=(*reading.part.assumptions, *notes)))


def _answer(c: Clause, ask: Ask, aggregations: list[dict[str, Any]], weight: int) -> Reading:
    params = {"by": list(ask.by), "aggregations": aggregations, "weight": ask.weight, "where": ask.where}
    plain = Way(
        (draft("group_aggregate", **params),), c.say("把这些值也算进去", "Count these values as answers too")
    )
    measured = {item["column"] for item in aggregations if item["fn"] not in ("count", "share", "distinct")}
    codes = _proposed(c, measured)
    if codes and len(measured) > 1:
        return _several(c, params, codes, plain, weight)
    if not codes:
        return Reading(Part((plain,), subject=tuple(measured) or ask.by), weight)
    where = _without(ask.where, codes)
    name, values = next(iter(codes.items()))
    listed = c.say("、", ", ").join(values)
    note = c.say(
        f"「{name}」里的 {listed} 看起来是缺失代码，没有计入。",
        f"{listed} in “{name}” look like missing codes and are left out.",
    )
    way = Way((draft("group_aggregate", **{**params, "where": where}),))
    return Reading(Part((way,), subject=tuple(measured), assumptions=(note,), alternatives=(plain,)), weight)


def _proposed(c: Clause, names: set[str]) -> dict[str, list[str]]:
    """Values of the measures that look like missing codes and are not declared."""
    found: dict[str, list[str]] = {}
    for column in c.schema.columns if c.profile is not None else ():
        known = c.profile.find(column.id) if c.profile is not None and column.name in names else None
        declared = {code.value for code in column.missing_codes}
        values = [code.value for code in known.proposed_codes if code.value not in declared] if known else []
        if values:
            found[column.name] = values
    return found


def _several(
    c: Clause, params: dict[str, Any], codes: dict[str, list[str]], plain: Way, weight: int
) -> Reading:
    """Codes of several measures: each is missing in its own column only, so that no answer beside it is lost."""
    marked = tuple(
        draft("normalize_missing", columns=[name], values=[{"value": value, "label": ""} for value in values])
        for name, values in codes.items()
    )
    listed = c.say("；", "; ").join(f"{name}: {', '.join(values)}" for name, values in codes.items())
    note = c.say(
        f"看起来是缺失代码的值没有计入（数据不变）：{listed}。",
        f"Values that look like missing codes are left out (the data stays as it is): {listed}.",
    )
    way = Way((*marked, draft("group_aggregate", **params)))
    return Reading(Part((way,), subject=tuple(codes), assumptions=(note,), alternatives=(plain,)), weight)


def _without(where: Where | None, codes: dict[str, list[str]]) -> Where:
    name, values = next(iter(codes.items()))
    typed = [float(v) if "." in v else int(v) if re.fullmatch(r"[+\-]?[0-9]+", v) else v for v in values]
    leaf = {"column": name, "op": "nin", "value": typed}
    return leaf if where is None else {"all": [where, leaf]}


def counted_values(ask: Ask, weight: int = 56) -> Reading:
    ways = tuple(
        draft("value_counts", column=name, weight=ask.weight, where=ask.where) for name in ask.measures
    )
    return Reading(Part((Way(ways),), subject=ask.measures), weight)


def value_counts(c: Clause) -> Reading | None:
    if not c.has("freq"):
        return None
    ask = _understood(c)
    if ask is None:
        return None
    while ask.k.cue("freq"):
        pass
    drop_filler(ask.k)
    if not scoped(c, ask):
        return None
    if ask.measures and ask.by:
        return crosstab_of(c, ask.measures, ask.by, ask.weight, ask.where, weight=57)
    ask.measures = ask.measures or ask.by
    return counted_values(ask, 59) if len(ask.measures) == 1 else None


def nps(c: Clause) -> Reading | None:
    ask = _understood(c)
    if ask is None or (ask.k.cut(rf"net promoter\s?{C}") or ask.k.cue("nps")) is None:
        return None
    drop_filler(ask.k)
    ask.k.cut(r"\b(?:score|based on|using|from|on)\b|基于|根据|得分")
    if not scoped(c, ask):
        return None
    columns = ask.measures or tuple(
        col.name
        for col in c.schema.columns
        if col.kind is Kind.scale and col.scale is not None and (col.scale.min, col.scale.max) == (0, 10)
    )
    if len(columns) != 1:
        return None
    note = (
        ()
        if ask.measures
        else (c.say(f"用 0–10 分的「{columns[0]}」计算。", f"Computed on the 0–10 column “{columns[0]}”."),)
    )
    params = {"column": columns[0], "by": list(ask.by), "weight": ask.weight, "where": ask.where}
    return Reading(Part((Way((draft("nps", **params),)),), subject=columns, assumptions=note), 70)


_BANNER: Final = re.compile(
    rf"(?P<a>{COLUMNS})\s?(?:和|与|跟|对|×|x|by|against|and|vs\.?|with)\s?(?P<b>{COLUMNS})(?:的)?\s?(?:做|作|进行|之间的?)?\s?{either('crosstab')}",
    re.IGNORECASE,
)


def crosstab(c: Clause) -> Reading | None:
    k = c.cutter()
    weight = weight_of(c, k)
    nested = k.cue("nested") is not None
    asked = k.cue("crosstab") is not None
    ask = Ask(k, weight=weight or "")
    for grouped in list(_GROUPED.finditer(k.left)):
        ask.by += c.names(grouped.group())
        k.left = k.left.replace(grouped.group(), GAP, 1)
    k.cut(r"(?:要|需要|记得|请)(?=[\x01\s]*$)")
    k.cut(r"百分比|占比|比例|列百分比|\b(?:column )?percent(?:age)?s?\b")
    drop_filler(k)
    k.cut(
        r"放在?(?:列|表头|行)上?|做表头|作为(?:列|表头|行)|\bin (?:the )?(?:rows|columns|banner)\b|\bas (?:the )?banner\b|分层|差异|对比|比较|compare|against|versus|with|in|分析"
    )
    drop_filler(k)
    if weight is None or not scoped(c, ask):
        return None
    if asked and not ask.by and len(ask.measures) >= 2:
        ask.measures, ask.by = ask.measures[:1], ask.measures[1:]
    if not ask.by or not ask.measures:
        return _only_group(c, ask) if ask.by and not asked else None
    return crosstab_of(
        c, ask.measures, ask.by, ask.weight, ask.where, nested=nested, weight=62 if asked else 54
    )


def _only_group(c: Clause, ask: Ask) -> Reading | None:
    """「按城市统计」 counts people."""
    if not c.has("stat") or ask.measures:
        return None
    aggregations = [{"column": ask.by[0], "fn": "count", "as": c.say("人数", "count")}]
    return _answer(c, ask, aggregations, 50)


def crosstab_of(
    c: Clause,
    rows: tuple[str, ...],
    banner: tuple[str, ...],
    weight_column: str,
    where: Where | None,
    *,
    nested: bool = False,
    weight: int = 55,
) -> Reading:
    """A continuous measure is averaged; everything else is a table with a banner."""
    measure = c.schema[rows[0]]
    if (
        len(rows) == 1
        and measure.kind in (Kind.numeric, Kind.duration)
        and measure.dtype.numeric
        and not nested
    ):
        ask = Ask(c.cutter(), by=banner, weight=weight_column, where=where)
        aggregations = [
            {"column": rows[0], "fn": fn, "as": called(c, rows[0], fn)} for fn in ("mean", "count")
        ]
        return _answer(c, ask, aggregations, weight)
    params: dict[str, Any] = {
        "rows": list(rows),
        "banner": list(banner),
        "nested": nested,
        "weight": weight_column,
        "where": where,
    }
    return Reading(Part((Way((draft("crosstab", **params),)),), subject=rows), weight)


def weighed(frame: Frame) -> Frame:
    """「加权后的分布」 where several columns are weights: the first is taken, said, and the others are offered."""

    @wraps(frame)
    def read(c: Clause) -> Reading | None:
        reading, names = frame(c), _weights(c)
        said = _WEIGHTED.search(c.text)
        if reading is None or len(names) < 2 or said is None or re.search(C, said.group()):
            return reading
        plain = reading.part.ways[0]
        note = c.say(f"按「{names[0]}」加权。", f"Weighted by “{names[0]}”.")
        others = tuple(
            Way(
                tuple(_by_weight(d, name) for d in plain.drafts),
                c.say(f"按「{name}」加权", f"Weight by “{name}”"),
            )
            for name in names[1:]
        )
        part = replace(
            reading.part,
            assumptions=(*reading.part.assumptions, note),
            alternatives=(*reading.part.alternatives, *others),
        )
        return replace(reading, part=part)

    return read


def _by_weight(step: Draft, name: str) -> Draft:
    return draft(step.op, **{**step.params, "weight": name}) if "weight" in step.params else step


FRAMES = tuple(map(weighed, (group_aggregate, value_counts, nps, crosstab)))
