"""Near misses: words that are almost a column become a question, with the plan each column would give.

Every piece of the message that is close to a column name is replaced by that name and the message is planned again;
columns for which that works are offered. Nothing is ever chosen silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from retort_core.plans import Candidate, Declined, Lang, Option, Outcome, Planned, Question, Slot
from retort_core.schema import Schema
from retort_planner.lexicon import either
from retort_planner.linking import Linked
from retort_planner.text import fold
from retort_planner.values import closeness

_WORD: Final = re.compile(r"[A-Za-z0-9_\-]{2,40}|[\u4e00-\u9fff]{2,16}")
MAX_COLUMNS: Final = 400  # of a very wide table only the first ones are compared
MAX_TRIED: Final = 6


@dataclass(frozen=True)
class Guess:
    """Replace `text` by the column's name."""

    score: float
    column: str
    text: str
    said: str = ""  # the whole message with it


def guesses(schema: Schema, said: str) -> list[Guess]:
    """Columns near a piece of `said`, best first, one guess a column."""
    best: dict[str, Guess] = {}
    windows = list(_windows(said))
    for column in schema.columns[:MAX_COLUMNS]:
        for name in filter(None, (column.name, column.label)):
            for window in windows:
                score = _score(window, name)
                if score and (column.name not in best or score > best[column.name].score):
                    best[column.name] = Guess(score, column.name, window)
    return sorted(best.values(), key=lambda guess: (-guess.score, schema.names.index(guess.column)))


def _windows(said: str) -> list[str]:
    found: list[str] = []
    mixed = [m.group() for m in re.finditer(r"[A-Za-z0-9_\u3040-\u30ff\u3400-\u9fff]{2,16}", said)]
    found += [word for word in mixed if not word.isascii() and re.search(r"[A-Za-z0-9]", word)]
    found += [word[at:] for word in found for at in range(1, min(4, len(word) - 1))]
    for match in _WORD.finditer(said):
        word = match.group()
        if word.isascii():
            found.append(word)
            continue
        found += [
            word[i : i + size]
            for size in range(min(8, len(word)), 1, -1)
            for i in range(len(word) - size + 1)
        ]
    words = [m.group() for m in re.finditer(r"[A-Za-z0-9_]+", said)]
    found += [" ".join(pair) for pair in pairwise(words)]
    return list(dict.fromkeys(found))[:160]


def _score(window: str, name: str) -> float:
    a, b = fold(window), fold(name)
    if abs(len(a) - len(b)) > max(2, len(b)) or a == b or not a or not b:
        return 0.0
    score = closeness(window, name)
    return score if score >= 0.5 and (len(a) > 2 or not a.isascii()) else 0.0


def near_column(
    linked: Linked, schema: Schema, said: str, lang: Lang, again: Callable[[str], Outcome]
) -> Question | None:
    """A card of the columns that may have been meant, each with its plan."""
    spoken = linked.plain(linked.text)
    offers: list[tuple[Guess, Outcome]] = []
    for guess in guesses(schema, said)[:MAX_TRIED]:
        if guess.text not in spoken:
            continue
        for name in (f"「{guess.column}」", guess.column):
            said = spoken.replace(guess.text, name, 1)
            outcome = again(said)
            if isinstance(outcome, Planned | Question):
                offers.append((replace(guess, said=said), outcome))
                break
    return _card(offers[:4], lang)


_COMPOUND: Final = re.compile(
    r"(?P<pre>[\u4e00-\u9fff]{1,2})?(?P<col>[\ue000-\ue7ff])(?P<post>[\u4e00-\u9fff]{1,2})?"
)


_FUNCTION: Final = re.compile(
    rf"{either('drop', 'keep', 'fill', 'sort', 'mark', 'stat', 'cast', 'replace', 'set', 'rename', 'trim')}|[把将给对按用以和与及的列各每有在是为到从里中]"
)


def compound(linked: Linked, lang: Lang, again: Callable[[str], Outcome]) -> Question | None:
    """「月收入」 holds the name of the column 收入 and may or may not be it."""
    for match in list(_COMPOUND.finditer(linked.text))[:3]:
        mention = linked.mention(match.group("col"))
        for cut in ("pre", "post"):
            for size in (1, 2):
                outcome = _without(linked, match, cut, size, again)
                if outcome is not None:
                    guess = Guess(1.0, mention.columns[0], linked.plain(_said(match, cut, size)))
                    return _card([(guess, outcome)], lang)
    return None


def _said(match: re.Match[str], cut: str, size: int) -> str:
    extra = match.group(cut) or ""
    return f"{extra[-size:]}{match.group('col')}" if cut == "pre" else f"{match.group('col')}{extra[:size]}"


def _without(
    linked: Linked, match: re.Match[str], cut: str, size: int, again: Callable[[str], Outcome]
) -> Outcome | None:
    said = _said(match, cut, size)
    extra = said.replace(match.group("col"), "")
    if (
        len(said) != size + 1
        or _FUNCTION.search(extra)
        or len(linked.mention(match.group("col")).columns) != 1
    ):
        return None
    outcome = again(linked.plain(linked.text.replace(said, match.group("col"), 1)))
    return outcome if isinstance(outcome, Planned) else None


def _card(offers: list[tuple[Guess, Outcome]], lang: Lang) -> Question | None:
    if not offers:
        return None
    said = offers[0][0].text
    text = (
        f"没有叫「{said}」的列，是指哪一列？"
        if lang == "zh"
        else f"There is no column “{said}”. Which one is meant?"
    )
    options, candidates = [], []
    for n, (guess, outcome) in enumerate(offers):
        option = Option(id=f"q1{chr(97 + n)}", label=guess.column)
        options.append(option)
        if isinstance(outcome, Planned):
            candidates.append(Candidate(choice=option.id, plan=outcome.plan))
        else:
            candidates.append(Candidate(choice=option.id, instruction=guess.said))
    return Question(
        text=text, slots=(Slot(id="q1", text=text, options=tuple(options)),), candidates=tuple(candidates)
    )


def ambiguous_column(linked: Linked, lang: Lang, again: Callable[[str], Outcome]) -> Outcome | None:
    """One name, several columns (a label used twice): which one?"""
    for char, mention in ((chr(0xE000 + n), m) for n, m in enumerate(linked.mentions)):
        if not mention.ambiguous:
            continue
        offers: list[tuple[Guess, Outcome]] = []
        for name in mention.columns[:6]:
            said = linked.plain(linked.text.replace(char, f"「{name}」"))
            outcome = again(said)
            if isinstance(outcome, Planned | Question):
                offers.append((Guess(1.0, name, mention.text, said), outcome))
        card = _card(offers, lang)
        if card is None:
            return None
        text = (
            f"「{mention.text}」可以指几列，是哪一列？"
            if lang == "zh"
            else f"“{mention.text}” may be several columns. Which one?"
        )
        return card.model_copy(
            update={"text": text, "slots": (Slot(id="q1", text=text, options=card.slots[0].options),)}
        )
    return None


def unknown(said: str, schema: Schema, lang: Lang) -> Declined:
    """What was not understood, and what the table has."""
    shown = schema.names[:8]
    if lang == "zh":
        more = f" 等 {len(schema.names)} 列" if len(schema.names) > 8 else ""
        return Declined(
            reason=f"没有看懂「{said[:60]}」，数据没有改动。",
            nearest=f"请说明要对哪一列做什么，例如「删除{shown[-1]}列」「只保留{shown[0]}不为空的行」。现有的列：{'、'.join(shown)}{more}。"
            if shown
            else "",
        )
    more = f" and {len(schema.names) - 8} more" if len(schema.names) > 8 else ""
    return Declined(
        reason=f"I did not understand “{said[:60]}”; nothing was changed.",
        nearest=f"Say which column and what to do, e.g. “drop column {shown[-1]}” or “keep rows where {shown[0]} is not empty”. Columns: {', '.join(shown)}{more}."
        if shown
        else "",
    )
