"""Overviews: a column described, tallied, or asked about (怎么样), for everybody or for those who are meant."""

from __future__ import annotations

import re
from typing import Final

from retort_core.schema import Kind
from retort_planner.frames.answers import Ask, counted_values, drop_filler, scoped, weighed, weight_of
from retort_planner.frames.base import Clause, Cutter, Part, Reading, Way, draft
from retort_planner.trees import Where


def describe(c: Clause) -> Reading | None:
    if not c.has("describe"):
        return None
    k = c.cutter()
    weight = weight_of(c, k)
    k.cue("describe")
    k.cue("stat")
    columns = k.all_columns()
    drop_filler(k)
    k.cue("describe")
    where = _among(c, k)
    k.cut(r"数据集?|这份数据|整个表|全表|整体|基本|\b(?:dataset|data|table|everything|statistics|stats)\b")
    if weight is None or not k.clean:
        return None
    return Reading(
        Part(
            (Way((draft("describe", columns=list(columns), weight=weight, where=where),)),), subject=columns
        ),
        53,
    )


_AMONG: Final = re.compile(
    r"\b(?:for|among|of|in)(?: the)? (?P<en>[^\x01]{2,60})$|^(?:对|看)?(?P<zh>[^\x01]{1,30}?)(?:中|里|的)?的?\s?\x01"
)


def _among(c: Clause, k: Cutter) -> Where | None:
    """Who is described: 「描述女性的收入」, describe income for females."""
    found = _AMONG.search(k.left.strip())
    said = (found.group("en") or found.group("zh")) if found else ""
    where = c.reader.read(said.strip(" ,的")) if said and said.strip() else None
    if where is not None and said:
        k.left = k.left.replace(said, "")
    return where


_HOW: Final = re.compile(
    r"^(?:看看?|查看)?(?P<body>.{2,120}?)(?:的)?(?:怎么样|怎样|如何|咋样|啥样|是什么样)$|^how (?:is|are|was|were)(?: the)? (?P<en>.{2,120})$",
    re.IGNORECASE,
)


def how_is(c: Clause) -> Reading | None:
    """「30岁以上的人满意度怎么样」: the distribution, or the figures of a number, of those who are meant."""
    found = _HOW.match(c.text)
    if found is None:
        return None
    ask = Ask(c.cutter())
    ask.k.left = found.group("body") or found.group("en")
    if not scoped(c, ask) or len(ask.measures) != 1:
        return None
    name = ask.measures[0]
    if c.schema[name].kind in (Kind.numeric, Kind.duration):
        step = draft("describe", columns=[name], weight="", where=ask.where)
        return Reading(Part((Way((step,)),), subject=(name,)), 51)
    return counted_values(ask, 51)


_TALLIED: Final = re.compile(
    r"^(?:请|麻烦|帮我|给我)*(?:统计|看一?看|看一?下|查看|tabulate|tally|show(?: me)?|look at)(?:一下)?(?: the)?",
    re.IGNORECASE,
)


def tally(c: Clause) -> Reading | None:
    """「统计城市」: how a column is distributed; figures of a continuous one."""
    if not _TALLIED.match(c.text) or re.search(r"只|仅|\b(?:only|just)\b", c.text, re.IGNORECASE):
        return None
    k = c.cutter()
    k.cut(_TALLIED)
    weight = weight_of(c, k)
    columns = k.all_columns()
    k.cue("columns")
    k.cut(r"分布|情况|结果")
    if weight is None or not columns or not k.clean:
        return None
    step = draft("describe", columns=list(columns), weight=weight, where=None)
    if len(columns) == 1 and c.schema[columns[0]].kind not in (Kind.numeric, Kind.duration):
        step = draft("value_counts", column=columns[0], weight=weight, where=None)
    return Reading(Part((Way((step,)),), subject=columns), 52)


FRAMES = tuple(map(weighed, (describe, tally, how_is)))
