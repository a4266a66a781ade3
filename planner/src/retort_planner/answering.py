"""Answers to what is open: 好的, 第二个, 1b, the words of an option. A new instruction is never taken for an answer."""

from __future__ import annotations

import re
from typing import Final

from pydantic import JsonValue

from retort_core.plans import Command, Option, Outcome, Question, Suggestion
from retort_planner import commands
from retort_planner.linking import Linked
from retort_planner.literals import number
from retort_planner.requests import Request
from retort_planner.text import fold

_ORDINAL: Final = re.compile(
    r"(?:就|选择?|用|要|按|我选|那就)?(?:第)?(?P<zh>[0-9]{1,2}|[一二两三四五六七八])\s?(?:个|项|种|条)?(?:选项|建议|方案)?(?:吧)?"
    r"|(?:(?:i'll )?(?:take|choose|pick|use|go with|accept|apply) )?(?:the )?(?:(?:option|number|suggestion) (?P<n>[0-9]{1,2})|(?P<en>first|second|third|fourth|fifth|last)(?: (?:one|option|suggestion))?)"
    r"|(?P<last>最后一?个)|(?:option )?(?P<letter>[a-h])",
    re.IGNORECASE,
)
_WORDED: Final = re.compile(
    r"(?:第一|最后|最早|最新)(?=[条次行份])|\b(?:first|last|latest|earliest)\b", re.IGNORECASE
)
_WORDS: Final = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5}


def position(text: str, count: int) -> int | None:
    """第二个 → 1 (from zero); None when it is no position among `count`."""
    match = _ORDINAL.fullmatch(text)
    if match is None:
        return None
    if match.group("last") or (match.group("en") or "").lower() == "last":
        return count - 1
    if match.group("letter"):
        index: int = ord(match.group("letter").lower()) - 97
    elif match.group("en"):
        index = _WORDS[match.group("en").lower()] - 1
    else:
        index = int(number(match.group("zh") or match.group("n")) or 0) - 1
    return index if 0 <= index < count else None


def answer(request: Request, linked: Linked) -> Outcome | None:
    """What the message answers, or None when it is an instruction of its own."""
    text, remember = commands.without_remember(commands.strip_polite(linked.text))
    if request.pending is not None:
        return _to_question(request.pending, text, linked, remember=remember)
    if request.suggestions:
        return _to_suggestions(request.suggestions, text)
    return Command(verb="approve") if commands.agrees(text) else None


def _to_suggestions(suggestions: tuple[Suggestion, ...], text: str) -> Outcome | None:
    index = 0 if commands.agrees(text) else position(text, len(suggestions))
    return Command(verb="accept", args={"suggestion": suggestions[index].id}) if index is not None else None


def _to_question(question: Question, text: str, linked: Linked, *, remember: bool) -> Outcome | None:
    chosen = _chosen(question, text, linked)
    if chosen is None:
        return None
    if len(chosen) < len(question.slots):
        return question  # part of the card is still open: nothing is assumed for it
    args: dict[str, JsonValue] = {"choice": "+".join(option.id for option in chosen)}
    return Command(verb="answer", args={**args, "remember": True} if remember else args)


def _chosen(question: Question, text: str, linked: Linked) -> list[Option] | None:
    """One option a slot; slots not spoken of take what is preselected. [] when agreed to something undecided."""
    if commands.agrees(text):
        return _defaults(question)
    parts = [part for part in re.split(r"[,、;+]|和|然后|\band\b", text) if part.strip()]
    if len(parts) == len(question.slots):
        options = [
            _match(slot.options, part.strip(), linked)
            for slot, part in zip(question.slots, parts, strict=True)
        ]
        if None not in options:
            return [option for option in options if option is not None]
    hit = next(
        (
            (n, option)
            for n, slot in enumerate(question.slots)
            if (option := _match(slot.options, text, linked))
        ),
        None,
    )
    if hit is None:
        return None
    others = [
        hit[1] if n == hit[0] else next((o for o in slot.options if o.default), None)
        for n, slot in enumerate(question.slots)
    ]
    return [option for option in others if option is not None]


def _defaults(question: Question) -> list[Option]:
    found = [next((option for option in slot.options if option.default), None) for slot in question.slots]
    return [option for option in found if option is not None]


def _match(options: tuple[Option, ...], text: str, linked: Linked) -> Option | None:
    worded = _WORDED.search(text)
    if worded is not None:  # "the last one" of two rows to keep, not of the buttons
        named = [option for option in options if worded.group().casefold() in option.label.casefold()]
        if len(named) == 1:
            return named[0]
    index = position(text, len(options))
    if index is not None:
        return options[index]
    said = fold(linked.plain(text))
    exact = [option for option in options if said in (fold(option.label), option.id)]
    if exact or len(said) < 2:
        return exact[0] if exact else None
    near = [option for option in options if said in fold(option.label)]
    return near[0] if len(near) == 1 else None
