"""The findings of a profile as sentences, in the reader's language. Codes: `retort_tables.quality`."""

from __future__ import annotations

from typing import Any, Final

from retort_core.plans import Lang
from retort_core.profiles import Finding, Profile
from retort_core.schema import Schema

_SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "mostly_missing": ("{share} 的单元格没有值", "{share} of the cells have no value"),
    "constant": ("所有 {count} 个值都是「{value}」", "all {count} values are “{value}”"),
    "invalid_cells": ("{count} 个单元格不符合类型，原文保留：{values}", "{count} cells do not fit the type, raw text kept: {values}"),
    "mixed_dates": ("{count} 个日期写法不一：{forms}；{ambiguous} 个有歧义", "{count} dates in different forms: {forms}; {ambiguous} read either way"),
    "out_of_range_age": ("{count} 个年龄小于 0 或大于 120：{values}", "{count} ages below 0 or above 120: {values}"),
    "out_of_scale": ("{count} 个回答超出 {min}–{max}：{values}", "{count} answers outside {min}–{max}: {values}"),
    "proposed_codes": ("{count} 个值像是缺失代码：{values}", "{count} values look like codes for a missing answer: {values}"),
    "duplicate_ids": (
        "{groups} 个编号重复：{identical} 行完全相同，{conflicting} 行互相矛盾",
        "{groups} ids are repeated: {identical} rows identical, {conflicting} conflicting",
    ),
    "duplicate_rows": ("{count} 行整行重复", "{count} rows are repeated as a whole"),
    "rounded_ids": ("{count} 个长编号像是被电子表格四舍五入过：{values}", "{count} long ids look rounded by a spreadsheet: {values}"),
    "spaces": ("{count} 个单元格有多余空格或不可见字符", "{count} cells have needless spaces or invisible characters"),
    "mojibake": ("{count} 个单元格像是乱码", "{count} cells look like text in a wrong encoding"),
    "near_duplicates": ("{count} 个单元格的写法只差大小写、宽度、空格或后缀", "{count} cells differ in case, width, spaces or endings only"),
    "mostly_zero": ("{share} 的值是 0", "{share} of the values are 0"),
    "not_numbers": ("{count} 个数量带单位、货币或百分号：{values}", "{count} amounts with a unit, currency or percent sign: {values}"),
}  # fmt: skip
SHOWN: Final = 5


class _Facts(dict[str, Any]):
    """A fact that a finding does not give is a dash, never an error."""

    def __missing__(self, key: str) -> str:
        return "–"


def sentences(schema: Schema, profile: Profile, lang: Lang) -> tuple[str, ...]:
    names = {column.id: column.name for column in schema.columns}
    return tuple(sentence(finding, names.get(finding.column, ""), lang) for finding in profile.findings)


def sentence(finding: Finding, column: str, lang: Lang) -> str:
    zh, en = _SENTENCES.get(finding.code, (f"{finding.code}：{{count}}", f"{finding.code}: {{count}}"))
    facts = _Facts({name: _shown(name, value, lang) for name, value in finding.details.items()})
    facts["count"] = f"{finding.count:,}"
    text = (zh if lang == "zh" else en).format_map(facts)
    if not column:
        return text + ("。" if lang == "zh" else ".")
    return f"「{column}」{text}。" if lang == "zh" else f"“{column}”: {text}."


def _shown(name: str, value: Any, lang: Lang) -> str:
    comma = "、" if lang == "zh" else ", "
    if name == "share":
        return f"{100 * float(value):.0f} %"
    if isinstance(value, dict):
        return comma.join(f"{key} ({count})" for key, count in list(value.items())[:SHOWN])
    if isinstance(value, list):
        return comma.join(str(one) for one in value[:SHOWN]) + ("…" if len(value) > SHOWN else "")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
