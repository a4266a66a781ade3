"""The rule planner: words to an outcome, deterministic, in milliseconds, without a model.

normalise → link columns → answers and commands → what must be declined → clauses → frames → grounding → one plan or
one card. Data is never obeyed: column names and quoted cells are placeholders before the first verb is looked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from retort_core.errors import StepError
from retort_core.plans import Lang, Outcome
from retort_core.schema import Schema
from retort_planner import (
    anaphora,
    answering,
    clauses,
    commands,
    corrections,
    declining,
    ellipsis,
    frames,
    mixing,
    near,
    phrasing,
    references,
    results,
    speech,
)
from retort_planner.clarification import Assembly, assemble
from retort_planner.frames.base import Clause, Part, Reading, Way, decided
from retort_planner.grounding import Ground, advance
from retort_planner.linking import Linked, extended, link
from retort_planner.polarity import forbids
from retort_planner.requests import Request
from retort_planner.text import MAX_CHARS, foreign, language, protect

MOST_ASKED: Final = 300  # characters: what is longer is said again, not guessed at
_POLITE_START = re.compile(
    r"^(?:(?:好的?|嗯|行|可以|谢谢|对了|你好|您好|那么?)[,。!.:]?|(?:ok(?:ay)?|yes|sure|great|thanks?|hi|hello|now)(?![A-Za-z])[,。!.:]?)\s?(?=\S)",
    re.IGNORECASE,
)


def plan(request: Request) -> Outcome:
    """The outcome of one message. Pure; never raises on any text."""
    return _Planning(request).outcome()


@dataclass
class _Read:
    """Clauses understood so far."""

    parts: list[Part] = field(default_factory=list)
    schema: Schema | None = None
    carried: tuple[str, ...] = ()
    unread: str = ""

    @property
    def after(self) -> str:
        drafts = self.parts[-1].ways[0].drafts if self.parts else ()
        return drafts[-1].op if drafts else ""


class _Planning:
    """One message on its way to an outcome. `depth` keeps near-miss questions from asking about themselves."""

    def __init__(self, request: Request, depth: int = 0, lang: Lang | None = None) -> None:
        self.request, self.depth = request, depth
        self.lastly: Literal["", "rows", "value"] = ""
        self.linked: Linked = link(protect(request.text[: MAX_CHARS + 1]), request.schema)
        self.lang: Lang = lang or language(self.linked.text, request.lang)

    def outcome(self) -> Outcome:
        for stage in (
            self.unusable,
            self.answered,
            self.commanded,
            self.refused,
            self.unclear,
            self.corrected,
        ):
            found = stage()
            if found is not None:
                return found
        return self.planned()

    def assembly(self, base: str = "") -> Assembly:
        return Assembly(self.request.schema, self.lang, base=base, conventions=self.request.conventions)

    def unusable(self) -> Outcome | None:
        if len(self.request.text) > MAX_CHARS:
            return declining.too_long(len(self.request.text), self.lang)
        if not re.search(r"\w|[\ue000-\uefff]", self.linked.text):
            return declining.empty(self.request.schema, self.lang)
        return None

    def answered(self) -> Outcome | None:
        return answering.answer(self.request, self.linked) if not self.depth else None

    def commanded(self) -> Outcome | None:
        return commands.command(self.request, self.linked, self.lang) if not self.depth else None

    def refused(self) -> Outcome | None:
        if foreign(self.linked.text):
            return declining.language()
        if forbids(self.linked.text):
            return declining.forbidden(self.lang)
        return declining.refusal(self.linked, self.lang)

    def unclear(self) -> Outcome | None:
        if self.depth or not any(mention.ambiguous for mention in self.linked.mentions):
            return None
        return near.ambiguous_column(self.linked, self.lang, self.again)

    def again(self, text: str) -> Outcome:
        return _Planning(self.request.saying(text), self.depth + 1, self.lang).planned()

    def corrected(self) -> Outcome | None:
        """A correction right after an instruction replaces it: replayed from its parent."""
        turn = references.last_change(self.request)
        rest = corrections.correction(self.linked.text)
        if rest is None or turn is None or not turn.steps or not self.request.history:
            return None
        base = turn.parent or f"{turn.commit}~1"
        clause = Clause(rest, self.linked, self.request, self.request.schema, self.lang)
        drafts = corrections.corrected(clause, turn, rest)
        assembly = self.assembly(base)
        if drafts is not None:
            part = Ground(self.request.profile, self.lang).part(Part((Way(drafts),)), self.request.schema)
            return assemble([part], assembly)
        read = self.read(rest)
        return None if read.unread else assemble(read.parts, assembly)

    def planned(self) -> Outcome:
        text = phrasing.plain(_POLITE_START.sub("", self.linked.text))
        on_result = results.over_result(self.request, text, self.linked, self.over)
        if on_result is not None:
            return on_result
        read = self.read(text)
        if read.unread or not all(part.settled for part in read.parts):
            text, read = self.spoken(text, read)
        if read.unread:
            return self.asked() or self.not_understood(read.unread)
        return assemble(mixing.apart(read.parts, text, self.lang), self.assembly())

    def spoken(self, text: str, unread: _Read) -> tuple[str, _Read]:
        """What was not understood, or not without a question, in plain words; never with a value that only those words have."""
        plain = anaphora.rows(phrasing.plain(speech.plainly(self.linked.text)))
        if plain == text:
            return text, unread
        read = self.read(plain)
        said = self.linked.plain(self.linked.text)
        drafts = (draft for part in read.parts for way in part.ways for draft in way.drafts)
        if read.unread or any(speech.invented(draft.params, said) for draft in drafts):
            return text, unread
        better = unread.unread or all(part.settled for part in read.parts)
        return (plain, read) if better else (text, unread)

    def asked(self) -> Outcome | None:
        """Rows without a verb, a value that no column has: a question, when nothing else reads the message."""
        if len(self.linked.text) > MOST_ASKED:
            return None
        return self.last("rows") or (self.near() if not self.depth else None) or self.last("value")

    def last(self, what: Literal["rows", "value"]) -> Outcome | None:
        self.lastly = what
        read = self.read(phrasing.plain(speech.plainly(self.linked.text)))
        self.lastly = ""
        return None if read.unread else assemble(read.parts, self.assembly())

    def near(self) -> Outcome | None:
        card = near.near_column(self.linked, self.request.schema, self.linked.text, self.lang, self.again)
        return card or near.compound(self.linked, self.lang, self.again)

    def over(self, schema: Schema, text: str, result: str) -> Outcome | None:
        """The same words over the table of an earlier answer; None when they do not fit it."""
        other = _Planning(
            replace(self.request.saying(text).over(schema), profile=None, history=()), 1, self.lang
        )
        read = other.read(_POLITE_START.sub("", other.linked.text))
        if read.unread or not read.parts:
            return None
        drafts = [draft for part in read.parts for draft in part.ways[0].drafts]
        if any(draft.op not in results.ON_RESULTS for draft in drafts):
            return None
        return assemble(read.parts, Assembly(schema, self.lang, result=result))

    def read(self, text: str) -> _Read:
        """Every clause over the schema the clauses before it leave."""
        state = _Read(schema=self.request.schema)
        for said, reading in clauses.grouped(clauses.pieces(text), lambda piece: self.reading(piece, state)):
            if reading is None:
                state.unread = state.unread or said
                return state
            self.take(reading, state, said)
            if state.unread:
                return state
        return state

    def reading(self, piece: str, state: _Read) -> Reading | None:
        schema = state.schema or self.request.schema
        made = tuple(name for name in schema.names if self.request.schema.find(name) is None)
        linked, text = extended(self.linked, piece, made) if made else (self.linked, piece)
        clause = Clause(
            text, linked, self.request, schema, self.lang, state.carried, state.after, self.lastly
        )
        return self.elliptical(clause, state) or frames.read(clause) or self.referring(clause)

    def elliptical(self, clause: Clause, state: _Read) -> Reading | None:
        """A clause that leaves out its verb, or everything but its columns, says it with the clause before."""
        drafts = state.parts[-1].ways[0].drafts if state.parts and state.parts[-1].settled else ()
        columns = ellipsis.likewise(clause.text) if drafts else None
        if columns is not None:
            again = ellipsis.repeated(drafts, clause.names(columns))
            return decided(*again, weight=90, subject=clause.names(columns)) if again else None
        spoken = ellipsis.with_verb(clause.text, drafts[-1]) if drafts else None
        return frames.read(replace(clause, text=spoken)) if spoken else None

    def referring(self, clause: Clause) -> Reading | None:
        meant = anaphora.resolved(clause.text, clause.linked, clause.carried)
        return frames.read(replace(clause, linked=meant[0], text=meant[1])) if meant else None

    def take(self, reading: Reading, state: _Read, said: str) -> None:
        if ellipsis.leaves_alone(said, reading.part.ways[0].drafts, state.after):
            return
        schema = state.schema or self.request.schema
        part = Ground(self.request.profile, self.lang).part(reading.part, schema)
        state.parts.append(part)
        state.carried = part.subject or state.carried
        for way in part.ways:
            try:
                state.schema = advance(way.drafts, schema)
            except StepError:
                continue
            return

    def not_understood(self, said: str) -> Outcome:
        return near.unknown(self.linked.plain(said), self.request.schema, self.lang)
