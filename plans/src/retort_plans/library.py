"""Templates that come with the product, in both languages. Their columns are roles: a person says which column plays each.

Names of columns and of what the steps make are in the language of the template, because they end up in the data.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

from retort_core.plans import Lang, Step
from retort_core.schema import DType, Kind
from retort_plans.templates import Parameter, Template, TemplateColumn


def _column(name: str, dtype: DType, kind: Kind, used_by: str) -> TemplateColumn:
    return TemplateColumn(name=name, dtype=dtype, kind=kind, used_by=tuple(used_by.split()))


def _step(number: int, op: str, **params: Any) -> Step:
    return Step(id=f"s{number}", op=op, params=params)


def _range(column: str) -> dict[str, Any]:
    return {
        "column": column,
        "method": "range",
        "low": 0,
        "high": 120,
        "k": None,
        "action": "missing",
        "new_name": "",
    }


def _intake(lang: Lang) -> Template:
    """What a desk does first with the file of a field institute."""
    zh = lang == "zh"
    ident, age = ("编号", "年龄") if zh else ("id", "age")
    return Template(
        title="问卷入库清洗" if zh else "Survey intake",
        description="按编号去重（保留最后一条），年龄超出范围的设为空。"
        if zh
        else "Duplicates by id (the last one stays), ages out of range become missing.",
        steps=(
            _step(1, "drop_duplicates", columns=[ident], keep="last", ignore=[]),
            _step(2, "handle_outliers", **_range(age)),
        ),
        columns=(
            _column(ident, DType.text, Kind.id, "s1"),
            _column(age, DType.integer, Kind.numeric, "s2"),
        ),
        parameters=(
            Parameter(
                name="最小" if zh else "youngest",
                label="最小年龄" if zh else "lowest age",
                places=(("s2", ("low",)),),
                default=0,
            ),
            Parameter(
                name="最大" if zh else "oldest",
                label="最大年龄" if zh else "highest age",
                places=(("s2", ("high",)),),
                default=120,
            ),
        ),
    )


def _places(lang: Lang) -> Template:
    zh = lang == "zh"
    city, day = ("城市", "日期") if zh else ("city", "date")
    return Template(
        title="城市与日期标准化" if zh else "Cities and dates",
        description="城市写法统一到市；多种日期写法读成日期。"
        if zh
        else "One spelling a city; dates of several forms become dates.",
        steps=(
            _step(1, "trim_text", columns=[city]),
            _step(2, "standardize_region", columns=[city], level="city", style="short", unmatched="keep"),
            _step(3, "standardize_date", columns=[day], order="auto"),
        ),
        columns=(
            _column(city, DType.text, Kind.single, "s1 s2"),
            _column(day, DType.text, Kind.date, "s3"),
        ),
    )


def _bands(lang: Lang) -> Template:
    zh = lang == "zh"
    age, name = ("年龄", "年龄段") if zh else ("age", "age band")
    bounds = (18, 25, 35, 45, 55, 65)
    bands = [{"low": low, "high": high, "label": f"{low}–{high - 1}"} for low, high in pairwise(bounds)]
    return Template(
        title="年龄段" if zh else "Age bands",
        description="18–24、25–34、35–44、45–54、55–64，写入新列。"
        if zh
        else "18–24, 25–34, 35–44, 45–54, 55–64, into a new column.",
        steps=(_step(1, "bin_numeric", column=age, bands=bands, new_name=name),),
        columns=(_column(age, DType.integer, Kind.numeric, "s1"),),
    )


def _recommend(lang: Lang) -> Template:
    """The bands are those of the net promoter score: 9–10, 7–8, 0–6; codes are no answers."""
    zh = lang == "zh"
    score, name = ("推荐意愿", "推荐分组") if zh else ("recommendation", "promoters")
    labels = ("贬损者", "中立者", "推荐者") if zh else ("detractor", "passive", "promoter")
    bands = [
        {"low": low, "high": high, "label": label}
        for low, high, label in zip((0, 7, 9), (7, 9, 11), labels, strict=True)
    ]
    codes = [{"value": code, "label": ""} for code in (97, 98, 99)]
    return Template(
        title="推荐意愿分组" if zh else "Promoters, passives, detractors",
        description="0–10 分的推荐意愿：97、98、99 算缺失；9–10 推荐者，7–8 中立者，0–6 贬损者，写入新列。"
        if zh
        else "Willingness to recommend, 0–10: 97, 98 and 99 are missing; groups of the net promoter score in a new column.",
        steps=(
            _step(1, "normalize_missing", columns=[score], values=codes),
            _step(2, "bin_numeric", column=score, bands=bands, new_name=name),
        ),
        columns=(_column(score, DType.integer, Kind.scale, "s1 s2"),),
    )


BUILT_IN: Final = {"intake": _intake, "places": _places, "bands": _bands, "recommend": _recommend}


def built_in(lang: Lang) -> dict[str, Template]:
    """By id, in the order they are shown."""
    return {name: made(lang) for name, made in BUILT_IN.items()}
