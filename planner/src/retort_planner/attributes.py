"""How people and rows are described: older than 60, earning less, submitted after March, women, no city, 没填收入.

Turned into `column comparator value` before a condition is read; a column that the words only imply is taken when
exactly one column of the table can be meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from retort_core.schema import Column, Schema
from retort_planner.text import C

AGED: Final = "years old"  # what "older than" and "aged" speak of
_NUMERAL: Final = r"[+\-]?[0-9\ue800-\uefff]"
_ZH_NUMERAL: Final = r"[0-9一二两三四五六七八九十百千万半\ue800-\uefff]"
PEOPLE: Final = {
    "男性": "男",
    "女性": "女",
    "男生": "男",
    "女生": "女",
    "男士": "男",
    "女士": "女",
    "男人": "男",
    "女人": "女",
    "男的": "男",
    "女的": "女",
    "男": "男性",
    "女": "女性",
    "men": "male",
    "women": "female",
    "males": "male",
    "females": "female",
    "man": "male",
    "woman": "female",
}
# Words of a condition -> words of the name of the one numeric column they imply.
_IMPLIED: Final[tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]] = (
    (re.compile(r"岁|\b(?:years? old|years of age)\b", re.IGNORECASE), ("年龄", "岁数", "age")),
)
_VERBS: Final[tuple[tuple[re.Pattern[str], tuple[str, ...]], ...]] = (
    (
        re.compile(
            r"\b(?:earn(?:s|ing)?|mak(?:e|es|ing)|get(?:s|ting)? paid|paid)(?= (?:more|less|over|under|at|above|below|between|no|up|exactly|[0-9]))",
            re.IGNORECASE,
        ),
        ("income", "salary", "earning", "wage", "收入", "工资", "薪"),
    ),
    (re.compile(rf"(?:挣|赚)(?=.{{0,6}}{_ZH_NUMERAL})"), ("收入", "工资", "薪", "income", "salary")),
)
_EDGE: Final = r"(?=$|[,;]| (?:and|or|but)\b)"
PHRASES: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), meant)
    for pattern, meant in (
        (r"(?:是|为)负[数值]?的?|小于零", "<0"),
        (r"(?:是|为)正[数值]的?|大于零", ">0"),
        (
            rf"\baged (?:between )?({_NUMERAL}[0-9]*) ?(?:to|-|–|and) ?({_NUMERAL}[0-9]*)",
            r"between \1 and \2 years old",
        ),
        (rf"\baged ((?:over |under |above |below )?{_NUMERAL}[0-9]*)", r"\1 years old"),
        (r"\bit (?=is |was )", ""),
        (rf"\bolder than ({_NUMERAL}[0-9]*)(?! (?:in|for|of|on)|[0-9])", r"> \1 years old"),
        (rf"\byounger than ({_NUMERAL}[0-9]*)(?! (?:in|for|of|on)|[0-9])", r"< \1 years old"),
        (rf"不(?:在|处于|介于)(?={_NUMERAL})", "≠"),
        (r"(?:要|应该?|必须|得|需要?)(?=在|是|为|大于|小于|等于|不低于|不超过|不小于|至少|[0-9])", ""),
        (rf"({C})(?:列)?不在(?!{_ZH_NUMERAL})", r"\1≠"),
        (rf"({C})(?:列)?在(?!{_ZH_NUMERAL})", r"\1="),
        (rf"^(?:没有?|缺少?|无)({C})(?:列|信息|数据|的)*(?:记录|行|人|样本|用户|答卷)?$", r"\1缺失"),
        (rf"({C})(?:列)?(?:没有?|缺|无)(?:成绩|分数?|数据|数值|内容|信息)?(?:的|着的)?$", r"\1缺失"),
        (r"([\u4e00-\u9fff]{1,8}?)(?:当中|之中|里面|中|里)的?(?=[\ue000-\ue7ff])", r"\1且"),
        (r"非([\u4e00-\u9fff]{2,6})(?:[、,和也]|且)?非([\u4e00-\u9fff]{2,6})", r"不是\1或\2"),
        (rf"({C}) not (?:above|over|more than|higher than)", r"\1 at most"),
        (rf"({C}) not (?:below|under|less than|lower than)", r"\1 at least"),
        (
            rf"({C})s? (?:that|which|who) (?=(?:do|does|did|is|are|have|has|contain|mention|start|end|include)\b)",
            r"\1 ",
        ),
        (r"\b(not|is|are|was|were|only) from (?=[A-Z])", r"\1 "),
        (
            r"\bwho (?:is|are) ((?:at least|over|under|above|below|at most) [0-9]{1,3})(?=$|[,;]| (?:and|or)\b)",
            r"and \1 years old",
        ),
        (rf"\bnegative(?: values? (?:of|in))? ({C})", r"\1 < 0"),
        (r"\b(?:either|exactly|precisely|strictly) ", ""),
        (
            r"\b(people|persons?|respondents?|everyone|those|users?|customers?|participants?|men|women|males?|females?|kids)(?: (?:who|that))?(?: (?:is|are))? ((?:under|over|above|below|at least|at most) [0-9]{1,3}|[0-9]{1,2} (?:or|and) (?:over|more|above|older|under|younger|below)|between [0-9]{1,3} and [0-9]{1,3})(?=$|[,;]| (?:and|or|but|only|should|must|can)\b)",
            r"\1 \2 years old",
        ),
        (
            r"\b(men|women|males?|females?) (?=(?:aged|over|under|above|below|at least|older|younger|between|with|who|whose|from|in|[0-9]+)\b)",
            r"\1 and ",
        ),
        (rf"({C})s? (?:of|at) (?={_NUMERAL}|one|two|three|four|five|six|seven|eight|nine|ten)", r"\1 = "),
        (
            rf"\b(?:makes?|earns?|has|have|gets?|with|making|earning|having) (?=(?:more|less|over|under|above|below|at least|at most)\b.*{C})",
            "",
        ),
        (rf"(?<=[0-9])(?: in| of)?(?: the)? ({C})$", r" in \1"),
        (r"\b(?:are |is |were |was )?neither (?:an? )?(.+?) nor (?:an? )?", r"is not \1 or "),
        (
            rf"\b(?:falls? |lies? |is |are )?(?:outside|not within|not inside|out)(?: of)?(?: the range)?(?: of| from)? ({_NUMERAL}[0-9.]*) ?(?:to|and|-|–|through) ?({_NUMERAL}[0-9.]*)",
            r"is not between \1 and \2",
        ),
        (
            rf"\b(?:within|inside|in)(?: the range)?(?: of| from)? ({_NUMERAL}[0-9.]*) ?(?:to|and|-|–|through) ?({_NUMERAL}[0-9.]*)",
            r"between \1 and \2",
        ),
        (r"\bfrom ((?:[a-z]+ )?[0-9][0-9/ a-z\-]{2,20}?) on(?:wards?)?$", r"since \1"),
        (
            rf"(?:with|have|having|has)(?: an?)? ({C}) (?=under|over|above|below|of|at|between|before|after|more|less|is|are)",
            r"\1 ",
        ),
        (
            rf"\b(?:(?:with|have|having|has|that have|who have) )?(?:no|without(?: an?| any)?|lacking(?: an?)?|lacks?(?: an?)?|(?:an? )?(?:empty|blank|missing))(?: valid)?(?: (?:value|answer|entry)s?(?: (?:for|in|to))?)? ({C}){_EDGE}",
            r"\1 is missing",
        ),
        (
            rf"\b(?:does|do|did) not (?:have|give|provide|answer|fill in|state|report|leave)(?: an?| any| the| their)*(?: (?:value|answer|entry)(?: (?:for|in|to))?)?(?: the)? ({C}){_EDGE}",
            r"\1 is missing",
        ),
        (
            rf"\b(?:with|have|having|has)(?: an?| any)?(?: valid)? (?:answer|value|entry)s? (?:to|for|in)(?: the)? ({C}){_EDGE}",
            r"\1 is not missing",
        ),
        (
            rf"\b(?:answered|filled in|gave|provided|stated|reported)(?: an?| any| the| their)* ({C}){_EDGE}",
            r"\1 is not missing",
        ),
        (rf"({C}) (?:was|were|is|are)? ?(?:left )?(?:blank|empty|unfilled)$", r"\1 is missing"),
    )
)
_DATED: Final = re.compile(
    r"(?P<after>提交|填写|回收|注册|下单|入职|离职|购买|访问)(?=的|$)|(?:\b(?:was |were )?(?P<en>[a-z]{4,12}ed)(?= (?:after|before|since|on|in|between|from|until|by)\b))",
    re.IGNORECASE,
)


def by_words(schema: Schema, literal: str) -> Column | bool | None:
    """The column that 60岁 or "years old" speaks about; None when several could be; False when no word implies one."""
    for pattern, names in _IMPLIED:
        if pattern.search(literal):
            return _only(_numeric(schema, names))
    return False


def implied(schema: Schema, text: str) -> Iterator[tuple[re.Match[str], Column]]:
    """Verbs that stand for a column: earning, scoring, submitted after."""
    for pattern, names in _VERBS:
        found, column = pattern.search(text), _only(_numeric(schema, names))
        if found is not None and column is not None:
            yield found, column
    yield from _gerunds(schema, text)
    dated = _DATED.search(text)
    if dated is not None:
        word = (dated.group("after") or dated.group("en")).lower()
        column = _only([c for c in schema.columns if c.dtype.temporal and _speaks_of(c, word)])
        if column is not None:
            yield dated, column


def _gerunds(schema: Schema, text: str) -> Iterator[tuple[re.Match[str], Column]]:
    for word in re.findall(r"\b[a-z]{3,12}ing\b", text, re.IGNORECASE):
        stem = word.lower().removesuffix("ing")
        column = _only(
            [c for c in schema.columns if c.dtype.numeric and c.name.lower() in (stem, stem + "e")]
        )
        found = re.search(rf"\b{word}\b(?= )", text)
        if column is not None and found is not None:
            yield found, column


def _speaks_of(column: Column, word: str) -> bool:
    if not word.isascii():
        return word in f"{column.name}{column.label}"
    tokens = re.split(r"[\s_\-]+", column.name.lower())
    return any(len(token) > 2 and word.startswith(token) for token in tokens)


def _numeric(schema: Schema, names: tuple[str, ...]) -> list[Column]:
    return [
        c
        for c in schema.columns
        if c.dtype.numeric and any(n in f"{c.name} {c.label}".casefold() for n in names)
    ]


def _only(found: list[Column]) -> Column | None:
    return found[0] if len(found) == 1 else None
