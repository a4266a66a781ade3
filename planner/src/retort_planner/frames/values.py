"""Values: replace and merge."""

from __future__ import annotations

import re
from typing import Any, Final

from retort_core.schema import Column
from retort_planner.frames.base import SEP, Clause, Part, Reading, Way, decided, draft
from retort_planner.frames.slots import (
    code_of,
    held_in,
    holding,
    is_column,
    is_empty,
    not_a_value,
    place_of,
    typed,
)
from retort_planner.grounding import look_up
from retort_planner.literals import number
from retort_planner.text import C, L
from retort_planner.trees import Where
from retort_planner.values import complete, holders, segmented, values_of

_ARROW: Final = r"(?:都|全部?|统统|通通|统一|一律)*\s?(?:替换[成为]?|换[成为]|改[成为]|变[成为]|更[正改]为|修[正改][成为]|写成|转[成为]|->|→|=>)\s?"
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
    place = place_of(text)
    if place is not None:
        columns = c.names(place.group("cols"))
        text = (text[: place.start()] + text[place.end() :]).strip(" ,")
    text = re.sub(r"^(?:把|将|里的?|中的?|内的?|的)", "", text).strip()
    match = _PAIR_ZH.match(text) or _PAIR_EN.match(text)
    if match is None or is_column(match.group("from"), match.group("to")):
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
    columns = columns or holding(c, sources)
    if not columns and sources:
        return _unheld(c, sources, target)
    if not columns or not sources or not all(sources):
        return None
    column = c.schema.find(columns[0])
    if (
        column is None
        or column.dtype.temporal
        or not_a_value(to)
        or (number(sources[0]) is None and column.dtype.numeric and not column.value_labels)
    ):
        return None
    exact = [held_in(c, c.schema[name], source) for name in columns for source in sources]
    if substring or (not any(exact) and _inside(c, columns, sources)):
        mapping = [{"from": source, "to": target} for source in sources]
        return decided(
            draft("replace_values", columns=list(columns), mapping=mapping, match="substring"),
            weight=63,
            subject=columns,
        )
    return _exactly(c, columns, sources, to, target)


def _unheld(c: Clause, sources: list[str], target: str) -> Reading | None:
    """「把高中改成本科」 where no column has 高中: the nearest values, else what the column of the new value has."""
    near = [
        (column, found)
        for column in c.schema.columns
        if not column.dtype.numeric and not column.dtype.temporal and complete(column, c.profile)
        for found in [look_up(sources[0], column, c.profile)]
        if found.near
    ]
    if len(sources) == 1 and near:
        column, found = near[0]
        steps = lambda values: (  # noqa: E731 - as `_nearest` wants it
            draft(
                "replace_values",
                columns=[column.name],
                mapping=[{"from": value, "to": target} for value in values],
                match="exact",
            ),
        )
        return _nearest(c, found, sources, steps, (column.name,))
    home = next((c.schema[name] for name in holders(c.schema, c.profile, target)), None)
    if home is None:
        return None
    said, listed = sources[0], c.say("、", ", ").join(held.value for held in values_of(home, c.profile)[:8])
    note = c.say(
        f"没有哪一列里有「{said}」，没有改动。「{home.name}」列里有：{listed}。",
        f"No column holds “{said}”; nothing was changed. “{home.name}” has: {listed}.",
    )
    return Reading(Part((Way(()),), assumptions=(note,)), 30)


def _inside(c: Clause, columns: tuple[str, ...], sources: list[str]) -> bool:
    """No cell is exactly this, but some contain it: it is part of a text that is meant."""
    values = [held.value for name in columns for held in values_of(c.schema[name], c.profile)[:300]]
    return bool(values) and all(
        any(source in value and source != value for value in values) for source in sources
    )


def _exactly(c: Clause, columns: tuple[str, ...], sources: list[str], to: str, target: str) -> Reading:
    empty = is_empty(to)

    def steps(values: list[str]) -> tuple[Any, ...]:
        if empty:
            return tuple(
                draft("set_value", column=name, where=_among(c.schema[name], values), value=None)
                for name in columns
            )
        mapping = [
            {"from": code_of(c.schema[columns[0]], value), "to": code_of(c.schema[columns[0]], target)}
            for value in values
        ]
        return (draft("replace_values", columns=list(columns), mapping=mapping, match="exact"),)

    lost = _lost(c, columns, sources)
    if lost is not None:
        return _nearest(c, lost, sources, steps, columns)
    return Reading(Part((Way(steps(sources)),), subject=columns), 63)


def _among(column: Column, values: list[str]) -> Where:
    meant = [typed(column, value) for value in values]
    if len(meant) == 1:
        return {"column": column.name, "op": "eq", "value": meant[0]}
    return {"column": column.name, "op": "in", "value": meant}


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


def _spread(c: Clause, sources: list[str], columns: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
    """「博士硕士」 are two values said in one breath."""
    if len(sources) != 1:
        return sources, columns
    found = segmented(c.schema, c.profile, sources[0], columns[0] if columns else "")
    return (list(found[1]), columns or (found[0],)) if found is not None else (sources, columns)


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
    place = place_of(text)
    if place is not None:
        columns = c.names(place.group("cols"))
        text = (text[: place.start()] + text[place.end() :]).strip(" ,")
    text = re.sub(r"^(?:请|帮我|please )?(?:把|将)?(?:里的?|中的?|的)?", "", text)
    match = _MERGE_ZH.match(text) or _MERGE_EN.match(text)
    if match is None or is_column(match.group("from"), match.group("to")):
        return None
    if re.match(r"(?:是|为|等于|在)(?!否)", match.group("from")) and re.search(C, match.group("from")):
        return None
    sources = [
        c.literal(part) for part in re.split(SEP, match.group("from"), flags=re.IGNORECASE) if part.strip()
    ]
    sources, columns = _spread(c, sources, columns)
    columns = columns or holding(c, sources)
    to = c.literal(match.group("to"))
    if len(columns) != 1 or not sources or not_a_value(match.group("to")):
        return None
    if len(sources) == 1 and not held_in(c, c.schema[columns[0]], sources[0]):
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


FRAMES = (replace_values, merge_values)
