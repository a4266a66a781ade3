"""Clauses: where one instruction may be cut, and how the pieces join again.

A cut is only a *possibility*: 「年龄大于60并且城市是北京的行删除」 has one operation, 「删除备注列并去重」 two. Pieces are joined
as long as together they still read as one operation, longest first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from retort_planner.text import has_cjk

MAX_PIECES: Final = 24
JOINED_AT_MOST: Final = 6
_BORDER: Final = re.compile(
    r"\s?(?:[。;!?\n]|,?\s?(?:然后再?|接着再?|随后|之后再?(?=[^,。的])|(?<![到在至放排移])最后(?=[把将按对给删去保])|并且|(?<![合归兼])并(?!列)|同时|再(?!次|购|买)|顺便|另外|"
    r"(?<![A-Za-z])(?:and then|after that|then|and also|also|and finally|finally|after that|and)(?![A-Za-z]))|,|\.(?=\s|$))\s?,?",
    re.IGNORECASE,
)
_LEAD: Final = re.compile(
    r"^(?:second(?:ly)?|third(?:ly)?|next|last(?:ly)?),? (?=[a-z])|^(?:先|首先|请先|第一步|再|然后|接着|first of all|firstly|to start|first(?=,| (?:drop|remove|delete|keep|sort|trim)))[,:]?\s?",
    re.IGNORECASE,
)
R = TypeVar("R")


@dataclass(frozen=True)
class Piece:
    """A piece and the border before it."""

    border: str
    text: str


def pieces(text: str) -> tuple[Piece, ...]:
    """`text` cut at every possible border, at most `MAX_PIECES`; the last keeps what is too many."""
    found: list[Piece] = []
    border, start = "", 0
    for match in _BORDER.finditer(text):
        if len(found) >= MAX_PIECES - 1:
            break
        piece = text[start : match.start()].strip()
        if piece:
            found.append(Piece(border, piece))
            border = match.group()
        start = match.end()
    tail = text[start:].strip()
    if tail:
        found.append(Piece(border, tail))
    return tuple(found)


def bare(text: str) -> str:
    """A clause without 先, 再, first."""
    return _LEAD.sub("", text.strip(" ,。.;!"))


def joined(parts: tuple[Piece, ...]) -> str:
    return bare("".join(("" if i == 0 else p.border) + p.text for i, p in enumerate(parts)))


def grouped(parts: tuple[Piece, ...], read: Callable[[str], R | None]) -> Iterator[tuple[str, R | None]]:
    """Clauses of the message: from the left, the longest join that `read` understands."""
    at = 0
    while at < len(parts):
        for size in range(min(JOINED_AT_MOST, len(parts) - at), 0, -1):
            text = joined(parts[at : at + size])
            reading = read(text)
            if reading is not None:
                break
        else:
            text, reading, size = loosely(parts[at:], read)
        yield text, reading
        at += size


def loosely(parts: tuple[Piece, ...], read: Callable[[str], R | None]) -> tuple[str, R | None, int]:
    """A pause is no border: 「打分，改名，叫推荐分」 reads without its commas when the first piece alone says nothing."""
    most = 1
    while most < min(JOINED_AT_MOST, len(parts)) and parts[most].border.strip() in (",", ":"):
        most += 1
    for size in range(most, 1, -1):
        said = [bare(part.text) for part in parts[:size]]
        spaced = " " if all(text.isascii() or not has_cjk(text) for text in said) else ""
        text = spaced.join(said)
        reading = read(text)
        if reading is not None:
            return text, reading, size
    return joined(parts[:1]), None, 1
