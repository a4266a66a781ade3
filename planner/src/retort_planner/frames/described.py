"""Rows that are described without saying what to do with them, or by a value that no column has: both are questions."""

from __future__ import annotations

import re
from typing import Final, cast, get_args

from retort_planner.counting import rows_where
from retort_planner.frames.base import Clause, Draft, Reading, Way, asking, draft
from retort_planner.frames.rows import free
from retort_planner.frames.standards import region_columns
from retort_planner.polarity import Mode, verbs
from retort_planner.trees import Where, conditioned_columns
from retort_planner.values import Held, complete, nearest, values_of
from retort_plans.regions import Ambiguous, Level, Region, resolve

_VALUE: Final = re.compile(r"[\u4e00-\u9fff]{2,8}|[A-Z][A-Za-z]{2,20}(?: [A-Z][A-Za-z]+)?")
_SPEAKS: Final = re.compile(r"[的了把将其得都和与或且并]|出来|异常|重复|缺失|统计|计算|排序|填")
_AROUND: Final = re.compile(
    r"^(?:所有|全部|那些|来自|是|在)+|(?:的)?(?:人|用户|样本|数据|行|记录|受访者|那些|地区)*(?:都|全部?)?$"
    r"|^(?:(?:the |all )?(?:people|rows?|records?|respondents?|those|everyone|users|customers|data|ones)? ?(?:who are |living )?(?:from|in|of|with|for)? ?)"
    r"| (?:people|rows?|records?|respondents?|users|customers|data|ones|only)$",
    re.IGNORECASE,
)


def bare_condition(c: Clause) -> Reading | None:
    """「收入在五千到一万之间的人」: kept, dropped, marked or only counted?"""
    if c.lastly != "rows" or c.carried or len(c.text) > 120:
        return None
    where = c.reader.read(c.text)
    if where is None or not _rows_meant(c):
        return None
    return asking(
        c.say("要对这些行做什么？", "What should happen to these rows?"),
        _ways(c, where),
        weight=20,
        subject=conditioned_columns(where),
    )


def _rows_meant(c: Clause) -> bool:
    """A value alone (「上海」) is no instruction; a comparison or a noun for rows is."""
    return (
        re.search(
            r"人|行|样本|记录|数据|的$|\b(?:who|with|people|everyone|those|rows?|records?|respondents?)\b|[0-9一二两三四五六七八九十百千万]",
            c.text,
            re.IGNORECASE,
        )
        is not None
    )


def _ways(c: Clause, where: Where) -> tuple[Way, ...]:
    rows = rows_where(where, c.schema, c.profile)
    every = c.profile.rows if c.profile else None
    name = conditioned_columns(where)[0]
    count = [{"column": name, "fn": "count", "as": c.say("人数", "count")}]
    return (
        Way((_filter(where, "keep"),), c.say("只保留这些行", "Keep only these rows"), rows=rows),
        Way((_filter(where, "drop"),), c.say("删除这些行", "Drop these rows"), rows=rows),
        Way(
            (
                draft(
                    "flag_rows",
                    where=where,
                    new_name=free(c, c.say(f"{name}_标记", f"{name}_flag")),
                    value="1",
                ),
            ),
            c.say("只在新列里标记", "Only mark them in a new column"),
            rows=rows,
        ),
        Way(
            (draft("group_aggregate", by=[], aggregations=count, weight="", where=where),),
            c.say("只数一数有多少", "Only count them"),
            rows=every if rows is None else rows,
            default=True,
        ),
    )


def _filter(where: Where, mode: Mode) -> Draft:
    return draft("filter_rows", where=where, mode=mode, unknown="default")


def unknown_value(c: Clause) -> Reading | None:
    """「只留深圳的」 where no column has 深圳: the nearest values, and the columns of places as it was said."""
    for verb in verbs(c.text) if c.lastly == "value" else ():
        said = _AROUND.sub("", f"{c.text[: verb.start]} {c.text[verb.end :]}".strip(" ,把将了掉"))
        said = _AROUND.sub("", said).strip(" ,的")
        if _VALUE.fullmatch(said) and not _SPEAKS.search(said):
            return _nearest(c, said, verb.mode)
    return None


def _nearest(c: Clause, said: str, mode: Mode) -> Reading | None:
    near = _near(c, said)
    places = region_columns(c) if _is_place(said) else ()
    ways = [
        Way((_filter(_is(name, held.value), mode),), f"{name} = {held.value}", rows=held.count)
        for name, held in near[:3]
    ]
    ways += [
        Way(
            (_filter(_is(name, said), mode),),
            c.say(f"就按「{name}」是「{said}」（现在 0 行）", f"“{name}” is “{said}” (0 rows now)"),
            rows=0,
        )
        for name in places[:2]
        if complete(c.schema[name], c.profile)
    ]
    if not ways:
        return None
    ways.append(Way((), c.say("都不是", "None of these")))
    ask = c.say(
        f"没有哪一列里有「{said}」，是指下面哪个？", f"No column holds “{said}”. Which of these is meant?"
    )
    return asking(ask, tuple(ways), weight=20)


def _near(c: Clause, said: str) -> list[tuple[str, Held]]:
    found = [
        (column.name, held)
        for column in c.schema.columns
        if not column.dtype.numeric and not column.dtype.temporal and complete(column, c.profile)
        for held in nearest(said, values_of(column, c.profile), 2)
    ]
    return sorted(found, key=lambda item: -item[1].count)


def _is_place(said: str) -> bool:
    return any(
        isinstance(resolve(said, cast("Level", level)), Region | Ambiguous) for level in get_args(Level)
    )


def _is(name: str, value: str) -> Where:
    return {"column": name, "op": "eq", "value": value}


FRAMES = (bare_condition, unknown_value)
