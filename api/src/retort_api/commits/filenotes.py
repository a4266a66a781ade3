"""How a file was read, as sentences: everything that its reader guessed, changed or set apart.

The facts come from the sandbox that parsed the file, so nothing about them is believed but that they are JSON: what
does not have the expected shape is left out, every sentence is cut, and there are at most `MOST`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import JsonValue

from retort_core.plans import Lang

MOST: Final = 30
LONGEST: Final = 300  # characters of one sentence
SHOWN: Final = 5
SEVERITIES: Final = ("info", "warning", "error")

_SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "broken-bytes": ("{count} 处字节不属于编码 {encoding}，已换成 �（第 {lines} 行）", "{count} byte sequences do not belong to {encoding}; each became � (lines {lines})"),
    "encoding-guessed": ("编码是猜出来的：{encoding}；若有乱码，用 --encoding 指定", "the encoding was guessed: {encoding}; if texts look wrong, name it with --encoding"),
    "nul-bytes": ("去掉了 {count} 个 NUL 字节（第 {lines} 行）", "{count} NUL bytes were taken out (lines {lines})"),
    "unpaired-quotes": ("{count} 个引号不成对，当作普通字符（第 {lines} 行）", "{count} quotation marks have no partner and count as ordinary text (lines {lines})"),
    "rows-too-short": ("{count} 行的单元格比表头少，缺的按缺失（第 {lines} 行）", "{count} rows have fewer cells than the header; the rest is missing (lines {lines})"),
    "rows-too-long": ("{count} 行的单元格比表头多，多出的放进新列（第 {lines} 行）", "{count} rows have more cells than the header; the surplus is in a column of its own (lines {lines})"),
    "blank-lines": ("略过 {count} 个空行", "{count} blank lines were left out"),
    "empty-rows-left-out": ("略过末尾 {count} 个空行", "{count} empty rows at the end were left out"),
    "empty-columns-left-out": ("略过末尾 {count} 个没有名字也没有内容的列", "{count} columns at the end without a name and without a cell were left out"),
    "title-rows": ("表头上方 {count} 行是标题，没有算作数据：{title}", "{count} rows above the header are a title, not data: {title}"),
    "header-of-several-rows": ("表头有 {count} 行", "the header has {count} rows"),
    "no-header": ("没有找到表头，列按位置命名；若第一行是表头，请在文件里改成文字", "no header was found, columns are named by their position; if the first row is one, make it words"),
    "names-changed": ("{count} 个列名有改动：{renamed}", "{count} column names were changed: {renamed}"),
    "total-rows": ("末尾 {count} 行像是合计，仍在数据里（第 {rows} 行），会算进统计；不要的话请删除", "{count} rows at the end look like totals and are kept (rows {rows}); figures include them until they are dropped"),
    "no-rows": ("只有表头，没有数据", "there is a header and no data"),
    "one-column": ("只有一列；如果不对，用 --delimiter 指定分隔符", "there is one column; if that is wrong, name the delimiter with --delimiter"),
    "other-format-than-named": ("文件名是 {named}，内容其实是 {found}，按内容读取", "the name says {named}, the content is {found}; it was read as what it is"),
    "hidden-sheets": ("{count} 张隐藏的工作表没有读：{sheets}", "{count} hidden sheets were not read: {sheets}"),
    "other-sheets": ("另有 {count} 张工作表没有读：{sheets}；用 --sheet 选择", "{count} other sheets were not read: {sheets}; choose one with --sheet"),
    "error-cells": ("「{column}」有 {count} 个错误单元格：{errors}（第 {rows} 行）", "“{column}” has {count} error cells: {errors} (rows {rows})"),
    "numbers-already-rounded": ("「{column}」有 {count} 个 16 位以上的数字，电子表格已经把它们四舍五入，后几位不可信；请从源头按文本导出", "“{column}” has {count} numbers of 16 and more digits; the spreadsheet has already rounded them. Export them as text from where they came"),
    "times-of-day": ("「{column}」是没有日期的时刻，按文本保存", "“{column}” holds times without a day, kept as text"),
    "dates-out-of-range": ("「{column}」有 {count} 个日期不在公元 1–9999 年之间，按文本保存", "{count} dates of “{column}” lie outside the years 1 to 9999, kept as text"),
    "nested-as-json": ("「{column}」是嵌套结构，转成了 JSON 文本", "“{column}” holds nested values, given as JSON text"),
    "binary-as-hex": ("「{column}」是二进制内容，转成了十六进制文本", "“{column}” holds bytes, given as hexadecimal digits"),
    "not-a-number": ("「{column}」有 {count} 个 NaN 或无穷大，按缺失", "{count} cells of “{column}” are NaN or infinite, taken as missing"),
    "time-zone-left-out": ("「{column}」的时区 {zone} 没有保留，时刻不变", "the time zone {zone} of “{column}” was left out, the clock time is kept"),
    "looks-like-a-codebook": ("这个文件像是编码簿；若是，请用 --mode codebook", "this file looks like a codebook; if it is one, use --mode codebook"),
    "rows-without-variable": ("编码簿有 {count} 行没有变量名（第 {lines} 行）", "{count} rows of the codebook name no variable (lines {lines})"),
    "unknown-types": ("编码簿里有不认识的类型：{words}", "the codebook has types that are not known: {words}"),
    "labels-that-sound-missing": ("有些标签像是缺失代码，没有自动声明：{columns}", "some labels sound like missing codes and were not declared: {columns}"),
}  # fmt: skip


class _Facts(dict[str, str]):
    """A fact that a finding does not give is a dash, never an error."""

    def __missing__(self, key: str) -> str:
        return "–"


def file_notes(report: Mapping[str, Any], lang: Lang) -> list[dict[str, JsonValue]]:
    """`{"severity", "text"}` for each finding of a reader's report, the gravest first."""
    notes = list(_notes(report, lang))
    notes.sort(key=lambda note: -SEVERITIES.index(note["severity"]))
    return [{"severity": note["severity"], "text": note["text"]} for note in notes[:MOST]]


def _notes(report: Mapping[str, Any], lang: Lang) -> Iterator[dict[str, str]]:
    findings = report.get("findings")
    for finding in findings if isinstance(findings, list) else []:
        sentence = _SENTENCES.get(str(finding.get("code"))) if isinstance(finding, Mapping) else None
        if sentence is None:
            continue
        severity = finding.get("severity")
        text = sentence[0 if lang == "zh" else 1].format_map(_facts(finding, report, lang))
        known = severity if severity in SEVERITIES else "info"
        yield {"severity": known, "text": text[:LONGEST] + ("。" if lang == "zh" else ".")}


def _facts(finding: Mapping[str, Any], report: Mapping[str, Any], lang: Lang) -> _Facts:
    details = finding.get("details")
    facts = _Facts({"title": _title(report), "renamed": _renamed(report, lang)})
    for name, value in (details if isinstance(details, Mapping) else {}).items():
        facts[str(name)] = _shown(value, lang)
    count = finding.get("count")
    facts["count"] = f"{count:,}" if isinstance(count, int) else "–"
    return facts


def _shown(value: Any, lang: Lang) -> str:
    if isinstance(value, Mapping):
        value = list(value)
    if isinstance(value, list):
        comma = "、" if lang == "zh" else ", "
        texts = list(dict.fromkeys(str(one)[:60] for one in value))
        return comma.join(texts[:SHOWN]) + ("…" if len(texts) > SHOWN else "")
    return str(value)[:100]


def _title(report: Mapping[str, Any]) -> str:
    rows = report.get("title_rows")
    texts = [
        str(cell) for row in (rows if isinstance(rows, list) else []) if isinstance(row, list) for cell in row
    ]
    return " / ".join(text.strip() for text in texts if text.strip())[:120]


def _renamed(report: Mapping[str, Any], lang: Lang) -> str:
    found = report.get("renamed")
    pairs = [
        f"{str(one.get('original', '')).strip()[:40] or '∅'} → {str(one.get('name', ''))[:40]}"
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, Mapping)
    ]
    return _shown(pairs, lang)
