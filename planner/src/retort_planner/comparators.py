"""Comparators: every way to say ≥ becomes one sign, exactly as the table of conditions in the semantics page has it.

`以上`, `at least`, `or more` include the bound; `超过`, `over`, `before` do not.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from retort_planner.lexicon import alternatives

# sign -> words. Prefix signs stand before the literal, postfix signs after it.
PREFIX: Final[dict[str, str]] = {
    "≠": r"不等于|不是|不为|不属于|并非|非(?=[\ue000-\uefff])|!=|<>|≠|(?:is|are|was|were|does|do) ?(?:not|n't)(?: be)?(?: equal to| equal| in)?(?! (?:more|less|fewer|greater|over|under|above|below|contain|missing|empty|blank|null|filled))|isn't|aren't|not equal to|other than|not in",
    "≥": r"(?<![不未])满了?(?=[0-9一二两三四五六七八九十百])|达到了?(?=[0-9一二两三四五六七八九十百])|大于或?者?等于|大于等于|高于或等于|不小于|不低于|不少于|不早于|至少为?|最少|最低为?|>=|=>|≥|(?:greater|more|larger|higher) than or equal to|at least|no (?:less|fewer|lower|younger) than|not (?:less|fewer|lower) than|since|on or after|minimum of|from |自从?(?=[0-9])",
    "≤": r"小于或?者?等于|小于等于|低于或等于|不大于|不超过|不高于|不多于|不晚于|至多为?|最多|<=|=<|≤|(?:less|fewer|smaller|lower) than or equal to|at most|no (?:more|greater|higher|older|later) than|not (?:more|greater|higher) than|up to|on or before|maximum of",
    ">": r"大于|(?<![不超通经路])过(?=[0-9一二两三四五六七八九十百千万])|超过了?|高于|多于|晚于|超出|大过|(?<![<>=])>(?!=)|(?:more|greater|larger|bigger|higher|older|later) than|above|over|exceed(?:s|ing)?|after|beyond",
    "<": r"小于|低于|少于|不足|不满(?![意足])|未满|不到|早于|小过|<(?![=>])|(?:less|fewer|smaller|lower|younger|earlier) than|below|under|before",
    "∌": r"不包含|不含有?|不带有?|没有提到|没提到|没选|没有选|未选|(?:does|do|did) ?(?:not|n't) (?:contain|include|mention)|(?:doesn't|don't) (?:contain|include|mention)|not containing|not contain|without",
    "∋": r"包含了?|含有|包括|带有|里有|中有|提到了?|出现了?|选了|选择了|勾选了|含|contain(?:s|ing)?|includ(?:es|ing)|mention(?:s|ing|ed)?|selected|chose|with the word|has the word",
    "∅": r"没写|没答|没给出?|没作答|没有作答|缺着|(?:基本|几乎|大多|全)?是空的|是空值?的?|为空值?|是空白|为空白|缺失了?|缺(?=的|$)|没有?填写?|未填写?|没有值|没值|空白|为缺失值?|是缺失值?|未作答|没回答|没有回答|空着|空缺|是空的|为null|(?:is|are|was|being|=) ?(?:missing|empty|blank|null|na|not given|not filled(?: in)?|unanswered|unknown|not answered)|has no value|have no value|has no answer|with no value|with missing|missing|empty|blank|null",
    "∃": r"不为空|不是空值?的?|非空|有值|没有?缺失|不缺失|填了|已填写?|有填写?|不空|有效|(?:is|are) ?(?:not|n't) (?:missing|empty|blank|null|na)|is filled(?: in)?|has an? (?:value|answer)|have an? (?:value|answer)|not missing|not empty|not null|not blank|is given|is valid",
    "∄": r"无效|不合法|格式不对|is invalid|are invalid|invalid",
    "⊢": r"以(?=[\ue800-\uefff]开头)|开头(?:是|为)|(?:starts?|begins?|starting|beginning) with",
    "⊣": r"以(?=[\ue800-\uefff]结尾)|结尾(?:是|为)|(?:ends?|ending) (?:with|in)",
    "∈": r"属于|(?:is|are) (?:one of|in|among|any of)|one of",
    "=": r"等于|就是|是|为|==|=|(?:is|are|was|were) equal to|equals?|is|are|was|were|being",
}  # fmt: skip
POSTFIX: Final[dict[str, str]] = {
    "⊒": r"及其?以上|或以上|或更[高多大]|以上|起(?=$|的|[到至])|以来|开始|或者?更晚|(?:or|and) (?:more|older|over|above|greater|higher|later|up|upwards?|after)(?! (?:than )?[0-9\ue800-\uefff])|\+|onwards?|and on",
    "⊑": r"及其?以下|或以下|或更[低少小]|以下|以内|之内|(?:or|and) (?:less|fewer|under|younger|below|lower|earlier|down|smaller)(?! (?:than )?[0-9\ue800-\uefff])",
    "⊐": r"以后|之后|后(?=$|的|[\ue000-\ue7ff])",
    "⊏": r"以前|之前|前(?=$|的)",
    "⊨": r"开头(?!是|为)",
    "⊭": r"结尾(?!是|为)",
}  # fmt: skip
RANGE: Final = "‥"
COMPARES: Final = {
    "≥": "ge",
    "≤": "le",
    ">": "gt",
    "<": "lt",
    "=": "eq",
    "≠": "ne",
    "⊒": "ge",
    "⊑": "le",
    "⊐": "gt",
    "⊏": "lt",
}
CONTAINS: Final = {
    "∋": "contains",
    "∌": "not_contains",
    "⊢": "starts",
    "⊣": "ends",
    "⊨": "starts",
    "⊭": "ends",
}
NEGATED: Final = {
    "eq": "ne", "ne": "eq", "ge": "lt", "lt": "ge", "gt": "le", "le": "gt", "in": "nin", "nin": "in",
    "contains": "not_contains", "not_contains": "contains",
}  # fmt: skip


@cache
def _table() -> tuple[re.Pattern[str], dict[str, str]]:
    """One pattern for all signs; postfix ones and negative ones before the words they contain."""
    groups: list[str] = []
    names: dict[str, str] = {}
    order = [
        "∃",
        "∌",
        "⊒",
        "⊑",
        "≠",
        "≥",
        "≤",
        "∅",
        "∄",
        "⊐",
        "⊏",
        "⊢",
        "⊣",
        "⊨",
        "⊭",
        "∈",
        ">",
        "<",
        "∋",
        "=",
    ]
    for number, sign in enumerate(order):
        words = PREFIX.get(sign) or POSTFIX[sign]
        names[f"g{number}"] = sign
        parts = [_bounded(word) for word in alternatives(words)]
        groups.append(f"(?P<g{number}>{'|'.join(parts)})")
    return re.compile("|".join(groups), re.IGNORECASE), names


def _bounded(word: str) -> str:
    """English words need borders; Chinese ones and signs do not."""
    first = re.sub(r"^\(\?:|^\(\?[<=!]+", "", word)[:1]
    return rf"(?<![A-Za-z])(?:{word})(?![A-Za-z])" if first.isascii() and first.isalpha() else word


_BETWEEN: Final = re.compile(r"\bbetween ([^ ][^,;]{0,40}?) and (?=[0-9+\-\ue800-\uefffa-z])", re.IGNORECASE)
_FROM_TO: Final = re.compile(
    r"(?:从|自|\bfrom )?(?P<low>[+\-]?[0-9][0-9.,/年月日号:万千百\-]{0,20}(?<![\-/,])|[\ue800-\uefff]|[一二两三四五六七八九十百千万亿]{1,8})(?: ?岁| ?分| ?元)? ?(?:到|至|~|—|–|－|-(?=[0-9])| to (?=[0-9\ue800-\uefff])| through ) ?(?=[0-9+\ue800-\uefff一二两三四五六七八九十百])"
)
_ISO: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})(?:-([0-9]{1,2}))?(?![0-9])")


def sign(text: str) -> str:
    """`text` of one condition with comparators as signs and ranges as `low‥high`."""
    text = _ISO.sub(lambda m: "/".join(filter(None, m.groups())), text)
    text = _BETWEEN.sub(lambda m: m.group(1) + RANGE, text)
    text = _FROM_TO.sub(lambda m: m.group("low") + RANGE, text)
    pattern, names = _table()
    return pattern.sub(lambda m: names[m.lastgroup or ""], text)
