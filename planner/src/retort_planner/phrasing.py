"""Turns of phrase that say a known thing in another order are put the usual way before any verb is looked for.

Remarks (「这两列没用，删掉」), particles (其实, actually, please), 「其他的都不要」 after what is kept, and sentences whose object
stands elsewhere. Only shapes that mean one thing are turned; everything else passes as it was said.
"""

from __future__ import annotations

import re
from typing import Final

from retort_planner.frames.base import COLUMNS
from retort_planner.lexicon import cue
from retort_planner.polarity import exception
from retort_planner.text import NAME, L

_COLS: Final = rf"(?P<cols>{COLUMNS})"
_REMARK_ZH: Final = (
    r"(?:都|太|有点|也)*(?:没什么用|没有用处?|没用处?|用不[到上着]|不重要|涉及隐私|是隐私|"
    r"(?:写法|格式|名称|叫法)?(?:都|很|太|有点)?(?:不统一|不一致|不规范|乱))了?"
)
_REMARK_EN: Final = (
    r"(?:is|are)(?: all| both)? (?:useless|not needed|unneeded|unnecessary|not useful|of no use|messy|inconsistent|"
    r"private|sensitive)[,;:]?(?: so| please| and| but)*"
)
_TURNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), meant)
    for pattern, meant in (
        (r"(?:其实|实际上|事实上)(?=应?该?[是算为])|^(?:simply|basically) ", ""),
        (r",?\s?\b(?:please|thanks|thank you)[.!]?$", ""),
        # A remark on the columns before what is to be done with them; to keep them as they are is nothing to do.
        (rf"^(?:把|将)?{_COLS}{_REMARK_ZH},(?:.{{0,6}}(?:保留|留着|留下|不动)(?:着|吧)*)$", ""),
        (rf"^(?:the )?{_COLS} {_REMARK_EN} (?:keep|retain|leave|save) .{{0,20}}$", ""),
        (rf"^(?:把|将)?{_COLS}{_REMARK_ZH},(?!.*(?:留|别|不|勿))", r"\g<cols>"),
        (
            rf"^(?:the )?{_COLS} {_REMARK_EN} (?P<verb>(?!not|hide)[a-z]+(?: up)?) (?:them|it|these)(?: all)?$",
            r"\g<verb> \g<cols>",
        ),
        (r"的(?:都|就)?(?:算作?|是|视为|当作?|属于)(?:异常|离群)值?的?,", "的"),
        # A new column is added whether or not the verb is said.
        (r"^新的?(?:列|字段|变量)[:]?\s?(?=\S)(?!名|叫|为)", "新增列"),
        (r"^(?:an? )?new (?:column|field|variable),? (?:called |named )?", "add column "),
        (
            rf"^(?:add|create|make) (?:an? )?(?:new )?(?:column|field|variable) (?:called |named )?(?P<name>{NAME}) by (?P<verb>join|combin|concatenat|merg)ing (?P<rest>.+)$",
            r"combine \g<rest> as \g<name>",
        ),
        (rf"^(?P<cols>{COLUMNS})\+(?P<more>{COLUMNS})(?=合并|拼接?|连接?)", r"\g<cols>、\g<more>"),
        (
            r"^(?P<who>[^,;]+?) should (?:all )?(?:go|be (?:dropped|removed|deleted|excluded))$",
            r"remove \g<who>",
        ),
        (r"^(?P<who>[^,;]+?) should (?:all )?(?:stay|be kept)$", r"keep \g<who>"),
        # Questions and tables whose object stands elsewhere.
        (rf"^how (?:is|are)(?: the)? {_COLS} distributed$", r"distribution of \g<cols>"),
        (r"的人(?:一共|总共)?有多少$", "的人数"),
        (rf"^{_COLS}(?:列)?(?:里|中)?(?:都)?有(?:哪些|什么)(?:值|取值|选项|答案|类别)$", r"统计\g<cols>"),
        (
            rf"^what (?:values|answers|categories)(?: does| do)(?: the)? {_COLS}(?: column)? have$",
            r"tabulate \g<cols>",
        ),
        (rf"以\s?{_COLS}(?:作?为|做)(?:表头|横表头|列头)(?:来)?(?:看|统计|分析)?", r"按\g<cols>统计"),
        (rf"\bwith(?: the)? {_COLS} as(?: the)? (?:banners?|headers?)\b", r"by \g<cols>"),
        (
            rf"^where(?: the)? {_COLS} (?:is|are) (?:blank|empty|missing|null),? (?:put|write|use|enter|fill in) (?P<value>{L}|[^,]{{1,30}})$",
            r"fill missing \g<cols> with \g<value>",
        ),
        (
            r"^(?P<left>.*[\ue000-\ue7ff])(?:列)?(?:全|都|均)+没有(?:填|值|数据|答案|回答)?(?=的)",
            r"\g<left>全都为空",
        ),
        (r"(?:大写|小写)(?:的)?(?:字母)?(?:都|全部?|统一)*(?=[改转变换]\S{0,2}(?:大写|小写))", ""),
    )
)
_REST: Final = re.compile(
    r",?(?:其他|其它|其余|别的|剩下)的?(?:列|字段|变量|行|人|数据)?(?:都|全部?|统统|一律)*(?:不用留|不用要|不用|不要|不需要|不留|删掉|删了|去掉)(?:了|吧)*$"
    r"|,? (?:and )?(?:nothing else|no others?|(?:drop|discard|remove|delete) the rest|the rest can go)$",
    re.IGNORECASE,
)
_ONLY_HEAD: Final = re.compile(
    r"^(?:我们?)?(?:只|仅)?(?:关心|关注|需要|想要|要)|^(?:i|we) (?:only |just )?(?:need|want|care about)(?: only| just)? ",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """`text` of one message said the usual way."""
    for pattern, meant in _TURNS:
        text = pattern.sub(meant, text)
    return _only(text.strip())


def _only(text: str) -> str:
    """「性别、年龄，其他的都不要」 keeps; never when the words before it take something away."""
    found = _REST.search(text)
    if found is None or found.start() < 1 or exception(text) is not None:
        return text
    body = _ONLY_HEAD.sub("", text[: found.start()]).strip(" ,")
    if not body or cue("drop").search(body) or cue("missing").search(body) or "," in body.replace(", ", "、"):
        return text
    kept = cue("keep").search(body) is not None
    return body if kept else (f"只保留{body}" if not found.group().isascii() else f"keep only {body}")
