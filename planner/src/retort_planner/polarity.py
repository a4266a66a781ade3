"""Polarity: whether the words take rows away or keep them, with negation resolved.

「不要小于18岁的」 drops, 「只要18岁以上的」 keeps, 「不要删除…」 asks for nothing to be deleted, 「除了北京都删掉」 keeps Beijing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from retort_planner.lexicon import either

Mode = Literal["drop", "keep"]
_NOT: Final = r"(?:不要|不用|别(?!的)再?|不必|请?勿|不能|先别|不可以?|不许|切勿|千万别|千万不要|不想|don't|do not|never|please don't|not) ?(?:把|将)?"
NEGATED_DROP: Final = re.compile(
    rf"{_NOT}(?:[^,;]{{0,20}}?)(?:删除|删掉|去掉|剔除|移除|清除|排除|丢掉|删|\b(?:drop|delete|remove|discard|exclude|throw away)\b)",
    re.IGNORECASE,
)
NEGATED_KEEP: Final = re.compile(
    r"(?:不要?|不用|别|不必|无需|don't|do not) ?(?:只)?(?:保留|留下?|\b(?:keep|retain)\b)", re.IGNORECASE
)
_EXCEPT: Final = re.compile(
    r"除了?(?P<zh>[^,;]{1,80}?)(?:以外|之外|外|,|(?=(?:其他|其它|其余|剩下|别的|都|全)))(?:的)?(?:,)?(?:其他|其它|其余|剩下|别的|所有|全部)?(?:的)?(?P<zhnoun>列|字段|行|数据|记录|样本)?(?:的)?(?:都|全部?)?"
    r"|(?:everything|everyone|all|all rows|all columns|anything|anyone|all the rows|all the columns|every row|every column|rows|columns|people)? ?(?:except|but|other than|apart from|besides)(?: for)? (?P<en>(?:[^,;]|, ?(?:and )?(?=[\ue000-\ue7ff])){1,80})$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Verb:
    """Where the verb stands and what it does to rows."""

    mode: Mode
    start: int
    end: int


def verbs(text: str) -> list[Verb]:
    """Every place that may be the verb, negated ones as a whole first."""
    found = [Verb("drop", m.start(), m.end()) for m in NEGATED_KEEP.finditer(text)]
    drops = [Verb("drop", m.start(), m.end()) for m in _DROP.finditer(text)]
    keeps = [Verb("keep", m.start(), m.end()) for m in _KEEP.finditer(text)]
    return found + drops + keeps


_DROP: Final = re.compile(either("drop"), re.IGNORECASE)
_KEEP: Final = re.compile(either("keep"), re.IGNORECASE)


def forbids(text: str) -> bool:
    """「不要删除…」: a request to leave something alone."""
    return NEGATED_DROP.search(text) is not None


@dataclass(frozen=True)
class Exception_:  # noqa: N801 - the word of the sentence, not an error
    """除了 X 以外: `inner` is X, `rest` the sentence without it."""

    inner: str
    rest: str


def exception(text: str) -> Exception_ | None:
    match = _EXCEPT.search(text)
    if match is None:
        return None
    inner = match.group("zh") or match.group("en") or ""
    return Exception_(inner, text[: match.start()] + "\x01" + text[match.end() :])
