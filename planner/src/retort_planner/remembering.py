"""What is remembered, asked for and forgotten in words: 「记住了什么」, 「忘掉第2条」, 「以后不要这样了」."""

from __future__ import annotations

import re
from typing import Final

from retort_core.plans import Command
from retort_planner.linking import Linked
from retort_planner.literals import number

_WORD_ZH: Final = r"(?:约定|惯例|做法|习惯|规矩)"
_LIST: Final = re.compile(
    rf"(?:查看|看看?|列出|列一下|显示|打开|告诉我)?(?:一下)?(?:现在|目前)?(?:都)?(?:有|记住了?|记得|存了)?(?:哪些|什么|的)?(?:已?记住的|保存的)?{_WORD_ZH}(?:有哪些|列表|是什么)?"
    r"|(?:你|我们?)?(?:都)?记住了(?:些|哪些)?什么(?:了)?|(?:what (?:conventions|habits|choices) (?:are there|do you (?:remember|have|know))|(?:list|show)(?: me)?(?: the| all| my)? (?:conventions|remembered (?:choices|answers))|what do you remember|conventions)",
    re.IGNORECASE,
)
_FORGET: Final = re.compile(
    rf"(?:忘掉|忘记|忘了|删除|删掉|取消|去掉|撤销|不要再?记住?|别再?记住?)(?:关于|对)?(?P<zh>.{{0,40}}?)的?(?:这|那)?(?:个|条|种)?(?:已?记住的)?{_WORD_ZH}"
    r"|(?:以后|今后|往后)(?:不要|别|不用|不必)(?:再|都)*(?:这样|这么做|这么处理)(?:了|做|处理)*"
    r"|forget(?: about)?(?: the| this| that)? ?(?P<en>.{0,40}?) ?(?:convention|choice|answer|habit)s?(?: (?:about|for|on|of|number)(?: the)? (?P<en2>.{1,40})| (?P<en3>[0-9]{1,3}))?|(?:do not|don't) (?:always )?do (?:this|that|it) (?:any ?more|from now on)|stop (?:doing|remembering) (?:this|that|it)",
    re.IGNORECASE,
)
_AT: Final = re.compile(
    r"第?(?P<zh>[0-9]{1,3}|[一二两三四五六七八九十]{1,2})(?:个|条|种)?|(?:number |no\.? ?)?(?P<en>[0-9]{1,3})|(?P<word>first|second|third|last)",
    re.IGNORECASE,
)
_WORDS: Final = {"first": "1", "second": "2", "third": "3", "last": ""}


def remembered(text: str, linked: Linked) -> Command | None:
    """The command that lists what is remembered, or forgets one of it."""
    if _LIST.fullmatch(text):
        return Command(verb="conventions")
    found = _FORGET.fullmatch(text)
    if found is None:
        return None
    said = linked.plain(
        found.group("zh") or found.group("en2") or found.group("en3") or found.group("en") or ""
    ).strip()
    return Command(verb="forget", args={"which": _which(said)})


def _which(said: str) -> str:
    """A position as digits, "" for the last one, "*" for all, else the words that name it."""
    if re.fullmatch(r"所有|全部|一切|all|every|everything", said, re.IGNORECASE):
        return "*"
    said = re.sub(
        r"^(?:这|那|上一?|刚才的?|最后)[个条种]?$|^(?:this|that|the|last)$", "", said, flags=re.IGNORECASE
    )
    at = _AT.fullmatch(said) if said else None
    if at is None:
        return said
    if at.group("word"):
        return _WORDS[at.group("word").lower()]
    return str(int(number(at.group("zh") or at.group("en")) or 0))
