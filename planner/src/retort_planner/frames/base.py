"""What a frame works with: one clause, a cutter that takes understood pieces out of it, and the reading that results.

A frame may use a clause only if every word of it is explained: what is left after cutting, minus words without
meaning of their own (请, 把, the), must be nothing. So a word that no frame understands is never skipped silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

from retort_core.plans import Lang
from retort_core.profiles import Profile
from retort_core.schema import Column, Schema
from retort_planner.conditions import Reader
from retort_planner.lexicon import cue, stop_words
from retort_planner.linking import Linked
from retort_planner.requests import Request
from retort_planner.text import C, L, narrow

GAP: Final = "\x01"  # stands where a piece was cut out, so that its neighbours do not grow together
SEP: Final = r"(?:\s?(?:[,、&/]|和|与|及|以及|跟|还有|或|\band\b|\bor\b|\bplus\b)\s?){1,2}"
NOUN: Final = (
    r"(?:(?:这|那)?[一两二三四五六七八九几0-9]*个?(?:列|字段|变量|题)|\s(?:columns?|fields?|variables?)\b)?"
)
THROUGH: Final = r"\s?(?:到|至|~|-|—|–|\bto\b|\bthrough\b)\s?"
COLUMNS: Final = rf"(?:(?:这|那)?(?:几|[一两二三四五六七八九0-9]+)?个?(?:列|字段|变量)|\b(?:the )?(?:columns?|fields?|variables?)\b)?\s?{C}{NOUN}(?:(?:{SEP}|{THROUGH})?(?:the )?{C}{NOUN})*"
_COLUMNS: Final = re.compile(COLUMNS, re.IGNORECASE)


@dataclass(frozen=True)
class Draft:
    """A step without its number."""

    op: str
    params: dict[str, Any]


@dataclass(frozen=True)
class Way:
    """One way to carry out a clause; several of them make a question. `default`: preselected, never destructive."""

    drafts: tuple[Draft, ...]
    label: str = ""
    detail: str = ""
    rows: int | None = None
    default: bool = False
    rule: str = ""  # what a convention stores when this way is to be taken from now on


@dataclass(frozen=True)
class Part:
    """What one clause comes to. `convention`: the key under which its answer can be remembered."""

    ways: tuple[Way, ...]
    ask: str = ""
    convention: str = ""
    assumptions: tuple[str, ...] = ()
    alternatives: tuple[Way, ...] = ()
    subject: tuple[str, ...] = ()  # columns the next clause may leave out
    before: tuple[Part, ...] = ()  # ticks of a checklist that come first

    @property
    def settled(self) -> bool:
        return len(self.ways) == 1


@dataclass(frozen=True)
class Reading:
    """A frame's understanding; the one that explains every word with the highest weight is taken."""

    part: Part
    weight: int = 50


@dataclass(frozen=True)
class Clause:
    """One clause: linked text, the table as the clauses before leave it, and what they spoke about."""

    text: str
    linked: Linked
    request: Request
    schema: Schema
    lang: Lang
    carried: tuple[str, ...] = ()
    after: str = ""  # operation of the clause before
    lastly: Literal["", "rows", "value"] = (
        ""  # nothing else read the message: what can only be a question now may
    )

    @property
    def profile(self) -> Profile | None:
        return self.request.profile

    @cached_property
    def reader(self) -> Reader:
        subject = self.carried[0] if len(self.carried) == 1 else ""
        return Reader(self.linked, self.schema, self.profile, self.request.today, subject)

    def has(self, *names: str) -> bool:
        return cue(*names).search(self.text) is not None

    def cutter(self) -> Cutter:
        return Cutter(self, self.text)

    def say(self, chinese: str, english: str) -> str:
        return chinese if self.lang == "zh" else english

    def plain(self, text: str) -> str:
        return narrow(self.linked.plain(text))

    def literal(self, text: str) -> str:
        """What a literal slot means: the inside of a quotation untouched, else the words themselves."""
        text = text.strip(f" ,、:;{GAP}")
        return self.linked.literal(text) if re.fullmatch(L, text) else self.plain(text)

    def names(self, text: str) -> tuple[str, ...]:
        """Columns of a piece like `⟨0⟩、⟨1⟩ 和 ⟨2⟩` or `⟨0⟩到⟨1⟩`, in the order said."""
        found: list[str] = []
        chars = list(re.finditer(C, text))
        for at, match in enumerate(chars):
            names = self.linked.mention(match.group()).columns
            between = text[chars[at - 1].end() : match.start()] if at else ""
            if at and found and re.fullmatch(rf"(?:列|字段|题)?{THROUGH}", between):
                names = self._through(found[-1], names[0])
            found.extend(names)
        return tuple(dict.fromkeys(found))

    def _through(self, first: str, last: str) -> tuple[str, ...]:
        order = self.schema.names
        if first not in order or last not in order:
            return (last,)
        start, end = sorted((order.index(first), order.index(last)))
        return order[start : end + 1]

    def column(self, name: str) -> Column | None:
        return self.schema.find(name)


@dataclass
class Cutter:
    """Takes understood pieces out of a clause."""

    clause: Clause
    left: str
    taken: list[str] = field(default_factory=list)

    def cut(self, pattern: str | re.Pattern[str]) -> re.Match[str] | None:
        compiled = re.compile(pattern, re.IGNORECASE) if isinstance(pattern, str) else pattern
        match = compiled.search(self.left)
        if match is not None:
            self.remove(match)
        return match

    def remove(self, match: re.Match[str]) -> None:
        self.left = self.left[: match.start()] + GAP + self.left[match.end() :]
        self.taken.append(match.group())

    def cue(self, *names: str) -> re.Match[str] | None:
        return self.cut(cue(*names))

    def columns(self) -> tuple[str, ...]:
        """The first list of columns; () when there is none."""
        match = _COLUMNS.search(self.left)
        if match is None:
            return ()
        self.remove(match)
        return self.clause.names(match.group())

    def all_columns(self) -> tuple[str, ...]:
        found: tuple[str, ...] = ()
        while True:
            more = self.columns()
            if not more:
                return tuple(dict.fromkeys(found))
            found += more

    def text(self) -> str:
        """What is left, gaps closed."""
        return re.sub(rf"\s?{GAP}\s?", " ", self.left).strip()

    def rest(self) -> str:
        """What nothing has explained."""
        bare = stop_words().sub("", re.sub(GAP, " ", self.left))
        return re.sub(r"[\s,.、。:;!?~()\-…]+", "", bare)

    @property
    def clean(self) -> bool:
        return not self.rest()


Frame = Callable[[Clause], Reading | None]


def decided(*drafts: Draft, weight: int = 50, subject: tuple[str, ...] = (), **more: Any) -> Reading:
    """A reading with one way."""
    return Reading(Part((Way(drafts),), subject=subject, **more), weight)


def asking(text: str, ways: tuple[Way, ...], weight: int = 50, **more: Any) -> Reading:
    """A reading that needs an answer; no way is preselected unless it says so."""
    return Reading(Part(ways, ask=text, **more), weight)


def draft(op: str, **params: Any) -> Draft:
    return Draft(op, params)
