"""Standard forms: place names by the official register, dates by the vote of the column."""

from __future__ import annotations

import re
from typing import Any, Final, cast

from retort_core.schema import Column, DType, Kind
from retort_planner.frames.base import Clause, Draft, Part, Reading, Way, decided, draft
from retort_planner.lexicon import cue
from retort_planner.text import C
from retort_planner.values import values_of
from retort_plans.regions import Ambiguous, Level, Region, resolve

MOST_PLACES: Final = 300  # values looked up: the most frequent ones

_LEVELS: Final = (
    ("county", re.compile(r"区县|县|(?:^|[^地])区(?!域)|county|district", re.IGNORECASE)),
    ("province", re.compile(r"省|province|state", re.IGNORECASE)),
    ("city", re.compile(r"城市|市|地区|city|town|region", re.IGNORECASE)),
)


def region_columns(c: Clause, level: str = "") -> tuple[str, ...]:
    """Columns that by name or label hold places."""
    found = []
    for column in c.schema.columns:
        guess = _level(f"{column.name} {column.label}")
        if (
            column.dtype is DType.text
            and column.kind not in (Kind.id, Kind.multi)
            and guess
            and level in ("", guess)
        ):
            found.append(column.name)
    return tuple(found)


def _level(text: str) -> str:
    return next((name for name, pattern in _LEVELS if pattern.search(text)), "")


def standardize_region(c: Clause) -> Reading | None:
    k = c.cutter()
    if c.has("short") and c.has("full"):
        return None  # two styles are two clauses
    style = "full" if k.cue("full") or k.cut(rf"\bfull(?: official)?(?=\s{C})") else "short"
    k.cue("short") or k.cut(rf"\bshort(?=\s{C})")
    unmatched = (
        "missing"
        if k.cut(
            r"[,]?(?:认不出|匹配不上|不认识|无法识别|识别不了)的?(?:都)?(?:设为|置为|变成|为|当作?|算)(?:空|缺失)值?|,? ?(?:and )?(?:set |make )?(?:unknown|unmatched|unrecogni[sz]ed)(?: ones| names| values)?(?: to)? (?:missing|empty|null)"
        )
        else "keep"
    )
    k.cut(r"整理|清理")
    k.cut(r"(?<=[\ue000-\ue7ff])名(?!称|字)")
    asked = (
        k.cue("standardize")
        or k.cut(r"\b(?:clean|tidy|sort|fix) up\b|\bfix\b|\bclean\b")
        or (k.cut(r"改[成为]|用|换成|写成|\b(?:use|to)\b") if style == "full" or c.has("short") else None)
    )
    columns = k.all_columns()
    said = ""
    for name in ("province", "county", "city"):
        match = k.cue(name)
        said = said or (name if match else "")
    worded = bool(said)
    while k.cue("region_words"):
        worded = True
    k.cut(
        r"[成为到]|级别?|层级|级|标准|的?写法|不同|各种|称呼|叫法|\b(?:names?|levels?|to|into|their|as|official|spellings?|standard|form|consistent|clean|use)\b"
    )
    k.cut(r"标准|官方|规范|一致|统一|写法|\b(?:names?|consistent|official|spellings?|level)\b")
    if not asked or not k.clean or not (columns or worded):
        return None
    places = columns or region_columns(c, said) or (region_columns(c) if not said else ())
    if (
        not places
        or not all(_is_place(c.schema[n]) for n in places)
        or (not columns and len(places) > 1 and not said)
    ):
        return None
    level = said or _level(f"{places[0]} {c.schema[places[0]].label}") or "city"
    params = {"columns": list(places), "level": level, "style": style, "unmatched": unmatched}
    step = draft("standardize_region", **params)
    return _unclear_places(c, places[0], level, step) or decided(step, weight=64, subject=places)


def _unclear_places(c: Clause, name: str, level: str, step: Draft) -> Reading | None:
    """朝阳区 is in Beijing and in Changchun: asked for the most frequent such value, the others stay as they are."""
    found = [
        (held, places)
        for held in values_of(c.schema[name], c.profile)[:MOST_PLACES]
        if (places := _places(held.value, level))
    ]
    if not found:
        return None
    held, places = found[0]
    ways = [
        Way(
            (
                draft(
                    "replace_values",
                    columns=[name],
                    mapping=[{"from": held.value, "to": place.name}],
                    match="exact",
                ),
                step,
            ),
            c.say(f"是{place.name}", f"It is {place.name}"),
            rows=held.count,
            rule=place.name,
        )
        for place in places[:5]
    ]
    ways.append(Way((step,), c.say("保持原样", "Leave it as it is"), rows=0, default=True, rule="leave"))
    others = c.say("、", ", ").join(item.value for item, _ in found[1:6])
    note = (
        (
            c.say(
                f"{others} 也可以指几个地方，保持原样。",
                f"{others} may also be several places and are left as they are.",
            ),
        )
        if others
        else ()
    )
    ask = c.say(
        f"「{held.value}」（{held.count} 行）可以指几个地方，是哪一个？",
        f"“{held.value}” ({held.count} rows) may be several places. Which one?",
    )
    return Reading(
        Part(tuple(ways), ask=ask, subject=(name,), assumptions=note, convention=f"place:{held.value}"), 64
    )


def _places(text: str, level: str) -> tuple[Region, ...]:
    """What an ambiguous name may stand for; () when it is clear or no place."""
    found = resolve(text, cast("Level", level)) if len(text) <= 20 else None
    return (
        found.candidates
        if isinstance(found, Ambiguous) and len({p.name for p in found.candidates}) > 1
        else ()
    )


def _is_place(column: Column) -> bool:
    return column.dtype is DType.text and bool(_level(f"{column.name} {column.label}"))


def date_columns(c: Clause) -> tuple[str, ...]:
    words = re.compile(r"日期|时间|date|time|day", re.IGNORECASE)
    return tuple(
        col.name
        for col in c.schema.columns
        if col.dtype.temporal
        or col.kind is Kind.date
        or (col.dtype is DType.text and words.search(f"{col.name} {col.label}"))
    )


def standardize_date(c: Clause) -> Reading | None:
    k = c.cutter()
    order = "day_first" if k.cue("day_first") else "month_first" if k.cue("month_first") else "auto"
    asked = k.cue("standardize") or k.cut(
        r"转换?[成为]?|[改换变][成为]|识别|解析|\b(?:parse|convert|read|interpret|treat)\b"
    )
    columns = k.all_columns()
    named = k.cue("date_words")
    while k.cue("date_words"):
        pass
    k.cut(
        r"[成为]|标准|同一种|一种|\b(?:to|into|as|the same|same|consistent|single|all|mixed|standard|with|using|use|is|in)\b|按照?|来|写法|理解|解析|顺序"
    )
    k.cut(
        r"标准|一致|统一|同一种|一种|\b(?:consistent|same|format|iso|style|order)\b|按照?|识别|的?顺序|理解|解析"
    )
    if not asked or not k.clean:
        return None
    known = set(date_columns(c))
    if columns and not all(n in known for n in columns):
        return None
    places = columns or (date_columns(c) if named else ())
    if not places or (columns and not named and order == "auto" and not cue("standardize").search(c.text)):
        return None
    return _dates(c, places, order)


def _dates(c: Clause, columns: tuple[str, ...], order: str) -> Reading:
    def way(chosen: str, label: str = "", rows: int | None = None) -> Way:
        step = draft("standardize_date", columns=list(columns), order=chosen)
        return Way((step,), label, rows=rows, rule=chosen)

    unclear = [
        forms
        for n in columns
        if (forms := _forms(c, n)) is not None and forms.order in ("ambiguous", "conflict")
    ]
    if order != "auto" or not unclear:
        return Reading(Part((way(order),), subject=columns), 66)
    count = sum(forms.ambiguous for forms in unclear)
    ask = c.say(
        f"「{'、'.join(columns)}」有 {count} 行（如 03/04/2024）日在前还是月在前分不清，按哪种读？",
        f"“{', '.join(columns)}” has {count} rows (such as 03/04/2024) where day and month could be either. How should they be read?",
    )
    ways = (
        way("day_first", c.say("日在前（日/月/年）", "Day first (dd/mm/yyyy)"), count),
        way("month_first", c.say("月在前（月/日/年）", "Month first (mm/dd/yyyy)"), count),
        way("auto", c.say("先不动这些行，其余统一", "Leave these rows, standardise the rest"), 0),
    )
    return Reading(Part(ways, ask=ask, subject=columns, convention=f"dates:{'、'.join(columns)}"), 66)


def _forms(c: Clause, name: str) -> Any:
    known = c.profile.find(c.schema[name].id) if c.profile else None
    return known.dates if known else None


FRAMES = (standardize_region, standardize_date)
