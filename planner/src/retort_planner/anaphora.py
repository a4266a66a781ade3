"""Pronouns inside one message: 把它放到最后, make both uppercase, 把他们删了.

A pronoun stands for the columns the clause before spoke about; one that stands for rows joins its clause to the
words that describe them. With nothing before it a pronoun stays as it is and the clause is not understood.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from retort_planner.linking import Linked, Mention
from retort_planner.text import COLUMN_BASE, SPAN

_IT: Final = re.compile(
    r"它们?|(?:这|那|该)(?:[一两三四几])?(?:列|个?字段|变量|个数)|此列|前者|"
    r"(?<![A-Za-z])(?:both(?: of them)?(?: columns)?|(?:this|that|these|those)(?: new)? columns?|them|they|these|those|it)(?![A-Za-z])",
    re.IGNORECASE,
)
_ROWS_ZH: Final = re.compile(
    r"^(?:把|将)?(?:找|查|筛选?|挑|看)?(?:出|一?下|看)?(?:哪些人?|哪些?行?|有哪些)?(?P<who>[^,;?]{2,60}?)[,;?]+(?:就|都|再|然后)?(?:把|将|给)?(?:他们|她们|它们|这些人?|那些人?|这些行|那些行|这批人?|这部分人?|这几[个条行])(?:都|全部?|给)*(?P<verb>.{1,30})$"
)
_ROWS_EN: Final = re.compile(
    r"^(?:find|look for|get|take|see|show(?: me)?)? ?(?P<who>(?:all |the |any )?(?:those|rows?|records?|people|everyone|respondents?|entries|ones|values?|cells?)\b[^,;]{2,80}?)(?: (?:are|is|look|seem)(?: all)? (?:nonsense|wrong|invalid|bad|errors?|mistakes?|useless|suspicious|not plausible|implausible))?[,;](?: and| then| so| please)* (?P<verb>[a-z]+(?: out| up)?) (?:them|those|these)(?P<tail>.{0,40})$",
    re.IGNORECASE,
)


def rows(text: str) -> str:
    """「找出收入大于10万的人，把他们删了」 as one clause: 把收入大于10万的人删了."""
    found = _ROWS_ZH.match(text)
    if found is not None:
        return f"把{found.group('who')}{found.group('verb')}"
    found = _ROWS_EN.match(text)
    if found is not None:
        return f"{found.group('verb')} {found.group('who')}{found.group('tail')}"
    return text


def resolved(text: str, linked: Linked, columns: tuple[str, ...]) -> tuple[Linked, str] | None:
    """`text` with its first pronoun as the columns spoken of before; None without either."""
    found = _IT.search(text)
    if found is None or not columns or len(linked.mentions) + len(columns) > SPAN:
        return None
    mentions = list(linked.mentions)
    chars = []
    for name in columns:
        chars.append(chr(COLUMN_BASE + len(mentions)))
        mentions.append(Mention(name, (name,)))
    joined = "、".join(chars) if not found.group().isascii() else ", ".join(chars)
    pad = " " if found.group().isascii() else ""
    said = f"{text[: found.start()]}{pad if text[: found.start()].strip() else ''}{joined}{pad}{text[found.end() :]}"
    return replace(linked, mentions=tuple(mentions)), re.sub(r" {2,}", " ", said).strip()
