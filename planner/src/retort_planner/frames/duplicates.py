"""Duplicates: remove or mark them. Identical rows collapse silently; conflicting ones need a rule of which to keep."""

from __future__ import annotations

import re
from typing import Final

from retort_core.profiles import Duplicates
from retort_core.schema import Kind
from retort_planner.frames.base import Clause, Cutter, Part, Reading, Way, decided, draft
from retort_planner.frames.rows import free, new_name
from retort_planner.text import C

_KEEPS: Final = (
    ("keep_complete", "complete"),
    ("keep_none", "none"),
    ("keep_last", "last"),
    ("keep_first", "first"),
)
_ONE_PER: Final = re.compile(
    rf"(?:每个?|每一个?|相同的?|一样的?|同一个?|重复的?){C}(?:列|的人|的用户|的记录|的)?(?:相同|一样|重复)?(?:的)?(?:记录|行|数据|样本|答卷)?(?:都)?(?:只|仅)?(?:保留|留下?|要)(?:一|1)[条个次份行](?:记录|数据)?"
    rf"|{C}(?:列)?(?:相同|一样|重复)(?:的)?(?:记录|行|数据|样本|答卷)?(?:都)?(?:只|仅)(?:保留|留下?|要)(?:一|1)[条个次份行](?:记录|数据)?"
    rf"|\b(?:keep|leave|retain)(?: only)? one (?:row|record|entry|response|line)? ?(?:per|for each|for every|of each)(?: unique| distinct)? ?{C}",
    re.IGNORECASE,
)

_SAME: Final = r"(?:同一个?|每一?个?|相同的?)(?=[\ue000-\ue7ff])|\b(?:for|of|per) (?:each|every)\b|\bper\b"


def drop_duplicates(c: Clause) -> Reading | None:
    k = c.cutter()
    keep = _keep(k)
    k.cut(r"算作?|视为|当作") if keep else None
    single = _ONE_PER.search(k.left)
    if single is not None:
        k.remove(single)
        columns = c.names(single.group())
    else:
        if not (_asked(k) or (keep and (c.has("duplicate") or k.cut(_SAME)))):
            return None
        columns = k.all_columns()
    k.cut(
        r"按照?|根据|依据|基于|针对|以|\b(?:by|based on|on|using|per|with|share|sharing|the same|same|according to)\b|为准|相同|一样|完全|为依据|作为标准|为标准|出现"
    )
    k.cut(r"清理|处理")
    k.cut(r"相同|一样|的人|唯一|\bthe same\b|\bsame\b|出现|提交")
    k.cue("columns")
    k.cue("rows")
    if not k.clean:
        return None
    return _deduplicated(c, columns, keep)


def _asked(k: Cutter) -> bool:
    if k.cue("dedupe"):
        k.cue("whole")
        k.cue("drop")
        k.cue("duplicate")
        return True
    whole = k.cue("whole")
    return bool(
        k.cue("duplicate")
        and (
            k.cue("drop")
            or k.cut(r"清理|处理掉|只(?:保留|留)(?:一|1)[条个份行]|合并|\b(?:collapse|merge|keep one)\b")
        )
    ) or bool(whole and k.cue("drop") and k.cue("duplicate"))


def _keep(k: Cutter) -> str:
    for name, word in _KEEPS:
        if k.cue(name):
            k.cut(r"(?:的)?那一?[条个行次份]|\bone\b")
            return word
    return ""


def _deduplicated(c: Clause, columns: tuple[str, ...], keep: str) -> Reading:
    names = list(columns)

    def step(rule: str, ignore: list[str] | None = None) -> Way:
        return Way((draft("drop_duplicates", columns=names, keep=rule, ignore=ignore or []),))

    if keep or not columns:
        return Reading(
            Part((step(keep or "identical"),), subject=columns, alternatives=_ignoring(c, columns)), 66
        )
    known = _counted(c, columns)
    if known is not None and known.conflicting == 0:
        return Reading(Part((step("identical"),), subject=columns), 66)
    if c.profile is None:
        note = c.say(
            "完全相同的合并为一行；内容有冲突的保留。", "Identical rows collapse; conflicting ones are kept."
        )
        return Reading(Part((step("identical"),), subject=columns, assumptions=(note,)), 66)
    return Reading(_conflicts(c, columns, known), 66)


def _ignoring(c: Clause, columns: tuple[str, ...]) -> tuple[Way, ...]:
    """A whole-row check is also offered without the id-like columns that make every row unique."""
    ids = [column.name for column in c.schema.columns if column.kind is Kind.id]
    if columns or not ids or len(ids) == len(c.schema.columns):
        return ()
    label = c.say(f"忽略编号列 {'、'.join(ids)} 再比较", f"Compare without the id columns {', '.join(ids)}")
    return (Way((draft("drop_duplicates", columns=[], keep="identical", ignore=ids),), label),)


def _counted(c: Clause, columns: tuple[str, ...]) -> Duplicates | None:
    """What the profile knows of this key; a column of distinct values has no duplicates."""
    if c.profile is None:
        return None
    wanted = {column.id for name in columns if (column := c.schema.find(name)) is not None}
    known = next((d for d in c.profile.duplicates if set(d.columns) == wanted), None)
    if known is None and len(wanted) == 1:
        (only,) = wanted
        seen = c.profile.find(only)
        if seen is not None and seen.distinct == seen.valid:
            return Duplicates(columns=(only,), groups=0, identical=0, conflicting=0)
    return known


def _conflicts(c: Clause, columns: tuple[str, ...], known: Duplicates | None) -> Part:
    names = list(columns)
    joined = c.say("、", ", ").join(names)
    if known is not None:
        ask = c.say(
            f"「{joined}」有 {known.identical} 行完全相同的重复（会合并），另有 {known.conflicting} 行编号相同但内容不同，保留哪一条？",
            f"“{joined}” repeats: {known.identical} identical rows collapse, {known.conflicting} rows share the key but differ. Which should be kept?",
        )
        every, same = known.identical + known.conflicting, known.identical
    else:
        ask = c.say(
            f"「{joined}」相同但其他列不同的行，保留哪一条？",
            f"Rows with the same “{joined}” that differ elsewhere: which should be kept?",
        )
        every = same = None  # type: ignore[assignment]
    rules = (
        ("first", c.say("保留第一条", "Keep the first"), every),
        ("last", c.say("保留最后一条", "Keep the last"), every),
        ("complete", c.say("保留填得最完整的一条", "Keep the most complete"), every),
        (
            "identical",
            c.say("只合并完全相同的，冲突的都留着", "Only collapse identical ones, keep the conflicts"),
            same,
        ),
    )
    ways = tuple(
        Way((draft("drop_duplicates", columns=names, keep=rule, ignore=[]),), label, rows=rows, rule=rule)
        for rule, label, rows in rules
    )
    return Part(ways, ask=ask, subject=columns, convention=f"duplicates:{joined}")


def mark_duplicates(c: Clause) -> Reading | None:
    if not c.has("mark") or not c.has("duplicate"):
        return None
    for text, name in dict.fromkeys(((c.text, ""), new_name(c, c.text))):
        k = c.cutter()
        k.left = text
        k.cue("whole")
        if not k.cue("duplicate") or not k.cue("mark"):
            continue
        columns = k.all_columns()
        k.cut(r"按照?|根据|依据|以|\b(?:by|based on|on|using|with|the same)\b|相同|一样")
        k.cue("columns")
        k.cue("rows")
        k.cut(r"是否|哪些|有没有|which")
        if k.clean:
            fresh = free(c, name or c.say("重复", "duplicate"))
            return decided(
                draft("mark_duplicates", columns=list(columns or _keys(c)), new_name=fresh),
                weight=68,
                subject=columns,
            )
    return None


def _keys(c: Clause) -> tuple[str, ...]:
    """Without a key, the whole row."""
    return c.schema.names


FRAMES = (drop_duplicates, mark_duplicates)
