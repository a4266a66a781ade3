"""Headings of answer tables in Chinese and English: one place, so that scripts, tests and readers agree."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from retort_core.plans import Lang

HEADINGS: Final[dict[str, tuple[str, str]]] = {
    "count": ("人数", "n"),
    "mean": ("均值", "mean"),
    "sum": ("合计", "sum"),
    "min": ("最小值", "min"),
    "max": ("最大值", "max"),
    "median": ("中位数", "median"),
    "sd": ("标准差", "sd"),
    "share": ("占比", "share"),
    "distinct": ("不同值", "distinct"),
    "top2box": ("前两项占比", "top-2-box"),
    "nps": ("NPS", "NPS"),
    "promoters": ("推荐者", "promoters"),
    "passives": ("中立者", "passives"),
    "detractors": ("贬损者", "detractors"),
    "base": ("基数", "base"),
    "weighted": ("加权基数", "weighted base"),
    "weighted_count": ("加权人数", "weighted n"),
    "value": ("值", "value"),
    "label": ("标签", "label"),
    "column": ("列", "column"),
    "kind": ("类型", "kind"),
    "question": ("题目", "question"),
    "total": ("总计", "total"),
    "missing": ("缺失", "missing"),
    "invalid": ("无效", "invalid"),
    "out_of_range": ("范围外", "out of range"),
    "no_weight": ("无权重", "no weight"),
    "no_group": ("无分组", "no group"),
    "unknown": ("条件未知", "condition unknown"),
    "q1": ("下四分位", "q1"),
    "q3": ("上四分位", "q3"),
    "most": ("最多", "most frequent"),
    "of": ("{column}的{what}", "{what} of {column}"),
}  # fmt: skip


def heading(key: str, lang: Lang, taken: Collection[str] = ()) -> str:
    """The heading; numbered when a column of the table is already called that."""
    text = HEADINGS[key][0 if lang == "zh" else 1]
    return unused(text, taken)


def of(key: str, column: str, lang: Lang, taken: Collection[str] = ()) -> str:
    """`年龄的均值` / `mean of age`, for tables with several statistics."""
    what = HEADINGS[key][0 if lang == "zh" else 1]
    return unused(HEADINGS["of"][0 if lang == "zh" else 1].format(column=column, what=what), taken)


def unused(text: str, taken: Collection[str]) -> str:
    number, free = 2, text
    while free in taken:
        free, number = f"{text}_{number}", number + 1
    return free
