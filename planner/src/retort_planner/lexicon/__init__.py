"""Words of both languages under one name: `cue("drop")` matches 删除 and drop alike, so languages may mix."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from retort_planner.lexicon import en, zh

# A column called like one of these is linked only when quoted or followed by 列/column.
KEYWORDS: Final = frozenset(
    [
        "删除",
        "去掉",
        "保留",
        "只保留",
        "去重",
        "重复",
        "大于",
        "小于",
        "等于",
        "为空",
        "填充",
        "替换",
        "合并",
        "拆分",
        "排序",
        "提取",
        "统计",
        "分析",
        "撤销",
        "恢复",
        "平均",
        "求和",
        "最大",
        "最小",
        "标记",
        "缺失",
        "所有",
        "全部",
        "数据",
        "列",
        "行",
        "值",
        "和",
        "或",
        "且",
        "并",
        "然后",
        "再",
        "按",
        "把",
        "将",
        "分布",
        "描述",
        "计算",
        "新增",
        "导出",
        "历史",
        "以上",
        "以下",
        "之间",
        "空",
        "异常值",
        "重命名",
        "drop",
        "delete",
        "remove",
        "keep",
        "only",
        "rows",
        "row",
        "column",
        "columns",
        "where",
        "and",
        "or",
        "not",
        "by",
        "with",
        "to",
        "as",
        "is",
        "in",
        "of",
        "the",
        "a",
        "then",
        "if",
        "else",
        "mean",
        "sum",
        "count",
        "min",
        "max",
        "sort",
        "fill",
        "replace",
        "merge",
        "split",
        "undo",
        "redo",
        "average",
        "all",
        "values",
        "value",
        "data",
        "show",
        "table",
        "than",
        "over",
        "under",
        "between",
        "set",
        "add",
        "label",
        "missing",
        "empty",
        "names",
        "blank",
        "null",
        "duplicates",
        "extract",
        "group",
        "first",
        "last",
        "before",
        "after",
        "at",
        "on",
        "for",
        "from",
        "per",
        "other",
    ]
)


@cache
def either(*names: str) -> str:
    """Pattern text of the named cues in both languages."""
    chinese = _longest_first("|".join(zh.CUES[name] for name in names))
    english = _longest_first("|".join(en.CUES[name] for name in names))
    return rf"(?:{chinese}|(?<![A-Za-z0-9_])(?:{english})(?![A-Za-z0-9_]))"


def _longest_first(words: str) -> str:
    """Alternatives by length, so that 最高分 is found before 最高."""
    return "|".join(sorted(alternatives(words), key=len, reverse=True))


def alternatives(words: str) -> list[str]:
    """`a|b(?:c|d)` cut at the bars outside of brackets."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(words):
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            parts.append(words[start:at])
            start = at + 1
    return [*parts, words[start:]]


@cache
def cue(*names: str) -> re.Pattern[str]:
    return re.compile(either(*names), re.IGNORECASE)


@cache
def stop_words() -> re.Pattern[str]:
    return re.compile(rf"(?:{zh.STOP})|(?<![A-Za-z0-9_'])(?:{en.STOP})(?![A-Za-z0-9_])", re.IGNORECASE)
