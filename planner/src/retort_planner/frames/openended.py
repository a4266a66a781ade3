"""Open-ended words: a bare verb (处理一下年龄列) always asks, a goal (分析不同城市用户的满意度) is a checklist.

Every option comes from the data, with its count, and carries its plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from retort_core.schema import Column, DType, Kind
from retort_planner import variants
from retort_planner.counting import rows_where
from retort_planner.frames.answers import crosstab_of
from retort_planner.frames.base import Clause, Draft, Part, Reading, Way, draft
from retort_planner.frames.numbers import AGE, _bands, domain, outside
from retort_planner.frames.rows import free
from retort_planner.frames.standards import region_columns
from retort_planner.suggestions import suggest
from retort_planner.values import values_of

SMALL_BASE: Final = 30  # groups below this are offered to be left out
_ANALYSE: Final = re.compile(
    r"分析一?下?|研究一?下?|比较一?下?|对比一?下?|探索一?下?|了解一?下?|看一?看|\b(?:analy[sz]e|explore|compare|study|investigate|look at|look into|understand)\b",
    re.IGNORECASE,
)


def bare_verb(c: Clause) -> Reading | None:
    k = c.cutter()
    if not k.cue("bare"):
        return None
    columns = k.all_columns()
    k.cue("columns")
    k.cue("bare")
    k.cut(r"数据集?|这份|这个表|问题|\b(?:data|dataset|table|it|everything|problems?|issues?|for me)\b")
    if not k.clean:
        return None
    if not columns:
        return _suggested(c)
    ways = tuple(way for name in columns[:3] for way in _options(c, c.schema[name]))
    joined = c.say("、", ", ").join(columns)
    ask = c.say(f"「{joined}」要怎么处理？", f"What should be done with “{joined}”?")
    # One way is still a question here: a bare verb never runs.
    return Reading(
        Part((*ways[:7], Way((), c.say("先不处理", "Leave it for now"))), ask=ask, subject=columns), 42
    )


def _suggested(c: Clause) -> Reading | None:
    found = suggest(c.schema, c.profile, c.lang) if c.profile is not None else ()
    ways = tuple(
        Way(tuple(Draft(s.op, dict(s.params)) for s in item.plan.steps), item.action, item.text, item.rows)
        for item in found[:7]
    )
    ask = c.say("这些地方可以处理，先做哪一件？", "These things could be cleaned. Which one first?")
    return (
        Reading(Part((*ways, Way((), c.say("先不处理", "Leave it for now"))), ask=ask), 42) if ways else None
    )


def _options(c: Clause, column: Column) -> Iterator[Way]:
    yield from _range_options(c, column)
    yield from _spelling_options(c, column)
    yield from _missing_options(c, column)
    if column.kind is Kind.id:
        yield Way(
            (draft("drop_duplicates", columns=[column.name], keep="first", ignore=[]),),
            c.say("按它去重，保留第一条", "Remove duplicates by it, keeping the first"),
            rows=_surplus(c, column),
        )
        yield Way(
            (draft("mark_duplicates", columns=[column.name], new_name=free(c, c.say("重复", "duplicate"))),),
            c.say("标记重复", "Mark duplicates"),
            rows=_surplus(c, column),
        )
    if column.dtype.numeric and AGE.search(f"{column.name} {column.label}"):
        bands, _ = _bands(c, c.cutter(), column)
        yield Way(
            (
                draft(
                    "bin_numeric",
                    column=column.name,
                    bands=bands,
                    new_name=free(c, c.say(f"{column.name}段", f"{column.name}_band")),
                ),
            ),
            c.say("分成年龄段（新列）", "Age bands in a new column"),
            rows=0,
        )
    if column.dtype.temporal or column.kind is Kind.date:
        yield Way(
            (draft("standardize_date", columns=[column.name], order="auto"),),
            c.say("统一日期格式", "Standardise the dates"),
        )
    yield Way(
        (draft("describe", columns=[column.name], weight="", where=None),),
        c.say("先看概况，不改动", "Only describe it"),
        rows=0,
        default=True,
    )


def _range_options(c: Clause, column: Column) -> Iterator[Way]:
    bounds = domain(column)
    if bounds is None or not column.dtype.numeric:
        return
    low, high = (int(bound) for bound in bounds)
    count = rows_where(outside(column, low, high), c.schema, c.profile)
    if count == 0:
        return
    params: dict[str, Any] = {
        "column": column.name,
        "method": "range",
        "low": low,
        "high": high,
        "k": None,
        "new_name": "",
    }
    yield Way(
        (draft("handle_outliers", **{**params, "action": "missing"}),),
        c.say(f"{low}–{high} 之外的值设为空", f"Set values outside {low}–{high} empty"),
        rows=count,
    )
    yield Way(
        (draft("handle_outliers", **{**params, "action": "drop"}),),
        c.say(f"删除 {low}–{high} 之外的行", f"Drop rows outside {low}–{high}"),
        rows=count,
    )


def _spelling_options(c: Clause, column: Column) -> Iterator[Way]:
    found = variants.groups(column, c.profile)
    if found:
        merged = [{"from": [held.value for held in group.others], "to": group.keep.value} for group in found]
        words = c.say("；", "; ").join(
            "、".join(h.value for h in g.others[:3]) + f"→{g.keep.value}" for g in found[:3]
        )
        yield Way(
            (draft("merge_values", column=column.name, groups=merged),),
            c.say("统一写法", "Unify the spellings"),
            words,
            sum(g.rows for g in found),
        )
    if column.name in region_columns(c):
        yield Way(
            (
                draft(
                    "standardize_region", columns=[column.name], level="city", style="short", unmatched="keep"
                ),
            ),
            c.say("按行政区划统一地名", "Standardise place names"),
        )
    known = c.profile.find(column.id) if c.profile else None
    if known is not None and known.spaces:
        yield Way(
            (draft("trim_text", columns=[column.name]),),
            c.say("去掉多余的空格", "Trim stray spaces"),
            rows=known.spaces,
        )


def _missing_options(c: Clause, column: Column) -> Iterator[Way]:
    known = c.profile.find(column.id) if c.profile else None
    if known is not None and known.proposed_codes:
        values = [{"value": code.value, "label": ""} for code in known.proposed_codes]
        listed = c.say("、", ", ").join(code.value for code in known.proposed_codes)
        yield Way(
            (draft("normalize_missing", columns=[column.name], values=values),),
            c.say(f"{listed} 算作缺失", f"Count {listed} as missing"),
            rows=sum(code.count for code in known.proposed_codes),
        )
    if known is None or not known.missing:
        return
    if column.dtype.numeric:
        yield Way(
            (draft("fill_missing", columns=[column.name], strategy="median", value=None, by=[]),),
            c.say("用中位数填充缺失", "Fill missing with the median"),
            rows=known.missing,
        )
    yield Way(
        (draft("drop_missing", columns=[column.name], how="any", min_valid=None),),
        c.say("删除缺失的行", "Drop rows where it is missing"),
        rows=known.missing,
    )


def _surplus(c: Clause, column: Column) -> int | None:
    found = next((d for d in (c.profile.duplicates if c.profile else ()) if d.columns == (column.id,)), None)
    return found.identical + found.conflicting if found else None


def goal(c: Clause) -> Reading | None:
    """The parts of the checklist are joined by `rules`: this reading is several parts in one."""
    k = c.cutter()
    if k.cut(_ANALYSE) is None:
        return None
    by = _groups_of(k)
    measures = tuple(n for n in k.all_columns() if n not in by)
    k.cut(
        r"(?:用户|顾客|客户|人群|受访者|人|群体|消费者|会员|之间|间)的?|差异|区别|情况|的不同|\b(?:users?|customers?|respondents?|people|differences?|differs?|how|across|between|among|groups?|in)\b"
    )
    k.cut(
        r"(?:用户|顾客|客户|人群|受访者|人|群体|消费者|会员|之间|间)的?|差异|区别|情况|\b(?:users?|customers?|respondents?|people|differences?|how|across|between|among|groups?|in)\b"
    )
    if len(by) != 1 or len(measures) != 1 or not k.clean:
        return None
    return Reading(_checklist(c, c.schema[by[0]], c.schema[measures[0]]), 61)


def _groups_of(k: Any) -> tuple[str, ...]:
    match = k.cut(
        r"(?:不同|各个?|每个?|按照?|分|各类)的?(?P<zh>[\ue000-\ue7ff])|\b(?:by|across|for different|between different|between|per|of different|in different|among|for each)(?: the)? ?(?P<en>[\ue000-\ue7ff])(?: groups?)?"
    )
    return k.clause.names(match.group()) if match is not None else ()


def _checklist(c: Clause, group: Column, measure: Column) -> Part:
    """Every combination as one slot list would be too long, so each tick is its own part (see `parts_of`)."""
    return Part(
        _final(c, group, measure),
        ask=c.say("怎样出结果？", "How should the result look?"),
        subject=(measure.name,),
        before=tuple(_ticks(c, group, measure)),
    )


def _ticks(c: Clause, group: Column, measure: Column) -> Iterator[Part]:
    found = variants.groups(group, c.profile)
    if found:
        merged = [{"from": [h.value for h in g.others], "to": g.keep.value} for g in found]
        do = Way(
            (draft("merge_values", column=group.name, groups=merged),),
            c.say(f"先统一「{group.name}」的写法", f"First unify the spellings of “{group.name}”"),
            rows=sum(g.rows for g in found),
            default=True,
        )
        yield Part(
            (do, Way((), c.say("保持原来的写法", "Keep the spellings as they are"))),
            ask=c.say(
                f"「{group.name}」有同一取值的不同写法，统一吗？",
                f"“{group.name}” has several spellings of one value. Unify them?",
            ),
        )
    cleaned = _cleaned(c, measure)
    if cleaned is not None:
        yield cleaned


def _cleaned(c: Clause, measure: Column) -> Part | None:
    bounds = domain(measure)
    known = c.profile.find(measure.id) if c.profile else None
    codes = [code.value for code in known.proposed_codes] if known else []
    beyond = (
        rows_where(outside(measure, *bounds), c.schema, c.profile)
        if bounds is not None and measure.dtype.numeric
        else 0
    )
    if not codes and not beyond:
        return None
    drafts: list[Draft] = []
    if codes:
        drafts.append(
            draft(
                "normalize_missing",
                columns=[measure.name],
                values=[{"value": code, "label": ""} for code in codes],
            )
        )
    if beyond and bounds is not None:
        low, high = int(bounds[0]), int(bounds[1])
        drafts.append(
            draft(
                "handle_outliers",
                column=measure.name,
                method="range",
                low=low,
                high=high,
                k=None,
                action="missing",
                new_name="",
            )
        )
    count = beyond or sum(code.count for code in (known.proposed_codes if known else ()))
    do = Way(
        tuple(drafts),
        c.say(
            f"「{measure.name}」超出范围的和缺失代码不计入",
            f"Leave out-of-range values and missing codes of “{measure.name}” out",
        ),
        rows=count,
        default=True,
    )
    return Part(
        (do, Way((), c.say("全部照算", "Count everything"))),
        ask=c.say(
            f"「{measure.name}」有 {count} 个可疑的值，怎么算？",
            f"“{measure.name}” has {count} doubtful values. How should they count?",
        ),
    )


def _final(c: Clause, group: Column, measure: Column) -> tuple[Way, ...]:
    every = _result(c, group, measure, ())
    small = _small(c, group)
    if not small:
        return (Way((every,), c.say("按组出结果", "Result by group"), default=True),)
    listed = c.say("、", ", ").join(small[:5])
    kept = _result(c, group, measure, small)
    return (
        Way((every,), c.say("所有组都列出", "List every group"), default=True),
        Way(
            (kept,),
            c.say(
                f"去掉样本少于 {SMALL_BASE} 的组：{listed}", f"Leave out groups below {SMALL_BASE}: {listed}"
            ),
        ),
    )


def _result(c: Clause, group: Column, measure: Column, without: tuple[str, ...]) -> Draft:
    where = {"column": group.name, "op": "nin", "value": list(without)} if without else None
    if measure.dtype.numeric:
        aggregations = [
            {"column": measure.name, "fn": fn, "as": c.say(f"{measure.name}_{word}", f"{measure.name}_{fn}")}
            for fn, word in (("mean", "均值"), ("count", "人数"))
        ]
        return draft("group_aggregate", by=[group.name], aggregations=aggregations, weight="", where=where)
    return crosstab_of(c, (measure.name,), (group.name,), "", where).part.ways[0].drafts[0]


def _small(c: Clause, group: Column) -> tuple[str, ...]:
    merged = {h.value: g.keep.value for g in variants.groups(group, c.profile) for h in g.others}
    totals: dict[str, int] = {}
    for held in values_of(group, c.profile):
        home = merged.get(held.value, held.value)
        totals[home] = totals.get(home, 0) + held.count
    return (
        tuple(value for value, count in totals.items() if count < SMALL_BASE)
        if group.dtype is DType.text
        else ()
    )


FRAMES = (bare_verb, goal)
