"""Corrections: 「不对，是大于10」 says the last instruction again with one thing changed.

What is changed may be the comparator and literal, the value, the column, keep or drop, or which duplicate stays.
"""

from __future__ import annotations

import re
from typing import Any, Final

from retort_core.plans import Step
from retort_planner.conditions import Reader
from retort_planner.frames.base import Clause, Draft
from retort_planner.grounding import leaves, rewrite
from retort_planner.lexicon import cue
from retort_planner.requests import Turn
from retort_planner.text import C
from retort_planner.trees import Where, conditioned_columns

_START: Final = re.compile(
    r"^(?:不对|不是这样|错了|搞错了|弄错了|说错了|我说错了|打错了|更正|纠正|不,|no,|nope,?|wrong,?|sorry,?|oops,?|correction[:,]?|that's (?:not right|wrong),?|not quite,?)[,。!.: ]*(?P<rest>.+)$"
    r"|^(?:我的?意思是|我是说|我指的是|应该是|应该|其实是|其实|要的是|i meant?|i mean|actually,?|it should (?:be|have been)|should (?:be|have been)|make (?:it|that)|rather)[,: ]*(?P<rest2>.+)$",
    re.IGNORECASE,
)
_LEAD: Final = re.compile(
    r"^(?:应该?(?:是|用|为)?|要(?:的是)?|是|我要的是|我是说|我(?:的)?意思是|改成|改为|换成|用|应当是|i meant?|i mean|it should (?:be|have been)|should (?:be|have been)|it's|it is|make it|use|actually|to be)[,: ]?\s?",
    re.IGNORECASE,
)
_INSTEAD: Final = re.compile(
    r"^(?:不是|不要|not )\s?(?P<old>[^,]{1,40}?)(?:,|\s)?(?:而?是|改?用|应该是|but|rather)\s?(?P<new>[^,]{1,40})$|^(?P<new2>[^,]{1,40}?),? (?:not|instead of|rather than) (?P<old2>[^,]{1,40})$|^(?P<new3>[^,]{1,40}?),?(?:不是|而不是)(?P<old3>[^,]{1,40})$",
    re.IGNORECASE,
)
_KEEPS: Final = (
    ("keep_complete", "complete"),
    ("keep_none", "none"),
    ("keep_last", "last"),
    ("keep_first", "first"),
)


def correction(text: str) -> str | None:
    """What a correction says, or None when the message is none."""
    match = _START.match(text)
    if match is None:
        return None
    rest = (match.group("rest") or match.group("rest2") or "").strip(" ,。.!")
    return rest or None


def corrected(clause: Clause, turn: Turn, rest: str) -> tuple[Draft, ...] | None:
    """The steps of `turn` with the correction in them, or None when it is not about them."""
    drafts = tuple(Draft(step.op, dict(step.params)) for step in turn.steps)
    instead = _INSTEAD.match(rest)
    old = ""
    if instead is not None:
        group = instead.groupdict()
        old = group["old"] or group["old2"] or group["old3"]
        rest = group["new"] or group["new2"] or group["new3"]
    for change in (_polarity, _rule, _comparison, _column):
        for said in dict.fromkeys((rest, _LEAD.sub("", rest))):
            new = change(clause, drafts, said, old)
            if new is not None and new != drafts:
                return new
    return None


def _polarity(_clause: Clause, drafts: tuple[Draft, ...], rest: str, old: str) -> tuple[Draft, ...] | None:
    mode = "keep" if cue("keep").fullmatch(rest) else "drop" if cue("drop").fullmatch(rest) else ""
    if not mode or old not in ("", *(w for w in (old,) if cue("keep", "drop").fullmatch(w))):
        return None
    return tuple(Draft(d.op, {**d.params, "mode": mode}) if d.op == "filter_rows" else d for d in drafts)


def _rule(_clause: Clause, drafts: tuple[Draft, ...], rest: str, _old: str) -> tuple[Draft, ...] | None:
    keep = next((word for name, word in _KEEPS if cue(name).fullmatch(rest)), "")
    if not keep:
        return None
    return tuple(Draft(d.op, {**d.params, "keep": keep}) if d.op == "drop_duplicates" else d for d in drafts)


def _comparison(clause: Clause, drafts: tuple[Draft, ...], rest: str, old: str) -> tuple[Draft, ...] | None:
    """大于10, 上海, 18到30: the last condition with this instead."""
    at = next((n for n in range(len(drafts) - 1, -1, -1) if drafts[n].params.get("where")), None)
    if at is None:
        return _value(drafts, rest)
    where = drafts[at].params["where"]
    replaced = _leaf(clause, leaves(where), rest, clause.plain(old))
    if replaced is None:
        return _value(drafts, rest)
    target, new = replaced
    changed = rewrite(where, lambda leaf: new if leaf == target else leaf)
    return (*drafts[:at], Draft(drafts[at].op, {**drafts[at].params, "where": changed}), *drafts[at + 1 :])


def _leaf(clause: Clause, found: list[Where], rest: str, old: str) -> tuple[Where, Where] | None:
    for leaf in reversed(found):
        if old and old not in str(leaf.get("value")):
            continue
        reader = Reader(clause.linked, clause.schema, clause.profile, clause.request.today, leaf["column"])
        new = reader.read(rest)
        if new is None or conditioned_columns(new) != (leaf["column"],):
            new = reader.read_value(leaf["column"], leaf["op"], rest)
        if new is not None and (conditioned_columns(new) == (leaf["column"],)):
            return leaf, new
    return None


def _value(drafts: tuple[Draft, ...], rest: str) -> tuple[Draft, ...] | None:
    """「不是中位数，是均值」, 「不对，填0」: the strategy or the value of the last step."""
    last = drafts[-1] if drafts else None
    if last is None or re.search(C, rest):
        return None
    if last.op == "fill_missing":
        strategy = next(
            (name for name in ("median", "mode", "mean", "forward", "backward") if cue(name).fullmatch(rest)),
            "",
        )
        if strategy:
            return (*drafts[:-1], Draft(last.op, {**last.params, "strategy": strategy, "value": None}))
    return None


def _column(clause: Clause, drafts: tuple[Draft, ...], rest: str, old: str) -> tuple[Draft, ...] | None:
    """是年龄列: the column of the last step."""
    if re.sub(rf"{C}|列|字段|[、,和与]|\s|the|columns?|and", "", rest, flags=re.IGNORECASE):
        return None
    new, gone = clause.names(rest), clause.names(old)
    if not new or not drafts:
        return None
    last = drafts[-1]
    return (*drafts[:-1], Draft(last.op, _renamed(last.params, new, gone)))


def _renamed(params: dict[str, Any], new: tuple[str, ...], gone: tuple[str, ...]) -> dict[str, Any]:
    out = dict(params)
    if isinstance(out.get("columns"), list):
        kept = [name for name in out["columns"] if gone and name not in gone]
        out["columns"] = list(dict.fromkeys([*kept, *new]))
    elif isinstance(out.get("keys"), list):
        out["keys"] = [{**out["keys"][0], "column": name} for name in new]
    elif len(new) == 1:
        where = out.get("where")
        if isinstance(out.get("column"), str):
            out["column"] = new[0]
        if where:
            out["where"] = rewrite(
                where, lambda leaf: {**leaf, "column": new[0]} if not gone or leaf["column"] in gone else leaf
            )
    return out


def steps_of(turn: Turn) -> tuple[Step, ...]:
    return turn.steps
