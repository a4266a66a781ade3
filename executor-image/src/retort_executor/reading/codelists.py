"""Code lists: what a cell of a codebook says about the values of a variable: `1=男;2=女`, `97,98`, `1-5`, `单选题`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from retort_core.cells import fold

# a code, a sign that binds it to its label; the same sign must bind all codes of one cell
MARKER: Final = re.compile(
    r"(?:\A|(?<=[;；,，、|/\s]))(?P<code>-?\d+(?:\.\d+)?|[A-Za-z]{1,3}\d{0,4})\s*(?P<sign>[=＝:：.．、)）-])\s*(?=\S)"
)
BETWEEN: Final = " \t\r\n;；,，、|/"
BARE_CODE: Final = re.compile(r"-?\d+(?:\.\d+)?|[A-Za-z]{1,3}\d{0,4}")
RANGE: Final = re.compile(
    r"\s*(-?\d{1,4})\s*(?:分|级)?\s*(?:-|~|～|–|—|至|到|to|\.\.)\s*(-?\d{1,4})\s*(?:分|级|points?)?\s*\Z"
)
KINDS: Final = {
    "id": ("id", "编号", "标识", "主键", "identifier", "key"),
    "single": ("single", "单选", "单选题", "singlechoice", "categorical", "nominal", "分类", "radio", "single-select"),
    "multi": ("multi", "multiple", "多选", "多选题", "multiplechoice", "复选", "multianswer", "checkbox", "delimitedset", "multi-select"),
    "scale": ("scale", "量表", "量表题", "评分", "打分", "打分题", "likert", "rating", "评分题", "矩阵量表"),
    "numeric": ("numeric", "number", "数值", "数字", "int", "integer", "float", "decimal", "连续", "continuous", "定量"),
    "date": ("date", "日期", "时间", "datetime", "日期时间", "timestamp"),
    "text": ("text", "string", "文本", "文字", "开放", "开放题", "填空", "填空题", "open", "openend", "openended", "字符串", "字符"),
    "weight": ("weight", "权重", "weighting"),
    "duration": ("duration", "时长", "答题时长"),
}  # fmt: skip
KIND_OF: Final = {fold(word): kind for kind, words in KINDS.items() for word in words}
NO_ANSWER: Final = ("拒", "不知道", "不清楚", "不适用", "跳过", "未回答", "缺失", "refus", "don'tknow", "dontknow", "notapplicable", "noanswer", "skip", "missing")  # fmt: skip
NEGATIVE: Final = ("不", "差", "低", "难", "dis", "un", "never", "poor", "bad", "low", "least", "worst")


def canonical(code: str) -> str:
    """`1.0` and ` 1` are 1; letters stay."""
    text = code.strip()
    return re.sub(r"(?<=\d)\.0+\Z", "", text)


def code_labels(text: str) -> list[tuple[str, str]]:
    """(value, label) pairs of a list such as `1=男; 2=女`, in its order; empty when it is none."""
    stripped = text.strip()
    if stripped.startswith("{"):
        return _from_json(stripped)
    if RANGE.match(stripped):
        return []
    lines = stripped.splitlines()
    if len(lines) > 1 and all(MARKER.match(line.strip()) for line in lines if line.strip()):
        return [pair for line in lines for pair in _bound(line.strip())]
    return _bound(stripped)


def _bound(text: str) -> list[tuple[str, str]]:
    marks = list(MARKER.finditer(text))
    marks = [mark for mark in marks if _sign(mark) == _sign(marks[0])]
    if not marks or marks[0].start() != 0:
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    pairs = [(mark.group("code"), text[mark.end() : end]) for mark, end in zip(marks, ends, strict=True)]
    return [(canonical(code), label.strip(BETWEEN)) for code, label in pairs if label.strip(BETWEEN)]


def _sign(mark: re.Match[str]) -> str:
    return mark.group("sign").translate(str.maketrans("＝：．）", "=:.)"))


def _from_json(text: str) -> list[tuple[str, str]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return (
        [(canonical(str(code)), str(label)) for code, label in value.items()]
        if isinstance(value, dict)
        else []
    )


def codes(text: str) -> list[tuple[str, str]]:
    """Missing codes: with labels (`97=拒答`) or bare (`97, 98、-999`)."""
    parts = [part for part in re.split(r"[;；,，、|/\s]+", text.strip()) if part]
    if all(BARE_CODE.fullmatch(part) for part in parts):
        return [(canonical(part), "") for part in parts]
    return code_labels(text)


def ends_of_scale(text: str) -> tuple[int, int] | None:
    """`1-5`, `0~10分`: the ends, lower first."""
    found = RANGE.match(text)
    if not found:
        return None
    low, high = int(found.group(1)), int(found.group(2))
    return (low, high) if low < high else None


def scale_of(labels: Iterable[tuple[str, str]], missing: frozenset[str]) -> dict[str, Any] | None:
    """The scale that labelled points make, without those that mean no answer; points in a row from 0, 1 or below."""
    points = sorted(
        (int(value), label)
        for value, label in labels
        if re.fullmatch(r"-?\d{1,3}", value) and value not in missing and not sounds_missing(label)
    )
    values = [value for value, _ in points]
    if len(values) < 2 or values != list(range(values[0], values[0] + len(values))):
        return None
    falling = not _negative(points[0][1]) and _negative(points[-1][1])
    return {"min": values[0], "max": values[-1], "direction": "descending" if falling else "ascending"}


def sounds_missing(label: str) -> bool:
    folded = fold(label).replace("’", "'")
    return any(word in folded for word in NO_ANSWER)


def _negative(label: str) -> bool:
    folded = fold(label)
    return any(word in folded for word in NEGATIVE[:4]) or folded.startswith(NEGATIVE[4:]) or "dis" in folded


def kind_of(text: str) -> str | None:
    """The kind that a codebook's word for a type of question means."""
    folded = fold(text)
    return KIND_OF.get(folded) or KIND_OF.get(folded.removesuffix("题"))
